//! Lengths of time as people write them in policies.

use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, de};

/// Why a text is no length of time.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "is no length of time; accepted: seconds as a whole number, or a text such as 300s, 10m, 2h, 1h30m, up to 31 days"
)]
pub struct NotALength;

/// A length of time in whole seconds, 0 to 31 days. Written `90`, `300s`, `10m`, `2h`, `1d` or put together: `1h30m`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Seconds(u32);

/// The longest that is accepted: no window and no wait of an upgrade is longer than a month.
const MAX: u64 = 31 * 86_400;

impl Seconds {
    /// Checks and wraps.
    ///
    /// # Errors
    /// [`NotALength`] above 31 days.
    pub fn new(seconds: u64) -> Result<Self, NotALength> {
        match u32::try_from(seconds) {
            Ok(small) if seconds <= MAX => Ok(Self(small)),
            _ => Err(NotALength),
        }
    }

    /// The number of seconds.
    #[must_use]
    pub fn get(self) -> u32 {
        self.0
    }
}

impl std::str::FromStr for Seconds {
    type Err = NotALength;

    fn from_str(text: &str) -> Result<Self, NotALength> {
        let (mut total, mut number, mut last) = (0u64, String::new(), u64::MAX);
        for c in text.chars() {
            if c.is_ascii_digit() && number.len() < 9 {
                number.push(c);
                continue;
            }
            let unit = match c {
                's' => 1,
                'm' => 60,
                'h' => 3_600,
                'd' => 86_400,
                _ => return Err(NotALength),
            };
            // From large to small, each unit once: anything else is more likely a slip than meant.
            if unit >= last {
                return Err(NotALength);
            }
            total += std::mem::take(&mut number)
                .parse::<u64>()
                .map_err(|_| NotALength)?
                * unit;
            last = unit;
        }
        if last == u64::MAX || !number.is_empty() {
            return Err(NotALength);
        }
        Self::new(total)
    }
}

impl fmt::Display for Seconds {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}s", self.0)
    }
}

impl Serialize for Seconds {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Seconds {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Visitor;
        impl de::Visitor<'_> for Visitor {
            type Value = Seconds;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a length of time: seconds as a whole number, or a text such as 300s, 10m, 1h30m")
            }

            fn visit_u64<E: de::Error>(self, value: u64) -> Result<Seconds, E> {
                Seconds::new(value).map_err(|e| E::custom(format!("{value} {e}")))
            }

            fn visit_i64<E: de::Error>(self, value: i64) -> Result<Seconds, E> {
                let seconds = u64::try_from(value)
                    .map_err(|_| NotALength)
                    .and_then(Seconds::new);
                seconds.map_err(|e| E::custom(format!("{value} {e}")))
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<Seconds, E> {
                let shown: String = text.chars().take(40).collect();
                text.parse().map_err(|e| E::custom(format!("{shown:?} {e}")))
            }
        }
        deserializer.deserialize_any(Visitor)
    }
}

#[cfg(test)]
impl schemars::JsonSchema for Seconds {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Seconds".into()
    }

    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({
            "description": "A length of time, up to 31 days: whole seconds, or a text such as 300s, 10m, 2h, 1d, 1h30m.",
            "oneOf": [
                { "type": "integer", "minimum": 0, "maximum": MAX },
                { "type": "string", "pattern": "^(?=.)([0-9]{1,9}d)?([0-9]{1,9}h)?([0-9]{1,9}m)?([0-9]{1,9}s)?$" }
            ]
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_are_read_as_people_write_them() {
        for (json, expected) in [
            ("300", Some(300)),
            ("0", Some(0)),
            (r#""300s""#, Some(300)),
            (r#""10m""#, Some(600)),
            (r#""1h30m""#, Some(5_400)),
            (r#""31d""#, Some(2_678_400)),
            (r#""32d""#, None),
            ("-1", None),
            ("1.5", None),
            (r#""300""#, None),
            (r#""s""#, None),
            (r#""""#, None),
            (r#""1m1h""#, None),
            (r#""1m1m""#, None),
            (r#""1h30""#, None),
            (r#""99999999999d""#, None),
        ] {
            let read = serde_json::from_str::<Seconds>(json).ok().map(Seconds::get);
            assert_eq!(read, expected, "{json}");
        }
    }
}
