//! Fleets, instances and counters.

use futures::future::join_all;
use sluice_app::ports::{Counted, Fleets, Group, InstanceWrite, PortErrorKind, StoredInstance, Upgrades};
use sluice_core::credential::{Credentials, Secret, Use};
use sluice_core::fleet::{CheckInTimes, Fleet, MetricSource, Route};
use sluice_core::probe::{Counts, Failed};
use sluice_core::room::{Trouble, Troubled};
use sluice_core::units::{Epoch, Ordinal, Rev};

use crate::made::{at, fleet, instance, is_conflict, upgrade_id};

fn group(epoch: u64, batch: Option<u32>) -> Group {
    Group {
        upgrade_id: upgrade_id(1),
        epoch: Epoch(epoch),
        batch,
    }
}

fn secret(number: u8) -> Secret {
    Secret::new(Use::Enrolment, [number; 32])
}

fn first(ordinal: u32) -> InstanceWrite {
    InstanceWrite {
        instance: instance(ordinal),
        replaces: None,
        count: None,
        credentials: None,
        trouble: None,
    }
}

pub async fn a_fleet_may_be_declared_anew(store: impl Fleets) {
    let key = fleet("acme", 1);
    assert_eq!(store.fleet(&key).await, Ok(None));
    let mut declared = Fleet {
        key: key.clone(),
        route: None,
        metrics: None,
        check_in: CheckInTimes::default(),
        switch: Default::default(),
        approval: Default::default(),
    };
    store.put_fleet(&declared).await.unwrap();
    assert_eq!(store.fleet(&key).await, Ok(Some(declared.clone())));
    declared.route = Some(Route::HttpEdge {
        url: "http://127.0.0.1:1".to_owned(),
    });
    declared.metrics = Some(MetricSource {
        period_seconds: 1,
        ..MetricSource::new("Demo")
    });
    store.put_fleet(&declared).await.unwrap();
    assert_eq!(store.fleet(&key).await, Ok(Some(declared)));
    assert_eq!(store.fleet(&fleet("other", 1)).await, Ok(None));
}

pub async fn an_instance_is_written_on_its_revision(store: impl Fleets) {
    let key = fleet("acme", 1);
    assert_eq!(store.instance(&key, Ordinal(7)).await, Ok(None));
    store.put_instance(&key, &first(7)).await.unwrap();
    is_conflict(store.put_instance(&key, &first(7)).await);
    let mut changed = instance(7);
    changed.failure_domain = None;
    let second = InstanceWrite {
        instance: changed.clone(),
        replaces: Some(Rev(1)),
        count: None,
        credentials: Some(Credentials::renewed(None, secret(7).hash())),
        trouble: None,
    };
    store.put_instance(&key, &second).await.unwrap();
    is_conflict(store.put_instance(&key, &second).await);
    assert_eq!(
        store.instance(&key, Ordinal(7)).await,
        Ok(Some(StoredInstance {
            instance: changed,
            rev: Rev(2),
            credentials: second.credentials
        }))
    );
    let absent = InstanceWrite {
        instance: instance(8),
        replaces: Some(Rev(1)),
        count: None,
        credentials: None,
        trouble: None,
    };
    is_conflict(store.put_instance(&key, &absent).await);
    assert_eq!(store.instance(&key, Ordinal(8)).await, Ok(None));
}

pub async fn an_enrolment_secret_is_replaced_on_its_revision(store: impl Fleets) {
    let key = fleet("acme", 1);
    assert_eq!(store.enrolment_secret(&key).await, Ok(None));
    let [first, second] = [1, 2].map(|n| secret(n).hash());
    store.put_enrolment_secret(&key, &first, None).await.unwrap();
    is_conflict(store.put_enrolment_secret(&key, &second, None).await);
    store
        .put_enrolment_secret(&key, &second, Some(Rev(1)))
        .await
        .unwrap();
    is_conflict(store.put_enrolment_secret(&key, &first, Some(Rev(1))).await);
    let stored = store.enrolment_secret(&key).await.unwrap();
    assert_eq!(stored.map(|s| (s.hash, s.rev)), Some((second, Rev(2))));
    assert_eq!(store.enrolment_secret(&fleet("other", 1)).await, Ok(None));
}

