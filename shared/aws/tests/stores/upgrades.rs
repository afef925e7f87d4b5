//! Upgrades, plans and channels.

use futures::future::join_all;
use sluice_app::ports::{Look, Outbox, Upgrades};
use sluice_core::units::{Rev, Seq};
use sluice_core::upgrade::{Command, verify_chain};

use crate::made::{Course, at, creation, failure, fleet, is_conflict, plan, tenant, upgrade_id, way_back};

pub async fn a_new_upgrade_is_there_whole(store: impl Upgrades + Outbox) {
    let (fleet, id) = (fleet("acme", 1), upgrade_id(1));
    assert_eq!(store.upgrade(id).await, Ok(None));
    assert_eq!(store.plan(id).await, Ok(None));
    let plan = plan(&fleet);
    let change = creation(1, &plan, 0);
    store.create(&change, &plan).await.unwrap();
    assert_eq!(store.upgrade(id).await, Ok(Some(change.upgrade)));
    assert_eq!(store.plan(id).await, Ok(Some(plan)));
    assert_eq!(store.events(id, Seq(0), 10).await, Ok(vec![change.event]));
    assert_eq!(
        store.active(&fleet.tenant_id, fleet.component_id).await,
        Ok(Some(id))
    );
    assert_eq!(store.channel(&fleet).await, Ok(None));
}

pub async fn a_course_is_stored(store: impl Upgrades + Outbox) {
    let fleet = fleet("acme", 1);
    let mut course = Course::begin(&store, 1, &fleet, None).await;
    course.reach_first_batch(&store).await;
    assert_eq!(course.channel.as_ref().map(|c| c.rev), Some(Rev(1)));
    for command in [
        Command::Release {
            to: course.plan.batches[0].end,
        },
        Command::Moved {
            dropped: 0,
            completed: 2,
            failed: 0,
            unreachable: 0,
            failures_in_a_row: 0,
            named: Default::default(),
        },
        way_back(),
    ] {
        course.go(&store, command).await;
        assert_eq!(
            store.upgrade(upgrade_id(1)).await,
            Ok(Some(course.upgrade.clone()))
        );
        assert_eq!(store.channel(&fleet).await, Ok(course.channel.clone()));
    }
    assert_eq!(course.channel.map(|c| c.rev), Some(Rev(3)));
    let events = store.events(upgrade_id(1), Seq(0), 100).await.unwrap();
    assert_eq!((events.len(), verify_chain(&events)), (6, Ok(())));
}

pub async fn a_whole_chain_verifies(store: impl Upgrades + Outbox) {
    let mut course = Course::begin(&store, 1, &fleet("acme", 1), None).await;
    course.reach_first_batch(&store).await;
    course.complete(&store).await;
    let events = store.events(upgrade_id(1), Seq(0), 1_000).await.unwrap();
    assert_eq!(verify_chain(&events), Ok(()));
    assert_eq!(
        events.last().map(|e| e.hash.clone()),
        Some(course.upgrade.head.clone())
    );
    assert_eq!(store.upgrade(upgrade_id(1)).await, Ok(Some(course.upgrade)));
}

pub async fn a_change_may_come_twice(store: impl Upgrades + Outbox) {
    let fleet = fleet("acme", 1);
    let plan = plan(&fleet);
    let created = creation(1, &plan, 0);
    store.create(&created, &plan).await.unwrap();
    store.create(&created, &plan).await.unwrap();
    let mut course = Course {
        plan: plan.clone(),
        upgrade: created.upgrade.clone(),
        channel: None,
    };
    let started = course.go(&store, Command::Start).await;
    store.commit(&started).await.unwrap();
    let ended = course.go(&store, failure()).await;
    // A late one, after others: it is stored, so it is a success, and nothing goes back.
    store.commit(&started).await.unwrap();
    store.create(&created, &plan).await.unwrap();
    store.commit(&ended).await.unwrap();
    assert_eq!(store.upgrade(upgrade_id(1)).await, Ok(Some(ended.upgrade)));
    assert_eq!(store.events(upgrade_id(1), Seq(0), 10).await.unwrap().len(), 3);
    assert_eq!(store.active(&fleet.tenant_id, fleet.component_id).await, Ok(None));
}

pub async fn an_identity_is_used_once(store: impl Upgrades) {
    let (mine, other) = (plan(&fleet("acme", 1)), plan(&fleet("acme", 2)));
    let change = creation(1, &mine, 0);
    store.create(&change, &mine).await.unwrap();
    is_conflict(store.create(&creation(1, &other, 5), &other).await);
    assert_eq!(store.upgrade(upgrade_id(1)).await, Ok(Some(change.upgrade)));
    assert_eq!(store.plan(upgrade_id(1)).await, Ok(Some(mine)));
    assert_eq!(
        store
            .active(&other.fleet.tenant_id, other.fleet.component_id)
            .await,
        Ok(None)
    );
}

