//! The servers of `support`, proven with the clients that the product uses.
#![allow(clippy::expect_used, reason = "a test says what it expected and then fails")]

#[cfg(feature = "s3")]
mod delta;
mod http;
#[cfg(feature = "s3")]
mod s3;
#[cfg(feature = "s3")]
mod s3_conditions;
mod smtp;
