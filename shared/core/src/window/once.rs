//! What is there once: from one moment to another.

use jiff::Timestamp;
use jiff::civil::DateTime;
use serde::{Deserialize, Serialize};

use super::WindowError;
use super::recurrence::Recurrence;
use super::span::{Length, Span};
use super::spec::zone_missing;
use super::zone::Zone;

/// From one moment to before another.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Once {
    /// When it begins.
    pub from: Moment,
    /// When it ends.
    pub to: Moment,
}

/// An instant (`2026-03-29T01:00:00Z`), or what a zone's clock shows (`2026-03-29T02:30`).
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum Moment {
    /// With an offset.
    Utc(Timestamp),
    /// Without.
    Clock(DateTime),
}

impl TryFrom<String> for Moment {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        if let Ok(instant) = text.parse() {
            return Ok(Self::Utc(instant));
        }
        text.parse().map(Self::Clock).map_err(|_| {
            let text: String = text.chars().take(40).collect();
            format!("{text:?} is no moment; accepted: 2026-03-29T01:00:00Z, or 2026-03-29T02:30 on the zone's clock")
        })
    }
}

impl From<Moment> for String {
    fn from(moment: Moment) -> String {
        match moment {
            Moment::Utc(at) => at.to_string(),
            Moment::Clock(at) => at.to_string(),
        }
    }
}

impl Once {
    pub(super) fn span(&self, name: &str, zone: Option<&Zone>, last: bool) -> Result<Span, WindowError> {
        let by_clock = matches!(self.from, Moment::Clock(_));
        if by_clock != matches!(self.to, Moment::Clock(_)) {
            let problem = "one moment has an offset and the other has none";
            return Err(WindowError::new("once", problem, "both with, or both without"));
        }
        if by_clock && zone.is_none() {
            return Err(zone_missing("its moments have no offset"));
        }
        let zone = zone.filter(|_| by_clock).cloned().unwrap_or_else(Zone::utc);
        let clock = |moment: Moment| match moment {
            Moment::Utc(at) => zone.clock(at),
            Moment::Clock(at) => at,
        };
        let (from, to) = (clock(self.from), clock(self.to));
        let span = Span {
            name: name.to_owned(),
            zone,
            begins: Recurrence::Once(from),
            length: Length::Until { at: to, last },
        };
        match span.intervals(Timestamp::MIN, Timestamp::MAX).is_empty() {
            true => Err(WindowError::new(
                "once.to",
                "is not after once.from: it never opens",
                "a later moment",
            )),
            false => Ok(span),
        }
    }
}

#[cfg(test)]
impl schemars::JsonSchema for Moment {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Moment".into()
    }

    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({
            "description": "An instant (2026-03-29T01:00:00Z), or what the zone's clock shows (2026-03-29T02:30).",
            "type": "string",
            "pattern": "^[0-9]{4}-[0-9]{2}-[0-9]{2}"
        })
    }
}
