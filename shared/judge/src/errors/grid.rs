//! The alternatives that the evidence is a mixture of.

/// How many times worse than tolerated the alternatives are. Few points suffice: the evidence lost between two of
/// them is smaller than that of one error.
pub const GRID: [f64; 11] = [1.3, 1.7, 2.3, 3.2, 4.5, 6.5, 10.0, 16.0, 30.0, 80.0, 300.0];

/// How many of [`GRID`] are bet on where odds cannot grow by much: those of slow requests, of which there are many to
/// begin with, and those of harmlessness. What is not spent on the rest finds these sooner.
pub const MODERATE: usize = 5;

/// One number for each alternative of [`GRID`].
pub(crate) type PerAlternative = [f64; GRID.len()];

/// Natural logarithms of [`GRID`]: what one error of the new version adds to each alternative.
pub(crate) fn log_grid() -> PerAlternative {
    GRID.map(f64::ln)
}

/// What one error of either version takes off each alternative, given the new version's share of the requests and
/// the odds ratio that is tolerated: `ln[(1 + (m g - 1) share) / (1 + (m - 1) share)]`. It lies between 0 and
/// `ln g`, so an error of the new version never weakens the evidence, and one of the old version never adds to it.
pub(crate) fn penalties(share: f64, margin: f64) -> PerAlternative {
    let tolerated = 1.0 + (margin - 1.0) * share;
    GRID.map(|g| ((1.0 + (margin * g - 1.0) * share) / tolerated).ln())
}

/// The mirrored alternatives: the new version is `g` times better than tolerated. One error of the new version takes
/// `ln g` off, and one of either version adds what this gives.
pub(crate) fn rewards(share: f64, margin: f64) -> PerAlternative {
    let tolerated = 1.0 + (margin - 1.0) * share;
    GRID.map(|g| (tolerated / (1.0 + (margin / g - 1.0) * share)).ln())
}

/// Logarithms so far below the largest add less than floating-point numbers hold.
const NEGLIGIBLE: f64 = -45.0;

/// A sum of exponentials that does not overflow: `ln sum_i weight_i exp(log_i)`.
#[derive(Debug, Clone, Copy)]
pub(crate) struct LogSum {
    largest: f64,
    sum: f64,
}

impl LogSum {
    /// Nothing yet; `largest` is the largest logarithm that will be added.
    pub fn below(largest: f64) -> Self {
        Self { largest, sum: 0.0 }
    }

    /// Adds `weight exp(log)`.
    pub fn add(&mut self, weight: f64, log: f64) {
        // Most alternatives are hopeless most of the time. Leaving those out lowers the sum, by less than it rounds.
        if log - self.largest < NEGLIGIBLE {
            return;
        }
        self.sum += weight * (log - self.largest).exp();
    }

    /// The logarithm of the sum; minus infinity when nothing was added.
    pub fn ln(self) -> f64 {
        self.largest + self.sum.ln()
    }
}

/// `ln` of the mean of the exponentials of `logs`.
pub(crate) fn log_mean_exp(logs: &[f64]) -> f64 {
    let mut sum = LogSum::below(logs.iter().copied().fold(f64::NEG_INFINITY, f64::max));
    for log in logs {
        sum.add(1.0 / logs.len() as f64, *log);
    }
    sum.ln()
}
