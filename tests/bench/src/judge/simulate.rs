//! One upgrade of a fleet in a scenario, minute by minute.

use std::f64::consts::TAU;

use rand::rngs::SmallRng;
use rand::{RngExt, SeedableRng};
use sluice_judge::errors::{Arm, Counts, HostCounts, Point};

use super::sample::{bursty, chance, poisson};
use super::setting::{Scenario, Setting};

/// Makes the datapoints of one run.
#[derive(Debug, Clone)]
pub struct Simulation {
    setting: Setting,
    scenario: Scenario,
    rng: SmallRng,
    sick: Vec<bool>,
    episode_until: Vec<u32>,
    outage_from: u32,
    phase: f64,
    minute: u32,
    before: u32,
}

/// How long an episode lasts, in minutes.
const EPISODE: u32 = 8;

/// How long an outage lasts, in minutes, and what share of the requests fails in it.
const OUTAGE: (u32, f64) = (5, 0.2);

impl Simulation {
    /// The same seed gives the same run.
    #[must_use]
    pub fn new(setting: Setting, scenario: Scenario, seed: u64) -> Self {
        let mut rng = SmallRng::seed_from_u64(seed);
        let hosts = (setting.canary_hosts + setting.baseline_hosts) as usize;
        let sick = (0..hosts)
            .map(|_| scenario == Scenario::Sick && chance(&mut rng, 0.05))
            .collect();
        Self {
            outage_from: rng.random_range(1..setting.minutes.saturating_sub(OUTAGE.0).max(2)),
            phase: rng.random(),
            episode_until: vec![0; hosts],
            setting,
            scenario,
            rng,
            sick,
            minute: 0,
            before: 0,
        }
    }

    /// The next minute, host by host.
    pub fn next_minute(&mut self) -> Point {
        let wave = if self.scenario == Scenario::Wave {
            1.0 + 0.5 * (TAU * (self.phase + f64::from(self.minute) / 1440.0)).sin()
        } else {
            1.0
        };
        let at_ms = i64::from(self.minute) * 60_000;
        let canary = self.arm(0, self.setting.canary_hosts, self.setting.canary_requests, wave);
        let baseline = self.arm(
            self.setting.canary_hosts,
            self.setting.baseline_hosts,
            self.setting.baseline_requests,
            wave,
        );
        self.minute += 1;
        Point {
            at_ms,
            canary,
            baseline,
        }
    }

    /// A minute before the first release: all hosts run the old version, and what is worse before already is.
    pub fn minute_before(&mut self) -> Point {
        self.before += 1;
        let setting = self.setting;
        let mut before = Simulation {
            scenario: if matches!(self.scenario, Scenario::AlwaysWorse(_) | Scenario::Sick) {
                self.scenario
            } else {
                Scenario::Plain
            },
            ..self.clone()
        };
        let mut hosts = before
            .arm(0, setting.canary_hosts, setting.canary_requests, 1.0)
            .hosts()
            .to_vec();
        let rest = before.arm(
            setting.canary_hosts,
            setting.baseline_hosts,
            setting.baseline_requests,
            1.0,
        );
        hosts.extend_from_slice(rest.hosts());
        self.rng = before.rng;
        Point {
            at_ms: (i64::from(self.before) - 1_000_000) * 60_000,
            canary: Arm::Hosts(Vec::new()),
            baseline: Arm::Hosts(hosts),
        }
    }

    fn arm(&mut self, first: u32, hosts: u32, requests: f64, wave: f64) -> Arm {
        let (scenario, minute) = (self.scenario, self.minute);
        let is_canary = first == 0;
        let requests = requests * wave;
        let mut rate = self.setting.error_rate * wave;
        match scenario {
            Scenario::Worse(factor) | Scenario::AlwaysWorse(factor) if is_canary => rate *= factor,
            Scenario::WorseFrom(factor, from) if is_canary && minute >= from => rate *= factor,
            Scenario::Outage if (self.outage_from..self.outage_from + OUTAGE.0).contains(&minute) => {
                rate = OUTAGE.1;
            }
            _ => {}
        }
        let requests_whole = requests.round();
        let mut counts = Vec::with_capacity(hosts as usize);
        for host in first..first + hosts {
            let factor = self.factor(host, is_canary);
            let mean = requests_whole * rate * factor;
            let errors = if scenario == Scenario::Bursty {
                bursty(&mut self.rng, mean)
            } else {
                poisson(&mut self.rng, mean)
            };
            #[expect(
                clippy::cast_possible_truncation,
                clippy::cast_sign_loss,
                reason = "a small whole number"
            )]
            let requests = requests_whole as u64;
            let errors = errors.min(requests);
            counts.push(HostCounts {
                host,
                counts: Counts { requests, errors },
            });
        }
        Arm::Hosts(counts)
    }

    fn factor(&mut self, host: u32, is_canary: bool) -> f64 {
        let place = host as usize;
        match self.scenario {
            Scenario::Sick if self.sick[place] => 20.0,
            Scenario::HalfWorse(factor) if is_canary && host.is_multiple_of(2) => factor,
            Scenario::Episodes => {
                if self.episode_until[place] <= self.minute
                    && chance(&mut self.rng, 0.05 / f64::from(EPISODE))
                {
                    self.episode_until[place] = self.minute + EPISODE;
                }
                if self.episode_until[place] > self.minute {
                    10.0
                } else {
                    1.0
                }
            }
            _ => 1.0,
        }
    }
}

/// The same datapoint without hosts.
#[must_use]
pub fn totals(point: &Point) -> Point {
    Point {
        at_ms: point.at_ms,
        canary: Arm::Total(point.canary.total()),
        baseline: Arm::Total(point.baseline.total()),
    }
}
