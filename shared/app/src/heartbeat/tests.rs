//! Check-ins: who may speak, what is stored, what is counted, and what is answered.

use sluice_core::fleet::{Instance, InstanceStatus};
use sluice_core::units::Incarnation;

use self::desk::{Desk, TIMES, credential, fleet_key, report, request, version};
use sluice_contract::check_in::DesiredState;
use sluice_core::units::{Attempt, Epoch};

use super::*;
use crate::keys;

mod counters;
pub(crate) mod desk;
mod scripts;

/// What a request changes to make it wrong, whose credential it shows, and what it is refused with.
#[tokio::test]
async fn strangers_are_refused_and_change_nothing() {
    type Row = (u32, fn(&mut CheckInRequest), Code);
    let rows: [Row; 9] = [
        (1, |_| (), Code::InvalidCredential),
        (0, |r| r.ordinal = Ordinal(2), Code::InvalidCredential),
        (
            0,
            |r| r.tenant_id = "other".parse().unwrap(),
            Code::InvalidCredential,
        ),
        (
            0,
            |r| r.fleet_id = "undeclared".parse().unwrap(),
            Code::InvalidCredential,
        ),
        (
            0,
            |r| r.instance_id = "i-1".parse().unwrap(),
            Code::NotThisInstance,
        ),
        (0, |r| r.incarnation = Incarnation(0), Code::NotThisInstance),
        (0, |r| r.incarnation = Incarnation(2), Code::NotThisInstance),
        (0, |r| r.contract = 2, Code::InvalidRequest),
        (0, |r| r.contract = 0, Code::InvalidRequest),
    ];
    for (number, (shown, spoil, expected)) in rows.into_iter().enumerate() {
        let desk = Desk::new();
        let mut said = request(0, Some(0));
        desk.enrol(&said);
        desk.enrol(&request(1, Some(0)));
        let before = desk.stored(0);
        spoil(&mut said);
        let refusal = desk
            .hears(&credential(Ordinal(shown)), &said, 0.5)
            .await
            .unwrap_err();
        assert_eq!(refusal.code, expected, "row {number}: {refusal}");
        assert_eq!(desk.stored(0), before, "row {number}");
    }
}

#[tokio::test]
async fn a_new_instance_is_stored_as_it_speaks() {
    let desk = Desk::new();
    let said = CheckInRequest {
        failure_domain: Some("zone-a".to_owned()),
        ..request(3, Some(0))
    };
    let answer = desk.says(&said).await.unwrap();
    let expected = CheckInAnswer {
        contract: 1,
        upgrade_id: None,
        epoch: Epoch(0),
        attempt: Attempt(0),
        desired: DesiredState::Stay,
        lease_ms: 30_000,
        prefetch: None,
        next_check_in_ms: TIMES.idle_ms,
    };
    assert_eq!(answer, expected);
    let expected = Instance {
        instance_id: said.instance_id,
        ordinal: Ordinal(3),
        incarnation: Incarnation(1),
        failure_domain: Some("zone-a".to_owned()),
        switches: said.switches,
        running: said.running,
        report: None,
        left: None,
        settled_in: None,
        counters: Default::default(),
        seen_at: desk.now,
    };
    assert_eq!(desk.stored(3), Some(expected));
}

/// Nothing new is not written, until what was seen grows old.
#[tokio::test]
async fn an_idle_instance_is_written_every_five_minutes() {
    let mut desk = Desk::new();
    let begin = desk.now;
    let mut seen = Vec::new();
    for minute in 0..12 {
        desk.now = begin + jiff::SignedDuration::from_mins(minute);
        desk.says(&request(0, Some(0))).await.unwrap();
        seen.push(desk.stored(0).unwrap().seen_at.duration_since(begin).as_mins());
    }
    assert_eq!(seen, [0, 0, 0, 0, 0, 5, 5, 5, 5, 5, 10, 10]);
}

/// Whichever call fails, before or after its effect, the next check-in settles it.
#[tokio::test]
async fn a_lost_answer_counts_once() {
    for call in 1..=8 {
        for after_effect in [false, true] {
            let desk = Desk::new();
            desk.set(Mode::Run, (1, 0), 2, false);
            desk.says(&request(0, Some(0))).await.unwrap();
            let done = CheckInRequest {
                report: Some(report(1, 0, InstanceStatus::Completed)),
                ..request(0, Some(1))
            };
            {
                let mut state = desk.world.state();
                state.fail_at = Some(state.calls + call);
                state.fail_after_effect = after_effect;
            }
            let first = desk.says(&done).await;
            assert!(first.is_ok() || first.is_err_and(|p| p.code == Code::Unavailable));
            desk.world.state().fail_at = None;
            desk.says(&done).await.unwrap();
            assert_eq!(
                desk.counted(),
                (1, 0),
                "call {call}, after its effect: {after_effect}"
            );
        }
    }
}

