//! A threshold over time.

use serde::{Deserialize, Serialize};

use super::Threshold;

/// The value of a metric at one look, and how many samples are behind it.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Sample {
    /// The value; NaN counts as outside every limit.
    pub value: f64,
    /// How many requests or measurements it was made of.
    pub samples: u64,
}

/// What a threshold says.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Breach {
    /// Nothing is wrong, or not often enough in a row yet.
    None,
    /// The new version breaks the limit and the old one does not.
    Harmful {
        /// The new version's value.
        observed: f64,
    },
    /// The new version breaks the limit, and the old one does too or is not there to be compared with.
    Shared {
        /// The new version's value.
        observed: f64,
    },
}

/// Follows one threshold over the looks.
#[derive(Debug, Clone)]
pub struct ThresholdWatch {
    threshold: Threshold,
    in_a_row: u32,
    alone_in_a_row: u32,
    observed: f64,
    of_baseline: Option<f64>,
    newest_at_ms: Option<i64>,
}

impl ThresholdWatch {
    /// Nothing seen yet.
    #[must_use]
    pub fn new(threshold: Threshold) -> Self {
        Self {
            threshold,
            in_a_row: 0,
            alone_in_a_row: 0,
            observed: 0.0,
            of_baseline: None,
            newest_at_ms: None,
        }
    }

    /// The threshold that is followed.
    #[must_use]
    pub fn threshold(&self) -> &Threshold {
        &self.threshold
    }

    /// When the new version last had a value that counts, in milliseconds since 1970.
    #[must_use]
    pub fn newest_at_ms(&self) -> Option<i64> {
        self.newest_at_ms
    }

    /// The newest values of both versions.
    #[must_use]
    pub fn newest(&self) -> (Option<f64>, Option<f64>) {
        let seen = self.newest_at_ms.map(|_| self.observed);
        (seen.filter(|v| v.is_finite()), self.of_baseline)
    }

    /// One look. A new version without a value, or with too few samples, neither breaks the limit nor ends a row; an
    /// old version without one is not known to be healthy. What is earlier than a value that was taken already comes
    /// too late to change a row, and counts for nothing.
    pub fn fold(&mut self, at_ms: i64, canary: Option<Sample>, baseline: Option<Sample>) {
        let enough = |s: &Sample| s.samples >= self.threshold.min_samples;
        let Some(sample) = canary.filter(enough) else {
            return;
        };
        if self.newest_at_ms.is_some_and(|newest| at_ms <= newest) {
            return;
        }
        self.newest_at_ms = Some(at_ms);
        let baseline_is_healthy = baseline
            .filter(enough)
            .is_some_and(|b| self.threshold.accepts(b.value));
        self.observed = sample.value;
        self.of_baseline = baseline.map(|b| b.value).filter(|v| v.is_finite());
        if self.threshold.accepts(sample.value) {
            (self.in_a_row, self.alone_in_a_row) = (0, 0);
            return;
        }
        self.in_a_row = self.in_a_row.saturating_add(1);
        self.alone_in_a_row = if baseline_is_healthy {
            self.alone_in_a_row.saturating_add(1)
        } else {
            0
        };
    }

    /// What the looks so far say.
    #[must_use]
    pub fn breach(&self) -> Breach {
        let observed = self.observed;
        if self.alone_in_a_row >= self.threshold.consecutive {
            Breach::Harmful { observed }
        } else if self.in_a_row >= self.threshold.consecutive {
            Breach::Shared { observed }
        } else {
            Breach::None
        }
    }
}
