//! Evidence that one version fails more often than the other.
//!
//! Given the errors of both in one datapoint, chance alone sends each to the new version with a probability that
//! follows from its share of the requests and the odds ratio that is tolerated (the harm margin `m`). Against that
//! stands a mixture of worse odds ratios `m g`. Their likelihood ratio is a non-negative martingale with mean at most
//! one while the true odds ratio is at most `m`, so by Ville's inequality it ever reaches `1 / alpha` with a
//! probability of at most `alpha`, at whatever moments it is looked at.

use serde::{Deserialize, Serialize};

/// How many times worse than tolerated the alternatives are. Few points suffice: the evidence lost between two of
/// them is smaller than that of one error.
const GRID: [f64; 11] = [1.3, 1.7, 2.3, 3.2, 4.5, 6.5, 10.0, 16.0, 30.0, 80.0, 300.0];

/// Requests of one version and how many of them failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Counts {
    /// All requests.
    pub requests: u64,
    /// Those that failed; never more than `requests`.
    pub errors: u64,
}

impl Counts {
    /// Errors for each request, 0 to 1; none without requests.
    #[must_use]
    #[expect(
        clippy::cast_precision_loss,
        reason = "counts beyond 2^53 requests do not occur"
    )]
    pub fn error_rate(self) -> Option<f64> {
        (self.requests > 0).then(|| self.errors as f64 / self.requests as f64)
    }

    /// Both together.
    #[must_use]
    pub fn plus(self, other: Self) -> Self {
        Self {
            requests: self.requests.saturating_add(other.requests),
            errors: self.errors.saturating_add(other.errors),
        }
    }
}

/// One datapoint of both versions, over the same time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Datapoint {
    /// Begin of the time that it counts, in milliseconds since 1970.
    pub at_ms: i64,
    /// The new version.
    pub canary: Counts,
    /// The old version.
    pub baseline: Counts,
}

/// The part of alpha that the test started at the `restart`-th release may spend: a half for the first, and the rest
/// in a series that sums to the other half, so that all tests of an upgrade together stay below alpha.
#[must_use]
pub fn restart_weight(restart: u32) -> f64 {
    let i = f64::from(restart);
    if restart == 0 {
        0.5
    } else {
        1.0 / (2.0 * i * (i + 1.0))
    }
}

/// Natural logarithm of the evidence (e-value) that the new version's odds of an error exceed `margin` times the old
/// version's. Without errors or without one of the versions there is none: the result is then 0 or below.
#[must_use]
#[expect(
    clippy::cast_precision_loss,
    reason = "counts beyond 2^53 errors do not occur"
)]
pub fn log_evidence(datapoints: &[Datapoint], margin: f64) -> f64 {
    let canary_errors: f64 = datapoints.iter().map(|d| d.canary.errors as f64).sum();
    let terms = GRID.map(|g| {
        let penalty: f64 = datapoints.iter().map(|d| penalty(d, margin, g)).sum();
        canary_errors * g.ln() - penalty
    });
    let largest = terms.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let sum: f64 = terms.iter().map(|t| (t - largest).exp()).sum();
    largest + (sum / GRID.len() as f64).ln()
}

#[expect(
    clippy::cast_precision_loss,
    reason = "counts beyond 2^53 requests do not occur"
)]
fn penalty(d: &Datapoint, margin: f64, g: f64) -> f64 {
    let requests = d.canary.requests.saturating_add(d.baseline.requests);
    if requests == 0 {
        return 0.0;
    }
    let errors = d.canary.errors.saturating_add(d.baseline.errors) as f64;
    let share = d.canary.requests as f64 / requests as f64;
    errors * ((1.0 + (margin * g - 1.0) * share) / (1.0 + (margin - 1.0) * share)).ln()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn point(canary: (u64, u64), baseline: (u64, u64)) -> Datapoint {
        let counts = |(requests, errors)| Counts { requests, errors };
        Datapoint {
            at_ms: 0,
            canary: counts(canary),
            baseline: counts(baseline),
        }
    }

    #[test]
    fn no_errors_is_no_evidence() {
        assert!(log_evidence(&[], 1.5).abs() < 1e-12);
        assert!(log_evidence(&[point((100, 0), (900, 0))], 1.5).abs() < 1e-12);
    }

    #[test]
    fn a_version_alone_is_no_evidence() {
        assert!(log_evidence(&[point((100, 50), (0, 0))], 1.5) <= 1e-9);
        assert!(log_evidence(&[point((0, 0), (100, 50))], 1.5) <= 1e-9);
    }

    #[test]
    fn weights_of_all_restarts_stay_within_one() {
        let sum: f64 = (0..10_000).map(restart_weight).sum();
        assert!(sum <= 1.0 && sum > 0.999, "{sum}");
    }

    /// The evidence of one error, averaged over where chance sends it, is at most 1 for any true odds ratio up to
    /// the margin: the property on which the bound rests, checked against a direct computation.
    #[test]
    fn one_error_is_fair_up_to_the_margin() {
        for share in [1u64, 10, 50, 90, 99] {
            for margin in [1.0, 1.5, 3.0] {
                for truth in [0.5, 1.0, margin] {
                    let rho = f64::from(u32::try_from(share).unwrap()) / 100.0;
                    let to_canary = truth * rho / (1.0 - rho + truth * rho);
                    let hit = log_evidence(&[point((share, 1), (100 - share, 0))], margin).exp();
                    let miss = log_evidence(&[point((share, 0), (100 - share, 1))], margin).exp();
                    let mean = to_canary * hit + (1.0 - to_canary) * miss;
                    assert!(
                        mean <= 1.0 + 1e-9,
                        "share {share} margin {margin} truth {truth}: {mean}"
                    );
                }
            }
        }
    }

    proptest! {
        /// Against the naive definition: the mean over the grid of products of likelihood ratios.
        #[test]
        fn agrees_with_the_definition(points in prop::collection::vec((1u64..50, 0u64..5, 1u64..50, 0u64..5), 0..8)) {
            let points: Vec<_> = points.into_iter().map(|(c, x, b, y)| point((c + 5, x), (b + 5, y))).collect();
            let naive = GRID.iter().map(|g| {
                points.iter().map(|d| {
                    let rho = d.canary.requests as f64 / (d.canary.requests + d.baseline.requests) as f64;
                    let p = |odds: f64| odds * rho / (1.0 - rho + odds * rho);
                    let (null, alternative) = (p(1.5), p(1.5 * g));
                    (alternative / null).powf(d.canary.errors as f64)
                        * ((1.0 - alternative) / (1.0 - null)).powf(d.baseline.errors as f64)
                }).product::<f64>()
            }).sum::<f64>() / GRID.len() as f64;
            prop_assert!((log_evidence(&points, 1.5) - naive.ln()).abs() < 1e-6);
        }

        /// One more error of the new version never weakens the evidence while the old one has none.
        #[test]
        fn grows_with_errors(errors in 0u64..200) {
            let less = log_evidence(&[point((1000, errors), (9000, 0))], 1.5);
            let more = log_evidence(&[point((1000, errors + 1), (9000, 0))], 1.5);
            prop_assert!(more > less);
        }
    }
}
