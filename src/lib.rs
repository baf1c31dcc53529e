//! Secchi: lakehouse-native model monitoring.
//!
//! A job that reads Delta inference tables and model registry metadata, profiles them per model version,
//! window and slice, measures drift, writes metric tables back to Delta with lineage, and notifies.
//!
//! # The tour
//!
//! ```text
//! config ─ source ─ profile ─ drift ─ alert ─ sink ─ notify        run tells the story; cli starts it
//!    │        │        │                        │       │
//!  monitors/ Delta   sql/ + functions         Delta   SMTP, HTTPS
//!           registry
//! ```
//!
//! | stage | takes | gives | can fail |
//! |---|---|---|---|
//! | [`config`] | YAML | a proven [`Monitor`](config::Monitor) | fix the monitor |
//! | `source` | a monitor | a snapshot: tables pinned at versions, the registered model | retry, or fix the monitor |
//! | [`profile`] | a snapshot | states that add, by window, version and slice | look at the data |
//! | [`drift`] | states | rows of distances | no |
//! | [`alert`] | rows, and what is recorded | events | no |
//! | `sink` | rows and events | commits | retry |
//! | [`notify`] | events, after they are committed | receipts | each by itself |
//!
//! On the ground, used by all: [`window`] (time), [`comparisons`] (which windows are
//! compared with which), [`scope`] (which windows a run computes anew), [`contract`] (the tables, described once), [`lineage`] (where
//! a row comes from), [`remedy`] (what the operator does next), `cause` (what an error says). Beside the stages: `simulate` makes the demo's
//! lake, `draft` a first monitor file.
//!
//! To follow one row: `sql/windowed.sql` gives it a window, `profile::functions` folds it into a state,
//! `profile::rollup` adds that up, `profile::row` and `drift::row` read numbers off it, `alert::judge` compares one
//! with a threshold, `sink` writes them all, and `notify::message` puts the one into words.
//!
//! # What must hold
//!
//! 1. Table versions are chosen once, in `source`; later stages never ask for "latest".
//! 2. States add: merging is exact, commutative and associative, or says within which error it is.
//! 3. `profile`'s states, `drift`, `alert` and the text of messages do no I/O and read no clock. They build
//!    without the feature `lake`, so the compiler keeps it so.
//! 4. Bins belong to the comparison; a window never moves them.
//! 5. A measure returns a number or an absence with a reason; never a verdict, never NaN in a table.
//! 6. A window is replaced, not appended: running twice equals running once, and adding up is as counting anew.
//! 7. Written before announced: every message names committed versions.
//! 8. One monitor's failure, or one column's, stays its own.
//! 9. Values reach SQL as parameters. What is substituted is what `profile::template` quotes: names of columns, the
//!    texts `positive_class` and `*`, window lengths and their zone, numbers that rows are told apart at, NULL, and
//!    calls of our own functions on these. A slicing expression is SQL by intent: it is parsed by itself, and may only
//!    compute on one row. So is the definition of a custom metric, which may aggregate.
//! 10. Secrets are read when needed, and appear in no log, error, table or message.

pub mod alert;
#[cfg(feature = "lake")]
pub mod cause;
#[cfg(feature = "lake")]
pub mod cli;
pub mod comparisons;
pub mod config;
pub mod contract;
#[cfg(feature = "lake")]
pub mod draft;
pub mod drift;
#[cfg(feature = "lake")]
mod instant;
pub mod lineage;
pub mod notify;
pub mod profile;
pub mod remedy;
#[cfg(feature = "lake")]
pub mod run;
pub mod scope;
#[cfg(feature = "lake")]
pub mod simulate;
#[cfg(feature = "lake")]
pub mod sink;
#[cfg(feature = "lake")]
pub mod source;
pub mod spans;
pub mod window;
