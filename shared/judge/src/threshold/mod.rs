//! Limits on single metrics, as operators write them.

mod comparison;
#[cfg(test)]
mod tests;
mod watch;
mod written;

use serde::{Deserialize, Serialize};

pub use comparison::{BadComparison, Comparison, Relation};
pub use watch::{Breach, Sample, ThresholdWatch};

use written::Written;

use crate::metric::Importance;

/// A limit on one metric of the new version. The old version is held to it too: when both break it, something
/// outside of them is broken, and the upgrade holds instead of going back.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "Written", into = "Written")]
pub struct Threshold {
    /// Name of the metric.
    pub metric: String,
    tests: Vec<Comparison>,
    /// Fewest samples (requests, where the metric is a share of them) behind a value that counts. Default 1.
    pub min_samples: u64,
    /// Looks in a row whose value is outside the limit before it is a breach. Default 3.
    pub consecutive: u32,
    /// How much it matters: without values of a critical one nothing passes, and one that is only observed decides
    /// nothing.
    pub importance: Importance,
}

impl Threshold {
    /// A highest share of requests.
    #[must_use]
    pub fn at_most(metric: &str, limit: f64, min_samples: u64, consecutive: u32) -> Self {
        // A limit that is no number accepts nothing.
        let tests = Comparison::new(Relation::AtMost, limit).map_or_else(Vec::new, |test| vec![test]);
        Self {
            metric: metric.to_owned(),
            tests,
            min_samples,
            consecutive,
            importance: Importance::Normal,
        }
    }

    /// Limits that all have to hold; none when there are no limits.
    #[must_use]
    pub fn new(metric: &str, tests: Vec<Comparison>, importance: Importance) -> Option<Self> {
        (!tests.is_empty()).then(|| Self {
            metric: metric.to_owned(),
            tests,
            min_samples: 1,
            consecutive: 3,
            importance,
        })
    }

    /// Whether a value is within the limit. NaN never is.
    #[must_use]
    pub fn accepts(&self, value: f64) -> bool {
        !self.tests.is_empty() && self.tests.iter().all(|t| t.holds(value))
    }

    /// The limit in words, such as `<=0.05`.
    #[must_use]
    pub fn limit(&self) -> String {
        let tests: Vec<String> = self.tests.iter().map(ToString::to_string).collect();
        tests.join(" and ")
    }
}
