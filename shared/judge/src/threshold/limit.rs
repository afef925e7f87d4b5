//! One comparison of a value with a limit, and how it is written.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// How a value is compared with a limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Order {
    Equal,
    NotEqual,
    Above,
    AtLeast,
    Below,
    AtMost,
}

/// One comparison that a value has to pass.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Test {
    pub order: Order,
    pub limit: f64,
}

impl Test {
    pub fn accepts(self, value: f64) -> bool {
        // NaN passes none of them, not even "not equal".
        match self.order {
            Order::Equal => (value - self.limit).abs() <= 1e-9 * self.limit.abs().max(1.0),
            Order::NotEqual => (value - self.limit).abs() > 1e-9 * self.limit.abs().max(1.0),
            Order::Above => value > self.limit,
            Order::AtLeast => value >= self.limit,
            Order::Below => value < self.limit,
            Order::AtMost => value <= self.limit,
        }
    }
}

impl fmt::Display for Test {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sign = match self.order {
            Order::Equal => "",
            Order::NotEqual => "!=",
            Order::Above => ">",
            Order::AtLeast => ">=",
            Order::Below => "<",
            Order::AtMost => "<=",
        };
        write!(f, "{sign}{}", self.limit)
    }
}

impl FromStr for Test {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        const SIGNS: [(&str, Order); 7] = [
            (">=", Order::AtLeast),
            ("<=", Order::AtMost),
            ("!=", Order::NotEqual),
            ("==", Order::Equal),
            (">", Order::Above),
            ("<", Order::Below),
            ("=", Order::Equal),
        ];
        let text = text.trim();
        let (order, number) = SIGNS
            .iter()
            .find_map(|(sign, order)| text.strip_prefix(sign).map(|rest| (*order, rest)))
            .unwrap_or((Order::Equal, text));
        Ok(Self {
            order,
            limit: parse_number(number)?,
        })
    }
}

/// A number, or a percentage as the share that it means.
fn parse_number(text: &str) -> Result<f64, String> {
    let text = text.trim();
    let (digits, scale) = text.strip_suffix('%').map_or((text, 1.0), |d| (d.trim(), 0.01));
    match digits.parse::<f64>() {
        Ok(number) if number.is_finite() => Ok(number * scale),
        _ => Err(format!(
            "{text:?} is no number; accepted: such as 1, 0.05, 5%, \">0\""
        )),
    }
}

/// A number or a text, as YAML and JSON have it.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(untagged)]
pub(super) enum NumberOrText {
    Number(f64),
    Text(String),
}

impl NumberOrText {
    pub fn number(&self) -> Result<f64, String> {
        match self {
            Self::Number(number) if number.is_finite() => Ok(*number),
            Self::Number(number) => Err(format!("{number} is no limit; accepted: a finite number")),
            Self::Text(text) => parse_number(text),
        }
    }
}
