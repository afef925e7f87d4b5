#![deny(missing_docs)]
//! Shows that Sluice keeps its word.

pub mod sim;
