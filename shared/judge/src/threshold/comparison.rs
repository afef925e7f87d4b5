//! A condition on a number, and how it is written: `1`, `>0`, `>=2`, `<5%`, `<=7`, `!=0`.

use std::fmt;
use std::str::FromStr;

use serde::de::{self, Deserializer, Visitor};
use serde::{Deserialize, Serialize, Serializer};

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
const SIGNS: [(&str, Relation); 8] = [
    (">=", Relation::AtLeast),
    ("<=", Relation::AtMost),
    ("!=", Relation::NotEqual),
    ("==", Relation::Equal),
    (">", Relation::Above),
    ("<", Relation::Below),
    ("=", Relation::Equal),
    ("", Relation::Equal),
];

/// What two numbers may differ by, in parts of them, and still be equal: shares do not add up exactly.
const EQUAL: f64 = 1e-9;

/// A condition on a number. As data it is a text, and a number is read as what the value has to be.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Comparison {
    relation: Relation,
    /// Finite.
    limit: f64,
}

impl Eq for Comparison {}

impl Comparison {
    /// A condition; none when the limit is not finite.
    #[must_use]
    pub fn new(relation: Relation, limit: f64) -> Option<Self> {
        limit.is_finite().then_some(Self { relation, limit })
    }

    /// How a value has to stand to the limit.
    #[must_use]
    pub fn relation(self) -> Relation {
        self.relation
    }

    /// What a value is compared with.
    #[must_use]
    pub fn limit(self) -> f64 {
        self.limit
    }

    /// Whether a value is as expected; what is not a number never is.
    #[must_use]
    pub fn holds(self, value: f64) -> bool {
        let apart = (value - self.limit).abs();
        let equal = EQUAL * self.limit.abs().max(1.0);
        match self.relation {
            Relation::Equal => apart <= equal,
            Relation::NotEqual => apart > equal,
            Relation::Above => value > self.limit,
            Relation::AtLeast => value >= self.limit,
            Relation::Below => value < self.limit,
            Relation::AtMost => value <= self.limit,
        }
    }

    /// The same condition on values that are `factor` times as large.
    #[must_use]
    pub fn scaled(self, factor: f64) -> Option<Self> {
        Self::new(self.relation, self.limit * factor)
    }
}

/// A text that is no comparison.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BadComparison(String);

impl fmt::Display for BadComparison {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{:?} is no number and no comparison with one; accepted: such as 1, 0.05, 5%, \">0\", \"<=250\"",
            self.0
        )
    }
}

impl std::error::Error for BadComparison {}

impl FromStr for Comparison {
    type Err = BadComparison;

    fn from_str(text: &str) -> Result<Self, BadComparison> {
        let bad = || BadComparison(text.chars().take(40).collect());
        let split = SIGNS
            .iter()
            .find_map(|(sign, relation)| Some((text.trim().strip_prefix(sign)?, *relation)));
        let (number, relation) = split.ok_or_else(bad)?;
        let limit = number_of(number).ok_or_else(bad)?;
        Self::new(relation, limit).ok_or_else(bad)
    }
}

/// A number, or a percentage as the share that it means.
pub(super) fn number_of(text: &str) -> Option<f64> {
    let text = text.trim();
    let (digits, scale) = text.strip_suffix('%').map_or((text, 1.0), |d| (d.trim(), 0.01));
    let number = digits.parse::<f64>().ok()?;
    number.is_finite().then_some(number * scale)
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

impl Serialize for Comparison {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Comparison {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Read)
    }
}

struct Read;

impl Visitor<'_> for Read {
    type Value = Comparison;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a number, or a comparison with one such as \">0\" or \"<=250\"")
    }

    fn visit_f64<E: de::Error>(self, value: f64) -> Result<Comparison, E> {
        Comparison::new(Relation::Equal, value)
            .ok_or_else(|| E::custom(format!("{value} is no limit; accepted: a finite number")))
    }

    fn visit_i64<E: de::Error>(self, value: i64) -> Result<Comparison, E> {
        self.visit_f64(value as f64)
    }

    fn visit_u64<E: de::Error>(self, value: u64) -> Result<Comparison, E> {
        self.visit_f64(value as f64)
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<Comparison, E> {
        text.parse().map_err(E::custom)
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
            ("=1", &[1.0], &[1.1]),
            ("0.3", &[0.1 + 0.2], &[0.300_001]),
            (">0", &[0.1, f64::INFINITY], &[0.0, -1.0, f64::NAN]),
            (">= 2", &[2.0, 3.0], &[1.9]),
            ("<-0.5", &[-1.0], &[-0.5, 0.0]),
            ("<5%", &[0.049], &[0.05, 1.0]),
            ("<=7e3", &[7000.0], &[7000.5, f64::INFINITY]),
            ("!=0", &[1.0], &[0.0, f64::NAN]),
        ] {
            let comparison: Comparison = text.parse().unwrap();
            assert!(holds.iter().all(|v| comparison.holds(*v)), "{text}");
            assert!(!holds_not.iter().any(|v| comparison.holds(*v)), "{text}");
            assert_eq!(comparison.to_string().parse(), Ok(comparison), "{text}");
            let json = serde_json::to_string(&comparison).unwrap();
            assert_eq!(
                serde_json::from_str::<Comparison>(&json).unwrap(),
                comparison,
                "{json}"
            );
        }
    }

    #[test]
    fn what_is_no_comparison_is_refused() {
        for text in [
            "", ">", "up", ">>1", "=>1", "1 2", "nan", ">inf", "<>1", "%", "1%%", "1e999",
        ] {
            let refused = text.parse::<Comparison>();
            assert!(
                refused.is_err_and(|e| e.to_string().contains("accepted: such as")),
                "{text}"
            );
        }
        for json in ["null", "true", "[1]", "\"up\"", "1e999"] {
            assert!(serde_json::from_str::<Comparison>(json).is_err(), "{json}");
        }
    }
}
