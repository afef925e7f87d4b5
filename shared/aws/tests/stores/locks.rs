//! One active upgrade for each component.

use futures::future::join_all;
use sluice_app::ports::{Outbox, Upgrades};
use sluice_core::units::Seq;
use sluice_core::upgrade::Command;

use crate::made::{Course, creation, failure, fleet, is_conflict, plan, upgrade_id, way_back};

pub async fn a_component_has_one_active_upgrade(store: impl Upgrades + Outbox) {
    let fleet = fleet("acme", 1);
    Course::begin(&store, 1, &fleet, None).await;
    let plan = plan(&fleet);
    is_conflict(store.create(&creation(2, &plan, 1), &plan).await);
    assert_eq!(store.upgrade(upgrade_id(2)).await, Ok(None));
    assert_eq!(store.plan(upgrade_id(2)).await, Ok(None));
    assert_eq!(store.events(upgrade_id(2), Seq(0), 10).await, Ok(Vec::new()));
    assert_eq!(
        store.active(&fleet.tenant_id, fleet.component_id).await,
        Ok(Some(upgrade_id(1)))
    );
    // Neither another component nor another tenant is in the way.
    Course::begin(&store, 3, &crate::made::fleet("acme", 2), None).await;
    Course::begin(&store, 4, &crate::made::fleet("other", 1), None).await;
}

pub async fn an_end_gives_the_lock_back(store: impl Upgrades) {
    let fleet = fleet("acme", 1);
    let mut course = Course::begin(&store, 1, &fleet, None).await;
    course.go(&store, Command::Start).await;
    course.go(&store, failure()).await;
    assert_eq!(store.active(&fleet.tenant_id, fleet.component_id).await, Ok(None));
    Course::begin(&store, 2, &fleet, None).await;
    assert_eq!(
        store.active(&fleet.tenant_id, fleet.component_id).await,
        Ok(Some(upgrade_id(2)))
    );
}

pub async fn a_way_back_takes_the_lock(store: impl Upgrades) {
    let fleet = fleet("acme", 1);
    let active = || store.active(&fleet.tenant_id, fleet.component_id);
    let mut first = Course::begin(&store, 1, &fleet, None).await;
    first.reach_first_batch(&store).await;
    first.complete(&store).await;
    assert_eq!(active().await, Ok(None));
    // While another one is active there is no way back, and nothing of it is written.
    let mut second = Course::begin(&store, 2, &fleet, first.channel.clone()).await;
    is_conflict(store.commit(&first.change(way_back(), "user:alice")).await);
    assert_eq!(
        store.upgrade(upgrade_id(1)).await,
        Ok(Some(first.upgrade.clone()))
    );
    assert_eq!(store.channel(&fleet).await, Ok(first.channel.clone()));
    second.go(&store, Command::Start).await;
    second.go(&store, failure()).await;
    // Then there is.
    first.go(&store, way_back()).await;
    assert_eq!(active().await, Ok(Some(upgrade_id(1))));
    let plan = plan(&fleet);
    is_conflict(store.create(&creation(3, &plan, 1), &plan).await);
    let weight = sluice_core::units::Percent::ZERO;
    first.go(&store, Command::Shifted { weight }).await;
    let acknowledged = plan.total_instances;
    first
        .go(
            &store,
            Command::RolledBack {
                acknowledged,
                dropped: 0,
            },
        )
        .await;
    assert_eq!(active().await, Ok(None));
}

pub async fn of_many_creations_one_is_made(store: impl Upgrades + Clone + 'static) {
    for round in 0..10u128 {
        let fleet = fleet("acme", round);
        let plan = plan(&fleet);
        let results = join_all((0..4u128).map(|n| {
            let (store, plan) = (store.clone(), plan.clone());
            tokio::spawn(async move { store.create(&creation(round * 10 + n, &plan, 0), &plan).await })
        }));
        let results: Vec<_> = results.await.into_iter().map(Result::unwrap).collect();
        let winners: Vec<_> = (0..4u128)
            .zip(&results)
            .filter(|(_, r)| r.is_ok())
            .map(|(n, _)| n)
            .collect();
        assert_eq!(winners.len(), 1, "round {round}: {results:?}");
        let winner = upgrade_id(round * 10 + winners[0]);
        assert_eq!(
            store.active(&fleet.tenant_id, fleet.component_id).await,
            Ok(Some(winner))
        );
        for n in 0..4 {
            let id = upgrade_id(round * 10 + n);
            assert_eq!(
                store.upgrade(id).await.unwrap().is_some(),
                id == winner,
                "round {round}"
            );
        }
    }
}
