//! What a metric has to be.

use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, de};

/// A number, or a comparison with one: `1`, `">0"`, `"<=250"`, `"!=0"`.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(untagged)]
pub enum Expected {
    /// Exactly this.
    Number(f64),
    /// A comparison, as it was written.
    Comparison(String),
}

const ACCEPTED: &str = "a number, or a comparison with one such as \">0\" or \"<=250\"";

impl<'de> Deserialize<'de> for Expected {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Visitor;
        impl de::Visitor<'_> for Visitor {
            type Value = Expected;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(ACCEPTED)
            }

            fn visit_f64<E: de::Error>(self, value: f64) -> Result<Expected, E> {
                match value.is_finite() {
                    true => Ok(Expected::Number(value)),
                    false => Err(E::custom(format!("{value} is no limit; accepted: {ACCEPTED}"))),
                }
            }

            #[expect(
                clippy::cast_precision_loss,
                reason = "a limit that large is compared with floats anyway"
            )]
            fn visit_i64<E: de::Error>(self, value: i64) -> Result<Expected, E> {
                Ok(Expected::Number(value as f64))
            }

            #[expect(
                clippy::cast_precision_loss,
                reason = "a limit that large is compared with floats anyway"
            )]
            fn visit_u64<E: de::Error>(self, value: u64) -> Result<Expected, E> {
                Ok(Expected::Number(value as f64))
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<Expected, E> {
                let number = text.trim().trim_start_matches(['<', '>', '=', '!']);
                let sign = text.trim().strip_suffix(number).unwrap_or_default();
                let known = ["", "<", "<=", ">", ">=", "=", "==", "!="].contains(&sign);
                if known && number.trim().parse::<f64>().is_ok_and(f64::is_finite) {
                    return Ok(Expected::Comparison(text.trim().to_owned()));
                }
                let shown: String = text.chars().take(40).collect();
                Err(E::custom(format!(
                    "{shown:?} is no comparison; accepted: {ACCEPTED}"
                )))
            }
        }
        deserializer.deserialize_any(Visitor)
    }
}

#[cfg(test)]
impl schemars::JsonSchema for Expected {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Expected".into()
    }

    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({
            "description": "What a metric has to be: a number, or a comparison with one such as \">0\".",
            "oneOf": [
                { "type": "number" },
                { "type": "string", "pattern": "^\\s*(|<|<=|>|>=|=|==|!=)\\s*[-+]?[0-9.]+([eE][-+]?[0-9]+)?\\s*$" }
            ]
        })
    }
}
