//! Windows and freezes as they are written.

use std::collections::BTreeMap;

use jiff::SignedDuration;
use jiff::civil::{Date, DateTime, Time};
use serde::{Deserialize, Serialize};

use super::WindowError;
pub use super::once::{Moment, Once};
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

pub(super) fn zone_missing(because: &str) -> WindowError {
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
