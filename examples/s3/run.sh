#!/bin/sh
# Monitors a lake in an S3 bucket, from nothing: starts an S3 server on this machine, copies a simulated lake into it,
# runs Secchi on that twice, and lists what was written. The server holds everything in memory and is ended at the end.
#
#   [SECCHI=path/to/secchi] ./run.sh [DIR]
#
# DIR keeps the server's environment, the simulated lake and the messages. Default: a new temporary folder.
set -eu

secchi=${SECCHI:-secchi}
here=$(cd "$(dirname "$0")" && pwd)
work=${1:-$(mktemp -d)}
mkdir -p "$work"
work=$(cd "$work" && pwd)
say() { printf '\n== %s\n' "$*"; }

say "an S3 server (moto), in an environment of its own"
[ -x "$work/venv/bin/moto_server" ] || {
    python3 -m venv "$work/venv"
    "$work/venv/bin/python" -m pip install --quiet --disable-pip-version-check --requirement "$here/requirements.txt"
}
python="$work/venv/bin/python"
port=$("$python" -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
"$work/venv/bin/moto_server" --host 127.0.0.1 --port "$port" >"$work/server.log" 2>&1 &
server=$!
trap 'kill "$server" 2>/dev/null || true; wait "$server" 2>/dev/null || true' EXIT
trap 'exit 130' INT TERM
"$python" - "$port" <<'PYTHON'
import sys, time, urllib.request
for _ in range(150):
    try:
        urllib.request.urlopen(f"http://127.0.0.1:{sys.argv[1]}/moto-api/", timeout=1)
        sys.exit()
    except OSError:
        time.sleep(0.2)
sys.exit("the server does not answer: see server.log")
PYTHON
echo "listening on 127.0.0.1:$port"

# Any key will do for this server. The files name the variables, not the values.
export LAKE_ENDPOINT="http://127.0.0.1:$port"
export LAKE_ACCESS_KEY_ID=example LAKE_SECRET_ACCESS_KEY=example-secret

say "a lake, simulated on disk and copied to s3://lake"
[ -d "$work/demo/lake" ] || "$secchi" demo "$work/demo" --no-run
"$python" "$here/lake.py" upload "$work/demo/lake"

# The settings of this folder, but with the port that was free.
cp -R "$here/monitors" "$work/"
sed "s|http://127.0.0.1:5000|$LAKE_ENDPOINT|" "$here/secchi.yaml" >"$work/secchi.yaml"
cd "$work"

say "secchi validate --connect: are the tables there, with the columns that the monitor names?"
"$secchi" validate --connect monitors/credit-default.yaml

# A table is looked up by time through the times of its log files, and those of a copy are the time of the copy. So
# the version is named, beside the day that the run is to take as its present.
say "secchi run: profile, compare, alert, write"
"$secchi" run monitors/credit-default.yaml --as-of 2026-05-02

say "secchi run, again: nothing is new, so nothing is sent twice"
"$secchi" run monitors/credit-default.yaml --as-of 2026-05-02

say "what stands in s3://lake/monitoring"
"$python" "$here/lake.py" list monitoring

say "messages, in $work/outbox"
ls outbox
