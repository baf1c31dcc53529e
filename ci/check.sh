#!/usr/bin/env bash
# Everything that a change must pass, cheapest first. Needs cargo alone; what else is installed is used.
set -euo pipefail
cd "$(dirname "$0")/.."

step() { printf '\n== %s (%ss)\n' "$1" "$SECONDS"; }

step "format"
cargo fmt --all -- --check

if command -v typos >/dev/null; then
    step "spelling"
    typos --config ci/typos.toml
fi

if command -v cargo-deny >/dev/null; then
    step "licences, duplicates, sources"
    cargo deny --config ci/deny.toml check licenses bans sources
fi

# Two of one of these would be two type systems.
step "one Arrow, one DataFusion"
tree="$(cargo tree --locked --edges normal,build,dev --prefix none)"
for crate in arrow datafusion deltalake object_store; do
    versions="$(grep -oE "^$crate v[0-9.]+" <<<"$tree" | sort -u)"
    [ "$(wc -l <<<"$versions")" = 1 ] || { printf 'more than one %s:\n%s\n' "$crate" "$versions" >&2; exit 1; }
done

# Clippy as the compiler of our crate in an ordinary build: `cargo clippy` would check every dependency
# once more, for ten minutes, because it shares nothing with a build.
step "lints"
touch src/lib.rs src/main.rs tests/it/main.rs
RUSTC_WORKSPACE_WRAPPER="$(rustup which clippy-driver)" CLIPPY_ARGS="-D__CLIPPY_HACKERY__warnings__CLIPPY_HACKERY__" \
    cargo build --locked --all-targets --quiet

# What is left without features must build without them: arithmetic without the lake, the lake without its learner. The latter
# beside a bench, which has the dependencies of tests, so that none of these is built once more.
step "fewer features"
cargo clippy --locked --no-default-features --lib --quiet -- -D warnings
touch src/lib.rs
RUSTC_WORKSPACE_WRAPPER="$(rustup which clippy-driver)" CLIPPY_ARGS="-D__CLIPPY_HACKERY__warnings__CLIPPY_HACKERY__" \
    cargo build --locked --no-default-features --features lake,s3 --bench calibration --quiet

# The README's two commands, as they stand there.
step "the README's first command"
demo="$(mktemp -d)"
trap 'rm -rf "$demo"' EXIT
cargo run --locked --quiet -- demo "$demo/demo"
SECCHI_DEMO="$demo/demo"

step "the README's second command"
cargo test --locked

if [ -n "${SECCHI_READERS:-}" ]; then
    step "other readers of the tables"
    "$SECCHI_READERS" ci/readers/check.py "$SECCHI_DEMO"
    step "an S3 server of others: runners at once, runners that are killed"
    "$SECCHI_READERS" ci/stores/check.py "${CARGO_TARGET_DIR:-target}/debug/secchi" "$SECCHI_DEMO"
fi

step "done"
