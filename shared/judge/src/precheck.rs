//! The comparison before the first release, when both groups still run the old version.

use crate::errors::Counts;

/// The one-sided 90% point of the normal distribution.
const Z90: f64 = 1.281_551_565_545;

/// How many times worse the hosts of the coming canary were, on the old version, than the other ones: the 90% lower
/// bound of the ratio of the odds, at least 1.
///
/// The harm margin is multiplied by it, so that a difference which was there already is not laid to the new version.
/// It is the lower bound, because a margin that is too wide hides harm. `dispersion` is the one that the hosts show
/// among themselves; it widens the bound.
#[must_use]
pub fn known_difference(canary: Counts, baseline: Counts, dispersion: f64) -> f64 {
    let odds = |c: Counts| {
        let (bad, good) = (
            c.errors as f64 + 0.5,
            (c.requests - c.errors.min(c.requests)) as f64 + 0.5,
        );
        (bad / good, 1.0 / bad + 1.0 / good)
    };
    if canary.requests == 0 || baseline.requests == 0 {
        return 1.0;
    }
    let ((of_canary, canary_variance), (of_baseline, baseline_variance)) = (odds(canary), odds(baseline));
    let deviation = (dispersion.max(1.0) * (canary_variance + baseline_variance)).sqrt();
    ((of_canary / of_baseline).ln() - Z90 * deviation).exp().max(1.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Rows: errors of 10,000 requests on both sides, the dispersion, and the least and most that is known.
    #[test]
    fn only_what_is_proven_is_allowed_for() {
        let rows = [
            (50, 50, 1.0, 1.0, 1.0),
            (30, 50, 1.0, 1.0, 1.0),
            (100, 50, 1.0, 1.5, 1.9),
            (100, 50, 4.0, 1.2, 1.4),
            (1000, 500, 1.0, 1.8, 2.1),
            (2, 1, 1.0, 1.0, 1.0),
            (0, 0, 1.0, 1.0, 1.0),
        ];
        for (canary, baseline, dispersion, least, most) in rows {
            let counts = |errors| Counts {
                requests: 10_000,
                errors,
            };
            let known = known_difference(counts(canary), counts(baseline), dispersion);
            assert!(
                (least..=most).contains(&known),
                "{canary} against {baseline}: {known}"
            );
        }
        let none = Counts::default();
        assert!(
            (known_difference(
                none,
                Counts {
                    requests: 9,
                    errors: 9
                },
                1.0
            ) - 1.0)
                .abs()
                < 1e-12
        );
    }
}
