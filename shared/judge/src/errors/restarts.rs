//! Starting the test anew, within one alpha.

/// The part of alpha that the `start`-th start of a test may spend: a half for the first, and the rest in a series
/// that sums to the other half, so that all starts together stay below alpha.
///
/// Harm that begins late meets evidence that began with it, instead of hours of good behaviour that would have to be
/// made up for first.
#[must_use]
pub fn restart_weight(start: u32) -> f64 {
    let i = f64::from(start);
    if start == 0 {
        0.5
    } else {
        1.0 / (2.0 * i * (i + 1.0))
    }
}

/// What the first `starts` starts have not spent. It counts as evidence of 1: it could have been bet and was not.
pub(crate) fn unspent_weight(starts: u32) -> f64 {
    if starts == 0 { 1.0 } else { 0.5 / f64::from(starts) }
}

/// A start each quarter of an hour: late harm is then found as fast as early harm, less the weight.
pub const RESTART_EVERY_MS: i64 = 15 * 60 * 1_000;

/// Starts that are looked at; the first and the newest ones stay. A start that is dropped loses what was bet on it,
/// which only lowers the evidence.
pub const MAX_STARTS: usize = 12;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn weights_of_all_starts_stay_within_one() {
        let mut sum = 0.0;
        for start in 0..10_000 {
            assert!((sum + unspent_weight(start) - 1.0).abs() < 1e-9, "{start}");
            sum += restart_weight(start);
        }
        assert!(sum <= 1.0 && sum > 0.999, "{sum}");
    }
}
