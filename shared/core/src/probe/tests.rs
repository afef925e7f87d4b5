//! Situations and what a look at them leads to. Each batch is watched for 60 s and has 300 s to report.

use super::*;
use crate::units::{Ordinal, Position};
use crate::upgrade::tests::course::{CANARY, Course, harmful, harmless, plan, undecided};

mod clocks;

/// What a look is made with, beside the record.
#[derive(Clone, Default)]
struct Seen {
    counts: (u32, u32),
    /// Released instances that are dropped and have not reported.
    dropped: u32,
    verdict: Option<Verdict>,
    room: Option<Room>,
    /// A stop that is in force.
    stop: Option<Stop>,
    /// How far the looking workflow is off in epoch and attempt.
    off: (u64, u32),
}

fn reports(completed: u32, failed: u32) -> Seen {
    Seen {
        counts: (completed, failed),
        ..Seen::default()
    }
}

fn gate(verdict: Verdict) -> Seen {
    Seen {
        verdict: Some(verdict),
        ..Seen::default()
    }
}

fn drawn(decision: &Decision) -> String {
    let Decision::Apply(command) = decision else {
        return format!("{decision:?}").to_lowercase();
    };
    let detail = match command {
        Command::Moved {
            completed,
            failed,
            dropped: dropped @ 1..,
            ..
        } => format!(": {completed} and {failed} but {dropped}"),
        Command::Moved {
            completed,
            failed,
            unreachable: 0,
            ..
        } => format!(": {completed} and {failed}"),
        Command::Moved { unreachable, .. } => format!(" without {unreachable}"),
        Command::RollBack {
            reason,
            automatic: true,
            ..
        }
        | Command::Fail { reason, .. } => format!(": {reason}"),
        Command::Pause { cause } | Command::Hold { cause } => format!(": {cause}"),
        Command::RolledBack {
            acknowledged,
            dropped: 0,
        } => format!(": {acknowledged}"),
        Command::RolledBack {
            acknowledged,
            dropped,
        } => format!(": {acknowledged} but {dropped}"),
        _ => String::new(),
    };
    format!("{}{detail}", command.event_name())
}

/// All failed ones before all that have arrived.
fn failed(course: &Course, seen: &Seen) -> Vec<Failed> {
    let one = |n| Failed {
        at: course.now,
        ordinal: Ordinal(n),
        arrived: 0,
    };
    (0..seen.counts.1).map(one).collect()
}

fn look(course: &Course, seen: &Seen, by: fn(&Look<'_>) -> Decision) -> String {
    let upgrade = &course.upgrade;
    drawn(&by(&Look {
        upgrade,
        plan: &course.plan,
        epoch: Epoch(upgrade.epoch.0 + seen.off.0),
        attempt: Attempt(upgrade.attempt.0 + seen.off.1),
        counts: Counts {
            completed: seen.counts.0,
            failed: seen.counts.1,
        },
        dropped: seen.dropped,
        failed: &failed(course, seen),
        stop: seen.stop.as_ref(),
        verdict: seen.verdict.as_ref(),
        room: seen.room.as_ref(),
        silent: None,
        now: course.now,
    }))
}

const WISHES: &str = r#","strategy":"CANARY","canaryPercentage":25,"canarySecondStage":false,
    "maxUnavailablePercentage":50}"#;

/// Rows: commands so far, what is seen, decision; with more wishes.
fn check(wishes: &str, rows: &[(&str, Seen, &str)]) {
    check_fleet(4, wishes, rows);
}

fn check_fleet(count: u32, wishes: &str, rows: &[(&str, Seen, &str)]) {
    for (script, seen, expected) in rows {
        let course = Course::after(
            plan(count, &format!("{{{wishes}{}", WISHES.trim_start_matches(','))),
            script,
        );
        assert_eq!(look(&course, seen, decide), *expected, "{script}");
        assert_eq!(look(&course, seen, decide), *expected, "a second look: {script}");
    }
}

const RELEASED: &str = "start; validate; release";
const BAKING: &str = "start; validate; release; moved 1 0; shifted 25";

fn none() -> Seen {
    Seen::default()
}

