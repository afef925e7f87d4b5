//! Windows against expected values that Python worked out (`data/windows.py`), and iCalendar files.

#![expect(clippy::unwrap_used, reason = "a test may panic")]

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};
use serde::Deserialize;
use sluice_core::window::{Calendar, FreezeSpec, State, Stop, WindowSpec};

#[derive(Debug, Deserialize)]
struct Case {
    name: String,
    windows: Vec<WindowSpec>,
    freezes: Vec<FreezeSpec>,
    now: Timestamp,
    open: bool,
    next_open: Option<Timestamp>,
    closes_at: Option<Timestamp>,
}

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

#[test]
fn windows_open_when_an_independent_calendar_says() {
    let cases: Vec<Case> = serde_json::from_str(include_str!("data/windows.json")).unwrap();
    assert!(cases.len() >= 200, "{} cases", cases.len());
    let mut wrong = Vec::new();
    for case in &cases {
        let calendar = Calendar::new(&case.windows, &case.freezes, None, &BTreeMap::new())
            .unwrap_or_else(|e| panic!("{}: {e:?}", case.name));
        let found = (
            calendar.is_open(case.now),
            calendar.next_open(case.now),
            calendar.closes_at(case.now),
        );
        if found != (case.open, case.next_open, case.closes_at) {
            wrong.push(format!(
                "{} at {}: {found:?}, expected {case:?}",
                case.name, case.now
            ));
        }
        let fits = |seconds| calendar.fits(case.now, SignedDuration::from_secs(seconds));
        if let Some(closes) = case.closes_at {
            let left = case.now.duration_until(closes).as_secs();
            assert!(fits(left) && !fits(left + 1), "{}", case.name);
        }
        assert_eq!(fits(0), case.open, "{}", case.name);
    }
    assert!(
        wrong.is_empty(),
        "{} of {} are wrong:\n{}",
        wrong.len(),
        cases.len(),
        wrong.join("\n")
    );
}

#[test]
fn nothing_is_open_while_stopped() {
    let stop = Stop {
        reason: "a certificate runs out".to_owned(),
    };
    let calendar = Calendar::new(&[], &[], Some(&stop), &BTreeMap::new()).unwrap();
    let now = at("2026-03-29T00:00:00Z");
    assert_eq!((calendar.is_open(now), calendar.next_open(now)), (false, None));
    assert_eq!(calendar.state(now), State::Stopped { reason: stop.reason });
}

#[test]
fn what_keeps_it_closed_is_named() {
    let freeze = r#"{"name":"audit","once":{"from":"2026-03-28T00:00:00Z","to":"2026-03-30T00:00:00Z"}}"#;
    let freezes = [serde_json::from_str(freeze).unwrap()];
    let calendar = Calendar::new(&[], &freezes, None, &BTreeMap::new()).unwrap();
    let because = r#"the freeze "audit" is on"#.to_owned();
    let until = Some(at("2026-03-30T00:00:00Z"));
    assert_eq!(
        calendar.state(at("2026-03-29T00:00:00Z")),
        State::Closed { because, until }
    );
    assert_eq!(
        calendar.state(at("2026-03-30T00:00:00Z")),
        State::Open { until: None }
    );
}

/// A file's text around its events.
fn ics(events: &str) -> String {
    let text = format!("BEGIN:VCALENDAR\nVERSION:2.0\nPRODID:-//test//EN\n{events}\nEND:VCALENDAR\n");
    text.replace('\n', "\r\n")
}

fn frozen(events: &str) -> Result<Calendar, String> {
    let freeze = r#"{"name":"holidays","zone":"Europe/Berlin","calendar":"h.ics"}"#;
    let files = BTreeMap::from([("h.ics".to_owned(), ics(events))]);
    Calendar::new(&[], &[serde_json::from_str(freeze).unwrap()], None, &files).map_err(|errors| {
        errors
            .iter()
            .map(ToString::to_string)
            .collect::<Vec<_>>()
            .join("; ")
    })
}

#[test]
fn holidays_are_frozen() {
    let rows = [
        (
            "BEGIN:VEVENT\nSUMMARY:Christmas\nDTSTART;VALUE=DATE:20261224\nDTEND;VALUE=DATE:20261227\nEND:VEVENT",
            "2026-12-23T23:00:00Z",
            "2026-12-26T23:00:00Z",
        ),
        (
            "BEGIN:VEVENT\nSUMMARY:Each year\nDTSTART;VALUE=DATE:20201224\nRRULE:FREQ=YEARLY\nEND:VEVENT",
            "2026-12-23T23:00:00Z",
            "2026-12-24T23:00:00Z",
        ),
        (
            "BEGIN:VEVENT\nSUMMARY:Elsewhere\nDTSTART;TZID=America/New_York:20260308T013000\nDURATION:PT1H\nEND:VEVENT",
            "2026-03-08T06:30:00Z",
            "2026-03-08T07:30:00Z",
        ),
        (
            "BEGIN:VEVENT\nSUMMARY:Folded over\n  two lines\nDTSTART:20260301T100000Z\nDTEND:20260301T110000Z\nEND:VEVENT",
            "2026-03-01T10:00:00Z",
            "2026-03-01T11:00:00Z",
        ),
        (
            "BEGIN:VEVENT\nSTATUS:CANCELLED\nDTSTART:20260301T090000Z\nDTEND:20260301T100000Z\nEND:VEVENT\n\
          BEGIN:VEVENT\nDTSTART:20260301T100000Z\nDTEND:20260301T110000Z\nEND:VEVENT",
            "2026-03-01T10:00:00Z",
            "2026-03-01T11:00:00Z",
        ),
    ];
    for (events, from, to) in rows {
        let calendar = frozen(events).unwrap();
        let before = at(from).checked_sub(SignedDuration::from_secs(1)).unwrap();
        assert_eq!(calendar.closes_at(before), Some(at(from)), "{events}");
        assert_eq!(calendar.next_open(at(from)), Some(at(to)), "{events}");
    }
}

#[test]
fn what_a_calendar_file_says_and_is_not_understood_is_refused() {
    for (events, expected) in [
        ("", "0 events"),
        ("BEGIN:VEVENT\nSUMMARY:a\nEND:VEVENT", "no DTSTART"),
        ("BEGIN:VEVENT\nDTSTART:20260301T100000Z\nEND:VEVENT", "no length"),
        (
            "BEGIN:VEVENT\nDTSTART:20260301T100000Z\nDTEND:20260301T090000Z\nEND:VEVENT",
            "no length",
        ),
        (
            "BEGIN:VEVENT\nDTSTART;TZID=Mars/Base:20260301T100000\nDURATION:PT1H\nEND:VEVENT",
            "no time zone \"Mars/Base\"",
        ),
        (
            "BEGIN:VEVENT\nDTSTART:yesterday\nDURATION:PT1H\nEND:VEVENT",
            "DTSTART is \"yesterday\"",
        ),
        (
            "BEGIN:VEVENT\nDTSTART;VALUE=DATE:20260301\nRRULE:FREQ=HOURLY\nEND:VEVENT",
            "FREQ is \"HOURLY\"",
        ),
        (
            "BEGIN:VEVENT\nDTSTART;VALUE=DATE:20260301\nRRULE:FREQ=YEARLY\nEXDATE:20270301\nEND:VEVENT",
            "EXDATE",
        ),
        ("BEGIN:VEVENT\nDTSTART;VALUE=DATE:20260301", "no iCalendar"),
    ] {
        let said = frozen(events).unwrap_err();
        assert!(said.contains(expected), "{events}: {said}");
    }
}
