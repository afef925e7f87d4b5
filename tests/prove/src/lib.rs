#![deny(missing_docs)]
//! Shows that Sluice keeps its word: a model check of its decisions, with mutations that have to be caught, and a
//! simulation of whole upgrades in which much goes wrong. `README.md` says what is covered and what is left out.

use std::pin::pin;
use std::task::{Context, Poll, Waker};

pub mod model;
pub mod sim;

/// Runs what never waits: everything here is in memory.
///
/// # Panics
/// When it waits all the same.
pub fn wait<T>(future: impl Future<Output = T>) -> T {
    match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(value) => value,
        Poll::Pending => unreachable!("nothing in memory waits"),
    }
}
