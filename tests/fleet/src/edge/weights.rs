//! Weights by version: what `PUT /weights` accepts.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::service::release::is_version;

/// A route has two versions in an upgrade; the limit only bounds the table.
const MAX_VERSIONS: usize = 16;

/// Whole percentages by version that add up to 100.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Weights {
    #[serde(rename = "weights")]
    shares: BTreeMap<String, u8>,
    fallback: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Body {
    weights: BTreeMap<String, i64>,
    #[serde(default)]
    fallback: Option<String>,
}

/// Why weights are refused.
#[derive(Debug, thiserror::Error)]
pub enum InvalidWeights {
    /// Not JSON of the documented form; a weight with a fraction is one case of it.
    #[error("the body must be {{\"weights\":{{version:whole number}},\"fallback\":version}}")]
    Malformed(#[from] serde_json::Error),
    /// One weight is not a percentage.
    #[error("the weight of {version} must be from 0 to 100, and is {weight}")]
    OutOfRange {
        /// Whose weight.
        version: String,
        /// The weight that was given.
        weight: i64,
    },
    /// The weights are not a whole.
    #[error("the weights must add up to 100, and add up to {0}")]
    WrongSum(u32),
    /// A version that no backend can have.
    #[error("a version must be 1 to 64 visible ASCII characters, and one is {0:?}")]
    BadVersion(String),
    /// More versions than the table takes.
    #[error("at most 16 versions are accepted, and there are {0}")]
    TooMany(usize),
}

impl InvalidWeights {
    /// Its stable name.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Malformed(_) => "weights-malformed",
            Self::OutOfRange { .. } => "weight-out-of-range",
            Self::WrongSum(_) => "weights-sum",
            Self::BadVersion(_) => "weights-version",
            Self::TooMany(_) => "weights-too-many",
        }
    }
}

impl Weights {
    /// Reads and checks a request's body.
    ///
    /// # Errors
    /// [`InvalidWeights`] with the first thing that is wrong.
    pub fn parse(body: &[u8]) -> Result<Self, InvalidWeights> {
        let body: Body = serde_json::from_slice(body)?;
        if body.weights.len() > MAX_VERSIONS {
            return Err(InvalidWeights::TooMany(body.weights.len()));
        }
        if let Some(bad) = body
            .weights
            .keys()
            .chain(&body.fallback)
            .find(|version| !is_version(version))
        {
            return Err(InvalidWeights::BadVersion(bad.clone()));
        }
        let shares = body
            .weights
            .into_iter()
            .map(percentage)
            .collect::<Result<BTreeMap<_, _>, _>>()?;
        match shares.values().map(|share| u32::from(*share)).sum() {
            100 => Ok(Self {
                shares,
                fallback: body.fallback,
            }),
            sum => Err(InvalidWeights::WrongSum(sum)),
        }
    }

    /// The version that owns this draw of 0 to 99: each owns as many draws as its weight.
    #[must_use]
    pub fn owner(&self, draw: u8) -> Option<&str> {
        let mut left = draw;
        for (version, share) in &self.shares {
            match left.checked_sub(*share) {
                None => return Some(version),
                Some(rest) => left = rest,
            }
        }
        None
    }

    /// The version that takes over for one without a healthy backend. Naming it outranks its own weight, even 0.
    #[must_use]
    pub fn fallback(&self) -> Option<&str> {
        self.fallback.as_deref()
    }
}

fn percentage((version, weight): (String, i64)) -> Result<(String, u8), InvalidWeights> {
    match u8::try_from(weight) {
        Ok(share) if share <= 100 => Ok((version, share)),
        _ => Err(InvalidWeights::OutOfRange { version, weight }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_version_owns_its_weight_of_draws() {
        let weights = Weights::parse(br#"{"weights":{"1":90,"2":0,"3":10},"fallback":"1"}"#).unwrap();
        let owned = |version| {
            (0..100)
                .filter(|draw| weights.owner(*draw) == Some(version))
                .count()
        };
        assert_eq!((owned("1"), owned("2"), owned("3")), (90, 0, 10));
        assert_eq!(weights.fallback(), Some("1"));
    }

    #[test]
    fn what_is_not_a_whole_is_refused() {
        for (body, code) in [
            (r#"{"weights":{"1":90,"2":9}}"#, "weights-sum"),
            (r#"{"weights":{}}"#, "weights-sum"),
            (r#"{"weights":{"1":101}}"#, "weight-out-of-range"),
            (r#"{"weights":{"1":110,"2":-10}}"#, "weight-out-of-range"),
            (r#"{"weights":{"1":99.5,"2":0.5}}"#, "weights-malformed"),
            (r#"{"weights":{"1":100},"speed":1}"#, "weights-malformed"),
            (r#"{"weights":{"":100}}"#, "weights-version"),
            (r#"{"weights":{"1":100},"fallback":"a b"}"#, "weights-version"),
            ("", "weights-malformed"),
        ] {
            assert_eq!(
                Weights::parse(body.as_bytes()).unwrap_err().code(),
                code,
                "{body}"
            );
        }
        let many: BTreeMap<String, i64> = (0..17).map(|n| (n.to_string(), 0)).collect();
        let body = serde_json::json!({ "weights": many }).to_string();
        assert_eq!(
            Weights::parse(body.as_bytes()).unwrap_err().code(),
            "weights-too-many"
        );
    }
}
