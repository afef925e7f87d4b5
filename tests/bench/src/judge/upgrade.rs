//! Whole gates on simulated upgrades.

use rand::rngs::SmallRng;
use rand::{RngExt, SeedableRng};
use rand_distr::{Distribution, LogNormal};
use sluice_judge::errors::{Arm, Counts, HostCounts, Point};
use sluice_judge::gate::{Gate, Moment, Rules, Verdict};
use sluice_judge::latency::SlowLimit;
use sluice_judge::metric::{Importance, Kind, Metric};

use super::peers::{Peer, PeerWatch};
use super::runs::{Outcomes, many};
use super::sample::poisson;
use super::setting::{Scenario, Setting};
use super::simulate::{Simulation, totals};

/// Minutes before the first release that the check of what was different already is made of.
pub const BEFORE: u32 = 30;

/// One look of a gate, at the end of the minute of `point`; none when the gate refuses the point, which would be a
/// mistake of the simulation.
fn look(gate: &mut Gate, point: Point) -> Option<Verdict> {
    let moment = Moment {
        now_ms: point.at_ms + 60_000,
        bake_left_ms: 1,
    };
    gate.fold(0, point).ok()?;
    Some(gate.look(moment))
}

/// A refused point shows as a decision at look 0, which no target accepts.
const REFUSED: Option<u32> = Some(0);

/// How many runs end with a harmful verdict, and at which look. Whole gates judge, with the rules that a plan has.
#[must_use]
pub fn rollbacks(setting: Setting, scenario: Scenario, with_hosts: bool, runs: u64) -> Outcomes {
    let name = format!("{setting:?} {scenario:?} {with_hosts}");
    many(&name, runs, |seed| {
        let mut simulation = Simulation::new(setting, scenario, seed);
        let mut gate = Gate::new(Rules::default()).ok()?;
        for minute in 1..=setting.minutes {
            let point = simulation.next_minute();
            let point = if with_hosts { point } else { totals(&point) };
            match look(&mut gate, point) {
                None => return REFUSED,
                Some(Verdict::Harmful { .. }) => return Some(minute),
                Some(_) => {}
            }
        }
        None
    })
}

/// The same after half an hour in which all hosts ran the old version.
#[must_use]
pub fn rollbacks_after_check(setting: Setting, scenario: Scenario, runs: u64) -> Outcomes {
    let name = format!("{setting:?} {scenario:?} checked");
    many(&name, runs, |seed| {
        let mut simulation = Simulation::new(setting, scenario, seed);
        let mut gate = Gate::new(Rules::default()).ok()?;
        for _ in 0..BEFORE {
            if gate.fold(0, simulation.minute_before()).is_err() {
                return REFUSED;
            }
        }
        for minute in 1..=setting.minutes {
            match look(&mut gate, simulation.next_minute()) {
                None => return REFUSED,
                Some(Verdict::Harmful { .. }) => return Some(minute),
                Some(_) => {}
            }
        }
        None
    })
}

/// How many runs end with a proof of harmlessness, and at which look.
#[must_use]
pub fn promotions(setting: Setting, scenario: Scenario, runs: u64) -> Outcomes {
    let name = format!("{setting:?} {scenario:?} promotions");
    let rules = Rules {
        shorten_bake: true,
        ..Rules::default()
    };
    many(&name, runs, |seed| {
        let mut simulation = Simulation::new(setting, scenario, seed);
        let mut gate = Gate::new(rules.clone()).ok()?;
        for minute in 1..=setting.minutes {
            match look(&mut gate, simulation.next_minute()) {
                None => return REFUSED,
                Some(Verdict::Harmless { .. }) => return Some(minute),
                Some(_) => {}
            }
        }
        None
    })
}

/// How many runs a published rule ends, and at which look.
#[must_use]
pub fn by_peer(peer: Peer, setting: Setting, scenario: Scenario, runs: u64) -> Outcomes {
    // The same seeds as for our own gate: the same series.
    let name = format!("{setting:?} {scenario:?} {}", true);
    many(&name, runs, |seed| {
        let mut simulation = Simulation::new(setting, scenario, seed);
        let mut watch = PeerWatch::new(peer);
        (1..=setting.minutes).find(|_| {
            let point = simulation.next_minute();
            watch.look(point.canary.total(), point.baseline.total())
        })
    })
}

