//! Whole courses as text, and what holds in every course.

use self::course::{BEGIN, CANARY, Course, command, plan};
use super::*;

pub mod course;
mod property;

fn seconds(at: Timestamp) -> i64 {
    at.duration_since(BEGIN).as_secs()
}

/// Record, channel and lock in one line.
fn drawn(course: &Course) -> String {
    let Upgrade {
        status,
        batch,
        phase,
        weight,
        ..
    } = &course.upgrade;
    let phase = match phase {
        Phase::Ready { since } => format!("ready@{}", seconds(*since)),
        Phase::Moving { since, .. } => format!("moving@{}", seconds(*since)),
        Phase::Shifting { since } => format!("shifting@{}", seconds(*since)),
        Phase::Baking { since } => format!("baking@{}", seconds(*since)),
        Phase::Reverting { since, frontier } => format!("reverting@{} below {frontier}", seconds(*since)),
    };
    let channel = course.channel.as_ref().map_or("no channel".to_owned(), |c| {
        let held = c
            .held_until
            .map_or(String::new(), |t| format!(" held until {}", seconds(t)));
        format!(
            "{:?} e{} <{} next <{}{held}",
            c.mode, c.epoch, c.frontier, c.next_frontier
        )
    });
    let lock = if course.locked { "locked" } else { "free" };
    format!("{} b{batch} {phase} {weight} | {channel} | {lock}", status.name())
}

/// Applies each line's command 10 s after the one before, and compares what follows with the rest of the line.
fn check(plan: Plan, lines: &[&str]) -> Course {
    let mut course = Course::new(plan);
    for line in lines {
        let (text, expected) = line.split_once("=>").expect(line);
        course.wait(10);
        course
            .apply(command(text))
            .unwrap_or_else(|e| panic!("{line}: {e}"));
        assert_eq!(drawn(&course), expected.trim(), "after {text}");
    }
    assert_eq!(verify_chain(&course.events), Ok(()));
    course
}

#[test]
fn a_good_course() {
    let course = check(
        plan(4, CANARY),
        &[
            "start       => VALIDATING b0 ready@0 0% | no channel | locked",
            "validate    => CANARY_RUNNING b0 ready@20 0% | Run e1 <0 next <1 | locked",
            "release     => CANARY_RUNNING b0 moving@30 0% | Run e1 <1 next <3 | locked",
            "moved 1 0   => CANARY_MONITORING b0 shifting@40 0% | Run e1 <1 next <3 | locked",
            "shifted 25  => CANARY_MONITORING b0 baking@50 25% | Run e1 <1 next <3 | locked",
            "pause       => PAUSED b0 baking@50 25% | Hold e1 <1 next <3 | locked",
            "resume      => CANARY_MONITORING b0 baking@60 25% | Run e1 <1 next <3 | locked",
            "pass        => IN_PROGRESS b1 ready@80 25% | Run e1 <1 next <3 | locked",
            "release     => IN_PROGRESS b1 moving@90 25% | Run e1 <3 next <4 | locked",
            "hold        => IN_PROGRESS b1 moving@90 25% | Run e1 <3 next <4 | locked",
            "moved 1 1   => IN_PROGRESS b1 shifting@110 25% | Run e1 <3 next <4 | locked",
            "shifted 75  => IN_PROGRESS b1 baking@120 75% | Run e1 <3 next <4 | locked",
            "pass        => IN_PROGRESS b2 ready@130 75% | Run e1 <3 next <4 | locked",
            "shifted 100 => IN_PROGRESS b2 ready@130 100% | Run e1 <3 next <4 | locked",
            "release     => IN_PROGRESS b2 moving@150 100% | Run e1 <4 next <4 | locked",
            "moved 1 0   => IN_PROGRESS b2 shifting@160 100% | Run e1 <4 next <4 | locked",
            "shifted 100 => IN_PROGRESS b2 baking@170 100% | Run e1 <4 next <4 | locked",
            "pass        => IN_PROGRESS b3 ready@180 100% | Run e1 <4 next <4 | locked",
            "complete    => COMPLETED b3 ready@180 100% | Run e1 <4 next <4 held until 86590 | free",
            "report      => COMPLETED b3 ready@180 100% | Run e1 <4 next <4 held until 86590 | free",
        ],
    );
    let Upgrade {
        failures,
        ended_at,
        clocks,
        ..
    } = course.upgrade;
    assert_eq!((failures, ended_at.map(seconds)), (1, Some(190)));
    assert_eq!(clocks.t5_record_complete.map(seconds), Some(200));
}

