//! At which times on a clock something begins. Nothing here knows which instants those are.

use std::str::FromStr as _;

use croner::Cron;
use jiff::civil::{DateTime, Time};
use jiff::tz::TimeZone;
use serde::{Deserialize, Serialize};

use super::WindowError;
use super::rrule::Rule;

/// A day of the week.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "lowercase")]
pub enum Day {
    /// Monday.
    Mon,
    /// Tuesday.
    Tue,
    /// Wednesday.
    Wed,
    /// Thursday.
    Thu,
    /// Friday.
    Fri,
    /// Saturday.
    Sat,
    /// Sunday.
    Sun,
}

/// When something begins.
#[derive(Debug, Clone, PartialEq)]
pub enum Recurrence {
    /// Once.
    Once(DateTime),
    /// On days of the week, at a time.
    Weekly {
        /// The days.
        days: Vec<Day>,
        /// The time.
        start: Time,
    },
    /// By a cron pattern of five fields.
    Cron(Box<Cron>),
    /// By a rule of RFC 5545.
    Rule(Rule),
}

impl Recurrence {
    /// Reads a cron pattern.
    ///
    /// # Errors
    /// When it is none, when it could begin more than once an hour, or when no day ever matches it.
    pub fn cron(pattern: &str) -> Result<Self, WindowError> {
        let accepted =
            "minute hour day-of-month month day-of-week, the minute one number, such as `30 2 * * SUN`";
        let wrong = |problem: String| WindowError::new("cron", problem, accepted);
        let fields: Vec<_> = pattern.split_whitespace().collect();
        if fields.len() != 5 {
            return Err(wrong(format!("has {} fields", fields.len())));
        }
        if fields.first().is_none_or(|minute| minute.parse::<u8>().is_err()) {
            return Err(wrong("would open more often than once an hour".to_owned()));
        }
        let cron = Cron::from_str(pattern).map_err(|e| wrong(format!("is no pattern: {e}")))?;
        let recurrence = Self::Cron(Box::new(cron));
        recurrence.must_begin("cron")?;
        Ok(recurrence)
    }

    /// Refuses what never begins.
    pub(super) fn must_begin(&self, field: &str) -> Result<(), WindowError> {
        let begins = match self {
            Self::Cron(cron) => next(cron, jiff::civil::date(2000, 1, 1).at(0, 0, 0, 0)).is_some(),
            Self::Rule(rule) => rule.first().is_some(),
            Self::Weekly { days, .. } => !days.is_empty(),
            Self::Once(_) => true,
        };
        match begins {
            true => Ok(()),
            false => Err(WindowError::new(
                field,
                "never opens: no date matches it",
                "a rule that some date matches",
            )),
        }
    }

    /// The beginnings from `from` to before `until`, in order.
    #[must_use]
    pub fn between(&self, from: DateTime, until: DateTime) -> Vec<DateTime> {
        match self {
            Self::Once(at) => (from..until).contains(at).then_some(*at).into_iter().collect(),
            Self::Weekly { days, start } => weekly(days, *start, from, until),
            Self::Cron(cron) => {
                let mut found = Vec::new();
                let mut at = from;
                while let Some(next) = next(cron, at).filter(|next| *next < until) {
                    found.push(next);
                    let Ok(after) = next.checked_add(jiff::Span::new().minutes(1)) else {
                        break;
                    };
                    at = after;
                }
                found
            }
            Self::Rule(rule) => rule.between(from, until),
        }
    }
}

/// The first time at or after `at` that matches. The clock is handed over as if it were UTC's, which skips nothing.
fn next(cron: &Cron, at: DateTime) -> Option<DateTime> {
    let at = at.to_zoned(TimeZone::UTC).ok()?;
    cron.find_next_occurrence(&at, true)
        .ok()
        .map(|next| next.datetime())
}

fn weekly(days: &[Day], start: Time, from: DateTime, until: DateTime) -> Vec<DateTime> {
    let mut found = Vec::new();
    let mut date = from.date();
    loop {
        let at = date.to_datetime(start);
        if at >= until {
            return found;
        }
        let monday_is_0 = date.weekday().to_monday_zero_offset();
        if at >= from && days.iter().any(|day| *day as i8 == monday_is_0) {
            found.push(at);
        }
        let Ok(tomorrow) = date.tomorrow() else {
            return found;
        };
        date = tomorrow;
    }
}