/// Shares of 10, 20 and 50% of 6,000 requests a minute, an hour each, as arm totals: either a shared outage of five
/// minutes in the third hour, or `worse` times the errors in all of it. The look is counted from the third hour on.
#[must_use]
pub fn three_batches(worse: Option<f64>, runs: u64) -> Outcomes {
    const REQUESTS: f64 = 6000.0;
    const ERROR_RATE: f64 = 0.005;
    many(&format!("S {worse:?}"), runs, |seed| {
        let mut rng = SmallRng::seed_from_u64(seed);
        let outage = 120 + rng.random_range(0..55);
        let mut gate = Gate::new(Rules::default()).ok()?;
        for minute in 0..180u32 {
            let share = [0.1, 0.2, 0.5][(minute / 60) as usize];
            let at_ms = i64::from(minute) * 60_000;
            if minute > 0 && minute.is_multiple_of(60) {
                gate.release(at_ms);
            }
            let down = worse.is_none() && (outage..outage + 5).contains(&minute);
            let rate = if down { 0.2 } else { ERROR_RATE };
            let factor = worse.filter(|_| minute >= 120).unwrap_or(1.0);
            let mut arm = |requests: f64, rate: f64| {
                let errors = poisson(&mut rng, requests * rate);
                #[expect(
                    clippy::cast_possible_truncation,
                    clippy::cast_sign_loss,
                    reason = "a small whole number"
                )]
                let requests = requests.round() as u64;
                Arm::Total(Counts {
                    requests,
                    errors: errors.min(requests),
                })
            };
            let point = Point {
                at_ms,
                canary: arm(REQUESTS * share, rate * factor),
                baseline: arm(REQUESTS * (1.0 - share), rate),
            };
            match look(&mut gate, point) {
                None => return REFUSED,
                // What is found before it began is false.
                Some(Verdict::Harmful { .. }) => return Some((minute + 1).saturating_sub(120)),
                Some(_) => {}
            }
        }
        None
    })
}

/// Latency in a setting: lognormal, with a deviation of a half; `factor` times as much on the new version. A limit is
/// frozen from 1,000 requests to the old version, then slow requests are counted.
#[must_use]
pub fn by_latency(setting: Setting, factor: f64, runs: u64) -> Outcomes {
    const DEVIATION: f64 = 0.5;
    let metric = Metric {
        name: "slow_rate".to_owned(),
        kind: Kind::Slow,
        importance: Importance::Critical,
        weight: 1.0,
        margin: Kind::Slow.default_margin(),
    };
    let rules = Rules {
        metrics: vec![metric],
        ..Rules::default()
    };
    many(&format!("latency {factor}"), runs, |seed| {
        let mut rng = SmallRng::seed_from_u64(seed);
        let old = LogNormal::new(0.0, DEVIATION).ok()?;
        let new = LogNormal::new(factor.ln(), DEVIATION).ok()?;
        let before: Vec<f64> = (0..1000).map(|_| old.sample(&mut rng)).collect();
        let limit = SlowLimit::freeze(&before).ok()?;
        let mut gate = Gate::new(rules.clone()).ok()?;
        for minute in 1..=setting.minutes {
            let mut arm = |first: u32, hosts: u32, requests: f64, latency: LogNormal<f64>| {
                #[expect(
                    clippy::cast_possible_truncation,
                    clippy::cast_sign_loss,
                    reason = "a small whole number"
                )]
                let requests = requests.round() as usize;
                let mut counts = Vec::new();
                for host in first..first + hosts {
                    let latencies: Vec<f64> = latency.sample_iter(&mut rng).take(requests).collect();
                    let counts_of_host = limit.count(&latencies).ok()?;
                    counts.push(HostCounts {
                        host,
                        counts: counts_of_host,
                    });
                }
                Some(Arm::Hosts(counts))
            };
            let canary = arm(0, setting.canary_hosts, setting.canary_requests, new)?;
            let baseline = arm(
                setting.canary_hosts,
                setting.baseline_hosts,
                setting.baseline_requests,
                old,
            )?;
            let point = Point {
                at_ms: i64::from(minute) * 60_000,
                canary,
                baseline,
            };
            match look(&mut gate, point) {
                None => return REFUSED,
                Some(Verdict::Harmful { .. }) => return Some(minute),
                Some(_) => {}
            }
        }
        None
    })
}