/// Channel, ordinal, what it runs: pace without jitter and whether the next artifact is offered.
#[tokio::test]
async fn paces_and_prefetch() {
    let (idle, hold, fast) = (TIMES.idle_ms, TIMES.hold_ms, TIMES.fast_ms);
    let rows = [
        (Mode::Run, 0, false, 0, 0, (fast, true)),
        (Mode::Run, 0, false, 2, 0, (idle, false)),
        (Mode::Run, 2, false, 0, 0, (fast, false)),
        (Mode::Run, 2, false, 0, 1, (fast, false)),
        (Mode::Run, 2, false, 2, 0, (fast, true)),
        (Mode::Run, 4, true, 0, 1, (hold, false)),
        (Mode::Hold, 2, false, 0, 0, (fast, false)),
        (Mode::Hold, 2, false, 2, 0, (fast, false)),
        (Mode::Revert, 2, false, 0, 1, (fast, false)),
        (Mode::Revert, 2, false, 2, 0, (idle, false)),
    ];
    for (mode, frontier, held, ordinal, minor, expected) in rows {
        let desk = Desk::new();
        desk.set(mode, (1, 0), frontier, held);
        let answer = desk.says(&request(ordinal, Some(minor))).await.unwrap();
        let told = (answer.next_check_in_ms, answer.prefetch.is_some());
        assert_eq!(
            told, expected,
            "{mode:?} {frontier} held {held}: {ordinal} runs 1.{minor}"
        );
        if let Some(artifact) = answer.prefetch {
            assert_eq!(artifact.release.version_id, version(1).version_id);
            assert_eq!(
                artifact.url,
                format!(
                    "memory:{}",
                    keys::artifact(&fleet_key().tenant_id, &artifact.release)
                )
            );
        }
    }
}

#[tokio::test]
async fn check_ins_are_spread_by_a_tenth_either_way() {
    let desk = Desk::new();
    desk.enrol(&request(0, Some(0)));
    for (jitter, expected) in [
        (-1.0, 270_000),
        (0.0, 270_000),
        (0.25, 285_000),
        (1.0, 330_000),
        (9.0, 330_000),
    ] {
        let said = request(0, Some(0));
        let answer = desk.hears(&credential(Ordinal(0)), &said, jitter).await.unwrap();
        assert_eq!(answer.next_check_in_ms, expected, "{jitter}");
    }
}

/// Reads and writes of a check-in, as the table sees them: idle 1 read, active 2 reads and 1 write at most.
#[tokio::test]
async fn a_check_in_costs_what_it_may() {
    let desk = Desk::new();
    let cache = Cache::default();
    let moment = |ms: i64| Moment {
        now: desk.now + jiff::SignedDuration::from_millis(ms),
        jitter: 0.5,
    };
    let calls = async |said: &CheckInRequest, ms: i64| {
        let before = desk.world.state().calls;
        let shown = credential(said.ordinal);
        let answer = desk.remembers(&cache, &shown, said, moment(ms)).await.unwrap();
        (desk.world.state().calls - before, answer)
    };
    desk.set(Mode::Run, (1, 0), 2, false);
    for ordinal in 0..4 {
        desk.enrol(&request(ordinal, Some(0)));
        calls(&request(ordinal, Some(0)), 0).await;
    }
    assert_eq!(
        calls(&request(3, Some(0)), 10).await.0,
        3,
        "instance, release and URL of the prefetch"
    );
    desk.set(Mode::Hold, (1, 0), 2, false);
    assert_eq!(
        calls(&request(3, Some(0)), 2_000).await.0,
        2,
        "instance and channel"
    );
    assert_eq!(
        calls(&request(3, Some(0)), 2_100).await.0,
        1,
        "idle: the instance"
    );
    let done = CheckInRequest {
        report: Some(report(1, 0, InstanceStatus::Completed)),
        ..request(0, Some(1))
    };
    assert_eq!(
        calls(&done, 4_000).await.0,
        3,
        "active: instance, channel, and one write"
    );
    let fresh = CheckInRequest {
        fresh: true,
        ..request(3, Some(0))
    };
    desk.set(Mode::Revert, (2, 0), 2, false);
    let (read, answer) = calls(&fresh, 4_100).await;
    assert_eq!(
        (read, answer.epoch),
        (2, Epoch(2)),
        "the newest channel, though one is remembered"
    );
}

/// Two were released, one goes back at a time: the second waits for the first one's acknowledgement.
#[tokio::test]
async fn a_way_back_goes_in_waves() {
    let desk = Desk::new();
    desk.set(Mode::Run, (1, 0), 2, false);
    let runs = |ordinal| CheckInRequest {
        report: Some(report(1, 0, InstanceStatus::Completed)),
        ..request(ordinal, Some(1))
    };
    for ordinal in 0..2 {
        desk.says(&runs(ordinal)).await.unwrap();
    }
    desk.set(Mode::Revert, (2, 0), 2, false);
    {
        let mut state = desk.world.state();
        let channel = state.channels.get_mut(&fleet_key()).unwrap();
        channel.reverted_at = Some(desk.now);
        channel.waves = Some(sluice_core::waves::Waves {
            size: 1,
            patience_ms: 60_000,
        });
    }
    let wait = async |ordinal| match desk.says(&runs(ordinal)).await.unwrap().desired {
        DesiredState::Move { not_before_ms, .. } => not_before_ms,
        DesiredState::Stay => panic!("it stays"),
    };
    assert_eq!((wait(0).await, wait(1).await), (60_000, 0));
    let back = CheckInRequest {
        report: Some(report(2, 0, InstanceStatus::RolledBack)),
        ..request(1, Some(0))
    };
    desk.says(&back).await.unwrap();
    assert_eq!(wait(0).await, 0);
}
