//! Upgrades that must not begin: what the checks before the first move find, and what people are told.

#![cfg(test)]

use sluice_app::fakes::State;
use sluice_app::keys;
use sluice_core::release::LifecycleState;
use sluice_core::units::Ordinal;
use sluice_tests::sim::{Behaviour, Sim, fleet_key, release, version_id};

type Harm = fn(&mut State);

fn depend(state: &mut State, text: &str) {
    let key = (fleet_key().tenant_id, fleet_key().component_id);
    let releases = state.releases.entry(key).or_default();
    releases.get_mut(&version_id(1)).unwrap().dependencies = serde_json::from_str(text).unwrap();
}

fn set_state(state: &mut State, minor: u64, lifecycle: LifecycleState) {
    let key = (fleet_key().tenant_id, fleet_key().component_id);
    let releases = state.releases.entry(key).or_default();
    releases.get_mut(&version_id(minor)).unwrap().lifecycle_state = lifecycle;
}

fn instance(state: &mut State, ordinal: u32, change: impl FnOnce(&mut sluice_core::fleet::Running)) {
    let instances = state.instances.entry(fleet_key()).or_default();
    change(
        instances
            .get_mut(&Ordinal(ordinal))
            .unwrap()
            .instance
            .running
            .as_mut()
            .unwrap(),
    );
}

/// What happens between the start and the checks, and what the upgrade fails with.
const ROWS: &[(&str, Harm, &str)] = &[
    (
        "the target is withdrawn",
        |s| set_state(s, 1, LifecycleState::Draft),
        "version-compatibility failed: version 1.1.0 cannot be a target any more",
    ),
    (
        "the way back is archived",
        |s| set_state(s, 0, LifecycleState::Archived),
        "version-compatibility failed: version 1.0.0 cannot be a way back any more",
    ),
    (
        "the old artifact is gone",
        |s| {
            _ = s
                .blobs
                .remove(&keys::artifact(&fleet_key().tenant_id, &release(0)));
        },
        "backup-verification failed: the artifact of 1.0.0 should have 10 bytes; none is there",
    ),
    (
        "the new artifact is half there",
        |s| {
            _ = s
                .blobs
                .insert(keys::artifact(&fleet_key().tenant_id, &release(1)), vec![0; 4]);
        },
        "backup-verification failed: the artifact of 1.1.0 should have 10 bytes; 4 bytes are there",
    ),
    (
        "an instance is gone",
        |s| _ = s.instances.entry(fleet_key()).or_default().remove(&Ordinal(3)),
        "resource-availability failed: 20 instances were planned, and 19 are registered",
    ),
    (
        "as many run something else as may be unavailable",
        |s| (5..10).for_each(|n| instance(s, n, |r| r.version = release(2).version_ref())),
        "health-endpoints failed: 5 instances are unhealthy or do not run 1.0.0, and no more than 4 may be so: \
         i-005, i-006, i-007, i-008, i-009",
    ),
    (
        "as many are unhealthy as may be unavailable",
        |s| (0..5).for_each(|n| instance(s, n, |r| r.healthy = false)),
        "health-endpoints failed: 5 instances are unhealthy or do not run 1.0.0, and no more than 4 may be so: \
         i-000, i-001, i-002, i-003, i-004",
    ),
];

#[tokio::test]
async fn what_the_checks_find_fails_before_anything_moves() {
    for (name, harm, expected) in ROWS {
        let mut sim = Sim::new(20, Behaviour::default());
        for _ in 0..3 {
            sim.second().await;
        }
        sim.instances.iter_mut().for_each(|i| i.silent = true);
        sim.begin(&Sim::request(1, "")).await.unwrap();
        harm(&mut sim.world.state());
        sim.run(30).await;
        assert_eq!((sim.status(), sim.running(0)), ("FAILED", 20), "{name}");
        let state = sim.world.state();
        let failure = state.upgrades[&sim.upgrade_id].failure.clone().unwrap();
        assert_eq!(failure, format!("the check {expected}"), "{name}");
        assert!(state.channels.is_empty(), "{name}: the channel is left alone");
        assert!(state.locks.is_empty(), "{name}: the lock is given back");
        assert!(
            state.alerts.iter().any(|a| a.body.contains(expected)),
            "{name}: people are told"
        );
    }
}

/// What the new release needs, what the request says beside, and what it is refused with; empty when it is not.
#[tokio::test]
async fn what_does_not_go_together_is_refused_when_it_is_planned() {
    let rows = [
        (r#"{}"#, "", ""),
        (r#"{"upgradesFrom":">=1, <2"}"#, "", ""),
        (
            r#"{"upgradesFrom":">=1.0.5"}"#,
            "",
            "toVersionId: 1.1.0 is reached from >=1.0.5 only, not from 1.0.0; and no way over other versions is known",
        ),
        (
            r#"{"requires":{"postgresql":">=15"}}"#,
            "",
            "toVersionId: 1.1.0 needs postgresql >=15, and installedComponents does not name it",
        ),
        (
            r#"{"requires":{"postgresql":">=15"}}"#,
            r#","installedComponents":{"postgresql":"14.2.0"}"#,
            "toVersionId: 1.1.0 needs postgresql >=15, and 14.2.0 is installed",
        ),
        (
            r#"{"requires":{"postgresql":">=15"}}"#,
            r#","installedComponents":{"postgresql":"15.0.1"}"#,
            "",
        ),
        (
            r#"{}"#,
            r#","installedComponents":{"postgresql":"new"}"#,
            "installedComponents.postgresql: is \"new\", which is no semantic version",
        ),
    ];
    for (needs, more, expected) in rows {
        let mut sim = Sim::new(4, Behaviour::default());
        for _ in 0..3 {
            sim.second().await;
        }
        depend(&mut sim.world.state(), needs);
        let made = sim.begin(&Sim::request(1, more)).await;
        let said = made.err().map(|problem| problem.detail).unwrap_or_default();
        assert_eq!(said.is_empty(), expected.is_empty(), "{needs} {more}: {said}");
        assert!(said.starts_with(expected), "{needs} {more}: {said}");
        assert_eq!(
            sim.world.state().locks.is_empty(),
            !expected.is_empty(),
            "{needs} {more}"
        );
    }
}

#[tokio::test]
async fn without_a_way_back_nothing_is_planned() {
    let mut sim = Sim::new(4, Behaviour::default());
    for _ in 0..3 {
        sim.second().await;
    }
    set_state(&mut sim.world.state(), 0, LifecycleState::Archived);
    let refused = sim.begin(&Sim::request(1, "")).await.unwrap_err();
    assert_eq!(refused.code, sluice_contract::problem::Code::VersionNotUsable);
    assert!(
        refused.detail.contains("cannot be rolled back to"),
        "{}",
        refused.detail
    );
}

/// A checkpoint that is not there when it is looked for may not be there when it is needed.
#[tokio::test]
async fn a_checkpoint_that_cannot_be_read_back_holds_everything() {
    let mut sim = Sim::new(4, Behaviour::default());
    for _ in 0..3 {
        sim.second().await;
    }
    sim.world.state().blobs_lose = Some("checkpoints/".to_owned());
    sim.begin(&Sim::request(1, "")).await.unwrap();
    sim.run(120).await;
    assert_eq!((sim.status(), sim.running(0)), ("FAILED", 4));
    assert!(sim.world.state().channels.is_empty(), "nothing was touched");
}
