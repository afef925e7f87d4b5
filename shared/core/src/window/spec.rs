//! Windows and freezes as they are written.

use std::collections::BTreeMap;

use jiff::civil::{Date, DateTime, Time};
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use super::WindowError;
use super::recurrence::{Day, Recurrence};
use super::rrule::Rule;
use super::span::{Length, Span};
use super::zone::Zone;
use crate::seconds::Seconds;

/// A maintenance window: when batches may be released. Exactly one of `weekly`, `cron`, `rrule` and `once`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct WindowSpec {
    /// What people call it.
    pub name: String,
    /// Whose clock it follows. Needed unless `once` names instants.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub zone: Option<Zone>,
    /// On days of the week.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub weekly: Option<Weekly>,
    /// By a cron pattern of five fields: minute, hour, day of the month, month, day of the week.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cron: Option<String>,
    /// By a rule of RFC 5545, which begins at `start`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rrule: Option<String>,
    /// The beginning of `rrule`, on the zone's clock.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub start: Option<DateTime>,
    /// Once.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub once: Option<Once>,
    /// How long it is open, in elapsed time. Needed unless it is `once`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub duration: Option<Seconds>,
}

/// Days of the week and a time.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Weekly {
    /// The days.
    pub days: Vec<Day>,
    /// When it opens on the zone's clock, such as `"02:30"`.
    pub start: Time,
}

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
    Instant(Timestamp),
    /// Without.
    Clock(DateTime),
}

impl TryFrom<String> for Moment {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        if let Ok(instant) = text.parse() {
            return Ok(Self::Instant(instant));
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
            Moment::Instant(at) => at.to_string(),
            Moment::Clock(at) => at.to_string(),
        }
    }
}

/// A freeze: when nothing may be released, whatever window is open. Exactly one of `dates`, `once` and `calendar`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct FreezeSpec {
    /// What people call it.
    pub name: String,
    /// Whose clock it follows. Needed unless `once` names instants.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub zone: Option<Zone>,
    /// Whole days.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dates: Option<Vec<Date>>,
    /// From one moment to another.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub once: Option<Once>,
    /// The name of an iCalendar file; all its events are frozen.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub calendar: Option<String>,
}

/// Everything is stopped until somebody takes this away.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Stop {
    /// Why.
    pub reason: String,
}

impl WindowSpec {
    /// What it means.
    ///
    /// # Errors
    /// The field that is missing, too many, or never lets it open.
    pub fn span(&self) -> Result<Span, WindowError> {
        let given = [
            self.weekly.is_some(),
            self.cron.is_some(),
            self.rrule.is_some(),
            self.once.is_some(),
        ];
        exactly_one(&given, "weekly, cron, rrule or once")?;
        if let Some(once) = &self.once {
            self.must_not_have("duration", self.duration.is_some(), "once")?;
            return once.span(&self.name, self.zone.as_ref(), false);
        }
        let zone = self
            .zone
            .clone()
            .ok_or_else(|| zone_missing("the window recurs"))?;
        let length = self
            .duration
            .filter(|length| length.get() >= 60)
            .ok_or_else(|| WindowError::new("duration", "is missing or below a minute", "1m to 31d"))?;
        if self.rrule.is_none() {
            self.must_not_have("start", self.start.is_some(), "anything but rrule")?;
        }
        let begins = match (&self.weekly, &self.cron, &self.rrule) {
            (Some(weekly), ..) => Recurrence::Weekly {
                days: weekly.days.clone(),
                start: weekly.start,
            },
            (_, Some(cron), _) => Recurrence::cron(cron)?,
            (.., rule) => {
                let start = self.start.ok_or_else(|| {
                    WindowError::new(
                        "start",
                        "is missing: a rule has a beginning",
                        "such as 2026-01-04T02:30",
                    )
                })?;
                Recurrence::Rule(Rule::parse(rule.as_deref().unwrap_or_default(), start, &zone)?)
            }
        };
        match begins {
            Recurrence::Weekly { .. } => begins.must_begin("weekly.days")?,
            _ => begins.must_begin("rrule")?,
        }
        Ok(Span {
            name: self.name.clone(),
            zone,
            begins,
            length: Length::Elapsed(SignedDuration::from_secs(i64::from(length.get()))),
        })
    }

    fn must_not_have(&self, field: &str, given: bool, with: &str) -> Result<(), WindowError> {
        match given {
            true => Err(WindowError::new(
                field,
                format!("does not go with {with}"),
                "absent",
            )),
            false => Ok(()),
        }
    }
}

impl FreezeSpec {
    /// What it means; `files` are the texts of the iCalendar files by name.
    ///
    /// # Errors
    /// The field that is missing, too many or wrong.
    pub fn spans(&self, files: &BTreeMap<String, String>) -> Result<Vec<Span>, WindowError> {
        let given = [self.dates.is_some(), self.once.is_some(), self.calendar.is_some()];
        exactly_one(&given, "dates, once or calendar")?;
        if let Some(once) = &self.once {
            return Ok(vec![once.span(&self.name, self.zone.as_ref(), true)?]);
        }
        let zone = self
            .zone
            .clone()
            .ok_or_else(|| zone_missing("the freeze has whole days"))?;
        if let Some(name) = &self.calendar {
            let text = files.get(name).ok_or_else(|| {
                let there: Vec<_> = files.keys().map(String::as_str).collect();
                let accepted = match there.as_slice() {
                    [] => "the name of a file that is given along".to_owned(),
                    names => names.join(", "),
                };
                WindowError::new("calendar", format!("there is no file {name:?}"), accepted)
            })?;
            return super::ical::spans(&self.name, text, &zone);
        }
        let dates = self.dates.iter().flatten();
        Ok(dates
            .map(|date| Span {
                name: self.name.clone(),
                zone: zone.clone(),
                begins: Recurrence::Once(date.to_datetime(Time::midnight())),
                length: Length::Days(1),
            })
            .collect())
    }
}

impl Once {
    fn span(&self, name: &str, zone: Option<&Zone>, last: bool) -> Result<Span, WindowError> {
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
            Moment::Instant(at) => zone.clock(at),
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

fn zone_missing(because: &str) -> WindowError {
    let accepted = "a name of the IANA time zone database, such as Europe/Berlin";
    WindowError::new("zone", format!("is missing, and {because}"), accepted)
}

fn exactly_one(given: &[bool], which: &str) -> Result<(), WindowError> {
    match given.iter().filter(|g| **g).count() {
        1 => Ok(()),
        0 => Err(WindowError::new(
            "",
            "says nothing about when",
            format!("one of {which}"),
        )),
        n => Err(WindowError::new(
            "",
            format!("has {n} of {which}"),
            "exactly one of them",
        )),
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
