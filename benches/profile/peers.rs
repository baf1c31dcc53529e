//! What people use today, on the same table. `benches/peers.py` says what each computes.

use std::path::Path;
use std::process::Command;

const PEERS: [(&str, &str); 4] = [
    ("scan", "PyArrow reads the columns"),
    ("polars", "Polars, exact quantiles"),
    ("datafusion", "DataFusion, stock t-digest and HLL"),
    ("duckdb", "DuckDB, approximate quantiles, HLL, top-k"),
];

/// A command for each peer.
pub fn commands(python: &Path, table: &Path) -> Vec<(String, Command)> {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("benches/peers.py");
    let command = |(peer, name): (&str, &str)| {
        let mut command = Command::new(python);
        command.arg(&script).arg(table.join("inference")).arg(peer);
        (name.to_owned(), command)
    };
    PEERS.into_iter().map(command).collect()
}
