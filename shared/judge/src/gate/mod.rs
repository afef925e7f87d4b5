//! From numbers to a verdict.
//!
//! [`Gate`] takes datapoints in and can be asked at any moment. [`judge`] does both at once, for whoever has all
//! datapoints at hand.

mod combine;
mod decide;
mod evidence;
#[cfg(test)]
mod evidence_tests;
mod fold;
mod mean;
mod rules;
mod sentence;
#[cfg(test)]
mod tests;
mod verdict;
mod watch;

pub use evidence::{Before, Case, Evidence, Known, MomentValues, Readings, Series, judge};
pub use fold::{Gate, Moment};
pub use rules::{BadRule, Rules};
pub use verdict::{Harm, MeanValues, Missing, Numbers, Observed, Verdict};
