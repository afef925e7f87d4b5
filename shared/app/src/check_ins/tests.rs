//! From check-ins to series.

use jiff::Timestamp;
use sluice_core::fleet::{MetricSource, Minutes};
use sluice_core::ids::{ComponentId, FleetId, FleetKey, InstanceId, TenantId};
use sluice_core::units::Ordinal;
use sluice_judge::gate::Before;
use uuid::Uuid;

use super::*;
use crate::ports::Window;

/// Minute, minor version, requests, errors, slow requests.
type Told = (i64, u64, u64, u64, Option<u64>);

fn instance(ordinal: u32, told: &[Told]) -> Instance {
    let brought: Vec<_> = told
        .iter()
        .map(|(minute, minor, requests, errors, slow)| MinuteCounts {
            minute: *minute,
            version: Version::new(1, *minor, 0),
            requests: *requests,
            errors: *errors,
            slow: *slow,
        })
        .collect();
    Instance {
        instance_id: InstanceId::new(format!("i-{ordinal}")).unwrap(),
        ordinal: Ordinal(ordinal),
        incarnation: Default::default(),
        failure_domain: None,
        switches: Default::default(),
        running: None,
        report: None,
        left: None,
        settled_in: None,
        counters: Minutes::default().with(&brought, 20),
        seen_at: Timestamp::UNIX_EPOCH,
    }
}

fn read(instances: &[Instance], source: &MetricSource) -> Vec<Series> {
    let fleet = FleetKey {
        tenant_id: TenantId::new("acme").unwrap(),
        component_id: ComponentId(Uuid::from_u128(7)),
        fleet_id: FleetId::default(),
    };
    let at = |minute: i64| Timestamp::from_second(minute * 60).unwrap();
    let reading = Reading {
        source,
        fleet: &fleet,
        new: "1.1.0",
        old: "1.0.0",
        window: Window {
            from: at(10),
            until: at(20),
        },
        before: &Before::default(),
    };
    series(instances, reading).unwrap()
}

/// Minute, requests and errors of both versions, hosts.
fn told(series: &Series) -> Vec<(i64, u64, u64, u64, u64, usize)> {
    let Readings::Counts { datapoints } = &series.readings else {
        return Vec::new();
    };
    datapoints
        .iter()
        .map(|d| {
            let (c, b) = (d.canary, d.baseline);
            (
                d.at_ms / MINUTE_MS,
                c.requests,
                c.errors,
                b.requests,
                b.errors,
                d.hosts.len(),
            )
        })
        .collect()
}

#[test]
fn instances_become_hosts_of_both_versions() {
    let instances = [
        instance(
            0,
            &[(9, 1, 50, 5, None), (10, 1, 40, 4, None), (11, 1, 30, 0, None)],
        ),
        instance(1, &[(10, 0, 60, 1, None), (12, 0, 0, 0, None)]),
        instance(2, &[(10, 0, 70, 0, None)]),
    ];
    let series = read(&instances, &MetricSource::check_ins());
    assert_eq!(told(&series[0]), [(10, 40, 4, 130, 1, 3), (11, 30, 0, 0, 0, 1)]);
}

/// In the minute of its switch a host belongs to neither version.
#[test]
fn a_host_that_changes_its_arm_within_a_minute_is_left_out_of_it() {
    let instances = [
        instance(
            0,
            &[
                (10, 0, 9, 9, None),
                (11, 0, 9, 1, None),
                (11, 1, 9, 2, None),
                (12, 1, 9, 3, None),
            ],
        ),
        instance(1, &[(11, 0, 60, 1, None)]),
    ];
    let series = read(&instances, &MetricSource::check_ins());
    assert_eq!(
        told(&series[0]),
        [(10, 0, 0, 9, 9, 1), (11, 0, 0, 60, 1, 1), (12, 9, 3, 0, 0, 1)]
    );
}

#[test]
fn slow_requests_are_told_or_absent() {
    let mut source = MetricSource::check_ins();
    source.watched = serde_json::from_str(r#"[{"name":"slow_rate","kind":"slow","slow":"slow"}]"#).unwrap();
    assert_eq!(source.check(), []);
    let with = [
        instance(0, &[(10, 1, 40, 4, Some(7))]),
        instance(1, &[(10, 0, 60, 1, Some(6))]),
    ];
    assert_eq!(told(&read(&with, &source)[1]), [(10, 40, 7, 60, 6, 2)]);
    let without = [instance(0, &[(10, 1, 40, 4, None)])];
    assert!(matches!(
        read(&without, &source)[1].readings,
        Readings::Absent { .. }
    ));
}

/// A gate forgets by quarters of an hour, before its instances do, and each begin has a number of its own.
#[test]
fn what_is_forgotten_begins_another_test() {
    let minutes = |m: i64| m * MINUTE_MS;
    for (elapsed, from, forgotten) in [
        (0, 0, 0),
        (28, 0, 0),
        (29, 15, 1),
        (43, 15, 1),
        (44, 30, 2),
        (-5, 0, 0),
    ] {
        let began = begin(minutes(100), minutes(100 + elapsed));
        assert_eq!(began, (minutes(100 + from), forgotten), "{elapsed}");
        assert!(elapsed - from <= KEPT_MINUTES - 2);
    }
    let mut numbers = BTreeSet::new();
    for release in 0..50 {
        for forgotten in 0..50 {
            assert!(
                numbers.insert(start_number(release, forgotten)),
                "{release} {forgotten}"
            );
        }
    }
    let parts: f64 = numbers
        .iter()
        .map(|n| sluice_judge::errors::restart_weight(*n))
        .sum();
    assert!(parts <= 1.0, "{parts}");
}
