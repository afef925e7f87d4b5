//! Sums from which likelihood ratios follow.

use super::grid::{GRID, PerAlternative};

/// Everything that adds up over datapoints; the difference of two of them is the time between.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Sums {
    pub canary_errors: f64,
    /// Penalties of the errors of each version, for each alternative.
    pub canary: PerAlternative,
    pub baseline: PerAlternative,
}

impl Sums {
    pub fn fold(&mut self, canary_errors: f64, baseline_errors: f64, of_one_error: &PerAlternative) {
        self.canary_errors += canary_errors;
        for (j, of_one) in of_one_error.iter().enumerate() {
            self.canary[j] += canary_errors * of_one;
            self.baseline[j] += baseline_errors * of_one;
        }
    }

    pub fn minus(&self, other: &Self) -> Self {
        let mut difference = *self;
        difference.canary_errors -= other.canary_errors;
        for j in 0..GRID.len() {
            difference.canary[j] -= other.canary[j];
            difference.baseline[j] -= other.baseline[j];
        }
        difference
    }

    /// The log likelihood ratios, when only a part of the new version's errors counts, divided by the dispersion.
    pub fn logs(&self, part: f64, log_grid: &PerAlternative, dispersion: f64) -> PerAlternative {
        let mut logs = [0.0; GRID.len()];
        for (j, log) in logs.iter_mut().enumerate() {
            let gained = self.canary_errors * log_grid[j] - self.canary[j];
            *log = (part * gained - self.baseline[j]) / dispersion;
        }
        logs
    }
}
