#![deny(missing_docs)]
//! Measures Sluice's decisions: how often they are wrong, and how long they take.
//!
//! - [`judge`]: the gates, on simulated and on real series, beside the rules of other tools.

pub mod judge;