#[test]
fn a_bad_course() {
    let course = check(
        plan(4, CANARY),
        &[
            "start       => VALIDATING b0 ready@0 0% | no channel | locked",
            "validate    => CANARY_RUNNING b0 ready@20 0% | Run e1 <0 next <1 | locked",
            "release     => CANARY_RUNNING b0 moving@30 0% | Run e1 <1 next <3 | locked",
            "moved 1 0   => CANARY_MONITORING b0 shifting@40 0% | Run e1 <1 next <3 | locked",
            "shifted 25  => CANARY_MONITORING b0 baking@50 25% | Run e1 <1 next <3 | locked",
            "rollback    => ROLLING_BACK b0 reverting@60 below 1 25% | Revert e2 <1 next <3 | locked",
            "shifted 0   => ROLLING_BACK b0 reverting@60 below 1 0% | Revert e2 <1 next <3 | locked",
            "rolled-back 1 => ROLLED_BACK b0 reverting@60 below 1 0% | Revert e2 <1 next <3 | free",
            "report      => ROLLED_BACK b0 reverting@60 below 1 0% | Revert e2 <1 next <3 | free",
        ],
    );
    let Clocks {
        t1_first_datapoint,
        t2_verdict,
        t3_traffic_back,
        t4_instances_back,
        t5_record_complete,
    } = course.upgrade.clocks;
    let clocks = [
        t1_first_datapoint,
        t2_verdict,
        t3_traffic_back,
        t4_instances_back,
        t5_record_complete,
    ];
    assert_eq!(
        clocks.map(|t| t.map(seconds)),
        [Some(5), Some(60), Some(70), Some(80), Some(90)]
    );
    let rollback = course.upgrade.rollback.unwrap();
    assert_eq!(
        (rollback.automatic, rollback.initiated_by.as_str()),
        (true, "system:test")
    );
}

/// From `COMPLETED` back again: the lock is taken again, and a new report is due.
#[test]
fn a_completed_upgrade_can_be_taken_back_while_it_is_held() {
    let done = "start; validate; release; moved 2 0; shifted 100; pass; complete; report";
    let everything = || plan(2, r#"{"strategy":"RECREATE"}"#);
    let done = done.replace("release", "shifted 100; release");
    let mut course = Course::after(everything(), &done);
    course.wait(86_399);
    course.apply(command("rollback")).unwrap();
    assert!(course.locked);
    assert_eq!(course.upgrade.clocks.t5_record_complete, None);

    let mut late = Course::after(everything(), &done);
    late.wait(86_400);
    let lost = "rollback is not possible in COMPLETED: the fleet's channel is not held by this upgrade any more; \
                possible: nothing";
    assert_eq!(late.apply(command("rollback")).unwrap_err().to_string(), lost);

    let mut taken = Course::after(everything(), &done);
    let channel = taken.channel.as_mut().unwrap();
    channel.upgrade_id = UpgradeId(uuid::Uuid::from_u128(8));
    assert_eq!(taken.apply(command("rollback")).unwrap_err().to_string(), lost);
}

/// Traffic is believed to be back when the route was read, even where the record knows of none that was shifted.
#[test]
fn a_way_back_without_traffic_has_its_clock_once_the_route_is_read() {
    let mut course = Course::after(plan(4, CANARY), "start; validate; release; wait 5; rollback");
    assert_eq!(course.upgrade.clocks.t3_traffic_back, None);
    assert!(course.apply(command("rolled-back 4")).is_err());
    course.apply(command("shifted 0")).unwrap();
    assert_eq!(course.upgrade.clocks.t3_traffic_back, Some(course.now));
    course.apply(command("rolled-back 4")).unwrap();
}

/// Any change of a recorded event, and any event that is missing or moved, is found.
#[test]
fn a_chain_that_was_touched_does_not_hold() {
    let course = Course::after(plan(4, CANARY), "start; validate; release; moved 1 0; shifted 25");
    let events = course.events;
    let changes: [fn(&mut Vec<Event>); 6] = [
        |e| e[3].actor = "user:mallory".to_owned(),
        |e| e[3].command = command("hold"),
        |e| e[3].at = Timestamp::UNIX_EPOCH,
        |e| e.swap(2, 3),
        |e| drop(e.remove(2)),
        |e| {
            e[3].actor = "user:mallory".to_owned();
            e[3].hash = e[3].expected_hash();
        },
    ];
    for (number, change) in changes.into_iter().enumerate() {
        let mut touched = events.clone();
        change(&mut touched);
        assert!(verify_chain(&touched).is_err(), "change {number}");
    }
    assert_eq!(verify_chain(&events), Ok(()));
}
