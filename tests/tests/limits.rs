//! Limits on how many upgrades there are at a time, in simulated time.

#![cfg(test)]

use sluice_app::ports::{Holder, Policies, Whose};
use sluice_app::registry;
use sluice_contract::problem::Code;
use sluice_core::ids::UpgradeId;
use sluice_core::policy::kept::Owner;
use sluice_core::units::Rev;
use sluice_tests::sim::{Behaviour, Sim, fleet_key};
use uuid::Uuid;

/// A fleet under a tenant's policy that allows one upgrade at a time.
async fn one_at_a_time() -> Sim {
    let mut sim = Sim::new(4, Behaviour::default());
    for _ in 0..3 {
        sim.second().await;
    }
    let tenant_id = fleet_key().tenant_id;
    let owner = Owner::Tenant { tenant_id };
    assert_eq!(sim.world.policy(&owner).await, Ok(None));
    let text = "limits: {upgradesPerTenant: 1, upgradesPerSystem: 10}";
    registry::put_policy(&sim.world, &Sim::operator(), owner, Some(Rev(0)), text, sim.now)
        .await
        .unwrap();
    sim
}

fn places(sim: &Sim) -> [usize; 2] {
    let state = sim.world.state();
    [Whose::System, Whose::Tenant(fleet_key().tenant_id)]
        .map(|whose| state.places.get(&whose).map_or(0, |taken| taken.holders.len()))
}

#[tokio::test]
async fn a_place_is_taken_and_given_back_with_the_end() {
    for (deaf, minor, ended) in [
        (false, 1, "COMPLETED"),
        (false, 2, "ROLLED_BACK"),
        (true, 1, "COMPLETED"),
    ] {
        let mut sim = one_at_a_time().await;
        sim.deaf = deaf;
        sim.begin(&Sim::request(minor, "")).await.unwrap();
        assert_eq!(places(&sim), [1, 1]);
        sim.run(900).await;
        // Where nobody tells of the end, the watchdog's next round sees it.
        sim.run_until(if deaf { 60 } else { 0 }, |sim| places(sim) == [0, 0])
            .await;
        assert_eq!((sim.status(), places(&sim)), (ended, [0, 0]), "deaf: {deaf}");
    }
}

#[tokio::test]
async fn what_was_left_behind_is_given_back_by_the_watchdog() {
    let mut sim = one_at_a_time().await;
    let gone = Holder {
        tenant_id: fleet_key().tenant_id,
        upgrade_id: UpgradeId(Uuid::from_u128(99)),
    };
    for whose in [Whose::System, Whose::Tenant(fleet_key().tenant_id)] {
        let mut state = sim.world.state();
        let taken = state.places.entry(whose).or_default();
        taken.holders.insert(gone.clone());
        taken.last_at = Some(sim.now);
    }
    let refused = sim.begin(&Sim::request(1, "")).await.unwrap_err();
    assert_eq!(refused.code, Code::LimitReached);
    assert!(
        refused.detail.starts_with("limits.upgradesPerTenant allows 1"),
        "{}",
        refused.detail
    );
    assert_eq!(places(&sim), [1, 1], "who is refused keeps no place");
    for _ in 0..241 {
        sim.second().await;
    }
    assert_eq!(places(&sim), [0, 0]);
    sim.begin(&Sim::request(1, "")).await.unwrap();
    assert_eq!(places(&sim), [1, 1]);
}

/// An upgrade that cannot be made gives its place back.
#[tokio::test]
async fn a_component_that_is_taken_keeps_no_place() {
    let mut sim = one_at_a_time().await;
    sim.world.state().places.clear();
    let owner = Owner::Tenant {
        tenant_id: fleet_key().tenant_id,
    };
    registry::put_policy(&sim.world, &Sim::operator(), owner, Some(Rev(1)), "{}", sim.now)
        .await
        .unwrap();
    sim.begin(&Sim::request(1, "")).await.unwrap();
    sim.upgrade_id = UpgradeId(Uuid::from_u128(44));
    let refused = sim.begin(&Sim::request(1, "")).await.unwrap_err();
    assert_eq!((refused.code, places(&sim)), (Code::UpgradeActive, [1, 1]));
}
