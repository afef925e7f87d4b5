//! Means of two arms that are comparable: equal, and assigned at random.
//!
//! When neither version is worse, exchanging the two values of a minute changes nothing, so any score that changes
//! its sign with them is as likely positive as negative, whatever it depends on otherwise. A bet on the positive side
//! (`exp(eta z) / cosh(eta z)`) then gains nothing on average, and the product of such bets is evidence. Where arms
//! differ for reasons of their own, use counts with a margin instead: this test has none.

/// How boldly is bet; the evidence is the average over all.
const BOLDNESS: [f64; 5] = [0.125, 0.25, 0.5, 1.0, 2.0];

/// Scores that are averaged: sign, sequential signed rank, relative difference over its running scale.
const SCORES: usize = 3;

/// A relative difference counts at most so many times its usual size: one outlier is to decide nothing.
const MOST: f64 = 3.0;

/// Follows the means of both arms.
#[derive(Debug, Clone, Default)]
pub struct Means {
    /// Sizes of the differences so far, in order of size.
    sizes: Vec<f64>,
    relative_sum: f64,
    pairs: u32,
    logs: [[f64; BOLDNESS.len()]; SCORES],
}

/// A mean that is none: negative or no finite number.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct BadMean(pub f64);

impl std::fmt::Display for BadMean {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "mean is {}; accepted: a finite number from 0", self.0)
    }
}

impl std::error::Error for BadMean {}

impl Means {
    /// Takes the means of one minute in; larger is worse.
    ///
    /// # Errors
    /// [`BadMean`]; nothing has changed then.
    pub fn fold(&mut self, canary: f64, baseline: f64) -> Result<(), BadMean> {
        for mean in [canary, baseline] {
            if !mean.is_finite() || mean < 0.0 {
                return Err(BadMean(mean));
            }
        }
        let difference = canary - baseline;
        self.pairs += 1;
        if difference == 0.0 {
            return Ok(());
        }
        let sign = difference.signum();
        let scores = [
            sign,
            sign * self.rank(difference.abs()),
            sign * self.relative(difference.abs(), canary + baseline),
        ];
        for (logs, z) in self.logs.iter_mut().zip(scores) {
            for (log, eta) in logs.iter_mut().zip(BOLDNESS) {
                *log += eta * z - log_cosh(eta * z);
            }
        }
        Ok(())
    }

    /// The rank of a size among those so far and itself, in parts of their number; ties share theirs.
    fn rank(&mut self, size: f64) -> f64 {
        let below = self.sizes.partition_point(|s| *s < size);
        let upto = self.sizes.partition_point(|s| *s <= size);
        self.sizes.insert(upto, size);
        (below + upto + 2) as f64 / 2.0 / self.sizes.len() as f64
    }

    /// The relative difference over the mean of all so far, itself included.
    fn relative(&mut self, size: f64, sum: f64) -> f64 {
        let relative = size / sum;
        self.relative_sum += relative;
        (relative * f64::from(self.pairs) / self.relative_sum).min(MOST)
    }

    /// Natural logarithm of the evidence that the canary's means are larger.
    #[must_use]
    pub fn log_evidence(&self) -> f64 {
        let all = || self.logs.iter().flatten().copied();
        let largest = all().fold(f64::NEG_INFINITY, f64::max);
        let sum: f64 = all().map(|log| (log - largest).exp()).sum();
        largest + (sum / (SCORES * BOLDNESS.len()) as f64).ln()
    }
}

/// `ln cosh`, which does not overflow.
fn log_cosh(x: f64) -> f64 {
    let x = x.abs();
    x + (-2.0 * x).exp().ln_1p() - std::f64::consts::LN_2
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Over all ways in which chance may assign the values of eight minutes, the evidence is 1 on average.
    #[test]
    fn exchanging_the_arms_is_fair() {
        let pairs = [
            (3.0, 5.0),
            (1.0, 1.0),
            (9.0, 2.0),
            (4.0, 4.5),
            (0.0, 7.0),
            (2.0, 2.2),
            (8.0, 1.0),
            (3.0, 3.1),
        ];
        let mut sum = 0.0;
        for assignment in 0u32..256 {
            let mut means = Means::default();
            for (i, (a, b)) in pairs.iter().enumerate() {
                let (canary, baseline) = if assignment >> i & 1 == 0 {
                    (*a, *b)
                } else {
                    (*b, *a)
                };
                means.fold(canary, baseline).unwrap();
            }
            sum += means.log_evidence().exp();
        }
        assert!((sum / 256.0 - 1.0).abs() < 1e-9, "{}", sum / 256.0);
    }

    #[test]
    fn what_is_no_mean_is_refused_and_changes_nothing() {
        for bad in [f64::NAN, f64::INFINITY, -1.0] {
            let mut means = Means::default();
            assert!(
                means.fold(bad, 1.0).is_err() && means.fold(1.0, bad).is_err(),
                "{bad}"
            );
            assert!(means.log_evidence().abs() < 1e-12 && means.pairs == 0);
        }
    }

    #[test]
    fn half_as_much_again_is_found() {
        let mut means = Means::default();
        for minute in 0..30u32 {
            let usual = 100.0 + f64::from(minute % 7);
            means.fold(1.5 * usual, usual + f64::from(minute % 3)).unwrap();
        }
        assert!(means.log_evidence() > 100f64.ln());
    }
}
