//! Which instances move now.

use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, de};

/// The lowest ordinal that moves: a number, or counted from the fleet's end as `"replicas - 1"`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Partition {
    /// This ordinal and those above.
    From(u32),
    /// The last so many.
    Last(u32),
}

const ACCEPTED: &str = "an ordinal from 0, or \"replicas - N\" with N from 1";

impl Default for Partition {
    fn default() -> Self {
        Self::From(0)
    }
}

impl Partition {
    /// Whether all instances move.
    #[must_use]
    pub fn is_all(self) -> bool {
        self == Self::default()
    }

    /// The lowest ordinal that moves, of a fleet with ordinals below `replicas`.
    #[must_use]
    pub fn first(self, replicas: u32) -> u32 {
        match self {
            Self::From(first) => first,
            Self::Last(count) => replicas.saturating_sub(count),
        }
    }
}

impl Serialize for Partition {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::From(first) => serializer.serialize_u32(*first),
            Self::Last(count) => serializer.collect_str(&format_args!("replicas - {count}")),
        }
    }
}

impl<'de> Deserialize<'de> for Partition {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Visitor;
        impl de::Visitor<'_> for Visitor {
            type Value = Partition;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(ACCEPTED)
            }

            fn visit_i64<E: de::Error>(self, value: i64) -> Result<Partition, E> {
                let first = u32::try_from(value);
                first
                    .map(Partition::From)
                    .map_err(|_| E::custom(format!("is {value}; accepted: {ACCEPTED}")))
            }

            fn visit_u64<E: de::Error>(self, value: u64) -> Result<Partition, E> {
                self.visit_i64(i64::try_from(value).unwrap_or(i64::MAX))
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<Partition, E> {
                let count = text
                    .trim()
                    .strip_prefix("replicas")
                    .and_then(|rest| rest.trim().strip_prefix('-'));
                let count = count
                    .and_then(|count| count.trim().parse().ok())
                    .filter(|count| *count > 0);
                let shown: String = text.chars().take(40).collect();
                count
                    .map(Partition::Last)
                    .ok_or_else(|| E::custom(format!("is {shown:?}; accepted: {ACCEPTED}")))
            }
        }
        deserializer.deserialize_any(Visitor)
    }
}

#[cfg(test)]
impl schemars::JsonSchema for Partition {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Partition".into()
    }

    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({
            "description": "The lowest ordinal that moves: a number, or counted from the fleet's end as \"replicas - 1\".",
            "oneOf": [
                { "type": "integer", "minimum": 0, "maximum": u32::MAX },
                { "type": "string", "pattern": "^ *replicas *- *[1-9][0-9]{0,8} *$" }
            ]
        })
    }
}
