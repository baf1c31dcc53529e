//! Notifications, over the loopback servers: what every notifier must do, and what each does besides.
#![allow(clippy::expect_used, reason = "a test says what it expected and then fails")]

mod contract;
mod digest;
mod email;
mod further;
pub mod given;
mod outbox;
mod webhook;
mod words;
