//! What the tests of whole agents share: signed releases, a small server, an agent with its home.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "helpers of tests fail like tests"
)]
#![allow(dead_code, reason = "each test file uses a part of it")]

pub mod agent;
pub mod fake;
pub mod protocol;
pub mod release;
pub mod server;
pub mod world;
