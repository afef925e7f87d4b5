#![deny(missing_docs)]
//! Gates that may be looked at at any time.
//!
//! A [`gate::Gate`] compares the new version with the old one and answers one of three things: harmful, harmless,
//! undecided. The comparison is a sequential test ([`errors`]): however often it is looked at, the chance of ever
//! calling a good version harmful stays below a stated alpha, as long as errors are independent and the new version's
//! odds of an error are at most the harm margin times the old one's. What holds beyond that is measured; the README
//! has the numbers.
//!
//! | module | what |
//! |---|---|
//! | [`errors`] | evidence that the new version fails more often than the old one |
//! | [`latency`] | slow requests, counted above a limit that is frozen before the upgrade |
//! | [`means`] | means of arms that are assigned at random |
//! | [`precheck`] | what was different before the upgrade already |
//! | [`metric`] | what is compared, and how much it matters |
//! | [`threshold`] | limits on single metrics, as operators write them |
//! | [`silence`] | what follows when metrics stay away |
//! | [`gate`] | rules, verdict and the sentence that explains it |
//!
//! Invariants: no data is never a pass; evidence takes the new version's share of the requests per datapoint, never
//! over all of them; every verdict carries the numbers that it rests on. Pure: no clock, no I/O.

pub mod errors;
pub mod gate;
pub mod latency;
pub mod means;
pub mod metric;
pub mod precheck;
pub mod silence;
pub mod threshold;
