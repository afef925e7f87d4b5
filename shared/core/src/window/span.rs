//! One window or freeze.

use jiff::{SignedDuration, Timestamp, civil};

use super::recurrence::Recurrence;
use super::zone::Zone;

/// A stretch of real time: `start` belongs to it, `end` does not.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Interval {
    /// Its first instant.
    pub start: Timestamp,
    /// The first instant after it.
    pub end: Timestamp,
    /// Whether it goes on where nobody looked any more.
    pub(super) endless: bool,
}

impl Interval {
    /// From `start` to before `end`.
    #[must_use]
    pub fn new(start: Timestamp, end: Timestamp) -> Self {
        Self {
            start,
            end,
            endless: false,
        }
    }

    /// When it ends; none when that is beyond the horizon.
    #[must_use]
    pub fn closes(&self) -> Option<Timestamp> {
        (!self.endless).then_some(self.end)
    }
}

/// How long something lasts from its beginning on.
#[derive(Debug, Clone, PartialEq)]
pub enum Length {
    /// Real time.
    Elapsed(SignedDuration),
    /// Whole days of the calendar.
    Days(i32),
    /// Until the clock shows this; for what happens once.
    Until {
        /// What the clock shows.
        at: civil::DateTime,
        /// Whether the second of two such instants is meant.
        last: bool,
    },
}

/// One window or freeze: when it begins on a zone's clock, and how long it lasts.
#[derive(Debug, Clone, PartialEq)]
pub struct Span {
    /// What people call it.
    pub name: String,
    /// Whose clock.
    pub zone: Zone,
    /// When it begins.
    pub begins: Recurrence,
    /// How long it lasts.
    pub length: Length,
}

/// The clock is never further than this from where a constant offset would have it: zones have moved by a whole day.
const SLACK: SignedDuration = SignedDuration::from_hours(26);

impl Span {
    /// Its intervals that have an instant in common with the time from `start` to before `end`, in order.
    #[must_use]
    pub fn intervals(&self, start: Timestamp, end: Timestamp) -> Vec<Interval> {
        let clock = |at: Timestamp| self.zone.clock(at);
        let longest = match &self.length {
            Length::Elapsed(length) => Some(*length),
            Length::Days(days) => Some(SignedDuration::from_hours(24 * i64::from(*days))),
            Length::Until { .. } => None,
        };
        let from = longest
            .and_then(|longest| clock(start).checked_sub(longest).ok())
            .and_then(|at| at.checked_sub(SLACK).ok())
            .unwrap_or(civil::DateTime::MIN);
        let until = clock(end).checked_add(SLACK).unwrap_or(civil::DateTime::MAX);
        self.begins
            .between(from, until)
            .into_iter()
            .filter_map(|at| self.interval(at))
            .filter(|i| i.start < end && i.end > start && i.start < i.end)
            .collect()
    }

    fn interval(&self, at: civil::DateTime) -> Option<Interval> {
        let start = self.zone.first_instant(at)?;
        let end = match &self.length {
            Length::Elapsed(length) => start.checked_add(*length).ok()?,
            Length::Days(days) => {
                let day = at.date().checked_add(jiff::Span::new().days(*days)).ok()?;
                self.zone
                    .first_instant(day.to_datetime(civil::Time::midnight()))?
            }
            Length::Until { at, last: false } => self.zone.first_instant(*at)?,
            Length::Until { at, last: true } => self.zone.last_instant(*at)?,
        };
        Some(Interval::new(start, end))
    }
}
