//! Comparing a metric's value with a number.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// How a value stands to a number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Relation {
    /// Is it.
    Equal,
    /// Is another one.
    NotEqual,
    /// Is above it.
    Above,
    /// Is it or above it.
    AtLeast,
    /// Is below it.
    Below,
    /// Is it or below it.
    AtMost,
}

/// The longer signs first: each is looked for at the text's beginning.
const SIGNS: [(&str, Relation); 7] = [
    (">=", Relation::AtLeast),
    ("<=", Relation::AtMost),
    ("!=", Relation::NotEqual),
    ("==", Relation::Equal),
    (">", Relation::Above),
    ("<", Relation::Below),
    ("", Relation::Equal),
];

/// A condition on a number: `1`, `>0`, `>=2`, `<0.5`, `<=7`, `!=0`.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Comparison {
    relation: Relation,
    /// Finite.
    limit: f64,
}

impl Eq for Comparison {}

impl Comparison {
    /// Whether a value is as expected; what is not a number never is.
    #[must_use]
    #[expect(
        clippy::float_cmp,
        reason = "an exact number is asked for, as counters and flags have it"
    )]
    pub fn holds(self, value: f64) -> bool {
        match self.relation {
            Relation::Equal => value == self.limit,
            Relation::NotEqual => !value.is_nan() && value != self.limit,
            Relation::Above => value > self.limit,
            Relation::AtLeast => value >= self.limit,
            Relation::Below => value < self.limit,
            Relation::AtMost => value <= self.limit,
        }
    }
}

/// A text that is no comparison.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("is no number and no comparison with one")]
pub struct BadComparison;

impl FromStr for Comparison {
    type Err = BadComparison;

    fn from_str(text: &str) -> Result<Self, BadComparison> {
        let text = text.trim();
        let split = SIGNS
            .iter()
            .find_map(|(sign, relation)| Some((text.strip_prefix(sign)?, *relation)));
        let (number, relation) = split.ok_or(BadComparison)?;
        let limit: f64 = number.trim().parse().map_err(|_| BadComparison)?;
        if limit.is_finite() {
            Ok(Self { relation, limit })
        } else {
            Err(BadComparison)
        }
    }
}

impl TryFrom<String> for Comparison {
    type Error = BadComparison;

    fn try_from(text: String) -> Result<Self, BadComparison> {
        text.parse()
    }
}

impl From<Comparison> for String {
    fn from(comparison: Comparison) -> Self {
        comparison.to_string()
    }
}

impl fmt::Display for Comparison {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sign = match self.relation {
            Relation::Equal => "",
            Relation::NotEqual => "!=",
            Relation::Above => ">",
            Relation::AtLeast => ">=",
            Relation::Below => "<",
            Relation::AtMost => "<=",
        };
        write!(f, "{sign}{}", self.limit)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_compared_as_written() {
        for (text, holds, holds_not) in [
            ("1", &[1.0][..], &[0.0, 2.0, f64::NAN][..]),
            (" == 1.5 ", &[1.5], &[1.0]),
            (">0", &[0.1, f64::INFINITY], &[0.0, -1.0, f64::NAN]),
            (">= 2", &[2.0, 3.0], &[1.9]),
            ("<-0.5", &[-1.0], &[-0.5, 0.0]),
            ("<=7e3", &[7000.0], &[7000.5]),
            ("!=0", &[1.0], &[0.0, f64::NAN]),
        ] {
            let comparison: Comparison = text.parse().unwrap();
            assert!(holds.iter().all(|v| comparison.holds(*v)), "{text}");
            assert!(!holds_not.iter().any(|v| comparison.holds(*v)), "{text}");
            assert_eq!(comparison.to_string().parse(), Ok(comparison), "{text}");
        }
    }

    #[test]
    fn what_is_no_comparison_is_refused() {
        for text in ["", ">", "up", ">>1", "=1", "1 2", "nan", ">inf", "<>1"] {
            assert_eq!(text.parse::<Comparison>(), Err(BadComparison), "{text}");
        }
    }
}
