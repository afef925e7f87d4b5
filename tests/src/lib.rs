//! What the tests across crates share: a simulator that runs the real state machines and use cases in memory, and a
//! client of a running stack, with fleets of real programs.

pub mod programs;
pub mod stack;

pub use sluice_prove::sim;