pub async fn a_stale_channel_is_a_conflict(store: impl Upgrades) {
    let fleet = fleet("acme", 1);
    let mut first = Course::begin(&store, 1, &fleet, None).await;
    first.reach_first_batch(&store).await;
    first.complete(&store).await;
    // A second upgrade takes the channel, and ends.
    let mut second = Course::begin(&store, 2, &fleet, first.channel.clone()).await;
    second.reach_first_batch(&store).await;
    second.go(&store, failure()).await;
    // The first still believes that it holds the channel: its lock is free and its number is right.
    is_conflict(store.commit(&first.change(way_back(), "user:alice")).await);
    assert_eq!(store.upgrade(upgrade_id(1)).await, Ok(Some(first.upgrade)));
    assert_eq!(store.channel(&fleet).await, Ok(second.channel));
    assert_eq!(store.active(&fleet.tenant_id, fleet.component_id).await, Ok(None));
}

pub async fn a_gap_is_a_conflict(store: impl Upgrades + Outbox) {
    let mut course = Course::begin(&store, 1, &fleet("acme", 1), None).await;
    let stored = course.upgrade.clone();
    // The change before this one was never stored.
    course.upgrade = course.change(Command::Start, "user:alice").upgrade;
    is_conflict(store.commit(&course.change(failure(), "user:alice")).await);
    assert_eq!(store.upgrade(upgrade_id(1)).await, Ok(Some(stored)));
    assert_eq!(store.events(upgrade_id(1), Seq(1), 10).await, Ok(Vec::new()));
}

pub async fn of_two_changes_one_is_made(store: impl Upgrades + Outbox + Clone + 'static) {
    for round in 0..20u32 {
        let id = u128::from(round);
        let mut course = Course::begin(&store, id, &fleet("acme", id), None).await;
        course.go(&store, Command::Start).await;
        let rivals = [
            course.change(
                Command::Validate {
                    checks: Vec::new(),
                    before: Default::default(),
                },
                "user:alice",
            ),
            course.change(failure(), "user:bob"),
        ];
        let results = join_all(rivals.clone().map(|change| {
            let store = store.clone();
            tokio::spawn(async move { store.commit(&change).await })
        }));
        let results: Vec<_> = results.await.into_iter().map(Result::unwrap).collect();
        let winners: Vec<_> = rivals
            .iter()
            .zip(&results)
            .filter(|(_, r)| r.is_ok())
            .map(|(c, _)| c)
            .collect();
        assert_eq!(winners.len(), 1, "round {round}: {results:?}");
        for lost in results.into_iter().filter(Result::is_err) {
            is_conflict(lost);
        }
        assert_eq!(
            store.upgrade(upgrade_id(id)).await,
            Ok(Some(winners[0].upgrade.clone()))
        );
        assert_eq!(
            store.events(upgrade_id(id), Seq(2), 10).await,
            Ok(vec![winners[0].event.clone()])
        );
    }
}

pub async fn lists_have_pages(store: impl Upgrades) {
    // Within one second, at whole and at broken ones; another tenant's in between.
    let mut expected = Vec::new();
    for n in 0..12u32 {
        let plan = plan(&fleet("acme", n.into()));
        let change = creation(u128::from(n), &plan, i64::from(n) * 250);
        store.create(&change, &plan).await.unwrap();
        expected.insert(0, change.upgrade);
        let other = crate::made::plan(&fleet("other", n.into()));
        store
            .create(&creation(u128::from(n) + 100, &other, i64::from(n) * 250), &other)
            .await
            .unwrap();
    }
    for limit in [1, 5, 6, 12, 50] {
        let (mut listed, mut cursor, mut pages) = (Vec::new(), None::<String>, 0usize);
        loop {
            let page = store
                .upgrades(&tenant("acme"), limit, cursor.as_deref())
                .await
                .unwrap();
            assert!(
                !page.items.is_empty() && page.items.len() <= limit as usize,
                "{limit}"
            );
            listed.extend(page.items);
            pages += 1;
            cursor = page.next;
            if cursor.is_none() {
                break;
            }
        }
        assert_eq!(listed, expected, "{limit}");
        assert_eq!(pages, expected.len().div_ceil(limit as usize), "{limit}");
    }
    let nobody = store.upgrades(&tenant("nobody"), 5, None).await.unwrap();
    assert_eq!((nobody.items, nobody.next), (Vec::new(), None));
}

pub async fn a_look_is_remembered(store: impl Upgrades) {
    let id = upgrade_id(1);
    assert_eq!(store.look(id).await, Ok(None));
    for ms in [1, 2] {
        let look = Look {
            at: at(ms),
            gate: Some(format!("look {ms}")),
        };
        store.put_look(id, &look).await.unwrap();
        store.put_look(id, &look).await.unwrap();
        assert_eq!(store.look(id).await, Ok(Some(look)));
    }
}

pub async fn what_is_not_complete_is_open(store: impl Upgrades) {
    let mut first = Course::begin(&store, 1, &fleet("acme", 1), None).await;
    Course::begin(&store, 2, &fleet("other", 1), None).await;
    let open = async || {
        let mut open = store.open().await.unwrap();
        open.sort_unstable();
        open
    };
    assert_eq!(open().await, [upgrade_id(1), upgrade_id(2)]);
    first.go(&store, failure_of_start()).await;
    assert_eq!(
        open().await,
        [upgrade_id(1), upgrade_id(2)],
        "its report is not written"
    );
    let key = "reports/1.md".to_owned();
    first.go(&store, Command::Report { key }).await;
    assert_eq!(open().await, [upgrade_id(2)]);
}

fn failure_of_start() -> Command {
    Command::Cancel {
        reason: "not wanted any more".to_owned(),
    }
}
