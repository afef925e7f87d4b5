//! Limits on single metrics, as operators write them.

mod limit;
#[cfg(test)]
mod tests;
mod watch;
mod written;

use serde::{Deserialize, Serialize};

pub use watch::{Breach, Sample, ThresholdWatch};

use limit::{Order, Test};
use written::Written;

/// A limit on one metric of the new version. The old version is held to it too: when both break it, something
/// outside of them is broken, and the upgrade holds instead of going back.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "Written", into = "Written")]
pub struct Threshold {
    /// Name of the metric.
    pub metric: String,
    tests: Vec<Test>,
    /// Fewest samples (requests, where the metric is a share of them) behind a value that counts. Default 1.
    pub min_samples: u64,
    /// Looks in a row whose value is outside the limit before it is a breach. Default 3.
    pub consecutive: u32,
}

impl Threshold {
    /// A highest share of requests.
    #[must_use]
    pub fn at_most(metric: &str, limit: f64, min_samples: u64, consecutive: u32) -> Self {
        let order = Order::AtMost;
        Self {
            metric: metric.to_owned(),
            tests: vec![Test { order, limit }],
            min_samples,
            consecutive,
        }
    }

    /// Whether a value is within the limit. NaN never is.
    #[must_use]
    pub fn accepts(&self, value: f64) -> bool {
        self.tests.iter().all(|t| t.accepts(value))
    }

    /// The limit in words, such as `<=0.05`.
    #[must_use]
    pub fn limit(&self) -> String {
        let tests: Vec<String> = self.tests.iter().map(ToString::to_string).collect();
        tests.join(" and ")
    }
}
