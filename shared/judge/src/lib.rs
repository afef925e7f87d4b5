#![deny(missing_docs)]
//! Gates that may be looked at at any time.
//!
//! [`gate::judge`] compares the new version's errors with the old version's and answers one of three things: harmful,
//! harmless, undecided. The comparison is a sequential test ([`errors`]): however often it is looked at, the chance
//! of ever calling a good version harmful stays below a stated alpha, as long as errors are independent and the new
//! version's odds of an error are at most the harm margin times the old one's.
//!
//! | module | what |
//! |---|---|
//! | [`errors`] | evidence that the new version fails more often than the old one |
//! | [`gate`] | rules, verdict and the sentence that explains it |
//!
//! Invariants: no data is never a pass; evidence takes the new version's share of the requests per datapoint, never
//! over all of them; every verdict carries the numbers that it rests on. Pure: no clock, no I/O.

pub mod errors;
pub mod gate;
