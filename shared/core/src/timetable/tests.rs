use super::*;
use crate::policy::{LayerName, Policy, read};
use crate::upgrade::tests::course::{CANARY, Course, plan};

fn timetable(text: &str) -> Timetable {
    let policy: Policy = read("p.yaml", text).unwrap_or_else(|e| panic!("{e}"));
    let layer = Layer {
        name: LayerName::Tenant,
        file: "p.yaml".to_owned(),
        revision: None,
        policy,
    };
    Timetable::of(&[layer]).unwrap_or_else(|e| panic!("{e:?}"))
}

/// In one word, with when it goes on.
fn told(decision: &Decision) -> String {
    let at = |cause: &Cause| cause.until().map_or(String::new(), |until| format!(" {until}"));
    match decision {
        Decision::Apply(Command::Hold { cause }) => {
            let value = serde_json::to_value(cause).unwrap();
            format!("{}{}", value["cause"].as_str().unwrap(), at(cause))
        }
        Decision::Apply(command) => command.event_name().to_owned(),
        other => format!("{other:?}").to_lowercase(),
    }
}

/// The release of a batch after a course of things, at a moment. The plan has 4 instances in 3 batches of 360 s each; it
/// needs 1680 s with the way back, its first batch 660 s, its second one 960 s.
#[test]
fn a_release_waits_for_its_time() {
    let once = |from: &str, to: &str| {
        format!("windows: [{{name: w, once: {{from: 2026-01-10T{from}:00Z, to: 2026-01-10T{to}:00Z}}}}]")
    };
    let night = |zone: &str| {
        format!("windows: [{{name: w, zone: {zone}, weekly: {{days: [sun], start: '02:30'}}, duration: 1h}}]")
    };
    let tenth = |time: &str| format!("2026-01-10T{time}:00Z");
    let (first, later) = (
        "start; validate",
        "start; validate; release; moved 1 0; shifted 25; pass",
    );
    let rows = [
        (first, "{}".to_owned(), tenth("12:00"), "deploy"),
        (
            first,
            once("12:00", "13:00"),
            tenth("11:59"),
            "window-closed 2026-01-10T12:00:00Z",
        ),
        (first, once("12:00", "13:00"), tenth("12:00"), "deploy"),
        (first, once("12:00", "13:00"), tenth("12:32"), "deploy"),
        // The whole plan does not fit any more, and no other window comes.
        (first, once("12:00", "13:00"), tenth("12:33"), "window-too-short"),
        (first, once("12:00", "13:00"), tenth("13:00"), "window-closed"),
        // Part by part it does.
        (
            first,
            once("12:00", "13:00") + "\nonTooLong: split",
            tenth("12:49"),
            "deploy",
        ),
        (
            first,
            once("12:00", "13:00") + "\nonTooLong: split",
            tenth("12:50"),
            "window-too-short",
        ),
        // A later batch needs its own time only.
        (later, once("12:00", "13:00"), tenth("12:44"), "deploy"),
        (later, once("12:00", "13:00"), tenth("12:45"), "window-too-short"),
        (
            later,
            once("12:00", "13:00") + "\nonWindowEnd: continue",
            tenth("14:00"),
            "deploy",
        ),
        (
            first,
            once("12:00", "13:00") + "\nonWindowEnd: continue",
            tenth("14:00"),
            "window-closed",
        ),
        (
            later,
            once("12:00", "13:00")
                + "\nonWindowEnd: continue\nfreezes: [{name: f, zone: UTC, dates: [2026-01-10]}]",
            tenth("14:00"),
            "freeze",
        ),
        (
            first,
            "freezes: [{name: f, zone: UTC, dates: [2026-01-10]}]".to_owned(),
            tenth("12:00"),
            "freeze 2026-01-11T00:00:00Z",
        ),
        (
            first,
            "emergencyStop: {reason: fire}".to_owned(),
            tenth("12:00"),
            "emergency-stop",
        ),
        (
            later,
            "emergencyStop: {reason: fire}\nonWindowEnd: continue".to_owned(),
            tenth("12:00"),
            "emergency-stop",
        ),
        // The night that skips half past two: the window opens after the skip, and is as long as ever.
        (
            first,
            night("Europe/Berlin"),
            "2026-03-29T00:30:00Z".to_owned(),
            "window-closed 2026-03-29T01:00:00Z",
        ),
        (
            first,
            night("Europe/Berlin"),
            "2026-03-29T01:31:00Z".to_owned(),
            "deploy",
        ),
        (
            first,
            night("Europe/Berlin"),
            "2026-03-29T02:00:00Z".to_owned(),
            "window-closed 2026-04-05T00:30:00Z",
        ),
        // The night that has it twice: it opens at the first, once.
        (
            first,
            night("Europe/Berlin"),
            "2026-10-25T00:29:00Z".to_owned(),
            "window-closed 2026-10-25T00:30:00Z",
        ),
        (
            first,
            night("Europe/Berlin"),
            "2026-10-25T00:31:00Z".to_owned(),
            "deploy",
        ),
        (
            first,
            night("Europe/Berlin"),
            "2026-10-25T01:31:00Z".to_owned(),
            "window-closed 2026-11-01T01:30:00Z",
        ),
        // Another zone's night.
        (
            first,
            night("America/New_York"),
            "2026-03-08T06:59:00Z".to_owned(),
            "window-closed 2026-03-08T07:00:00Z",
        ),
        // Half an hour is what the clocks of this one go back.
        (
            first,
            night("Australia/Lord_Howe"),
            "2026-04-04T15:00:00Z".to_owned(),
            "window-closed 2026-04-04T16:00:00Z",
        ),
        (
            first,
            night("Australia/Lord_Howe"),
            "2026-04-04T16:00:00Z".to_owned(),
            "deploy",
        ),
    ];
    for (way, policy, now, expected) in rows {
        let course = Course::after(plan(4, CANARY), way);
        let now = now.parse().unwrap();
        let found = timetable(&policy).judge(Decision::Deploy, &course.upgrade, &course.plan, now);
        assert_eq!(told(&found), expected, "{way} with {policy} at {now}");
        // Traffic that goes before its batch waits like it.
        let shift = timetable(&policy).judge(Decision::Shift, &course.upgrade, &course.plan, now);
        assert_eq!(
            told(&shift).replace("shift", "deploy"),
            expected,
            "{way} with {policy} at {now}"
        );
    }
}

