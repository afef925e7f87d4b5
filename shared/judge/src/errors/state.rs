//! Everything that a comparison rests on, kept up to date datapoint by datapoint.

use super::arm::{ArmState, sum_of};
use super::counts::{Arm, Point};
use super::dispersion::{ShareSpread, Spread, canary_scale, phi, spread_at_once, spread_of_rest};
use super::grid::{GRID, LogSum, MODERATE, PerAlternative, log_grid, log_mean_exp, penalties, rewards};
use super::monitor::{Basis, Comparison, Margins};
use super::restarts::{MAX_STARTS, RESTART_EVERY_MS, restart_weight, unspent_weight};
use super::sums::Sums;
use super::winsor::{HostSum, Worst};

#[derive(Debug, Clone)]
struct Start {
    number: u32,
    sums: Sums,
    hosts: Vec<HostSum>,
}

/// The mirrored sums: rewards for both versions' errors, since the last release.
#[derive(Debug, Clone, Default)]
struct Mirror {
    sums: Sums,
    baseline_hosts: Vec<HostSum>,
}

#[derive(Debug, Clone, Default)]
pub(super) struct State {
    canary: ArmState,
    baseline: ArmState,
    before: Spread,
    sums: Sums,
    starts: Vec<Start>,
    started: u32,
    next_start_ms: Option<i64>,
    releases_seen: usize,
    mirror: Mirror,
    shares: ShareSpread,
    points: f64,
    totals_only: bool,
    /// What the hosts that are not held down show, at the last look.
    dispersion_of_rest: f64,
    scratch: Worst,
    /// The worst hosts of the new version over the whole time, at the last look.
    worst: Worst,
}

impl State {
    pub fn fold(&mut self, point: &Point, margins: Margins, releases: &[i64]) {
        let (canary, baseline) = (sum_of(point.canary.total()), sum_of(point.baseline.total()));
        let known = |arm: &Arm, sum: HostSum| sum.requests == 0.0 || !arm.hosts().is_empty();
        self.totals_only |= !known(&point.canary, canary) || !known(&point.baseline, baseline);
        if self.started == 0 && canary.requests == 0.0 {
            // Before the first release hosts of the old version show how much hosts differ.
            self.before = self.before.plus(spread_at_once(point.baseline.hosts()));
            self.points += 1.0;
            return;
        }
        self.restart_if_due(point.at_ms, releases);
        self.points += 1.0;
        self.canary.fold(&point.canary);
        self.baseline.fold(&point.baseline);
        let requests = canary.requests + baseline.requests;
        if requests <= 0.0 {
            return;
        }
        let share = canary.requests / requests;
        self.shares
            .fold(canary.errors, canary.errors + baseline.errors, share);
        self.sums
            .fold(canary.errors, baseline.errors, &penalties(share, margins.harm));
        self.mirror
            .sums
            .fold(canary.errors, baseline.errors, &rewards(share, margins.harmless));
    }

    fn restart_if_due(&mut self, at_ms: i64, releases: &[i64]) {
        let released = releases.iter().filter(|r| **r <= at_ms).count();
        let quarter = self.next_start_ms.is_none_or(|next| at_ms >= next);
        let release = self.started == 0 || released > self.releases_seen;
        if release {
            self.mirror = Mirror {
                sums: Sums::default(),
                baseline_hosts: self.baseline.hosts.clone(),
            };
        }
        self.releases_seen = released;
        if !quarter && !release {
            return;
        }
        if quarter {
            let due = self.next_start_ms.unwrap_or(at_ms);
            let missed = at_ms.saturating_sub(due) / RESTART_EVERY_MS;
            self.next_start_ms = Some(due.saturating_add((missed + 1).saturating_mul(RESTART_EVERY_MS)));
        }
        self.shares.restart();
        if self.starts.len() == MAX_STARTS {
            // The oldest but the first, on which half of alpha was bet.
            self.starts.remove(1);
        }
        self.starts.push(Start {
            number: self.started,
            sums: self.sums,
            hosts: self.canary.hosts.clone(),
        });
        self.started += 1;
    }

