//! What answers mean, case by case.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "helpers of tests fail like tests"
)]

mod support;

use sluice_agent::protocol::{Decision, Moment, Readiness, Receipt, Record, Recovery, decide, recover};
use sluice_contract::check_in::DesiredState;
use sluice_core::fleet::InstanceReport;
use sluice_core::fleet::InstanceStatus::{
    self, Completed, Draining, Failed, HealthChecking, Pending, RolledBack,
};
use sluice_core::ids::UpgradeId;
use sluice_core::units::{Attempt, Epoch};
use support::protocol::{an_error, artifact, at, mv, take, try_begin};
use support::server::{UPGRADE, answer};
use uuid::Uuid;

fn report(epoch: u64, attempt: u32, status: InstanceStatus) -> InstanceReport {
    let error = (status == Failed).then(an_error);
    InstanceReport {
        upgrade_id: UPGRADE,
        epoch: Epoch(epoch),
        attempt: Attempt(attempt),
        status,
        error,
    }
}

#[test]
fn the_last_word_follows_the_newest_command() {
    // Last word at (5, 0); the answer's epoch and attempt, whether of the same upgrade; the word after it.
    let cases = [
        (Completed, 5, 0, true, Completed),
        (Completed, 5, 1, true, Completed),
        (Completed, 6, 0, true, Pending),
        (Completed, 6, 0, false, Pending),
        (RolledBack, 5, 1, true, RolledBack),
        (Failed, 5, 0, true, Failed),
        (Failed, 5, 1, true, Pending),
        (HealthChecking, 5, 0, true, HealthChecking),
        (HealthChecking, 5, 1, true, HealthChecking),
        (HealthChecking, 6, 0, true, HealthChecking),
        (HealthChecking, 6, 0, false, Pending),
        (Pending, 5, 0, true, Pending),
    ];
    for (status, epoch, attempt, same, expected) in cases {
        let mut record = Record::default();
        let mut pending = None;
        take(&mut record, &mut pending, &answer(5, 0, mv(2, 0, false)), at(0));
        if status.is_under_way() {
            try_begin(&mut record, &mut pending, Moment(0)).unwrap();
        }
        record.report = Some(report(5, 0, status));
        let mut told = answer(epoch, attempt, DesiredState::Stay);
        if !same {
            told.upgrade_id = Some(UpgradeId(Uuid::from_u128(9)));
        }
        take(&mut record, &mut pending, &told, at(1));
        let last = record.report.clone().unwrap();
        let context = format!("{status:?} told ({epoch}, {attempt}), same upgrade: {same}");
        assert_eq!(last.status, expected, "{context}");
        assert_eq!(
            (last.epoch.0, last.attempt.0, Some(last.upgrade_id)),
            (epoch, attempt, told.upgrade_id)
        );
        assert_eq!(last.error.is_some(), expected == Failed, "{context}");
        assert_eq!(
            record.switch.is_some(),
            status.is_under_way(),
            "{context}: who has begun finishes"
        );
    }
}

#[test]
fn a_switch_of_another_upgrade_ends_in_silence() {
    let (mut record, mut pending) = (Record::default(), None);
    take(&mut record, &mut pending, &answer(5, 0, mv(2, 0, false)), at(0));
    try_begin(&mut record, &mut pending, Moment(0)).unwrap();
    let mut other = answer(6, 0, DesiredState::Stay);
    other.upgrade_id = Some(UpgradeId(Uuid::from_u128(9)));
    take(&mut record, &mut pending, &other, at(1));
    record.advance(HealthChecking);
    assert_eq!(record.status(), Pending);
    record.end(Completed, None);
    assert_eq!((record.status(), record.switch), (Pending, None));
}

