//! Batches of every shape, over fleets with domains and instances that are down, against a naive judge.

use super::*;
use crate::policy::Order;

fn settings(strategy: Strategy, shape: Shape, order: Order, allowed: u32, batch_size: u32) -> Settings {
    let wishes = Wishes {
        strategy: Some(strategy),
        batch_size: Some(i64::from(batch_size)),
        ..Wishes::default()
    };
    Settings {
        shape,
        order,
        max_unavailable: Some(allowed),
        ..Settings::resolve(&wishes).unwrap()
    }
}

fn with(settings: Settings, slots: Vec<Slot>) -> Request {
    Request {
        settings,
        ..request(slots, &Wishes::default())
    }
}

/// Slots as text: a letter for each failure domain, a capital one for an instance that is down.
fn fleet(text: &str) -> Vec<Slot> {
    let slot = |(n, c): (u32, char)| Slot {
        ordinal: Ordinal(n),
        failure_domain: (c != '.').then(|| c.to_lowercase().to_string()),
        healthy: !c.is_uppercase(),
    };
    (0..).zip(text.chars()).map(slot).collect()
}

fn percents(of: &[i64]) -> Vec<Percent> {
    of.iter().map(|p| Percent::new(*p).unwrap()).collect()
}

#[test]
fn shapes_as_expected() {
    use Strategy::{Canary, Recreate, Rolling};
    let ratios = |of: &[i64]| Shape::Ratios(percents(of));
    let percentage = |p: i64| Shape::Percentage(Percent::new(p).unwrap());
    let dots = |n: usize| ".".repeat(n);
    let rows = [
        // A fifth of fifty: five batches of ten.
        (
            dots(50),
            settings(Rolling, percentage(20), Order::Spread, 50, 5),
            "r10:0>20 r10:20>40 r10:40>60 r10:60>80 r10:100>100",
        ),
        (
            dots(7),
            settings(Rolling, percentage(20), Order::Spread, 7, 5),
            "r1:0>14 r1:14>28 r1:28>42 r1:42>57 r1:57>71 r1:71>85 r1:100>100",
        ),
        (
            dots(20),
            settings(Rolling, ratios(&[10, 30, 60]), Order::Spread, 20, 5),
            "r2:0>10 r6:10>40 r12:100>100",
        ),
        (
            dots(20),
            settings(Canary, ratios(&[10, 30, 60]), Order::Spread, 20, 5),
            "c2:0>10 r6:10>40 r12:100>100",
        ),
        // The cap cuts stages, and never across their ends.
        (
            dots(20),
            settings(Canary, ratios(&[10, 30, 60]), Order::Spread, 5, 5),
            "c2:0>10 r5:10>35 r1:35>40 r5:40>65 r5:65>90 r2:100>100",
        ),
        // Only ordinals from 2 on; what waits leaves the old version some of the traffic.
        (
            dots(3),
            settings(Rolling, Shape::Partition(2), Order::Index, 1, 5),
            "r1:0>33",
        ),
        (
            dots(10),
            settings(Rolling, Shape::Partition(4), Order::Index, 4, 5),
            "r4:0>40 r2:40>60",
        ),
        // No batch takes a domain's last instance away; a domain of one cannot be helped.
        (
            "aabb".to_owned(),
            settings(Rolling, Shape::Count, Order::Spread, 4, 4),
            "r2:0>50 r2:100>100",
        ),
        (
            "aabb".to_owned(),
            settings(Rolling, Shape::Count, Order::Index, 4, 4),
            "r4:100>100",
        ),
        (
            "aaaab".to_owned(),
            settings(Rolling, Shape::Count, Order::Spread, 5, 5),
            "r4:0>80 r1:100>100",
        ),
        (
            "aabb".to_owned(),
            settings(Recreate, Shape::Count, Order::Spread, 1, 1),
            "e4:100>100",
        ),
        // One that is down leaves less room, until it has moved.
        (
            "a.b.C.".to_owned(),
            settings(Rolling, Shape::Count, Order::Index, 2, 5),
            "r1:0>16 r1:16>33 r1:33>50 r2:50>83 r1:100>100",
        ),
    ];
    for (text, settings, expected) in rows {
        let told = format!("{text} {settings:?}");
        let (plan, _) = Plan::make(with(settings, fleet(&text))).unwrap();
        assert_eq!(drawn(&plan), expected, "{told}");
    }
}

#[test]
fn where_too_many_are_down_nothing_moves() {
    let settings = settings(Strategy::Rolling, Shape::Count, Order::Index, 2, 5);
    let made = Plan::make(with(settings, fleet("aaAA")));
    assert_eq!(made.unwrap_err(), PlanError::NoRoom { down: 2, cap: 2 });
}

