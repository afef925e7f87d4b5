//! Random commands against a judge of its own: what was asked for decides what is possible, and no course breaks what
//! always holds.

use proptest::prelude::{any, prop, prop_assert, prop_assert_eq, proptest};
use proptest::test_runner::TestCaseError;

use super::course::{CANARY, Course, command, plan};
use super::*;
use crate::channel::Mode;

const PLANS: [(u32, &str); 4] = [
    (4, CANARY),
    (5, "{}"),
    (1, r#"{"strategy":"CANARY"}"#),
    (3, r#"{"strategy":"RECREATE"}"#),
];

const WORDS: [&str; 27] = [
    "create",
    "start",
    "validate",
    "release",
    "extend",
    "moved",
    "shifted",
    "pass",
    "complete",
    "pause",
    "break",
    "resume",
    "continue",
    "promote",
    "drop",
    "ask",
    "grant",
    "deny",
    "hold",
    "unhold",
    "cancel",
    "rollback",
    "rolled-back",
    "fail",
    "report",
    "restart",
    "overdue",
];

/// What would bring the upgrade on: without it random commands hardly leave the first status.
fn sensible(course: &Course) -> String {
    let Upgrade {
        status,
        phase,
        weight,
        batch,
        ..
    } = &course.upgrade;
    let current = course.plan.batch(*batch);
    let shifted = |w: Percent| format!("shifted {}", w.get());
    match (status, phase, current) {
        (Status::Pending, ..) => "start".to_owned(),
        (Status::Validating, ..) => "validate".to_owned(),
        (Status::Paused { .. }, ..) if course.upgrade.asks_for_decision() => "continue".to_owned(),
        (Status::Paused { .. }, ..) => "resume".to_owned(),
        (Status::RollingBack, ..) if course.upgrade.clocks.t3_traffic_back.is_none() => {
            "shifted 0".to_owned()
        }
        (_, Phase::Reverting { frontier, .. }, _) if *status == Status::RollingBack => {
            format!("rolled-back {}", frontier.0)
        }
        (s, ..) if s.is_terminal() => "report".to_owned(),
        (_, Phase::Ready { .. }, None) => "complete".to_owned(),
        (_, Phase::Ready { .. }, Some(b)) if b.weight_before != *weight => shifted(b.weight_before),
        (_, Phase::Ready { .. }, _) => "release".to_owned(),
        (_, Phase::Moving { released, .. }, Some(b)) if *released < b.end => "extend".to_owned(),
        (_, Phase::Moving { .. }, _) => "moved 1 0".to_owned(),
        (_, Phase::Shifting { .. }, Some(b)) => shifted(b.weight_after),
        _ => "pass".to_owned(),
    }
}

fn text(course: &Course, (choice, word, number): (u8, usize, u8)) -> String {
    if choice < 200 {
        return sensible(course);
    }
    match WORDS[word] {
        "drop" => format!("drop {}", number % 6),
        "moved" => format!("moved {number} {}", number % 3),
        "shifted" => format!("shifted {}", number % 101),
        "rolled-back" => format!("rolled-back {number}"),
        "release" | "extend" => format!("{} {}", WORDS[word], number % 6),
        word => word.to_owned(),
    }
}

/// The design's word on what is possible, without the product's transition function.
fn possible(course: &Course, command: &Command) -> bool {
    let u = &course.upgrade;
    let name = u.status.name();
    let moves = matches!(name, "CANARY_RUNNING" | "CANARY_MONITORING" | "IN_PROGRESS");
    let active = moves || name == "PAUSED";
    let ends = matches!(name, "COMPLETED" | "FAILED" | "ROLLED_BACK" | "CANCELLED");
    let breaker = u
        .hold
        .as_ref()
        .is_some_and(|h| matches!(h.cause, Cause::Breaker { .. }));
    let batch = course.plan.batch(u.batch);
    let own = course.channel.as_ref().filter(|c| c.upgrade_id == u.upgrade_id);
    match command {
        Command::Create => false,
        // Nobody has to agree to these plans, so there is nothing to ask for or to decide.
        Command::AskApproval { .. }
        | Command::Grant { .. }
        | Command::Deny { .. }
        | Command::Expire { .. }
        | Command::Edit { .. }
        | Command::Adjust { .. } => false,
        Command::Start => name == "PENDING",
        Command::Validate { .. } => name == "VALIDATING",
        Command::Release { to } => {
            moves
                && matches!(u.phase, Phase::Ready { .. })
                && batch
                    .is_some_and(|b| b.weight_before == u.weight && (b.begin.0 + 1..=b.end.0).contains(&to.0))
        }
        Command::Extend { to } => {
            let more = |p: &Phase| matches!(p, Phase::Moving { released, .. } if released < to);
            moves && more(&u.phase) && batch.is_some_and(|b| *to <= b.end)
        }
        Command::Moved { .. } => {
            let all = |b: &crate::plan::Batch| matches!(u.phase, Phase::Moving { released, .. } if released == b.end);
            moves && batch.is_some_and(all)
        }
        Command::Shifted { weight } => match u.phase {
            Phase::Ready { .. } => moves && batch.is_some_and(|b| b.weight_before == *weight),
            Phase::Shifting { .. } => moves && batch.is_some_and(|b| b.weight_after == *weight),
            Phase::Reverting { .. } => name == "ROLLING_BACK" && *weight <= u.weight,
            _ => false,
        },
        Command::Pass { .. } => moves && matches!(u.phase, Phase::Baking { .. }),
        Command::Complete => name == "IN_PROGRESS" && batch.is_none(),
        Command::Pause { .. } => moves,
        Command::Resume => name == "PAUSED" && !breaker,
        Command::ContinueAnyway => name == "PAUSED" && breaker,
        Command::Promote => {
            let from = serde_json::to_value(u.status).unwrap()["paused_from"] == "CANARY_MONITORING";
            (name == "CANARY_MONITORING" || from) && u.promoted_by.is_none()
        }
        Command::Hold { .. } => !ends && name != "PAUSED",
        Command::RollBack { .. } => {
            let held = own.is_some_and(|c| c.held_until.is_some_and(|until| until > course.now));
            active
                || (name == "COMPLETED" && held)
                || (matches!(name, "FAILED" | "CANCELLED") && own.is_some())
        }
        Command::Drop { ordinal, position } => {
            (active || name == "ROLLING_BACK")
                && !u.exceptions.is_dropped(*ordinal)
                && position.0 < course.plan.total_instances
        }
        Command::RolledBack { acknowledged, .. } => {
            let all = matches!(u.phase, Phase::Reverting { frontier, .. } if frontier.0 <= *acknowledged);
            name == "ROLLING_BACK" && all && u.clocks.t3_traffic_back.is_some()
        }
        Command::Cancel { .. } => matches!(name, "PENDING" | "VALIDATING") || active,
        Command::Unhold => u.hold.is_some() && !ends && name != "PAUSED",
        Command::Fail { .. } => name == "VALIDATING" || active || name == "ROLLING_BACK",
        Command::Restart { .. } => name != "PENDING" && u.clocks.t5_record_complete.is_none(),
        Command::Overdue { what } => !ends && !u.overdue.contains(what),
        Command::Report { .. } => ends && u.clocks.t5_record_complete.is_none(),
    }
}

/// What one more event may change.
fn check_change(before: &Upgrade, channel: Option<&Channel>, course: &Course) -> Result<(), TestCaseError> {
    let after = &course.upgrade;
    prop_assert_eq!(after.seq, before.seq.next());
    prop_assert!(after.epoch >= before.epoch);
    prop_assert_eq!(course.locked, !after.status.is_terminal());
    if let (Some(before), Some(after)) = (channel, &course.channel) {
        prop_assert!(after.epoch >= before.epoch);
        prop_assert!(after.epoch > before.epoch || after.frontier >= before.frontier);
    }
    let weight = course
        .plan
        .batch(after.batch.min(course.plan.batch_count() - 1))
        .unwrap();
    prop_assert!(after.weight <= weight.weight_before.max(weight.weight_after));
    if matches!(after.phase, Phase::Reverting { .. }) {
        prop_assert!(after.weight <= before.weight);
    }
    let mode = course
        .channel
        .as_ref()
        .filter(|c| c.upgrade_id == after.upgrade_id)
        .map(|c| c.mode);
    match after.status.name() {
        "PENDING" | "VALIDATING" => prop_assert_eq!(mode, None),
        "CANARY_RUNNING" | "CANARY_MONITORING" | "IN_PROGRESS" => prop_assert_eq!(mode, Some(Mode::Run)),
        "PAUSED" => prop_assert_eq!(mode, Some(Mode::Hold)),
        "ROLLING_BACK" => prop_assert_eq!(mode, Some(Mode::Revert)),
        "FAILED" | "CANCELLED" => prop_assert!(mode != Some(Mode::Run), "a failed upgrade moves nobody"),
        _ => {}
    }
    Ok(())
}

/// The events, applied in order to a new record, give the same record.
fn replayed(course: &Course) -> Upgrade {
    let first = &course.events[0];
    let mut change = Upgrade::create(first.upgrade_id, &course.plan, None, &first.actor, first.at);
    let mut channel = None;
    for event in &course.events[1..] {
        let context = Context {
            plan: &course.plan,
            channel: channel.as_ref(),
            now: event.at,
            actor: &event.actor,
        };
        change = change.upgrade.apply(event.command.clone(), &context).unwrap();
        assert_eq!(change.event, *event);
        channel = change.channel.or(channel);
    }
    change.upgrade
}

proptest! {
    #[test]
    fn no_course_breaks_what_always_holds(
        which in 0..PLANS.len(),
        steps in prop::collection::vec((any::<u8>(), 0..WORDS.len(), any::<u8>(), 0i64..30_000), 1..80),
    ) {
        let (count, wishes) = PLANS[which];
        let mut course = Course::new(plan(count, wishes));
        for (choice, word, number, pause) in steps {
            course.wait(if choice % 8 == 0 { pause } else { 1 });
            let text = text(&course, (choice, word, number));
            let (before, channel) = (course.upgrade.clone(), course.channel.clone());
            let expected = possible(&course, &course.meant(command(&text)));
            let applied = course.apply(command(&text));
            prop_assert_eq!(applied.is_ok(), expected, "{} in {:?}: {:?}", text, before, applied);
            match applied {
                Ok(()) => check_change(&before, channel.as_ref(), &course)?,
                Err(_) => prop_assert!(course.upgrade == before && course.channel == channel),
            }
        }
        prop_assert_eq!(verify_chain(&course.events), Ok(()));
        prop_assert_eq!(replayed(&course), course.upgrade);
    }
}
