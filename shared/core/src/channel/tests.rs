//! Situations as rows, and an instance that obeys.

use uuid::Uuid;

use super::*;
use crate::fleet::{InstanceReport, Running, Switches};
use crate::ids::InstanceId;
use crate::units::{Incarnation, Ordinal};
use crate::upgrade::tests::course::{BEGIN, plan, version};

mod obedient;

fn seconds(seconds: i64) -> Timestamp {
    BEGIN
        .checked_add(jiff::SignedDuration::from_secs(seconds))
        .unwrap()
}

/// Nobody has acknowledged anything.
const NOW: Moment = Moment {
    now: BEGIN,
    acknowledged: 0,
};

/// A channel of upgrade 7 from 1.0 to 1.1; two positions more are next.
fn channel(mode: Mode, (epoch, attempt): (u64, u32), frontier: u32, held: bool) -> Channel {
    Channel {
        fleet: plan(1, "{}").fleet,
        upgrade_id: UpgradeId(Uuid::from_u128(7)),
        plan_hash: "plan".to_owned(),
        from: version(0),
        to: version(1),
        frontier: Position(frontier),
        next_frontier: Position(frontier + 2),
        mode,
        epoch: Epoch(epoch),
        attempt: Attempt(attempt),
        held_until: held.then(|| seconds(60)),
        reverted_at: None,
        waves: None,
        switch: Switch::InPlace,
        exceptions: Default::default(),
        rev: Rev(1),
    }
}

fn instance(running: Option<(u64, bool)>, report: Option<InstanceReport>, left: Option<u64>) -> Instance {
    Instance {
        instance_id: InstanceId::new("i-0").unwrap(),
        ordinal: Ordinal(0),
        incarnation: Incarnation(0),
        failure_domain: None,
        switches: Switches::default(),
        running: running.map(|(number, healthy)| Running {
            version: version(number),
            digest: format!("sha256:{number:064}"),
            healthy,
        }),
        report,
        left: left.map(version),
        settled_in: None,
        counters: Default::default(),
        seen_at: BEGIN,
    }
}

fn report(upgrade: u128, epoch: u64, attempt: u32, status: InstanceStatus) -> InstanceReport {
    InstanceReport {
        upgrade_id: UpgradeId(Uuid::from_u128(upgrade)),
        epoch: Epoch(epoch),
        attempt: Attempt(attempt),
        status,
        error: None,
    }
}

/// What a row says of an instance: what it runs (`!` when it is not healthy), `epoch.attempt:STATUS` of its report
/// (`other:` before it when it is another upgrade's), and `<` with what it left.
fn read(text: &str) -> Instance {
    let (mut running, mut reported, mut left) = (None, None, None);
    for word in text.split_whitespace().filter(|w| *w != "-") {
        if let Some(number) = word.strip_prefix("<v") {
            left = Some(number.parse().expect(text));
        } else if let Some(number) = word.strip_prefix('v') {
            running = Some((
                number.trim_end_matches('!').parse().expect(text),
                !word.ends_with('!'),
            ));
        } else {
            let (upgrade, own) = word.strip_prefix("other:").map_or((7, word), |rest| (8, rest));
            let (command, status) = own.split_once(':').expect(text);
            let (epoch, attempt) = command.split_once('.').expect(text);
            let status = serde_json::from_value(status.into()).expect(text);
            let (epoch, attempt) = (epoch.parse().expect(text), attempt.parse().expect(text));
            reported = Some(report(upgrade, epoch, attempt, status));
        }
    }
    instance(running, reported, left)
}

fn drawn(channel: &Channel, position: Option<Position>, instance: &Instance) -> String {
    let Answer {
        desired,
        pace,
        prefetch,
    } = answer(channel, position, instance, NOW);
    let desired = match desired {
        Desired::Stay => "stay".to_owned(),
        Desired::Move {
            version,
            not_before_ms: 0,
        } => format!("v{}", version.version.minor),
        Desired::Move {
            version,
            not_before_ms,
        } => format!("v{} in {not_before_ms} ms", version.version.minor),
    };
    let settled = match outcome(channel, position, instance) {
        None => "",
        Some(Outcome::Arrived) => " arrived",
        Some(Outcome::Failed) => " failed",
    };
    format!(
        "{desired} {}{}{settled}",
        format!("{pace:?}").to_lowercase(),
        if prefetch { " prefetch" } else { "" }
    )
}

