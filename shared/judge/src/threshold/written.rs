//! Thresholds as a gate file has them.

use serde::{Deserialize, Serialize};

use super::Threshold;
use super::comparison::{Comparison, Relation, number_of};
use crate::metric::{Importance, is_false};

/// A number or a text, as YAML and JSON have it.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(untagged)]
enum Number {
    Number(f64),
    Text(String),
}

impl Number {
    fn get(&self) -> Result<f64, String> {
        let (number, shown) = match self {
            Self::Number(number) => (Some(*number), number.to_string()),
            Self::Text(text) => (number_of(text), format!("{text:?}")),
        };
        number
            .filter(|n| n.is_finite())
            .ok_or_else(|| format!("{shown} is no number; accepted: such as 1, 0.05, 5%"))
    }
}

/// A threshold as a gate file has it: exactly one of `above`, `below`, `expected`, or one or both of `min` and `max`.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Written {
    metric: String,
    /// Values above this are a breach.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    above: Option<Number>,
    /// Values below this are a breach.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    below: Option<Number>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    expected: Option<Comparison>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    min: Option<Number>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    max: Option<Number>,
    #[serde(default = "one")]
    min_samples: u64,
    #[serde(default = "three")]
    consecutive: u32,
    #[serde(default, skip_serializing_if = "is_false")]
    critical: bool,
    #[serde(default, skip_serializing_if = "is_false")]
    observe_only: bool,
}

fn one() -> u64 {
    1
}

fn three() -> u32 {
    3
}

impl TryFrom<Written> for Threshold {
    type Error = String;

    fn try_from(w: Written) -> Result<Self, String> {
        let named = |error: String| format!("threshold of {}: {error}", w.metric);
        let mut tests = Vec::new();
        for (relation, limit) in [
            (Relation::AtMost, &w.above),
            (Relation::AtLeast, &w.below),
            (Relation::AtLeast, &w.min),
            (Relation::AtMost, &w.max),
        ] {
            if let Some(limit) = limit {
                let limit = limit.get().map_err(named)?;
                tests.extend(Comparison::new(relation, limit));
            }
        }
        tests.extend(w.expected);
        let range = w.above.is_none() && w.below.is_none() && w.expected.is_none();
        if tests.is_empty() || (tests.len() > 1 && !range) {
            return Err(named(format!(
                "has {} limits; accepted: one of above, below and expected, or min, max or both",
                tests.len()
            )));
        }
        if let [low, high] = &tests[..]
            && low.limit() > high.limit()
        {
            return Err(named(format!(
                "min is {}; accepted: at most max, {}",
                low.limit(),
                high.limit()
            )));
        }
        let importance =
            Importance::written(w.critical, w.observe_only).map_err(|problem| named(problem.to_owned()))?;
        Ok(Self {
            metric: w.metric,
            tests,
            min_samples: w.min_samples,
            consecutive: w.consecutive,
            importance,
        })
    }
}

impl From<Threshold> for Written {
    fn from(t: Threshold) -> Self {
        let mut written = Self {
            metric: t.metric,
            above: None,
            below: None,
            expected: None,
            min: None,
            max: None,
            min_samples: t.min_samples,
            consecutive: t.consecutive,
            critical: t.importance == Importance::Critical,
            observe_only: t.importance == Importance::ObserveOnly,
        };
        for test in &t.tests {
            match test.relation() {
                Relation::AtMost => written.max = Some(Number::Number(test.limit())),
                Relation::AtLeast => written.min = Some(Number::Number(test.limit())),
                _ => written.expected = Some(*test),
            }
        }
        written
    }
}
