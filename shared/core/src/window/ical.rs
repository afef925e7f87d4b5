//! Holidays and freezes from iCalendar files (RFC 5545): every event that is not cancelled.

use std::str::FromStr;

use icalendar::parser::{Component, Property, read_calendar, unfold};
use jiff::civil::{Date, DateTime, Time};
use jiff::{SignedDuration, Timestamp};

use super::WindowError;
use super::recurrence::Recurrence;
use super::rrule::Rule;
use super::span::{Length, Span};
use super::zone::Zone;

/// The largest file that is read: thousands of events.
const MAX_BYTES: usize = 1 << 20;

/// The most events: each is looked at for every month that is planned.
const MAX_EVENTS: usize = 2_000;

fn wrong(problem: impl Into<String>, accepted: &str) -> WindowError {
    WindowError::new("calendar", problem, accepted)
}

/// The events of a file. Those without a zone of their own follow `zone`'s clock.
///
/// # Errors
/// What in the file is not understood: an event passed over would be a freeze that does not hold.
pub fn spans(freeze: &str, text: &str, zone: &Zone) -> Result<Vec<Span>, WindowError> {
    if text.len() > MAX_BYTES {
        let problem = format!("the file has {} bytes", text.len());
        return Err(wrong(problem, "up to 1 MiB"));
    }
    let unfolded = unfold(text);
    let calendar = read_calendar(&unfolded)
        .map_err(|e| wrong(format!("the file is no iCalendar: {}", shortened(&e)), "RFC 5545"))?;
    let events: Vec<_> = calendar
        .components
        .iter()
        .filter(|c| c.name == "VEVENT")
        .collect();
    if events.is_empty() || events.len() > MAX_EVENTS {
        let problem = format!("the file has {} events", events.len());
        return Err(wrong(problem, "1 to 2000"));
    }
    let cancelled = |event: &&&Component<'_>| text_of(event, "STATUS") == Some("CANCELLED");
    let kept = events.iter().filter(|e| !cancelled(e));
    let spans: Result<Vec<_>, _> = kept.map(|event| of_event(freeze, event, zone)).collect();
    Ok(spans?.into_iter().flatten().collect())
}

fn shortened(text: &str) -> String {
    text.lines()
        .next()
        .unwrap_or_default()
        .chars()
        .take(120)
        .collect()
}

fn text_of<'a>(event: &'a Component<'_>, name: &str) -> Option<&'a str> {
    event.find_prop(name).map(|p| p.val.as_str().trim())
}

fn of_event(freeze: &str, event: &Component<'_>, zone: &Zone) -> Result<Vec<Span>, WindowError> {
    let title = text_of(event, "SUMMARY")
        .or(text_of(event, "UID"))
        .unwrap_or("an event")
        .to_owned();
    let about = |error: WindowError| WindowError {
        problem: format!("event {title:?}: {}", error.problem),
        field: "calendar".to_owned(),
        ..error
    };
    for unread in ["EXDATE", "RDATE", "EXRULE", "RECURRENCE-ID"] {
        if event.find_prop(unread).is_some() {
            let problem = format!("event {title:?} has {unread}, which is not understood");
            return Err(wrong(
                problem,
                "events with DTSTART, DTEND or DURATION, and RRULE",
            ));
        }
    }
    let start = moment(event, "DTSTART", zone).map_err(about)?;
    let Some(start) = start else {
        return Err(about(wrong("it has no DTSTART", "an event with a beginning")));
    };
    let length = length(event, &start, zone).map_err(about)?;
    let begins = match text_of(event, "RRULE") {
        None => Recurrence::Once(start.clock),
        Some(rule) => Recurrence::Rule(Rule::parse(rule, start.clock, &start.zone).map_err(about)?),
    };
    begins.must_begin("calendar").map_err(about)?;
    Ok(vec![Span {
        name: format!("{freeze}: {title}"),
        zone: start.zone,
        begins,
        length,
    }])
}

/// A moment of an event, and whose clock it is on.
struct Point {
    clock: DateTime,
    zone: Zone,
    whole_day: bool,
}

fn moment(event: &Component<'_>, name: &str, zone: &Zone) -> Result<Option<Point>, WindowError> {
    event
        .find_prop(name)
        .map(|property| point(property, name, zone))
        .transpose()
}

fn point(property: &Property<'_>, name: &str, zone: &Zone) -> Result<Point, WindowError> {
    let text = property.val.as_str().trim();
    let none = || {
        wrong(
            format!("{name} is {text:?}"),
            "such as 20261224, 20261224T180000 or 20261224T180000Z",
        )
    };
    let parameter = |key: &str| {
        property
            .params
            .iter()
            .find(|p| p.key == key)
            .and_then(|p| p.val.as_ref())
    };
    if text.ends_with('Z') {
        let at = Timestamp::from_str(text).map_err(|_| none())?;
        let zone = Zone::utc();
        return Ok(Point {
            clock: zone.clock(at),
            zone,
            whole_day: false,
        });
    }
    let zone = match parameter("TZID") {
        None => zone.clone(),
        Some(id) => {
            Zone::new(id.as_str().trim_matches('"')).map_err(|e| wrong(e.to_string(), "an IANA zone"))?
        }
    };
    if !text.contains('T') {
        let day: Date = text.parse().map_err(|_| none())?;
        return Ok(Point {
            clock: day.to_datetime(Time::midnight()),
            zone,
            whole_day: true,
        });
    }
    let clock = text.parse().map_err(|_| none())?;
    Ok(Point {
        clock,
        zone,
        whole_day: false,
    })
}

fn length(event: &Component<'_>, start: &Point, zone: &Zone) -> Result<Length, WindowError> {
    let accepted = "an end after the beginning, at most 366 days later";
    let end = moment(event, "DTEND", zone)?;
    let length = match (end, text_of(event, "DURATION")) {
        (Some(end), _) if start.whole_day != end.whole_day => None,
        (Some(end), _) if start.whole_day => {
            let hours = start.clock.duration_until(end.clock).as_hours();
            i32::try_from(hours / 24).ok().map(Length::Days)
        }
        (Some(end), _) => {
            let instant = |p: &Point| p.zone.first_instant(p.clock);
            let (from, to) = (instant(start), instant(&end));
            from.zip(to)
                .map(|(from, to)| Length::Elapsed(from.duration_until(to)))
        }
        (None, Some(duration)) => duration
            .parse::<jiff::Span>()
            .ok()
            .and_then(|span| of_span(&span, start.whole_day)),
        // What RFC 5545 says of an event with neither: the day, or no time at all.
        (None, None) if start.whole_day => Some(Length::Days(1)),
        (None, None) => None,
    };
    let fits = |length: &Length| match length {
        Length::Days(days) => (1..=366).contains(days),
        Length::Elapsed(time) => time.is_positive() && time.as_hours() <= 24 * 366,
        Length::Until { .. } => false,
    };
    length
        .filter(fits)
        .ok_or_else(|| wrong("it has no length", accepted))
}

fn of_span(span: &jiff::Span, whole_day: bool) -> Option<Length> {
    let days = span.get_weeks() * 7 + span.get_days();
    let time = SignedDuration::from_hours(i64::from(span.get_hours()))
        + SignedDuration::from_mins(span.get_minutes())
        + SignedDuration::from_secs(span.get_seconds());
    match time.is_zero() && whole_day {
        true => Some(Length::Days(days)),
        false => Some(Length::Elapsed(
            time + SignedDuration::from_hours(24 * i64::from(days)),
        )),
    }
}