/// Rows for a channel of epoch 5, attempt 1, whose frontier is 2.
fn check(mode: Mode, held: bool, rows: &[(Option<u32>, &str, &str)]) {
    let channel = channel(mode, (5, 1), 2, held);
    for (position, text, expected) in rows {
        let told = drawn(&channel, position.map(Position), &read(text));
        assert_eq!(
            told, *expected,
            "{mode:?} held {held}, position {position:?}: {text}"
        );
    }
}

#[test]
fn forward() {
    check(
        Mode::Run,
        false,
        &[
            (Some(0), "-", "v1 fast"),
            (Some(0), "v0", "v1 fast"),
            (Some(1), "v0 5.1:PENDING", "v1 fast"),
            (Some(0), "v0 5.1:DRAINING", "v1 fast"),
            (Some(0), "v1! 5.1:HEALTH_CHECKING", "stay fast"),
            (Some(0), "v1 5.1:COMPLETED", "stay fast arrived"),
            (Some(0), "v1! 5.1:COMPLETED", "stay fast"),
            (Some(0), "v0 5.1:COMPLETED", "v1 fast"),
            (Some(0), "v0 5.1:FAILED", "stay fast failed"),
            (Some(0), "v0 5.0:FAILED", "v1 fast"),
            (Some(0), "v0 4.1:FAILED", "v1 fast"),
            (Some(0), "v0 other:5.1:FAILED", "v1 fast"),
            (Some(0), "v1 5.0:COMPLETED", "stay fast"),
            (Some(0), "v2 4.9:COMPLETED", "v1 fast"),
            (Some(2), "v0", "stay fast prefetch"),
            (Some(3), "v0", "stay fast prefetch"),
            (Some(3), "v1 5.1:COMPLETED", "stay fast prefetch"),
            (Some(4), "v0", "stay idle"),
            (Some(4), "v2 other:4.0:FAILED", "stay idle"),
            (None, "v0", "stay idle"),
            (None, "-", "stay idle"),
        ],
    );
}

/// Complete and held: who joined meanwhile follows, stragglers too.
#[test]
fn held() {
    check(
        Mode::Run,
        true,
        &[
            (Some(0), "v1 5.1:COMPLETED", "stay held arrived"),
            (Some(0), "v0", "v1 fast"),
            (None, "v0", "v1 fast"),
            (None, "v1", "stay held"),
            (Some(0), "v0 5.1:FAILED", "stay held failed"),
        ],
    );
}

/// Who has begun finishes, who has not stays.
#[test]
fn paused() {
    check(
        Mode::Hold,
        false,
        &[
            (Some(0), "v0", "stay fast"),
            (Some(0), "v0 5.1:PENDING", "stay fast"),
            (Some(0), "v0 5.1:DRAINING", "v1 fast"),
            (Some(0), "v0! 5.1:UPGRADING", "v1 fast"),
            (Some(0), "v0 5.0:DRAINING", "stay fast"),
            (Some(0), "v0 4.1:UPGRADING", "stay fast"),
            (Some(0), "v1 5.1:COMPLETED", "stay fast arrived"),
            (Some(0), "v0 5.1:FAILED", "stay fast failed"),
            (Some(2), "v0", "stay fast"),
            (Some(4), "v0", "stay idle"),
        ],
    );
}

#[test]
fn back() {
    check(
        Mode::Revert,
        false,
        &[
            (Some(0), "v1 4.1:COMPLETED <v0", "v0 fast"),
            (Some(0), "v1 4.1:COMPLETED <v2", "v2 fast"),
            (Some(0), "v1 5.1:PENDING <v0", "v0 fast"),
            (Some(0), "v1! 5.1:DRAINING <v0", "v0 fast"),
            (Some(0), "v0! 5.1:HEALTH_CHECKING <v0", "v0 fast"),
            (Some(0), "v0 5.1:ROLLED_BACK <v0", "stay idle arrived"),
            (Some(0), "v0! 5.1:ROLLED_BACK <v0", "stay fast"),
            (Some(0), "v1 5.1:ROLLED_BACK <v0", "v0 fast"),
            // It had begun, so that only a verified way back tells what it runs.
            (Some(0), "v0 4.1:UPGRADING <v0", "v0 fast"),
            (Some(0), "v0 4.1:FAILED <v0", "v0 fast"),
            (Some(0), "v0 4.1:PENDING", "stay fast"),
            (Some(0), "v0 5.1:PENDING <v0", "v0 fast"),
            (Some(0), "v0! 5.1:PENDING <v0", "v0 fast"),
            // It never left.
            (Some(0), "v0 5.1:PENDING", "stay idle arrived"),
            (Some(0), "v0! 5.1:PENDING", "stay idle arrived"),
            (Some(0), "- 5.1:PENDING", "stay idle arrived"),
            // An attempt is made once.
            (Some(0), "v1 5.1:FAILED <v0", "stay fast failed"),
            (Some(0), "v1 5.0:FAILED <v0", "v0 fast"),
            (Some(0), "v0 5.0:FAILED <v0", "v0 fast"),
            // No word yet.
            (Some(0), "v0", "stay fast"),
            (Some(0), "v1", "v0 fast"),
            // Not released, or not of the plan: it stays unless it runs the new version all the same.
            (Some(2), "v0 5.1:PENDING", "stay idle"),
            (Some(2), "v1", "v0 fast"),
            (None, "v1", "v0 fast"),
            (None, "v0", "stay idle"),
        ],
    );
}