#[test]
fn the_course_of_things() {
    let last = format!("{BAKING}; pass; release; moved 2 0; shifted 75; pass");
    let all = format!("{last}; shifted 100; release; moved 1 0; shifted 100; pass");
    check(
        "",
        &[
            // The route is set and read before the first release, wherever it was left.
            ("start; validate", none(), "shift"),
            ("start; validate; shifted 0", none(), "deploy"),
            (RELEASED, none(), "wait"),
            (RELEASED, reports(1, 0), "batch.moved: 1 and 0"),
            (
                RELEASED,
                reports(0, 1),
                "rollback.started: all 1 instances of the batch failed",
            ),
            ("start; validate; release; moved 1 0", none(), "shift"),
            (BAKING, none(), "wait"),
            (BAKING, gate(harmless()), "batch.passed"),
            (&format!("{BAKING}; pass"), none(), "deploy"),
            (&last, none(), "shift"),
            (&format!("{last}; shifted 100"), none(), "deploy"),
            (&all, none(), "upgrade.completed"),
            (&format!("{all}; complete"), none(), "ended"),
        ],
    );
}

#[test]
fn only_the_workflow_of_the_record_acts() {
    let off = |epoch, attempt| Seen {
        off: (epoch, attempt),
        ..gate(harmful())
    };
    check(
        "",
        &[
            ("", none(), "superseded"),
            ("start", none(), "superseded"),
            (BAKING, off(1, 0), "superseded"),
            (BAKING, off(0, 1), "superseded"),
            (&format!("{BAKING}; rollback"), off(1, 0), "goback"),
            (&format!("{BAKING}; fail"), off(1, 0), "ended"),
        ],
    );
}

/// What is missing holds the upgrade, once, and never passes it.
#[test]
fn what_is_missing_is_waited_for() {
    let bake = undecided(Missing::BakeTime { left_ms: 1 });
    check(
        "",
        &[
            (&format!("{RELEASED}; wait 299"), none(), "wait"),
            (
                &format!("{RELEASED}; wait 301"),
                none(),
                "upgrade.held: 1 instances of batch 0 have not reported in time",
            ),
            (
                &format!("{RELEASED}; wait 900"),
                reports(1, 0),
                "batch.moved: 1 and 0",
            ),
            (
                &format!("{BAKING}; wait 59"),
                gate(undecided(Missing::Data)),
                "wait",
            ),
            (
                &format!("{BAKING}; wait 60"),
                gate(undecided(Missing::Data)),
                "upgrade.held: the gate is undecided: waiting for the first requests to the new version",
            ),
            (
                &format!("{BAKING}; wait 60"),
                gate(undecided(Missing::Source)),
                "upgrade.held: the gate is undecided: the fleet declares no source of metrics",
            ),
            (&format!("{BAKING}; wait 60"), gate(bake), "wait"),
            (&format!("{BAKING}; wait 60"), none(), "wait"),
        ],
    );
}

#[test]
fn a_hold_is_recorded_once() {
    let mut course = Course::after(plan(4, CANARY), &format!("{BAKING}; wait 60"));
    let seen = gate(undecided(Missing::Data));
    let command = |course: &Course| {
        let look = Look {
            upgrade: &course.upgrade,
            plan: &course.plan,
            epoch: course.upgrade.epoch,
            attempt: course.upgrade.attempt,
            counts: Counts::default(),
            dropped: 0,
            failed: &[],
            stop: None,
            verdict: seen.verdict.as_ref(),
            room: None,
            silent: None,
            now: course.now,
        };
        decide(&look)
    };
    let Decision::Apply(held) = command(&course) else {
        panic!("it holds")
    };
    course.apply(held).unwrap();
    course.wait(30);
    assert_eq!(command(&course), Decision::Wait);
}

/// Harm comes before everything else, paused or not.
#[test]
fn harm_acts() {
    let (paused, verdict) = (format!("{BAKING}; pause"), harmful().to_string());
    let back = format!("rollback.started: {verdict}");
    let stopped = format!("upgrade.paused: paused by the gate: {verdict}");
    check(
        "",
        &[
            (BAKING, gate(harmful()), &back),
            (&paused, gate(harmful()), &back),
        ],
    );
    let off = r#""autoRollbackEnabled":false,"#;
    check(
        off,
        &[
            (BAKING, gate(harmful()), &stopped),
            (&paused, gate(harmful()), "wait"),
        ],
    );
}

