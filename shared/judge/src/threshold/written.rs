//! Thresholds as a gate file has them.

use serde::{Deserialize, Serialize};

use super::Threshold;
use super::limit::{NumberOrText, Order, Test};

/// A threshold as a gate file has it: exactly one of `above`, `below`, `expected`, or one or both of `min` and `max`.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Written {
    metric: String,
    /// Values above this are a breach.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    above: Option<NumberOrText>,
    /// Values below this are a breach.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    below: Option<NumberOrText>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    expected: Option<NumberOrText>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    min: Option<NumberOrText>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    max: Option<NumberOrText>,
    #[serde(default = "one")]
    min_samples: u64,
    #[serde(default = "three")]
    consecutive: u32,
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
        for (order, limit) in [
            (Order::AtMost, &w.above),
            (Order::AtLeast, &w.below),
            (Order::AtLeast, &w.min),
            (Order::AtMost, &w.max),
        ] {
            if let Some(limit) = limit {
                let limit = limit.number().map_err(named)?;
                tests.push(Test { order, limit });
            }
        }
        match &w.expected {
            Some(NumberOrText::Text(text)) => tests.push(text.parse().map_err(named)?),
            Some(number) => tests.push(Test {
                order: Order::Equal,
                limit: number.number().map_err(named)?,
            }),
            None => {}
        }
        let range = w.above.is_none() && w.below.is_none() && w.expected.is_none();
        if tests.is_empty() || (tests.len() > 1 && !range) {
            return Err(named(format!(
                "has {} limits; accepted: one of above, below and expected, or min, max or both",
                tests.len()
            )));
        }
        if let [low, high] = &tests[..]
            && low.limit > high.limit
        {
            return Err(named(format!(
                "min is {}; accepted: at most max, {}",
                low.limit, high.limit
            )));
        }
        Ok(Self {
            metric: w.metric,
            tests,
            min_samples: w.min_samples,
            consecutive: w.consecutive,
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
        };
        for test in &t.tests {
            match test.order {
                Order::AtMost => written.max = Some(NumberOrText::Number(test.limit)),
                Order::AtLeast => written.min = Some(NumberOrText::Number(test.limit)),
                _ => written.expected = Some(NumberOrText::Text(test.to_string())),
            }
        }
        written
    }
}
