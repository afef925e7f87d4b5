//! Slow requests: latency as counts.

use crate::errors::Counts;

/// The quantile of the old version's latency above which a request is slow. High enough that slow requests matter,
/// low enough that there are many of them.
pub const SLOW_QUANTILE: f64 = 0.90;

/// Fewest samples that the limit is made of: fewer leave the quantile to chance.
pub const MIN_SAMPLES: usize = 100;

/// The latency above which a request is slow. It is frozen before the first release, so that the new version is
/// never measured with what it did to the limit itself.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct SlowLimit(f64);

/// Why no limit can be made.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum BadLatency {
    /// Too few samples.
    TooFew {
        /// How many there are.
        have: usize,
    },
    /// A latency that is negative or no number.
    NoLatency(f64),
}

impl std::fmt::Display for BadLatency {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::TooFew { have } => write!(f, "{have} latencies; accepted: {MIN_SAMPLES} or more"),
            Self::NoLatency(value) => write!(f, "latency is {value}; accepted: a finite number from 0"),
        }
    }
}

impl std::error::Error for BadLatency {}

impl SlowLimit {
    /// The limit of latencies of the old version from before the first release, in any unit.
    ///
    /// # Errors
    /// [`BadLatency`].
    pub fn freeze(latencies: &[f64]) -> Result<Self, BadLatency> {
        if latencies.len() < MIN_SAMPLES {
            return Err(BadLatency::TooFew {
                have: latencies.len(),
            });
        }
        let mut sorted = latencies
            .iter()
            .copied()
            .map(checked)
            .collect::<Result<Vec<_>, _>>()?;
        // Nine of ten are at or below the one in this place.
        let place = (sorted.len() * 9).div_ceil(10) - 1;
        let (_, limit, _) = sorted.select_nth_unstable_by(place, f64::total_cmp);
        Ok(Self(*limit))
    }

    /// The limit, in the unit of the latencies.
    #[must_use]
    pub fn get(self) -> f64 {
        self.0
    }

    /// How many of some requests were slow, in the form in which a monitor takes them.
    ///
    /// # Errors
    /// [`BadLatency::NoLatency`].
    pub fn count(self, latencies: &[f64]) -> Result<Counts, BadLatency> {
        let mut counts = Counts::default();
        for latency in latencies {
            counts.requests += 1;
            counts.errors += u64::from(checked(*latency)? > self.0);
        }
        Ok(counts)
    }
}

fn checked(latency: f64) -> Result<f64, BadLatency> {
    if latency.is_finite() && latency >= 0.0 {
        Ok(latency)
    } else {
        Err(BadLatency::NoLatency(latency))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_of_ten_is_slow() {
        let latencies: Vec<f64> = (1..=200).map(f64::from).collect();
        let limit = SlowLimit::freeze(&latencies).unwrap();
        assert!((limit.get() - 180.0).abs() < 1e-9);
        assert_eq!(
            limit.count(&latencies).unwrap(),
            Counts {
                requests: 200,
                errors: 20
            }
        );
    }

    #[test]
    fn what_is_no_latency_is_refused() {
        assert_eq!(
            SlowLimit::freeze(&[1.0; 99]),
            Err(BadLatency::TooFew { have: 99 })
        );
        for bad in [f64::NAN, f64::INFINITY, -1.0] {
            let mut latencies = vec![1.0; 100];
            latencies[50] = bad;
            assert!(
                matches!(SlowLimit::freeze(&latencies), Err(BadLatency::NoLatency(_))),
                "{bad}"
            );
            assert!(
                SlowLimit::freeze(&[1.0; 100]).unwrap().count(&[bad]).is_err(),
                "{bad}"
            );
        }
    }
}
