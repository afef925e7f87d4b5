//! The command as its users run it: a process beside a server that says what the test wants.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::needless_pass_by_value,
    reason = "helpers of tests fail like tests, and take what is easy to write"
)]

mod declarations;
mod failures;
mod help;
mod judge;
mod offline;
mod policies;
mod support;
mod upgrades;
