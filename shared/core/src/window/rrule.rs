//! Recurrence rules of RFC 5545, as far as windows and holidays need them, on the clock of the zone.
//!
//! `FREQ` of `DAILY`, `WEEKLY`, `MONTHLY` and `YEARLY`, with `INTERVAL`, `COUNT`, `UNTIL`, `BYMONTH`, `BYMONTHDAY`,
//! `BYDAY`, `BYSETPOS` and `WKST`. Other parts are refused, not passed over. A beginning that does not match its own rule
//! is none of its dates. Written here because the libraries there are bring a second database of zones along, which
//! could tell another time than the first.

use jiff::civil::{Date, DateTime, Weekday};

use super::WindowError;
use super::zone::Zone;

mod dates;
mod parse;

/// How often a rule comes round.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Frequency {
    Daily,
    Weekly,
    Monthly,
    Yearly,
}

/// A weekday of a period: each one, or the n-th from its beginning or end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct ByDay {
    nth: Option<i16>,
    day: Weekday,
}

/// A rule with its beginning.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rule {
    start: DateTime,
    frequency: Frequency,
    interval: u32,
    count: Option<u32>,
    until: Option<DateTime>,
    months: Vec<i8>,
    month_days: Vec<i8>,
    days: Vec<ByDay>,
    positions: Vec<i16>,
    week_start: Weekday,
}

impl Rule {
    /// Reads a rule such as `FREQ=MONTHLY;BYDAY=1SU` that begins at `start`. An `UNTIL` in UTC is brought to the clock of
    /// `zone`.
    ///
    /// # Errors
    /// The part that is wrong, or not among those above.
    pub fn parse(text: &str, start: DateTime, zone: &Zone) -> Result<Self, WindowError> {
        parse::parse(text, start, zone)
    }

    /// Its first date.
    #[must_use]
    pub fn first(&self) -> Option<DateTime> {
        self.dates(self.start).next()
    }

    /// Its dates from `from` to before `until`, in order.
    #[must_use]
    pub fn between(&self, from: DateTime, until: DateTime) -> Vec<DateTime> {
        // Counted from the beginning, each date has to be passed; else the walk can begin nearby.
        let walk_from = if self.count.is_some() { self.start } else { from };
        self.dates(walk_from)
            .take_while(|at| *at < until)
            .filter(|at| *at >= from)
            .collect()
    }

    /// Its dates in order: all from the period of `from` on. Ends after 400 years without a date, when the calendar
    /// has repeated itself.
    fn dates(&self, from: DateTime) -> impl Iterator<Item = DateTime> + '_ {
        let first = self.period_of(from.max(self.start).date());
        let limit = self.periods_in_400_years();
        let mut index = first;
        let mut empty = 0u64;
        let mut ready: std::collections::VecDeque<DateTime> = std::collections::VecDeque::new();
        let dates = std::iter::from_fn(move || {
            while ready.is_empty() {
                if empty > limit {
                    return None;
                }
                ready.extend(self.dates_of(index)?);
                empty = if ready.is_empty() { empty + 1 } else { 0 };
                index += 1;
            }
            ready.pop_front()
        });
        dates
            .filter(|at| *at >= self.start)
            .take_while(|at| self.until.is_none_or(|until| *at <= until))
            .take(self.count.map_or(usize::MAX, |n| n as usize))
    }

    fn periods_in_400_years(&self) -> u64 {
        match self.frequency {
            Frequency::Daily => 146_097,
            Frequency::Weekly => 20_871,
            Frequency::Monthly => 4_800,
            Frequency::Yearly => 400,
        }
    }

    /// The times of the `index`-th period, none beyond the end of the calendar.
    fn dates_of(&self, index: i64) -> Option<Vec<DateTime>> {
        let mut dates = self.expand(index)?;
        dates.sort_unstable();
        dates.dedup();
        if !self.positions.is_empty() {
            let picked = self
                .positions
                .iter()
                .filter_map(|position| pick(&dates, *position));
            let mut picked: Vec<Date> = picked.collect();
            picked.sort_unstable();
            picked.dedup();
            dates = picked;
        }
        Some(
            dates
                .into_iter()
                .map(|date| date.to_datetime(self.start.time()))
                .collect(),
        )
    }
}

/// The n-th from the beginning (1) or the end (-1).
fn pick<T: Copy>(all: &[T], position: i16) -> Option<T> {
    let index = match usize::try_from(position) {
        Ok(from_begin) => from_begin.checked_sub(1)?,
        Err(_) => all.len().checked_sub(usize::from(position.unsigned_abs()))?,
    };
    all.get(index).copied()
}
