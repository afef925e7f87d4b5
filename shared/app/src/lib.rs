#![deny(missing_docs)]
//! One use case for each function, on ports.
//!
//! A use case gathers what a decision needs, lets the core decide, and carries the decision out. It takes the moment
//! as an argument and the world as ports, so that it runs alike in a Lambda function and in a test.
//!
//! | module | function |
//! |---|---|
//! | [`planning`], [`batch_deploy`], [`health_probe`], [`traffic_shift`], [`rollback`], [`report`] | the steps of the state machines |
//! | [`registry`] | `api`: upgrades, fleets, releases, keys |
//! | [`heartbeat`], [`enrolment`] | check-ins and enrolments of instances |
//! | [`relay`] | events to bus, alerts and executions |
//!
//! With the feature `fakes`, [`fakes`] holds an in-memory world for tests.

pub mod batch_deploy;
pub mod caller;
pub mod check_ins;
pub mod enrolment;
pub mod error;
#[cfg(any(test, feature = "fakes"))]
pub mod fakes;
pub mod flow;
pub mod health_probe;
pub mod heartbeat;
pub mod keys;
mod places;
pub mod planning;
pub mod ports;
mod refusal;
pub mod registry;
pub mod relay;
pub mod report;
pub mod rollback;
mod room;
pub mod traffic_shift;
pub mod watchdog;

pub use jiff::Timestamp;
pub use refusal::port as problem_of;
