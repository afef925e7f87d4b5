//! How long a decision takes.

use std::hint::black_box;
use std::time::Instant;

use sluice_judge::gate::{Gate, Moment, Rules};

use super::setting::{Scenario, Setting};
use super::simulate::Simulation;

/// Minutes that have been folded in when the time is taken: twelve starts.
const HISTORY: u32 = 180;

/// Microseconds for taking a minute in and judging, with a given number of hosts in each arm: the least mean of
/// several stretches, since other programs only ever add to it.
#[must_use]
pub fn microseconds_a_decision(hosts: u32) -> Option<f64> {
    let setting = Setting {
        name: "speed",
        canary_hosts: hosts,
        baseline_hosts: hosts,
        canary_requests: 100.0,
        baseline_requests: 100.0,
        error_rate: 0.005,
        minutes: HISTORY,
    };
    let mut simulation = Simulation::new(setting, Scenario::Plain, 1);
    let mut gate = Gate::new(Rules::default()).ok()?;
    let decide = |gate: &mut Gate, point: sluice_judge::errors::Point| {
        let moment = Moment {
            now_ms: point.at_ms + 60_000,
            bake_left_ms: 1,
        };
        gate.fold(0, point).ok()?;
        black_box(gate.look(moment));
        Some(())
    };
    for _ in 0..HISTORY {
        decide(&mut gate, simulation.next_minute())?;
    }
    let mut least = f64::INFINITY;
    for _ in 0..20 {
        let points: Vec<_> = (0..100).map(|_| simulation.next_minute()).collect();
        let count = points.len() as f64;
        let started = Instant::now();
        for point in points {
            decide(&mut gate, point)?;
        }
        least = least.min(started.elapsed().as_secs_f64() * 1e6 / count);
    }
    Some(least)
}
