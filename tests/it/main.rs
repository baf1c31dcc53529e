//! Integration tests: the binary and its parts against real tables, servers and data.
#![allow(
    clippy::expect_used,
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stderr,
    reason = "a test fails by panicking"
)]

mod backfill;
mod bad_input;
mod calibration;
mod cases;
mod changes;
mod cli;
mod comparisons;
mod crashes;
mod custom_metrics;
mod damage;
mod demo;
mod docs;
mod estimates;
mod every_class;
mod expectations;
mod fairness;
mod faults;
mod findings;
mod histories;
mod incremental;
mod learned;
mod losses;
mod maintain;
mod notify;
mod odd_values;
mod older_tables;
mod passes;
mod pins;
mod registry;
mod requests;
mod runners;
mod s3;
#[cfg(unix)]
mod serve;
mod slices;
mod states;
mod support;
mod support_servers;
mod windows;
