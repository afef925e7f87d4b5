use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::{any, prop, prop_assert, prop_assert_eq, proptest};
use semver::Version;
use uuid::Uuid;

use super::*;
use crate::ids::{ComponentId, FleetId, TenantId, VersionId};
use crate::settings::{Strategy, Wishes};

mod recut;
mod shapes;

fn version(number: u128) -> VersionRef {
    VersionRef {
        version_id: VersionId(Uuid::from_u128(number)),
        version: Version::new(1, 0, 0),
    }
}

fn request(slots: Vec<Slot>, wishes: &Wishes) -> Request {
    Request {
        fleet: FleetKey {
            tenant_id: TenantId::new("t").unwrap(),
            component_id: ComponentId(Uuid::from_u128(9)),
            fleet_id: FleetId::default(),
        },
        from: version(1),
        to: version(2),
        settings: Settings::resolve(wishes).unwrap(),
        slots,
        check_in: CheckInTimes::default(),
    }
}

fn slots(count: u32, domains: u32) -> Vec<Slot> {
    let domain = |n: u32| (domains > 0).then(|| format!("zone-{}", n % domains));
    (0..count)
        .map(|n| Slot {
            ordinal: Ordinal(n),
            failure_domain: domain(n),
            healthy: true,
        })
        .collect()
}

fn wishes(text: &str) -> Wishes {
    serde_json::from_str(text).unwrap()
}

/// Batches as text: kind, size, weight before and after.
fn drawn(plan: &Plan) -> String {
    let draw = |b: &Batch| {
        let kind = match b.kind {
            Kind::Canary => "c",
            Kind::Rolling => "r",
            Kind::Everything => "e",
        };
        format!(
            "{kind}{}:{}>{}",
            b.size(),
            b.weight_before.get(),
            b.weight_after.get()
        )
    };
    plan.batches.iter().map(draw).collect::<Vec<_>>().join(" ")
}

