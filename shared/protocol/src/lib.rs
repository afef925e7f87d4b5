#![deny(missing_docs)]
//! What an answer of the server means for this instance: pure, without clock, disk or network.
//!
//! | file | holds |
//! |---|---|
//! | `record` | what the agent remembers over restarts |
//! | `order` | a command that was received and not yet begun, and when it may begin |
//! | `decide` | [`decide`]: record and answer in, [`Decision`] out |
//! | `change` | how the record changes when a move is told, begun, advanced and ended |
//! | `recover` | what a restarted agent does about a half-done switch |
//!
//! Invariant: a move begins only by a command whose `(epoch, attempt)` is the newest seen and whose lease has not run
//! out. An older command changes nothing at all.

mod change;
mod decide;
mod order;
mod record;
mod recover;

pub use decide::{Decision, Refusal, decide};
pub use order::{Moment, Order, Readiness, Receipt};
pub use record::{Command, Done, Journal, Record};
pub use recover::{Recovery, recover};