pub async fn instances_come_in_order(store: impl Fleets) {
    let key = fleet("acme", 1);
    assert_eq!(store.instances(&key).await, Ok(Vec::new()));
    let ordinals = [999_999, 2_000, 1_000, 0, 999, 10, 9, 1_001, 12_345];
    for ordinal in ordinals {
        store.put_instance(&key, &first(ordinal)).await.unwrap();
        store
            .put_instance(&fleet("other", 1), &first(ordinal + 1))
            .await
            .unwrap();
    }
    let mut expected = ordinals.map(instance).to_vec();
    expected.sort_by_key(|i| i.ordinal);
    assert_eq!(store.instances(&key).await, Ok(expected));
}

/// Who says so of itself, who was last seen before a moment, and nobody else.
pub async fn troubled_instances_are_listed(store: impl Fleets) {
    let key = fleet("acme", 1);
    let write = |ordinal, trouble, settled_in| {
        let mut write = InstanceWrite {
            trouble,
            ..first(ordinal)
        };
        write.instance.settled_in = settled_in;
        write
    };
    for (ordinal, trouble, settled_in) in [
        (1, None, None),
        (9, None, Some(Epoch(3))),
        (2, Some(Trouble::Unhealthy), None),
        (40, Some(Trouble::Unable), Some(Epoch(12))),
        (41, None, None),
        (20, None, None),
    ] {
        let write = write(ordinal, trouble, settled_in);
        store.put_instance(&key, &write).await.unwrap();
        store.put_instance(&fleet("other", 1), &write).await.unwrap();
    }
    let troubled = |ordinal, trouble, settled_in| Troubled {
        ordinal: Ordinal(ordinal),
        trouble,
        settled_in,
    };
    let listed = async || {
        let mut list = store.troubled(&key, at(20)).await.unwrap();
        list.instances.sort_by_key(|t| t.ordinal);
        assert!(list.complete);
        list.instances
    };
    let (silent, unable) = (
        troubled(1, Trouble::Silent, None),
        troubled(40, Trouble::Unable, Some(Epoch(12))),
    );
    let settled = troubled(9, Trouble::Silent, Some(Epoch(3)));
    let sick = troubled(2, Trouble::Unhealthy, None);
    assert_eq!(listed().await, [silent, sick, settled, unable]);
    let mut well = write(2, None, None);
    (well.replaces, well.instance.seen_at) = (Some(Rev(1)), at(50));
    store.put_instance(&key, &well).await.unwrap();
    assert_eq!(listed().await, [silent, settled, unable]);
}

/// More than one answer of the table holds; who is not there is left out.
pub async fn some_instances_are_read_at_once(store: impl Fleets) {
    let key = fleet("acme", 1);
    for ordinal in 0..130 {
        store.put_instance(&key, &first(ordinal * 2)).await.unwrap();
    }
    let asked: Vec<_> = (5..245).map(Ordinal).collect();
    let mut found: Vec<_> = store.some_instances(&key, &asked).await.unwrap();
    found.sort_by_key(|i| i.ordinal);
    assert_eq!(found, (3..123).map(|n| instance(n * 2)).collect::<Vec<_>>());
    assert_eq!(store.some_instances(&key, &[]).await, Ok(Vec::new()));
}

/// An answer has at most 1 MB: 30 instances of 60 KB take two, and all lie in one block.
pub async fn large_blocks_are_read_whole(store: impl Fleets) {
    let key = fleet("acme", 1);
    for ordinal in 0..30 {
        let mut write = first(ordinal);
        write.instance.failure_domain = Some("z".repeat(60_000));
        store.put_instance(&key, &write).await.unwrap();
    }
    let ordinals: Vec<_> = store
        .instances(&key)
        .await
        .unwrap()
        .into_iter()
        .map(|i| i.ordinal.0)
        .collect();
    assert_eq!(ordinals, (0..30).collect::<Vec<_>>());
}

