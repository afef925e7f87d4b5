//! Stops in memory: what they pause at once, what they keep from beginning, and what goes on once they are lifted.

#![cfg(test)]

use std::collections::BTreeSet;

use sluice_app::caller::Caller;
use sluice_app::registry::{self, Shown};
use sluice_contract::problem::Code;
use sluice_core::channel::Mode;
use sluice_core::stop::Covers;
use sluice_tests::sim::{Behaviour, Sim, fleet_key};

fn operator() -> Caller {
    let mut scopes: BTreeSet<_> = Sim::operator().scopes;
    scopes.insert("admin:system".to_owned());
    Caller {
        scopes,
        ..Sim::operator()
    }
}

fn covers() -> [Covers; 3] {
    let fleet = fleet_key();
    [
        Covers::Component {
            tenant_id: fleet.tenant_id.clone(),
            component_id: fleet.component_id,
        },
        Covers::Tenant {
            tenant_id: fleet.tenant_id,
        },
        Covers::Everything,
    ]
}

async fn standing() -> Sim {
    let mut sim = Sim::new(20, Behaviour::default());
    for _ in 0..3 {
        sim.second().await;
    }
    sim
}

async fn until_released(sim: &mut Sim) {
    sim.begin(&Sim::request(1, "")).await.unwrap();
    assert!(sim.run_until(200, |s| s.status() == "CANARY_MONITORING").await);
}

async fn stop(sim: &Sim, covers: Covers) -> usize {
    let set = registry::put_stop(&sim.world, &operator(), covers, Some("fire"), sim.now).await;
    set.unwrap().changed.len()
}

async fn lift(sim: &Sim, covers: Covers) -> usize {
    registry::lift_stop(&sim.world, &operator(), covers, sim.now)
        .await
        .unwrap()
        .changed
        .len()
}

fn mode(sim: &Sim) -> Mode {
    sim.world.state().channels[&fleet_key()].mode
}

/// At once: the channel holds with the same write. Nothing more is released, and what was paused by it goes on.
#[tokio::test]
async fn a_stop_holds_at_once_and_is_lifted_alone() {
    for which in covers() {
        let mut sim = standing().await;
        until_released(&mut sim).await;
        let on_new = sim.running(1);
        assert_eq!(stop(&sim, which.clone()).await, 1, "{which}");
        assert_eq!((sim.status(), mode(&sim)), ("PAUSED", Mode::Hold), "{which}");
        let again = registry::put_stop(&sim.world, &operator(), which.clone(), None, sim.now).await;
        assert_eq!(again.unwrap_err().code, Code::AlreadyRegistered, "{which}");
        sim.run(200).await;
        assert_eq!((sim.status(), sim.running(1)), ("PAUSED", on_new), "{which}");
        let resumed = registry::resume(&sim.world, &operator(), sim.upgrade_id, sim.now).await;
        let problem = resumed.unwrap_err();
        assert_eq!(problem.code, Code::Stopped, "{which}");
        assert!(problem.detail.contains("fire"), "{problem}");
        assert_eq!(lift(&sim, which.clone()).await, 1, "{which}");
        let gone = registry::lift_stop(&sim.world, &operator(), which.clone(), sim.now).await;
        assert_eq!(gone.unwrap_err().code, Code::NotFound, "{which}");
        sim.run(400).await;
        assert_eq!((sim.status(), sim.running(1)), ("COMPLETED", 20), "{which}");
    }
}

/// Each stop is lifted by itself; what an operator has paused stays paused.
#[tokio::test]
async fn two_stops_and_a_pause_are_three_things() {
    let mut sim = standing().await;
    until_released(&mut sim).await;
    let [component, tenant, _] = covers();
    assert_eq!(stop(&sim, component.clone()).await, 1);
    assert_eq!(stop(&sim, tenant.clone()).await, 0, "it is paused already");
    assert_eq!(lift(&sim, component).await, 0, "the other one is in force");
    sim.run(30).await;
    assert_eq!(sim.status(), "PAUSED");
    assert_eq!(lift(&sim, tenant.clone()).await, 1);
    registry::pause(&sim.world, &operator(), sim.upgrade_id, None, sim.now)
        .await
        .unwrap();
    assert_eq!(stop(&sim, tenant.clone()).await, 0);
    assert_eq!(lift(&sim, tenant).await, 0);
    sim.run(30).await;
    assert_eq!(sim.status(), "PAUSED", "an operator paused it");
}

/// Under a stop a version that fails is still found out, and the fleet still goes back.
#[tokio::test]
async fn under_a_stop_a_version_is_judged() {
    let mut sim = standing().await;
    until_released(&mut sim).await;
    sim.run(5).await;
    stop(&sim, Covers::Everything).await;
    sim.behave(|b| _ = b.errors_per_thousand.insert(1, 100));
    sim.run(200).await;
    assert_eq!((sim.status(), sim.running(0)), ("ROLLED_BACK", 20));
}

/// Nothing begins under a stop; a stop that comes between the checks and the first release still comes in time, and what
/// a sweep has missed is seen to at the next look.
#[tokio::test]
async fn nothing_begins_under_a_stop() {
    let mut sim = standing().await;
    let (request, id, tenant) = (Sim::request(1, ""), sim.upgrade_id, fleet_key().tenant_id);
    registry::create(
        &sim.world,
        &sim.world,
        &operator(),
        &tenant,
        id,
        &request,
        sim.now,
    )
    .await
    .unwrap();
    stop(&sim, Covers::Everything).await;
    let start = registry::start(&sim.world, &operator(), id, Shown::default(), sim.now).await;
    assert_eq!(start.unwrap_err().code, Code::Stopped);
    lift(&sim, Covers::Everything).await;
    registry::start(&sim.world, &operator(), id, Shown::default(), sim.now)
        .await
        .unwrap();
    // Nobody sweeps: the stop is only there.
    let found = registry::put_stop(&sim.world, &operator(), covers()[0].clone(), None, sim.now)
        .await
        .unwrap();
    assert!(found.changed.is_empty(), "it is not moving yet");
    sim.run(60).await;
    assert_eq!((sim.status(), sim.running(1)), ("PAUSED", 0));
    sim.world.state().stops.clear();
    sim.run(400).await;
    assert_eq!((sim.status(), sim.running(1)), ("COMPLETED", 20));
}

#[tokio::test]
async fn a_tenant_stops_only_its_own() {
    let sim = standing().await;
    let [component, _, everything] = covers();
    let stranger = Caller {
        tenant_id: sluice_core::ids::TenantId::new("other").unwrap(),
        ..operator()
    };
    let theirs = registry::put_stop(&sim.world, &stranger, component.clone(), None, sim.now).await;
    assert_eq!(theirs.unwrap_err().code, Code::NotFound);
    let small = registry::put_stop(&sim.world, &Sim::operator(), everything, None, sim.now).await;
    assert_eq!(small.unwrap_err().code, Code::MissingScope);
    stop(&sim, component).await;
    let tenants = [("other", &stranger, 0), ("acme", &operator(), 1)];
    for (tenant, caller, count) in tenants {
        let tenant = sluice_core::ids::TenantId::new(tenant).unwrap();
        let found = registry::stops(&sim.world, caller, &tenant).await.unwrap();
        assert_eq!(found.stops.len(), count, "{tenant}");
    }
}