/// Three were released, one at a time: who is down goes at once, the others newest first.
#[test]
fn back_in_waves() {
    let reverted = Channel {
        reverted_at: Some(BEGIN),
        waves: Some(Waves {
            size: 1,
            patience_ms: 60_000,
        }),
        ..channel(Mode::Revert, (5, 1), 3, false)
    };
    for (position, text, acknowledged, expected) in [
        (Some(2), "v1 4.1:COMPLETED <v0", 0, Some(0)),
        (Some(1), "v1 4.1:COMPLETED <v0", 0, Some(60_000)),
        (Some(1), "v1 4.1:COMPLETED <v0", 1, Some(0)),
        (Some(0), "v1 4.1:COMPLETED <v0", 1, Some(120_000)),
        (Some(0), "v1 4.1:COMPLETED <v0", 2, Some(0)),
        (None, "v1 4.1:COMPLETED <v0", 1, Some(120_000)),
        (Some(0), "v1! 4.1:COMPLETED <v0", 0, Some(0)),
        (Some(0), "v0 4.1:FAILED <v0", 0, Some(0)),
        (Some(0), "v1 4.1:UPGRADING <v0", 0, Some(0)),
        (Some(0), "v1 5.1:DRAINING <v0", 0, Some(0)),
        (Some(0), "v0 5.1:PENDING", 0, None),
    ] {
        let moment = Moment { acknowledged, ..NOW };
        let told = answer(&reverted, position.map(Position), &read(text), moment);
        let wait = match told.desired {
            Desired::Stay => None,
            Desired::Move { not_before_ms, .. } => Some(not_before_ms),
        };
        assert_eq!(wait, expected, "{position:?} {text} {acknowledged}");
        assert_eq!(told.waits(), expected.is_some_and(|ms| ms > 0));
    }
}

/// A hold that is over, and an upgrade that has ended, leave the fleet in peace.
#[test]
fn what_is_over_is_idle() {
    let late = Moment {
        now: seconds(60),
        acknowledged: 0,
    };
    for (mode, text) in [
        (Mode::Run, "v1 5.1:COMPLETED"),
        (Mode::Hold, "v0"),
        (Mode::Hold, "v1 5.1:COMPLETED"),
    ] {
        let told = answer(
            &channel(mode, (5, 1), 2, true),
            Some(Position(0)),
            &read(text),
            late,
        );
        assert_eq!(
            (told.desired, told.pace),
            (Desired::Stay, Pace::Idle),
            "{mode:?} {text}"
        );
    }
}

/// Who cannot switch as the fleet is to stays on what it runs, and goes back as it can.
#[test]
fn who_cannot_overlap_is_not_taken_down() {
    let able = Switches::of(Switch::Overlap);
    for (switch, switches, moves) in [
        (Switch::InPlace, Switches::default(), true),
        (Switch::InPlace, able.clone(), true),
        (Switch::Overlap, Switches::default(), false),
        (Switch::Overlap, able, true),
    ] {
        let channel = |mode| Channel {
            switch,
            ..channel(mode, (2, 0), 2, false)
        };
        let told = |mode, running, report| {
            let instance = Instance {
                switches: switches.clone(),
                ..instance(Some((running, true)), report, None)
            };
            answer(&channel(mode), Some(Position(0)), &instance, NOW).desired
        };
        assert_eq!(
            told(Mode::Run, 0, None) != Desired::Stay,
            moves,
            "{switch:?} {switches:?}"
        );
        let moved = Some(report(7, 1, 0, InstanceStatus::Completed));
        assert_ne!(
            told(Mode::Revert, 1, moved),
            Desired::Stay,
            "{switch:?} {switches:?}"
        );
    }
}