#[test]
fn failures_end_it_at_the_threshold() {
    let once = format!("{RELEASED}; moved 0 1; shifted 25; pass; release");
    let (back, ends) = ("rollback.started", "2 instances failed, and 2 end the upgrade");
    let two = r#""failureThreshold":2,"#;
    check(
        two,
        &[
            (
                RELEASED,
                reports(0, 1),
                "rollback.started: all 1 instances of the batch failed",
            ),
            (&once, reports(1, 0), "wait"),
            (&once, reports(0, 1), &format!("{back}: {ends}")),
            (
                &format!("{once}; pause"),
                reports(0, 1),
                &format!("{back}: {ends}"),
            ),
        ],
    );
    check(
        &format!(r#"{two}"autoRollbackEnabled":false,"#),
        &[(&once, reports(0, 1), &format!("upgrade.failed: {ends}"))],
    );
}

#[test]
fn a_pause_holds_everything_but_harm() {
    check(
        "",
        &[
            ("start; validate; pause", none(), "wait"),
            (&format!("{RELEASED}; pause; wait 900"), reports(1, 0), "wait"),
            (&format!("{BAKING}; pause; wait 900"), gate(harmless()), "wait"),
            (
                &format!("{BAKING}; pause; wait 900"),
                gate(undecided(Missing::Data)),
                "wait",
            ),
            (
                &format!("{BAKING}; pause; resume"),
                gate(harmless()),
                "batch.passed",
            ),
        ],
    );
}

/// Failures in a row, and what each policy makes of them; harm is stronger than a limit on failures in a row.
#[test]
fn the_breaker_trips_at_its_limit() {
    let released = format!("{BAKING}; pass; release");
    let back =
        "rollback.started: max_consecutive_failures (2) exceeded: 2 instances failed one after the other";
    let ask = back.replace("rollback.started", "upgrade.paused");
    let failures = r#""failureThreshold":9,"#;
    let rows = |expected: &str| {
        check_fleet(
            8,
            &format!("{failures}{expected}"),
            &[
                (&released, reports(0, 1), "wait"),
                (
                    &released,
                    reports(2, 2),
                    if expected.is_empty() { back } else { &ask },
                ),
            ],
        );
    };
    rows("");
    rows(r#""onBreaker":"ask","#);
    rows(r#""autoRollbackEnabled":false,"#);
    check_fleet(
        8,
        &format!(r#"{failures}"maxConsecutiveFailures":3,"#),
        &[(&released, reports(2, 2), "batch.moved: 2 and 2")],
    );
    check_fleet(
        8,
        &format!(r#"{failures}"onBreaker":"ask","#),
        &[
            (&format!("{released}; break"), reports(2, 2), "wait"),
            (
                &format!("{released}; break; continue"),
                reports(2, 2),
                "batch.moved: 2 and 2",
            ),
        ],
    );
}

/// Where an operator has the last word, a good canary waits for it; an operator's word ends the bake, and stands for no
/// evidence.
#[test]
fn a_canary_is_promoted_by_whom_the_plan_says() {
    let promoted = format!("{BAKING}; promote");
    let manual = r#""canaryPromotion":"manual","#;
    let waits = "upgrade.held: the canary is good after batch 0, and waits to be promoted";
    check(
        manual,
        &[
            (BAKING, gate(harmless()), waits),
            (&promoted, gate(harmless()), "batch.passed"),
            (
                &promoted,
                gate(harmful()),
                "rollback.started: harmful: the new version failed 50 of 1000 requests against 0 of 9000 requests of the old one; evidence e^0.0 reached e^4.6",
            ),
            (
                &format!("{promoted}; pass; release; moved 2 0; shifted 75"),
                gate(harmless()),
                "batch.passed",
            ),
        ],
    );
    check(
        "",
        &[(
            &promoted,
            gate(undecided(Missing::Data)),
            "upgrade.held: the gate is undecided: waiting for the first requests to the new version",
        )],
    );
    for (script, expected) in [(BAKING, 60_000), (promoted.as_str(), 0)] {
        let course = Course::after(plan(4, CANARY), script);
        let left = bake_left_ms(&course.upgrade, &course.plan, course.now);
        assert_eq!(left, expected, "{script}");
    }
}

/// A stop pauses what moves and lets harm act; once it is lifted, what it had paused goes on, and nothing else does.
#[test]
fn under_a_stop_nothing_goes_further() {
    let stop = || Stop {
        covers: crate::stop::Covers::Everything,
        by: "user:olga".to_owned(),
        reason: "fire".to_owned(),
        since: crate::upgrade::tests::course::BEGIN,
    };
    let stopped = |seen: Seen| Seen {
        stop: Some(stop()),
        ..seen
    };
    let paused = "upgrade.paused: everything is stopped by user:olga: fire";
    check(
        "",
        &[
            ("start; validate", stopped(none()), paused),
            (RELEASED, stopped(reports(1, 0)), paused),
            (BAKING, stopped(gate(harmless())), paused),
            (&format!("{BAKING}; stop"), stopped(gate(harmless())), "wait"),
            (&format!("{BAKING}; stop"), none(), "upgrade.resumed"),
            (&format!("{BAKING}; pause"), stopped(none()), "wait"),
            (&format!("{BAKING}; pause"), none(), "wait"),
        ],
    );
    for script in [BAKING, &format!("{BAKING}; stop")] {
        let course = Course::after(plan(4, CANARY), script);
        let found = look(&course, &stopped(gate(harmful())), decide);
        assert!(found.starts_with("rollback.started"), "{script}: {found}");
    }
}

/// A fault of our own does not take the place of what an operator said.
#[test]
fn a_pause_keeps_its_explanation() {
    let course = Course::after(plan(4, CANARY), &format!("{BAKING}; pause"));
    let fault = Cause::OrchestratorFault {
        error: "Sluice.Unavailable".to_owned(),
    };
    assert_eq!(hold(&course.upgrade, fault), Decision::Wait);
}

/// A batch is released in parts, and waits by name where there is no room at all.
#[test]
fn a_batch_goes_as_far_as_there_is_room() {
    let down = || Cause::InstancesDown {
        batch: 1,
        down: 2,
        cap: 2,
        named: Named::of([7, 9].map(Ordinal)),
    };
    let room = |to| Seen {
        room: Some(Room {
            to: Position(to),
            waits_for: (to < 3).then(down),
        }),
        ..none()
    };
    let and = |(completed, failed), seen| Seen {
        counts: (completed, failed),
        ..seen
    };
    let ready = format!("{BAKING}; pass");
    let part = format!("{ready}; release 2");
    let held = "upgrade.held: batch 1 has no room: 2 instances are down, and no more than 2 may be unavailable: 7, 9";
    let silent = "upgrade.held: 1 instances of batch 1 have not reported in time";
    check(
        "",
        &[
            (&ready, room(3), "deploy"),
            (&ready, room(2), "deploy"),
            (&ready, room(1), held),
            (&format!("{ready}; hold"), room(2), "deploy"),
            (&part, room(3), "batch.extended"),
            (&part, room(2), "wait"),
            (&part, and((1, 0), room(3)), "batch.extended"),
            (&part, and((1, 0), room(2)), held),
            // Not all of the batch has moved when all that was released has.
            (&part, and((1, 0), none()), "wait"),
            (&format!("{part}; wait 300"), room(2), silent),
            (&format!("{part}; wait 300; extend"), and((1, 0), none()), "wait"),
            (
                &format!("{part}; extend"),
                and((2, 0), none()),
                "batch.moved: 2 and 0",
            ),
        ],
    );
}

/// Of a batch of two, one may be left behind; not both, and none before its time.
#[test]
fn who_never_answers_may_be_left_behind() {
    let released = format!("{BAKING}; pass; release");
    let late = format!("{released}; wait 300");
    let held = |missing| format!("upgrade.held: {missing} instances of batch 1 have not reported in time");
    check(
        r#""unreachableLimit":1,"#,
        &[
            (&released, reports(1, 0), "wait"),
            (&late, reports(1, 0), "batch.moved without 1"),
            (&late, reports(0, 0), &held(2)),
            (&late, reports(0, 1), &held(1)),
        ],
    );
}

/// Nobody waits for who is dropped; those who are left decide.
#[test]
fn who_is_dropped_is_not_waited_for() {
    let but = |dropped, seen| Seen { dropped, ..seen };
    let released = format!("{BAKING}; pass; release");
    let part = format!("{BAKING}; pass; release 2");
    let harm = "rollback.started: all 2 instances of the batch failed";
    check(
        r#""maxConsecutiveFailures":9,"failureThreshold":9,"#,
        &[
            (&released, but(1, reports(0, 0)), "wait"),
            (&released, but(1, reports(1, 0)), "batch.moved: 1 and 0 but 1"),
            (&released, but(2, reports(0, 0)), "batch.moved: 0 and 0 but 2"),
            (
                &released,
                but(1, reports(0, 1)),
                "rollback.started: all 1 instances of the batch failed",
            ),
            (&released, reports(0, 2), harm),
            // What is not released yet has not moved either.
            (&part, but(1, reports(0, 0)), "wait"),
        ],
    );
    let back = "start; validate; release; moved 1 0; shifted 25; pass; release; rollback; shifted 0";
    let course = Course::after(plan(4, CANARY), back);
    for (seen, expected) in [
        (but(1, reports(2, 0)), "rollback.completed: 2 but 1"),
        (reports(3, 0), "rollback.completed: 3"),
        (but(1, reports(1, 0)), "wait"),
        (
            but(1, reports(1, 1)),
            "upgrade.failed: of 3 instances 1 could not be brought back and 0 did not answer",
        ),
    ] {
        assert_eq!(look(&course, &seen, decide_revert), expected);
    }
}
