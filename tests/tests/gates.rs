//! Gates of several metrics over whole upgrades in memory.

#![cfg(test)]

use sluice_app::ports::Quantile;
use sluice_core::fleet::{MetricSource, WatchedMetric};
use sluice_core::upgrade::Command;
use sluice_judge::errors::{Basis, Counts, Datapoint};
use sluice_judge::gate::{Case, MomentValues, Readings, Series, Verdict};
use sluice_judge::threshold::Sample;
use sluice_tests::sim::{Behaviour, Sim, fleet_key};

/// A fleet that watches these metrics, and what will be read of them over the next ten minutes.
async fn fleet(watched: &str, series: Vec<Series>) -> Sim {
    let mut sim = Sim::new(20, Behaviour::default());
    {
        let mut state = sim.world.state();
        let fleet = state.fleets.get_mut(&fleet_key()).unwrap();
        let watched: Vec<WatchedMetric> = serde_json::from_str(watched).unwrap();
        fleet.metrics.as_mut().unwrap().watched = watched;
        assert_eq!(fleet.metrics.as_ref().unwrap().check(), []);
        state.watched = series;
    }
    for _ in 0..3 {
        sim.second().await;
    }
    sim
}

fn seconds(sim: &Sim) -> impl Iterator<Item = i64> + use<> {
    let now = sim.now.as_millisecond();
    (0..600).map(move |second| now + second * 1_000)
}

fn values(sim: &Sim, metric: &str, canary: f64, baseline: f64) -> Series {
    let sample = |value| Some(Sample { value, samples: 9 });
    let values = seconds(sim).map(|at_ms| MomentValues {
        at_ms,
        canary: sample(canary),
        baseline: sample(baseline),
    });
    Series {
        metric: metric.to_owned(),
        readings: Readings::Values {
            values: values.collect(),
        },
    }
}

fn counts(sim: &Sim, metric: &str, canary: (u64, u64), baseline: (u64, u64)) -> Series {
    let counts = |(requests, errors)| Counts { requests, errors };
    let points = seconds(sim).map(|at_ms| Datapoint::totals(at_ms, counts(canary), counts(baseline)));
    Series {
        metric: metric.to_owned(),
        readings: Readings::Counts {
            datapoints: points.collect(),
        },
    }
}

/// Begins an upgrade to a version whose requests all succeed.
async fn upgraded(mut sim: Sim, series: Vec<Series>) -> Sim {
    sim.world.state().watched = series;
    sim.begin(&Sim::request(1, "")).await.unwrap();
    sim.run(200).await;
    sim
}

/// Every verdict of an upgrade, each replayed from what was recorded for it.
fn replayed(sim: &Sim) -> Vec<Verdict> {
    let verdicts = sim.events().into_iter().filter_map(|event| match event.command {
        Command::Pass { verdict } => Some(verdict),
        Command::RollBack { verdict, .. } => verdict,
        _ => None,
    });
    let state = sim.world.state();
    verdicts
        .map(|verdict| {
            let name = verdict.numbers().recorded_as.clone().expect("a recorded verdict");
            let key = sluice_app::keys::evidence(sim.upgrade_id, &name);
            let bytes = &state.blobs[&key];
            let case: Case = serde_json::from_slice(bytes).unwrap();
            assert_eq!(
                sluice_core::audit::digest(&case),
                name,
                "what is stored is what is named"
            );
            assert_eq!(case.judge().recorded_as(&name), verdict);
            verdict
        })
        .collect()
}

const WATCHED: &str = r#"[
    {"name":"slow_rate","kind":"slow","slow":"Slow","critical":true},
    {"name":"redis_up","kind":"threshold","expected":1,"critical":true},
    {"name":"cpu","kind":"threshold","max":0.9,"observe_only":true}]"#;

#[tokio::test]
async fn a_version_that_is_good_by_every_metric_arrives() {
    let sim = fleet(WATCHED, Vec::new()).await;
    let series = vec![
        counts(&sim, "slow_rate", (100, 10), (900, 90)),
        values(&sim, "redis_up", 1.0, 1.0),
        values(&sim, "cpu", 0.99, 0.1),
    ];
    let sim = upgraded(sim, series).await;
    assert_eq!(sim.status(), "COMPLETED");
    let verdicts = replayed(&sim);
    assert_eq!(verdicts.len(), 6, "one for each batch");
    assert!(verdicts.iter().all(|v| v.numbers().all.len() == 4));
}

/// Rows: what is read of one metric, and how the reason to go back begins.
#[tokio::test]
async fn each_metric_alone_brings_a_fleet_back() {
    let sim = || fleet(WATCHED, Vec::new());
    let at = sim().await;
    let good = vec![
        counts(&at, "slow_rate", (100, 10), (900, 90)),
        values(&at, "redis_up", 1.0, 1.0),
    ];
    for (bad, reason) in [
        (
            counts(&at, "slow_rate", (100, 40), (900, 90)),
            "harmful: slow_rate: the new version was slow in ",
        ),
        (
            values(&at, "redis_up", 0.0, 1.0),
            "harmful: redis_up of the new version is 0, accepted: 1",
        ),
    ] {
        let mut series = good.clone();
        series.retain(|s| s.metric != bad.metric);
        series.push(bad);
        let sim = upgraded(sim().await, series).await;
        assert_eq!((sim.status(), sim.running(0)), ("ROLLED_BACK", 20), "{reason}");
        let verdicts = replayed(&sim);
        let harmful = verdicts.last().unwrap().to_string();
        assert!(harmful.starts_with(reason), "{harmful}");
    }
}