pub async fn reports_at_once_are_all_counted(store: impl Fleets + Upgrades + Clone + 'static) {
    let (key, group) = (fleet("acme", 1), group(1, Some(0)));
    let writes = (0..50).map(|ordinal| {
        let (store, key) = (store.clone(), key.clone());
        let what = if ordinal % 5 == 0 {
            Counted::Failed((ordinal > 0).then(|| failed(ordinal)))
        } else {
            Counted::Completed
        };
        let write = InstanceWrite {
            instance: instance(ordinal),
            replaces: None,
            count: Some((group, what)),
            credentials: None,
            trouble: None,
        };
        tokio::spawn(async move { again(&store, &key, &write).await })
    });
    for written in join_all(writes).await {
        written.unwrap();
    }
    assert_eq!(
        store.counts(group).await,
        Ok(Counts {
            completed: 40,
            failed: 10
        })
    );
    let mut kept = store.failed(group).await.unwrap();
    kept.sort_unstable();
    let expected: Vec<_> = (1..10).map(|n| failed(n * 5)).collect();
    assert_eq!(kept, expected);
    assert_eq!(store.instances(&key).await.unwrap().len(), 50);
}

fn failed(ordinal: u32) -> Failed {
    Failed {
        at: jiff::Timestamp::constant(1_767_225_600, 123_456_789)
            + jiff::SignedDuration::from_secs(ordinal.into()),
        ordinal: Ordinal(ordinal),
        arrived: ordinal,
    }
}

/// Comes again, as an instance does, until the write is made.
async fn again(store: &impl Fleets, key: &sluice_core::ids::FleetKey, write: &InstanceWrite) {
    for _ in 0..20 {
        match store.put_instance(key, write).await {
            Ok(()) => return,
            Err(e) => assert_eq!(e.kind, PortErrorKind::Conflict, "{e}"),
        }
    }
    panic!("20 conflicts");
}

pub async fn a_report_is_counted_once(store: impl Fleets + Upgrades + Clone + 'static) {
    let (key, group) = (fleet("acme", 1), group(1, Some(0)));
    store.put_instance(&key, &first(3)).await.unwrap();
    let write = InstanceWrite {
        instance: instance(3),
        replaces: Some(Rev(1)),
        count: Some((group, Counted::Completed)),
        credentials: None,
        trouble: None,
    };
    let writes = (0..10).map(|_| {
        let (store, key, write) = (store.clone(), key.clone(), write.clone());
        tokio::spawn(async move { store.put_instance(&key, &write).await })
    });
    let results: Vec<_> = join_all(writes).await.into_iter().map(Result::unwrap).collect();
    assert_eq!(results.iter().filter(|r| r.is_ok()).count(), 1, "{results:?}");
    assert_eq!(
        store.counts(group).await,
        Ok(Counts {
            completed: 1,
            failed: 0
        })
    );
    assert_eq!(
        store.instance(&key, Ordinal(3)).await.unwrap().map(|i| i.rev),
        Some(Rev(2))
    );
}

pub async fn groups_are_counted_apart(store: impl Fleets + Upgrades) {
    let key = fleet("acme", 1);
    let groups = [
        group(1, Some(1)),
        group(1, Some(10)),
        group(1, None),
        group(11, Some(1)),
    ];
    for (number, group) in (0..).zip(groups) {
        for ordinal in 0..=number {
            let instance = instance(number * 100 + ordinal);
            let count = Some((group, Counted::Completed));
            store
                .put_instance(
                    &key,
                    &InstanceWrite {
                        instance,
                        replaces: None,
                        count,
                        credentials: None,
                        trouble: None,
                    },
                )
                .await
                .unwrap();
        }
    }
    for (number, group) in (0..).zip(groups) {
        assert_eq!(
            store.counts(group).await,
            Ok(Counts {
                completed: number + 1,
                failed: 0
            }),
            "{group:?}"
        );
    }
    assert_eq!(store.counts(group(2, Some(1))).await, Ok(Counts::default()));
}
