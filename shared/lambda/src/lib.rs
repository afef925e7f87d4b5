#![deny(missing_docs)]
//! What all functions do alike: start, read their settings, log, and turn failures into what Lambda and API Gateway
//! expect.
//!
//! | module | what it does |
//! |---|---|
//! | [`settings`] | reads the environment, once |
//! | [`logs`] | writes JSON lines |
//! | [`sdk`] | configures the AWS clients |
//! | [`step`] | runs a step of the state machines |
//! | [`http`] | runs behind API Gateway |
//!
//! A `main` is: [`logs::init`], [`Settings::from_env`](settings::Settings::from_env), [`sdk::config`], the adapters, and
//! [`step::run`] or [`http::run`]. Invariants:
//!
//! * Whatever a handler does, the invocation ends in a value, a problem or a `Diagnostic` with a stable name; a panic
//!   becomes a `Diagnostic` too and the process goes on.
//! * Each failure is logged once, here.

pub mod http;
pub mod logs;
pub mod sdk;
pub mod settings;
pub mod step;

use jiff::Timestamp;

/// The moment, by the machine's clock, in whole milliseconds: read once for each invocation and handed down.
#[must_use]
pub fn now() -> Timestamp {
    let exact = Timestamp::now();
    // A moment of a machine's clock is a moment in milliseconds too.
    Timestamp::from_millisecond(exact.as_millisecond()).unwrap_or(exact)
}
