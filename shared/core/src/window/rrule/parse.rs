//! Reads a rule's text.

use std::str::FromStr;

use jiff::Timestamp;
use jiff::civil::{Date, DateTime, Weekday};

use super::{ByDay, Frequency, Rule};
use crate::window::WindowError;
use crate::window::zone::Zone;

const ACCEPTED: &str = "a rule such as FREQ=WEEKLY;BYDAY=SU with FREQ (DAILY, WEEKLY, MONTHLY, YEARLY), INTERVAL, \
                        COUNT or UNTIL, BYMONTH, BYMONTHDAY, BYDAY, BYSETPOS, WKST";

fn wrong(problem: String) -> WindowError {
    WindowError::new("rrule", problem, ACCEPTED)
}

pub(super) fn parse(text: &str, start: DateTime, zone: &Zone) -> Result<Rule, WindowError> {
    let mut frequency = None;
    let mut rule = Rule {
        start,
        frequency: Frequency::Daily,
        interval: 1,
        count: None,
        until: None,
        months: Vec::new(),
        month_days: Vec::new(),
        days: Vec::new(),
        positions: Vec::new(),
        week_start: Weekday::Monday,
    };
    let mut seen: Vec<String> = Vec::new();
    for part in text.split(';') {
        let (name, value) = part
            .split_once('=')
            .ok_or_else(|| wrong(format!("{part:?} is no NAME=VALUE")))?;
        let name = name.trim().to_ascii_uppercase();
        if seen.contains(&name) {
            return Err(wrong(format!("has {name} twice")));
        }
        match name.as_str() {
            "FREQ" => frequency = Some(frequency_of(value)?),
            "INTERVAL" => rule.interval = number(&name, value, 1, 1_000)?,
            "COUNT" => rule.count = Some(number(&name, value, 1, 10_000)?),
            "UNTIL" => rule.until = Some(until(value, zone)?),
            "BYMONTH" => rule.months = list(&name, value, 1, 12)?,
            "BYMONTHDAY" => rule.month_days = list(&name, value, -31, 31)?,
            "BYSETPOS" => rule.positions = list(&name, value, -366, 366)?,
            "BYDAY" => rule.days = value.split(',').map(by_day).collect::<Result<_, _>>()?,
            "WKST" => rule.week_start = weekday(value)?,
            other => return Err(wrong(format!("{other} is not among its parts"))),
        }
        seen.push(name);
    }
    rule.frequency = frequency.ok_or_else(|| wrong("has no FREQ".to_owned()))?;
    check(&rule)?;
    Ok(rule)
}

fn check(rule: &Rule) -> Result<(), WindowError> {
    if rule.count.is_some() && rule.until.is_some() {
        return Err(wrong(
            "has COUNT and UNTIL, and only one of them may be there".to_owned(),
        ));
    }
    let by_month = matches!(rule.frequency, Frequency::Monthly | Frequency::Yearly);
    if !by_month && rule.days.iter().any(|d| d.nth.is_some()) {
        return Err(wrong(
            "counts weekdays, which only months and years have".to_owned(),
        ));
    }
    if rule.frequency == Frequency::Weekly && !rule.month_days.is_empty() {
        return Err(wrong("has BYMONTHDAY, which does not go with WEEKLY".to_owned()));
    }
    let chooses = !(rule.days.is_empty() && rule.month_days.is_empty() && rule.months.is_empty());
    if !rule.positions.is_empty() && !chooses {
        return Err(wrong("has BYSETPOS and nothing to choose from".to_owned()));
    }
    Ok(())
}

fn frequency_of(value: &str) -> Result<Frequency, WindowError> {
    match value.trim().to_ascii_uppercase().as_str() {
        "DAILY" => Ok(Frequency::Daily),
        "WEEKLY" => Ok(Frequency::Weekly),
        "MONTHLY" => Ok(Frequency::Monthly),
        "YEARLY" => Ok(Frequency::Yearly),
        other => Err(wrong(format!("FREQ is {other:?}"))),
    }
}

fn number<T: FromStr + PartialOrd + std::fmt::Display + Copy>(
    name: &str,
    value: &str,
    min: T,
    max: T,
) -> Result<T, WindowError> {
    let text = value.trim();
    text.trim_start_matches('+')
        .parse()
        .ok()
        .filter(|number| (&min..=&max).contains(&number))
        .ok_or_else(|| wrong(format!("{name} is {text:?}, and must be from {min} to {max}")))
}

fn list<T: FromStr + PartialOrd + std::fmt::Display + Copy + From<i8>>(
    name: &str,
    value: &str,
    min: T,
    max: T,
) -> Result<Vec<T>, WindowError> {
    let numbers: Vec<T> = value
        .split(',')
        .map(|n| number(name, n, min, max))
        .collect::<Result<_, _>>()?;
    match numbers.iter().any(|n| *n == T::from(0)) {
        true => Err(wrong(format!("{name} has a 0, and is counted from 1 or from -1"))),
        false => Ok(numbers),
    }
}

fn by_day(text: &str) -> Result<ByDay, WindowError> {
    let text = text.trim();
    let split = text.len().checked_sub(2).filter(|at| text.is_char_boundary(*at));
    let (nth, day) = text.split_at(split.ok_or_else(|| wrong(format!("BYDAY has {text:?}")))?);
    let nth = match nth {
        "" => None,
        nth => Some(number::<i16>("BYDAY", nth, -53, 53)?),
    };
    match nth {
        Some(0) => Err(wrong(
            "BYDAY has a 0, and is counted from 1 or from -1".to_owned(),
        )),
        _ => Ok(ByDay {
            nth,
            day: weekday(day)?,
        }),
    }
}

fn weekday(text: &str) -> Result<Weekday, WindowError> {
    match text.trim().to_ascii_uppercase().as_str() {
        "MO" => Ok(Weekday::Monday),
        "TU" => Ok(Weekday::Tuesday),
        "WE" => Ok(Weekday::Wednesday),
        "TH" => Ok(Weekday::Thursday),
        "FR" => Ok(Weekday::Friday),
        "SA" => Ok(Weekday::Saturday),
        "SU" => Ok(Weekday::Sunday),
        other => Err(wrong(format!(
            "{other:?} is no weekday (MO, TU, WE, TH, FR, SA, SU)"
        ))),
    }
}

/// A day counts to its end; what is in UTC is brought to the clock.
fn until(value: &str, zone: &Zone) -> Result<DateTime, WindowError> {
    let text = value.trim();
    let none = || {
        wrong(format!(
            "UNTIL is {text:?}, and must be such as 20261231, 20261231T060000 or 20261231T060000Z"
        ))
    };
    if text.ends_with('Z') {
        return Ok(zone.clock(Timestamp::from_str(text).map_err(|_| none())?));
    }
    if !text.contains('T') {
        let date: Date = text.parse().map_err(|_| none())?;
        return Ok(date.at(23, 59, 59, 0));
    }
    text.parse().map_err(|_| none())
}