#[test]
fn batches_as_expected() {
    let rows = [
        (
            20,
            r#"{"strategy":"CANARY"}"#,
            "c2:0>10 c2:10>20 r5:20>45 r5:45>70 r5:70>95 r1:100>100",
        ),
        (
            20,
            r#"{"strategy":"CANARY","canarySecondStage":false}"#,
            "c2:0>10 r5:10>35 r5:35>60 r5:60>85 r3:100>100",
        ),
        (
            20,
            r#"{"strategy":"CANARY","batchSize":8,"maxUnavailablePercentage":40}"#,
            "c2:0>10 c2:10>20 r8:20>60 r8:100>100",
        ),
        (
            20,
            r#"{"strategy":"CANARY","canaryPercentage":50,"batchSize":20}"#,
            "c5:0>25 c5:25>50 r5:50>75 r5:100>100",
        ),
        (10, "{}", "r2:0>20 r2:20>40 r2:40>60 r2:60>80 r2:100>100"),
        (
            50,
            r#"{"batchSize":10}"#,
            "r10:0>20 r10:20>40 r10:40>60 r10:60>80 r10:100>100",
        ),
        (3, r#"{"strategy":"RECREATE"}"#, "e3:100>100"),
        (1, r#"{"strategy":"CANARY"}"#, "c1:100>100"),
        (
            1000,
            r#"{"strategy":"CANARY","canaryPercentage":0,"canarySecondStage":false,"batchSize":999}"#,
            "c1:0>1 r250:1>25 r250:25>50 r250:50>75 r249:100>100",
        ),
    ];
    for (count, text, expected) in rows {
        let (plan, _) = Plan::make(request(slots(count, 0), &wishes(text))).unwrap();
        assert_eq!(drawn(&plan), expected, "{count} {text}");
    }
}

/// By overlap nothing is unavailable, and no more run beside another one than the surge.
#[test]
fn an_overlap_is_cut_by_its_surge() {
    let rows = [
        (
            4,
            r#"{"maxUnavailablePercentage":0,"maxSurge":1}"#,
            "r1:0>25 r1:25>50 r1:50>75 r1:100>100",
        ),
        (
            4,
            r#"{"maxUnavailablePercentage":0,"batchSize":2}"#,
            "r2:0>50 r2:100>100",
        ),
        (
            10,
            r#"{"maxUnavailablePercentage":0,"batchSize":4,"maxSurge":9}"#,
            "r4:0>40 r4:40>80 r2:100>100",
        ),
        (
            20,
            r#"{"strategy":"CANARY","maxUnavailablePercentage":10,"maxSurge":3}"#,
            "c2:0>10 c2:10>20 r3:20>35 r3:35>50 r3:50>65 r3:65>80 r3:80>95 r1:100>100",
        ),
    ];
    for (count, text, expected) in rows {
        let wishes = Wishes {
            switch: Switch::Overlap,
            ..wishes(text)
        };
        let (plan, _) = Plan::make(request(slots(count, 0), &wishes)).unwrap();
        assert_eq!(drawn(&plan), expected, "{count} {text}");
        assert!(plan.warnings[0].contains("side by side"), "{:?}", plan.warnings);
    }
    // Who is down already takes no room beside anybody.
    let mut slots = slots(4, 0);
    slots.iter_mut().take(3).for_each(|s| s.healthy = false);
    let wishes = Wishes {
        switch: Switch::Overlap,
        ..wishes(r#"{"maxUnavailablePercentage":0,"maxSurge":1,"batchSize":4}"#)
    };
    assert_eq!(
        drawn(&Plan::make(request(slots, &wishes)).unwrap().0),
        "r4:100>100"
    );
}

#[test]
fn refusals() {
    let make = |request| Plan::make(request).map(|_| ()).unwrap_err();
    assert_eq!(make(request(vec![], &Wishes::default())), PlanError::EmptyFleet);
    let same = Request {
        to: version(1),
        ..request(slots(3, 0), &Wishes::default())
    };
    assert_eq!(make(same), PlanError::SameVersion);
    let many = request(slots(10_000, 0), &wishes(r#"{"batchSize":1}"#));
    assert_eq!(
        make(many),
        PlanError::TooManyBatches {
            batches: 10_000,
            fits: 10
        }
    );
}

#[test]
fn the_size_that_is_offered_fits() {
    for (count, text) in [
        (10_000, r#"{"batchSize":3}"#),
        (100_003, r#"{"batchSize":7,"strategy":"CANARY"}"#),
    ] {
        let Err(PlanError::TooManyBatches { fits, .. }) = Plan::make(request(slots(count, 0), &wishes(text)))
        else {
            panic!("{count} {text} was planned");
        };
        let better = Wishes {
            batch_size: Some(i64::from(fits)),
            ..wishes(text)
        };
        assert!(Plan::make(request(slots(count, 0), &better)).is_ok(), "{fits}");
    }
}

#[test]
fn the_hash_names_the_content() {
    let make = |count| {
        Plan::make(request(slots(count, 2), &Wishes::default()))
            .unwrap()
            .0
    };
    assert_eq!(make(20).hash(), make(20).hash());
    assert_ne!(make(20).hash(), make(21).hash());
    let read: Plan = serde_json::from_slice(&serde_json::to_vec(&make(20)).unwrap()).unwrap();
    assert_eq!(read.hash(), make(20).hash());
}

proptest! {
    /// Invariant 5: each instance in exactly one batch, the canary first, no batch above the cap.
    #[test]
    fn each_instance_once_and_never_above_the_cap(
        count in 1u32..400, domains in 0u32..5, percent in 1i64..=100, canary in 0i64..=100, size in 1i64..50,
        second in any::<bool>(), strategy in prop::sample::select(vec![Strategy::Rolling, Strategy::Canary]),
    ) {
        let wishes = Wishes {
            strategy: Some(strategy), canary_percentage: Some(canary), canary_second_stage: Some(second),
            batch_size: Some(size), max_unavailable_percentage: Some(percent), ..Wishes::default()
        };
        let (plan, positions) = Plan::make(request(slots(count, domains), &wishes)).unwrap();
        let published = plan.publish(positions.clone());

        let ordinals: BTreeSet<_> = positions.0.iter().collect();
        prop_assert_eq!(ordinals.len(), count as usize);
        let mut times = BTreeMap::new();
        for batch in &plan.batches {
            for position in batch.begin.0..batch.end.0 {
                *times.entry(position).or_insert(0) += 1;
                prop_assert_eq!(published.batch_of(Position(position)), Some(batch.index));
            }
        }
        prop_assert!(times.len() == count as usize && times.values().all(|&n| n == 1));

        let share = u64::from(count) * u64::try_from(percent).unwrap();
        let cap = (1..=count).filter(|k| u64::from(*k) * 100 <= share).max().unwrap_or(1);
        prop_assert!(plan.batches.iter().all(|b| b.size() >= 1 && b.size() <= cap));
        let kinds: Vec<_> = plan.batches.iter().map(|b| b.kind == Kind::Canary).collect();
        prop_assert!(kinds.is_sorted_by(|a, b| a >= b), "canary first");
        prop_assert_eq!(kinds[0], strategy == Strategy::Canary);

        prop_assert!(plan.batches.windows(2).all(|w| w[0].weight_after <= w[1].weight_after));
        prop_assert!(plan.batches.iter().all(|b| b.weight_before <= b.weight_after));
        prop_assert_eq!(plan.batches.last().unwrap().weight_after, Percent::FULL);
    }

    /// No prefix of the order takes from one failure domain much more than its share.
    #[test]
    fn domains_are_spread(count in 2u32..200, domains in 1u32..5) {
        let slots = slots(count, domains);
        let (_, positions) = Plan::make(request(slots.clone(), &Wishes::default())).unwrap();
        let size = |d: u32| slots.iter().filter(|s| s.ordinal.0 % domains == d).count() as f64;
        for (taken, _) in positions.0.iter().enumerate() {
            for d in 0..domains.min(count) {
                let of_domain = positions.0[..=taken].iter().filter(|o| o.0 % domains == d).count() as f64;
                let fair = (taken + 1) as f64 * size(d) / f64::from(count);
                prop_assert!((of_domain - fair).abs() <= f64::from(domains), "{of_domain} against {fair}");
            }
        }
    }
}