#[test]
fn a_revert_in_mid_switch_returns_to_what_verified_last() {
    let (mut record, mut pending) = (Record::default(), None);
    record.linked(Some(artifact(1).release));
    take(&mut record, &mut pending, &answer(5, 0, mv(2, 0, false)), at(0));
    try_begin(&mut record, &mut pending, Moment(0)).unwrap();
    record.linked(Some(artifact(2).release));
    // The same command again changes nothing; the revert replaces the switch.
    assert!(matches!(
        decide(&record, &answer(5, 0, mv(2, 0, false)), at(1)),
        Decision::KeepGoing { .. }
    ));
    take(&mut record, &mut pending, &answer(6, 0, mv(1, 0, true)), at(2));
    try_begin(&mut record, &mut pending, Moment(2)).unwrap();
    let journal = record.switch.clone().unwrap();
    assert_eq!(
        (journal.target, journal.from),
        (artifact(1).release, Some(artifact(1).release))
    );
    assert_eq!((record.status(), journal.revert), (Draining, true));
    record.linked(Some(artifact(1).release));
    record.end(RolledBack, None);
    assert!(matches!(
        decide(&record, &answer(6, 0, mv(1, 0, true)), at(3)),
        Decision::Acknowledge { .. }
    ));
}

#[test]
fn a_failure_of_an_older_epoch_is_not_the_newer_ones() {
    // The revert waits for its wave while the switch still runs, and the switch fails and goes back by itself.
    let (mut record, mut pending) = (Record::default(), None);
    record.linked(Some(artifact(1).release));
    take(&mut record, &mut pending, &answer(5, 0, mv(2, 0, false)), at(0));
    try_begin(&mut record, &mut pending, Moment(0)).unwrap();
    take(
        &mut record,
        &mut pending,
        &answer(6, 0, mv(1, 9_000, true)),
        at(2),
    );
    record.end(Failed, Some(an_error()));
    assert_eq!(record.report, Some(report(6, 0, Pending)));
    take(&mut record, &mut pending, &answer(6, 0, mv(1, 0, true)), at(3));
    assert!(
        try_begin(&mut record, &mut pending, Moment(3)).is_some(),
        "the revert is still obeyed"
    );
}

#[test]
fn a_lease_counts_from_the_question() {
    let (mut record, mut pending) = (Record::default(), None);
    let late = Receipt {
        asked: Moment(0),
        received: Moment(29_000),
    };
    take(&mut record, &mut pending, &answer(5, 0, mv(2, 0, false)), late);
    let order = pending.unwrap();
    assert_eq!(order.readiness(&record, Moment(29_999)), Readiness::Begin);
    assert_eq!(order.readiness(&record, Moment(30_000)), Readiness::Expired);
}

#[test]
fn what_is_not_understood_changes_nothing() {
    let record = Record::default();
    let mut strange = answer(5, 0, mv(2, 0, false));
    strange.contract = 7;
    assert!(matches!(decide(&record, &strange, at(0)), Decision::Refuse(_)));
    let mut nobody = answer(5, 0, mv(2, 0, false));
    nobody.upgrade_id = None;
    assert!(matches!(decide(&record, &nobody, at(0)), Decision::Refuse(_)));
}

#[test]
fn a_restarted_agent_knows_what_is_left() {
    let (one, two) = (artifact(1).release, artifact(2).release);
    let cases = [
        // Linked, revert, already going back; what is left.
        (Some(&one), false, false, Recovery::Undo),
        (Some(&two), false, false, Recovery::Finish),
        (None, false, false, Recovery::Undo),
        (Some(&one), true, false, Recovery::Switch),
        (Some(&two), true, false, Recovery::Finish),
        (Some(&two), false, true, Recovery::Return(an_error())),
        (Some(&one), false, true, Recovery::Return(an_error())),
    ];
    for (linked, revert, returning, expected) in cases {
        let (mut record, mut pending) = (Record::default(), None);
        take(&mut record, &mut pending, &answer(5, 0, mv(2, 0, revert)), at(0));
        try_begin(&mut record, &mut pending, Moment(0)).unwrap();
        if returning {
            record.turn_back(an_error());
        }
        let journal = record.switch.unwrap();
        assert_eq!(
            recover(&journal, linked),
            expected,
            "{linked:?} {revert} {returning}"
        );
    }
}
