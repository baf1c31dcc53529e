//! Real servers for the tests, inside the test process: every byte goes over TCP on 127.0.0.1, to a
//! port that the operating system picks.
//!
//! They live in the runtime of the test which started them. A test that blocks its thread meanwhile
//! (`std::process::Command::output`, say) needs `#[tokio::test(flavor = "multi_thread")]`.
#![allow(clippy::expect_used, reason = "a server that cannot start should fail its test at once")]
#![allow(dead_code, reason = "the servers have one interface for tests to come as well")]

pub mod cli;
pub mod deletion_vector;
pub mod http;
pub mod loopback;
pub mod process;
pub mod s3;
pub mod scene;
pub mod smtp;
pub mod tables;
pub mod tls;
pub mod unwatched;