/// A batch is released in the window, which closes an hour later.
#[test]
fn a_batch_that_outlives_its_window_is_treated_as_the_policy_says() {
    let way = "start; validate; release";
    let rows: [(&str, i64, &str, &str); 9] = [
        ("finish-batch", 59, way, "wait"),
        ("finish-batch", 60, way, "upgrade.overdue"),
        ("continue", 61, way, "upgrade.overdue"),
        ("pause", 59, way, "wait"),
        ("pause", 60, way, "upgrade.paused"),
        (
            "pause",
            61,
            "start; validate; release; moved 1 0; shifted 25",
            "upgrade.paused",
        ),
        ("rollback", 61, way, "rollback.started"),
        // An operator has it in hand.
        ("rollback", 61, "start; validate; release; pause", "wait"),
        // Nothing moves between two batches.
        (
            "rollback",
            61,
            "start; validate; release; moved 1 0; shifted 25; pass",
            "wait",
        ),
    ];
    for (action, minutes, way, expected) in rows {
        let course = Course::after(plan(4, CANARY), way);
        let released = course.upgrade.released_at.unwrap();
        let closes = released + SignedDuration::from_hours(1);
        let policy = format!(
            "windows: [{{name: w, once: {{from: {released}, to: {closes}}}}}]\nonWindowEnd: {action}"
        );
        let now = released + SignedDuration::from_mins(minutes);
        let judge = |upgrade: &Upgrade| timetable(&policy).judge(Decision::Wait, upgrade, &course.plan, now);
        let found = judge(&course.upgrade);
        assert_eq!(told(&found), expected, "{way}: {action} after {minutes} minutes");
        // What ends a batch, and what is harm, goes before.
        let pass = Decision::Apply(Command::Complete);
        assert_eq!(
            timetable(&policy).judge(pass.clone(), &course.upgrade, &course.plan, now),
            pass
        );
        // It is told once.
        if let Decision::Apply(command @ Command::Overdue { .. }) = found {
            let mut after = course;
            after.apply(command).unwrap();
            let again = timetable(&policy).judge(Decision::Wait, &after.upgrade, &after.plan, now);
            assert_eq!(again, Decision::Wait, "{action}");
        }
    }
}

#[test]
fn a_paused_one_that_goes_on_is_not_paused_again() {
    let mut course = Course::after(plan(4, CANARY), "start; validate; release");
    let closed_at = course.now;
    course
        .apply(Command::Pause {
            cause: Cause::WindowEnded { batch: 0, closed_at },
        })
        .unwrap();
    course.apply(Command::Resume).unwrap();
    let told = Overdue::Window {
        batch: 0,
        since: closed_at,
    };
    assert_eq!(course.upgrade.overdue, [told]);
}

#[test]
fn it_is_looked_at_in_time() {
    for (way, opens_in, expected) in [
        ("start; validate", Some(10_000), Some(60)),
        ("start; validate", Some(1_200), Some(2)),
        ("start; validate", Some(0), Some(1)),
        ("start; validate", None, Some(60)),
        (
            "start; validate; release; moved 1 0; shifted 25; pass",
            Some(10_000_000),
            Some(30),
        ),
    ] {
        let mut course = Course::after(plan(4, CANARY), way);
        let (plan, now) = (course.plan.clone(), course.now);
        assert_eq!(look_after_seconds(&course.upgrade, &plan, now), None, "{way}");
        let opens_at = opens_in.map(|ms| now + SignedDuration::from_millis(ms));
        let expected = if opens_in == Some(10_000) {
            Some(10)
        } else {
            expected
        };
        course
            .apply(Command::Hold {
                cause: Cause::WindowClosed { opens_at },
            })
            .unwrap();
        assert_eq!(
            look_after_seconds(&course.upgrade, &plan, now),
            expected,
            "{way} {opens_in:?}"
        );
    }
}

#[test]
fn policies_that_do_not_fit_together_hold_what_is_to_be_released() {
    for (way, decision, expected) in [
        ("start; validate", Decision::Deploy, "policy-unusable"),
        ("start; validate; release", Decision::Wait, "wait"),
    ] {
        let course = Course::after(plan(4, CANARY), way);
        let found = without(decision, &course.upgrade, "they contradict".to_owned());
        assert_eq!(told(&found), expected);
    }
}
