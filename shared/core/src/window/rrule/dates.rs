//! The dates of a rule's periods. A period is a day, week, month or year; the one of the beginning has index 0.

use jiff::ToSpan;
use jiff::civil::{Date, date};

use super::{ByDay, Frequency, Rule, pick};

impl Rule {
    /// The index of the last period of this rule that begins at or before a day, as the interval counts.
    pub(super) fn period_of(&self, day: Date) -> i64 {
        let start = self.start.date();
        let passed = match self.frequency {
            Frequency::Daily => days_between(start, day),
            Frequency::Weekly => days_between(self.week_of(start), day).div_euclid(7),
            Frequency::Monthly => months(day) - months(start),
            Frequency::Yearly => i64::from(day.year()) - i64::from(start.year()),
        };
        (passed / i64::from(self.interval)).max(0)
    }

    /// The dates of the `index`-th period in no order; none beyond the end of the calendar.
    pub(super) fn expand(&self, index: i64) -> Option<Vec<Date>> {
        let steps = index.checked_mul(i64::from(self.interval))?;
        let start = self.start.date();
        Some(match self.frequency {
            Frequency::Daily => {
                let day = start.checked_add(steps.days()).ok()?;
                vec![day].into_iter().filter(|d| self.allows(*d)).collect()
            }
            Frequency::Weekly => {
                let monday = self
                    .week_of(start)
                    .checked_add(steps.checked_mul(7)?.days())
                    .ok()?;
                let week = (0..7).filter_map(|n: i64| monday.checked_add(n.days()).ok());
                week.filter(|d| self.is_day_of_week(*d) && self.is_in_month(*d))
                    .collect()
            }
            Frequency::Monthly => {
                let month = months(start).checked_add(steps)?;
                let (year, month) = (month.div_euclid(12), month.rem_euclid(12) + 1);
                let first = Date::new(i16::try_from(year).ok()?, i8::try_from(month).ok()?, 1).ok()?;
                if self.is_in_month(first) {
                    self.of_month(first)
                } else {
                    Vec::new()
                }
            }
            Frequency::Yearly => {
                let year = i16::try_from(i64::from(start.year()).checked_add(steps)?).ok()?;
                self.of_year(Date::new(year, 1, 1).ok()?)
            }
        })
    }

    fn week_of(&self, day: Date) -> Date {
        let since = day.weekday().since(self.week_start);
        day.checked_sub(i64::from(since).days()).unwrap_or(day)
    }

    fn is_in_month(&self, day: Date) -> bool {
        self.months.is_empty() || self.months.contains(&day.month())
    }

    fn is_day_of_week(&self, day: Date) -> bool {
        match self.days.as_slice() {
            [] => day.weekday() == self.start.date().weekday(),
            days => days.iter().any(|d| d.day == day.weekday()),
        }
    }

    fn is_month_day(&self, day: Date) -> bool {
        let from_end = day.day() - day.days_in_month() - 1;
        self.month_days.iter().any(|n| *n == day.day() || *n == from_end)
    }

    /// For a rule by the day, in which every part only takes days away.
    fn allows(&self, day: Date) -> bool {
        self.is_in_month(day)
            && (self.month_days.is_empty() || self.is_month_day(day))
            && (self.days.is_empty() || self.is_day_of_week(day))
    }

    fn of_month(&self, first: Date) -> Vec<Date> {
        let days: Vec<Date> = first
            .series(1.day())
            .take(usize::from(first.days_in_month().unsigned_abs()))
            .collect();
        match (self.month_days.is_empty(), self.days.is_empty()) {
            (true, true) => days.into_iter().filter(|d| d.day() == self.start.day()).collect(),
            (true, false) => by_days(&days, &self.days),
            (false, true) => days.into_iter().filter(|d| self.is_month_day(*d)).collect(),
            (false, false) => {
                let mut both = by_days(&days, &self.days);
                both.retain(|d| self.is_month_day(*d));
                both
            }
        }
    }

    fn of_year(&self, first: Date) -> Vec<Date> {
        let by_month_day = !self.month_days.is_empty();
        if self.months.is_empty() && !by_month_day && !self.days.is_empty() {
            let length = usize::from(first.days_in_year().unsigned_abs());
            return by_days(
                &first.series(1.day()).take(length).collect::<Vec<_>>(),
                &self.days,
            );
        }
        let months: Vec<i8> = match (self.months.is_empty(), by_month_day) {
            (false, _) => self.months.clone(),
            (true, true) => (1..=12).collect(),
            (true, false) => vec![self.start.month()],
        };
        let firsts = months
            .into_iter()
            .filter_map(|m| Date::new(first.year(), m, 1).ok());
        firsts.flat_map(|first| self.of_month(first)).collect()
    }
}

/// The days of a period that are weekdays of the list.
fn by_days(period: &[Date], wanted: &[ByDay]) -> Vec<Date> {
    let mut found = Vec::new();
    for by in wanted {
        let matching: Vec<Date> = period.iter().copied().filter(|d| d.weekday() == by.day).collect();
        match by.nth {
            None => found.extend(matching),
            Some(nth) => found.extend(pick(&matching, nth)),
        }
    }
    found
}

fn months(day: Date) -> i64 {
    i64::from(day.year()) * 12 + i64::from(day.month()) - 1
}

fn days_between(from: Date, to: Date) -> i64 {
    let number = |day: Date| {
        let since = date(1970, 1, 1).duration_until(day);
        since.as_hours() / 24
    };
    number(to) - number(from)
}