/// A critical metric that nobody reads, and one whose limit is broken by both versions, hold and say so.
#[tokio::test]
async fn what_is_missing_or_shared_holds() {
    let sim = fleet(WATCHED, Vec::new()).await;
    let slow = counts(&sim, "slow_rate", (100, 10), (900, 90));
    let absent = Series {
        metric: "redis_up".to_owned(),
        readings: Readings::Absent {
            why: "nobody counts it".to_owned(),
        },
    };
    for (redis, said) in [
        (None, "waiting for the first data of redis_up"),
        (Some(absent), "there are no data of redis_up: nobody counts it"),
        (
            Some(values(&sim, "redis_up", 0.0, 0.0)),
            "redis_up is 0, accepted: 1; the old version does not keep to it either",
        ),
    ] {
        let fresh = fleet(WATCHED, Vec::new()).await;
        let mut series = vec![slow.clone()];
        series.extend(redis);
        let sim = upgraded(fresh, series).await;
        assert_eq!(sim.status(), "CANARY_MONITORING");
        let state = sim.world.state();
        let upgrade = &state.upgrades[&sim.upgrade_id];
        let hold = upgrade.hold.as_ref().expect(said).cause.to_string();
        assert!(hold.contains(said), "{hold}");
    }
}

/// What the old version shows is frozen when the upgrade begins, once, in the record.
#[tokio::test]
async fn the_old_version_is_measured_before_anything_moves() {
    let latency = r#"[{"name":"slow_rate","kind":"slow","latency":"Latency"}]"#;
    let mut sim = fleet(latency, Vec::new()).await;
    {
        let mut state = sim.world.state();
        let past = Counts {
            requests: 900,
            errors: 3,
        };
        let at_ms = sim.now.as_millisecond() - 60_000;
        state.datapoints = vec![Datapoint::totals(at_ms, Counts::default(), past)];
        // Before the limit is known, nothing can be counted.
        state.watched = vec![Series {
            metric: "slow_rate".to_owned(),
            readings: Readings::Absent {
                why: "too few latencies".to_owned(),
            },
        }];
        state.quantiles = vec![Quantile {
            metric: "slow_rate".to_owned(),
            value: 0.25,
            samples: 100,
        }];
    }
    sim.begin(&Sim::request(1, "")).await.unwrap();
    sim.run(10).await;
    sim.world.state().quantiles.clear();
    sim.run(400).await;
    let state = sim.world.state();
    let before = &state.upgrades[&sim.upgrade_id].before;
    assert_eq!(before.of("error_rate").unwrap().past.errors, 3);
    assert_eq!(before.of("slow_rate").unwrap().slow_above, Some(0.25));
    drop(state);
    assert_eq!(sim.status(), "COMPLETED");
    let check = sim.events().into_iter().find_map(|event| match event.command {
        Command::Validate { checks, .. } => checks.into_iter().find(|c| c.name == "old-version-measured"),
        _ => None,
    });
    let told = check.unwrap().detail;
    assert!(told.starts_with("error_rate: 3 of "), "{told}");
    assert!(told.ends_with("; slow_rate: slow is above 0.25"), "{told}");
}

/// Too few latencies: no limit is frozen, and a gate that needs it would hold.
#[tokio::test]
async fn a_limit_of_too_few_latencies_is_none() {
    let mut sim = fleet("[]", Vec::new()).await;
    sim.world.state().quantiles = vec![Quantile {
        metric: "error_rate".to_owned(),
        value: 0.25,
        samples: 99,
    }];
    sim.begin(&Sim::request(1, "")).await.unwrap();
    sim.run(10).await;
    let state = sim.world.state();
    let before = &state.upgrades[&sim.upgrade_id].before;
    assert_eq!(before.of("error_rate").unwrap().slow_above, None);
}

/// A fleet whose agents tell what their services count, and nobody else does.
async fn counting(minor: u64) -> Sim {
    let behaviour = Behaviour {
        metrics: false,
        counting: true,
        ..Behaviour::default()
    };
    let mut sim = Sim::new(20, behaviour);
    sim.world.state().fleets.get_mut(&fleet_key()).unwrap().metrics = Some(MetricSource::check_ins());
    // Idle instances are written every five minutes, with what was counted until then.
    sim.run_until(640, |_| false).await;
    sim.begin(&Sim::request(minor, "")).await.unwrap();
    sim.run(2_400).await;
    sim
}

#[tokio::test]
async fn a_fleet_is_judged_by_what_its_own_check_ins_tell() {
    let good = counting(1).await;
    assert_eq!((good.status(), good.running(1)), ("COMPLETED", 20));
    let bad = counting(2).await;
    assert_eq!((bad.status(), bad.running(0)), ("ROLLED_BACK", 20));
    let verdicts = replayed(&bad);
    let numbers = verdicts.last().unwrap().numbers();
    assert_eq!(numbers.basis, Basis::Hosts, "host by host: {numbers:?}");
    let state = bad.world.state();
    let before = &state.upgrades[&bad.upgrade_id].before;
    assert!(
        before.of("error_rate").unwrap().past.requests > 0,
        "compared before: {before:?}"
    );
}
