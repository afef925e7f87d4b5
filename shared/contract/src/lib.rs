#![deny(missing_docs)]
//! What crosses a process: check-ins, enrolments, step inputs and outputs, events, API bodies and error names.
//!
//! Every type here has a sample under `events/v1`, which a test parses and writes again. A released shape only grows:
//! fields are added with a default, and a function accepts the contract version before its own.

pub mod api;
pub mod approval;
pub mod check_in;
pub mod enrol;
pub mod error;
pub mod policy;
pub mod problem;
pub mod step;
pub mod stop;

/// The version of the contract that this build speaks.
pub const VERSION: u32 = 1;
