use std::collections::BTreeMap;
use std::time::Duration;

use rand::SeedableRng;

use super::*;

/// A table with one healthy backend for each of these versions.
fn table(versions: &[&str], weights: &str) -> Table {
    let addresses = (0..versions.len())
        .map(|n| format!("127.0.0.1:{}", 9_000 + n).parse().unwrap())
        .collect();
    let mut table = Table::new(addresses, SmallRng::seed_from_u64(7));
    for (index, version) in versions.iter().enumerate() {
        table.polled(index, Instant::now(), Seen::Healthy((*version).to_owned()));
    }
    if !weights.is_empty() {
        table.set_weights(Weights::parse(weights.as_bytes()).unwrap());
    }
    table
}

fn tally(table: &mut Table, picks: usize) -> BTreeMap<usize, usize> {
    let mut counts = BTreeMap::new();
    for _ in 0..picks {
        *counts.entry(table.pick().unwrap().index).or_default() += 1;
    }
    counts
}

#[test]
fn traffic_follows_the_weights() {
    let mut table = table(&["1", "1", "2", "3"], r#"{"weights":{"1":90,"2":10,"3":0}}"#);
    let counts = tally(&mut table, 10_000);
    let old = counts[&0] + counts[&1];
    assert!((8_800..=9_200).contains(&old), "{counts:?}");
    assert!(
        counts[&0].abs_diff(counts[&1]) <= 1,
        "round robin is even: {counts:?}"
    );
    assert_eq!(counts.get(&3), None, "a weight of 0 gets nothing");
    assert_eq!(old + counts[&2], 10_000);
}

#[test]
fn without_weights_all_healthy_backends_are_used_equally() {
    let mut table = table(&["1", "2", "3"], "");
    table.failed(1, Instant::now());
    assert_eq!(tally(&mut table, 100), BTreeMap::from([(0, 50), (2, 50)]));
}

#[test]
fn a_version_that_is_down_gives_way_to_the_fallback_or_to_nobody() {
    for (fallback, expected) in [
        (r#","fallback":"1""#, Some(0)),
        (r#","fallback":"2""#, None),
        ("", None),
    ] {
        let weights = format!(r#"{{"weights":{{"1":0,"2":100}}{fallback}}}"#);
        let mut table = table(&["1", "2"], &weights);
        assert_eq!(table.pick().unwrap().index, 1);
        table.failed(1, Instant::now());
        assert_eq!(table.pick().map(|pick| pick.index), expected, "{weights}");
    }
}

#[test]
fn a_second_try_keeps_the_choice_and_leaves_the_failed_one_out() {
    let mut table = table(&["1", "2", "2"], r#"{"weights":{"1":0,"2":100}}"#);
    let first = table.pick().unwrap();
    let second = table.pick_again(&first).unwrap();
    assert_eq!((first.version.as_str(), second.version.as_str()), ("2", "2"));
    assert_ne!(first.index, second.index);
    table.failed(second.index, Instant::now());
    assert!(
        table.pick_again(&first).is_none(),
        "version 1 has weight 0 and is no fallback"
    );
}

#[test]
fn an_older_poll_does_not_revive_a_backend_that_failed_since() {
    let mut table = table(&["1"], "");
    let poll_began = Instant::now();
    let failed = poll_began + Duration::from_millis(1);
    assert!(table.failed(0, failed));
    assert_eq!(table.polled(0, poll_began, Seen::Healthy("1".into())), None);
    assert!(table.pick().is_none());
    assert!(
        table
            .polled(0, failed + Duration::from_millis(1), Seen::Healthy("1".into()))
            .is_some()
    );
    assert!(table.pick().is_some());
}

#[test]
fn one_late_poll_is_forgiven_and_two_are_not() {
    let mut table = table(&["1"], "");
    for (seen, healthy) in [
        (Seen::Late, true),
        (Seen::Healthy("1".into()), true),
        (Seen::Late, true),
        (Seen::Late, false),
        (Seen::Healthy("2".into()), true),
        (Seen::Unhealthy, false),
    ] {
        table.polled(0, Instant::now(), seen.clone());
        assert_eq!(table.view()[0].healthy, healthy, "after {seen:?}");
    }
    assert_eq!(table.view()[0].version.as_deref(), Some("2"));
}