/// What is down or moves while a batch moves, by looking at every instance anew.
fn missing(slots: &BTreeMap<u32, &Slot>, moved: &BTreeSet<u32>, batch: &BTreeSet<u32>) -> usize {
    let is_missing = |n: &&u32| batch.contains(n) || (!slots[n].healthy && !moved.contains(n));
    slots.keys().filter(is_missing).count()
}

proptest! {
    #[test]
    fn no_batch_takes_too_much_away(
        fleet in prop::collection::vec((prop::option::of(0u8..4), prop::bool::weighted(0.9)), 1..120),
        strategy in prop::sample::select(vec![Strategy::Rolling, Strategy::Canary, Strategy::Recreate]),
        order in prop::sample::select(vec![Order::Spread, Order::Index]),
        kind in 0u8..4, percent in 1i64..=100, first in 0u32..120, allowed in 1u32..60, size in 1u32..40,
    ) {
        let slots: Vec<Slot> = (0..).zip(&fleet).map(|(n, (domain, healthy))| Slot {
            ordinal: Ordinal(n), failure_domain: domain.map(|d| format!("zone-{d}")), healthy: *healthy,
        }).collect();
        let total = u32::try_from(slots.len()).unwrap();
        let first = first.min(total - 1);
        let shape = match kind {
            0 => Shape::Count,
            1 => Shape::Percentage(Percent::new(percent).unwrap()),
            2 if percent < 100 => Shape::Ratios(percents(&[percent, 100 - percent])),
            2 => Shape::Ratios(percents(&[100])),
            _ => Shape::Partition(first),
        };
        let settings = settings(strategy, shape.clone(), order, allowed, size);
        let by_ordinal: BTreeMap<u32, &Slot> = slots.iter().map(|s| (s.ordinal.0, s)).collect();
        let down = slots.iter().filter(|s| !s.healthy).count();
        let allowed = allowed.min(total) as usize;
        let (plan, positions) = match Plan::make(with(settings, slots.clone())) {
            Ok(made) => made,
            Err(PlanError::NoRoom { .. }) => {
                prop_assert!(down >= allowed, "{} down of {} allowed", down, allowed);
                return Ok(());
            }
            Err(error) => panic!("{error}"),
        };

        // Each that moves once, and those that wait are those below the partition.
        let low = if matches!(shape, Shape::Partition(_)) { first } else { 0 };
        let ordinals: Vec<u32> = positions.0.iter().map(|o| o.0).collect();
        let moving = plan.batches.last().map_or(0, |b| b.end.0) as usize;
        prop_assert_eq!(ordinals.iter().collect::<BTreeSet<_>>().len(), slots.len());
        prop_assert!(ordinals[..moving].iter().all(|o| *o >= low) && ordinals[moving..].iter().all(|o| *o < low));
        prop_assert_eq!(plan.waiting_instances, low);
        prop_assert!(order == Order::Spread || ordinals[..moving].is_sorted());

        let mut moved = BTreeSet::new();
        let mut begin = 0;
        for batch in &plan.batches {
            prop_assert_eq!(batch.begin.0, begin);
            begin = batch.end.0;
            let members: BTreeSet<u32> = ordinals[batch.begin.0 as usize..batch.end.0 as usize].iter().copied().collect();
            prop_assert!(!members.is_empty());
            if strategy == Strategy::Recreate {
                prop_assert_eq!(members.len(), moving);
                continue;
            }
            // Moving what is down takes nothing away, so only a batch with a healthy one in it has to keep the cap.
            let away = missing(&by_ordinal, &moved, &members);
            prop_assert!(away <= allowed || members.iter().all(|n| !by_ordinal[n].healthy), "{} away, {} allowed", away, allowed);
            let most = match &shape {
                Shape::Percentage(p) => (slots.len() * usize::from(p.get()) / 100).max(1),
                Shape::Count | Shape::Partition(_) => size as usize,
                Shape::Ratios(_) => slots.len(),
            };
            prop_assert!(batch.kind == Kind::Canary || members.len() <= most, "{} of {}", members.len(), most);
            for domain in members.iter().filter_map(|n| by_ordinal[n].failure_domain.as_ref()) {
                let up = |n: &u32, s: &Slot| s.failure_domain.as_ref() == Some(domain) && (s.healthy || moved.contains(n));
                let before = by_ordinal.iter().filter(|(n, s)| up(n, s)).count();
                let left = by_ordinal.iter().filter(|(n, s)| up(n, s) && !members.contains(*n)).count();
                prop_assert!(order == Order::Index || left >= 1 || before < 2, "{} is emptied", domain);
            }
            moved.extend(members);
        }
        if let (Shape::Ratios(ratios), true) = (&shape, strategy != Strategy::Recreate) {
            let stage = ratios[0].of_ceil(total);
            prop_assert!(plan.batches.iter().any(|b| b.end.0 == stage));
        }
    }
}
