//! Findings: what there is to say about a monitor beside its tables, where that does not keep it from running.
//!
//! Reads schemas, and gives sentences. Each kind of finding is found by a module of its own; here they come together.

use super::{columns, counterparts, known_classes, never};
use crate::config::Monitor;
use crate::source::Snapshot;

/// What there is to say about the tables of `snapshot` and the names in `monitor`, before a row is read.
pub fn of_tables(monitor: &Monitor, snapshot: &Snapshot) -> Vec<String> {
    let inference = &snapshot.schema;
    let baseline = snapshot.baseline.as_ref();
    let baseline = baseline.map(|baseline| (baseline.schema.as_ref(), baseline.pin.table.as_str()));
    let of_baseline =
        baseline.map(|(schema, address)| counterparts::findings(monitor, inference, schema, address));
    let baseline = baseline.map(|(schema, _)| schema);
    columns::unknown(monitor, inference, baseline)
        .into_iter()
        .chain(of_baseline.into_iter().flatten())
        .chain(never::findings(monitor, inference, baseline))
        .chain(known_classes::findings(monitor, inference))
        .chain(snapshot.registry_findings.iter().cloned())
        .collect()
}