    pub fn compare(&mut self, margins: Margins, log_grid: &PerAlternative) -> Comparison {
        let mut scratch = std::mem::take(&mut self.scratch);
        let basis = self.basis();
        let dispersion = self.dispersion(margins.harm, basis, &mut scratch);
        let with_hosts = basis == Basis::Hosts;
        let mut logs = [[0.0; GRID.len()]; MAX_STARTS];
        for (start, logs) in self.starts.iter().zip(&mut logs) {
            let part = if with_hosts {
                part_left(&self.canary.hosts, &start.hosts, &mut scratch)
            } else {
                1.0
            };
            *logs = self.sums.minus(&start.sums).logs(part, log_grid, dispersion);
        }
        let harm = self.mix(&logs, margins.alternatives.clamp(1, GRID.len()));
        let harmless = self.harmless(log_grid, dispersion, with_hosts, &mut scratch);
        self.scratch = scratch;
        Comparison {
            harm,
            harmless,
            dispersion,
            basis,
        }
    }

    /// The mixture over starts of mixtures over alternatives, with what was not bet.
    fn mix(&self, logs: &[PerAlternative; MAX_STARTS], alternatives: usize) -> f64 {
        let logs = &logs[..self.starts.len()];
        let largest = logs
            .iter()
            .flat_map(|l| &l[..alternatives])
            .copied()
            .fold(0.0, f64::max);
        let mut sum = LogSum::below(largest);
        sum.add(unspent_weight(self.started), 0.0);
        for (start, logs) in self.starts.iter().zip(logs) {
            let weight = restart_weight(start.number) / alternatives as f64;
            for log in &logs[..alternatives] {
                sum.add(weight, *log);
            }
        }
        sum.ln()
    }

    fn harmless(
        &self,
        log_grid: &PerAlternative,
        dispersion: f64,
        with_hosts: bool,
        scratch: &mut Worst,
    ) -> f64 {
        let part = if with_hosts {
            part_left(&self.baseline.hosts, &self.mirror.baseline_hosts, scratch)
        } else {
            1.0
        };
        let sums = &self.mirror.sums;
        let mut logs = [0.0; GRID.len()];
        for (j, log) in logs.iter_mut().enumerate() {
            let against = sums.canary_errors * log_grid[j] - sums.canary[j];
            *log = (part * sums.baseline[j] - against) / dispersion;
        }
        log_mean_exp(&logs[..MODERATE])
    }

    fn basis(&self) -> Basis {
        if self.totals_only {
            Basis::Totals
        } else if self.canary.hosts.iter().filter(|h| h.requests > 0.0).count() == 1 {
            Basis::OneCanaryHost
        } else {
            Basis::Hosts
        }
    }

    fn dispersion(&mut self, margin: f64, basis: Basis, scratch: &mut Worst) -> f64 {
        if self.points == 0.0 {
            return 1.0;
        }
        let root = self.points.sqrt();
        if basis == Basis::Totals {
            return phi(Spread::default(), self.shares.spread(), 1.0, 1.0 + 1.0 / root);
        }
        let scale = canary_scale(self.canary.total, self.baseline.total, margin);
        let at_once = phi(
            self.canary.at_once,
            self.baseline.at_once.plus(self.before),
            scale,
            1.0 + 4.0 / root,
        );
        let canary = spread_of_rest(self.canary.moments, &self.canary.hosts, &mut self.worst);
        let baseline = spread_of_rest(self.baseline.moments, &self.baseline.hosts, scratch);
        self.dispersion_of_rest = phi(canary, baseline, scale, 1.0 + 1.0 / root);
        at_once.max(self.dispersion_of_rest)
    }

    pub fn sick_hosts(&self, margin: f64, log_bound: f64) -> Vec<u32> {
        let (hosts, found) = (&self.canary.hosts, self.worst.held());
        let mut others = self.canary.total;
        for (_, place) in found {
            others = others.minus(hosts[*place]);
        }
        let beyond_chance = |h: &HostSum| {
            if h.errors * others.requests <= margin * others.errors * h.requests {
                return false;
            }
            let share = h.requests / (h.requests + others.requests).max(1.0);
            let mut sums = Sums::default();
            sums.fold(h.errors, others.errors, &penalties(share, margin));
            log_mean_exp(&sums.logs(1.0, &log_grid(), self.dispersion_of_rest)) >= log_bound
        };
        found
            .iter()
            .filter(|(_, place)| beyond_chance(&hosts[*place]))
            .map(|(_, place)| self.canary.numbers[*place])
            .collect()
    }
}

/// The part of the errors since a start that is left when the worst hosts since then are held down; hosts that came
/// later count from their begin.
fn part_left(now: &[HostSum], then: &[HostSum], worst: &mut Worst) -> f64 {
    let since = |place: usize| now[place].minus(then.get(place).copied().unwrap_or_default());
    worst.find((0..now.len()).map(since));
    worst.part_left(since)
}
