//! How much more the hosts of one version differ than chance makes them.
//!
//! Errors that come in bursts, or that a few hosts make, weigh less than as many independent ones. The dispersion phi
//! (1 when errors are independent) says how much less, and divides the evidence. It is measured, so what it protects
//! from is measured too, not proven.

use super::counts::HostCounts;
use super::winsor::{HostSum, Worst};

/// Squared differences of hosts' errors from what their part of the requests lets expect, and what chance alone
/// makes of that.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub(crate) struct Spread {
    pub squares: f64,
    pub expected: f64,
}

impl Spread {
    pub fn plus(self, other: Self) -> Self {
        Self {
            squares: self.squares + other.squares,
            expected: self.expected + other.expected,
        }
    }
}

/// Sums over the hosts of one version, from which their spread follows.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub(crate) struct HostMoments {
    errors: f64,
    requests: f64,
    errors_squared: f64,
    products: f64,
    requests_squared: f64,
}

impl HostMoments {
    pub fn add(&mut self, h: HostSum) {
        self.weigh(h, 1.0);
    }

    pub fn remove(&mut self, h: HostSum) {
        self.weigh(h, -1.0);
    }

    fn weigh(&mut self, h: HostSum, sign: f64) {
        self.errors += sign * h.errors;
        self.requests += sign * h.requests;
        self.errors_squared += sign * h.errors * h.errors;
        self.products += sign * h.errors * h.requests;
        self.requests_squared += sign * h.requests * h.requests;
    }

    /// Given their sum, independent errors fall on hosts like balls into urns as wide as their requests.
    pub fn spread(&self) -> Spread {
        if self.errors <= 0.0 || self.requests <= 0.0 {
            return Spread::default();
        }
        let rate = self.errors / self.requests;
        Spread {
            squares: (self.errors_squared - 2.0 * rate * self.products + rate * rate * self.requests_squared)
                .max(0.0),
            expected: (self.errors * (1.0 - self.requests_squared / (self.requests * self.requests)))
                .max(0.0),
        }
    }
}

/// The spread of one version's hosts within one datapoint: what all of them share, such as an outage, is not in it.
pub(crate) fn spread_at_once(hosts: &[HostCounts]) -> Spread {
    let mut moments = HostMoments::default();
    if hosts.iter().all(|h| h.counts.errors == 0) {
        return Spread::default();
    }
    for h in hosts {
        moments.add(HostSum {
            errors: h.counts.errors as f64,
            requests: h.counts.requests as f64,
        });
    }
    moments.spread()
}

/// The spread of hosts' sums over the whole time, without the worst ones, which are held down anyway.
pub(crate) fn spread_of_rest(all: HostMoments, hosts: &[HostSum], worst: &mut Worst) -> Spread {
    worst.find(hosts.iter().copied());
    let mut rest = all;
    for (_, place) in worst.held() {
        rest.remove(hosts[*place]);
    }
    rest.spread()
}

/// phi of the spreads of both versions. `canary_scale` makes up for the errors that the new version has beyond the
/// margin: what a bad version adds to its own spread must not excuse it. `uncertainty` widens what was measured.
pub(crate) fn phi(canary: Spread, baseline: Spread, canary_scale: f64, uncertainty: f64) -> f64 {
    let s = canary_scale;
    let excess = (baseline.squares - baseline.expected) + s * s * (canary.squares - canary.expected);
    1.0 + (excess / (baseline.expected + s * canary.expected + 2.0)).max(0.0) * uncertainty
}

/// See [`phi`]: 1 while the new version's error rate is within the margin, and in proportion less beyond it.
pub(crate) fn canary_scale(canary: HostSum, baseline: HostSum, margin: f64) -> f64 {
    let allowed = margin * (baseline.errors + 1.0) * canary.requests;
    let seen = baseline.requests * canary.errors;
    if seen <= allowed { 1.0 } else { allowed / seen }
}

/// Spread of the new version's part of the errors over datapoints, for data without hosts.
///
/// The odds ratio is fitted to each stretch between two starts, so that harm which begins with one is no spread.
#[derive(Debug, Clone, Default)]
pub(crate) struct ShareSpread {
    finished: Spread,
    current: Vec<(f64, f64, f64)>,
}

impl ShareSpread {
    /// A datapoint: errors of the new version, of both, and the new version's share of the requests.
    pub fn fold(&mut self, canary_errors: f64, errors: f64, share: f64) {
        if errors > 0.0 && share > 0.0 && share < 1.0 {
            self.current.push((canary_errors, errors, share));
        }
    }

    /// A new stretch begins.
    pub fn restart(&mut self) {
        self.finished = self.spread();
        self.current.clear();
    }

    pub fn spread(&self) -> Spread {
        let points = self.current.len() as f64;
        if self.current.len() < 2 {
            return self.finished;
        }
        // Mantel and Haenszel's estimate of a common odds ratio.
        let canary: f64 = self.current.iter().map(|(x, _, share)| x * (1.0 - share)).sum();
        let baseline: f64 = self.current.iter().map(|(x, n, share)| (n - x) * share).sum();
        if canary <= 0.0 || baseline <= 0.0 {
            return self.finished;
        }
        let odds = canary / baseline;
        let (mut spread, mut variance) = (Spread::default(), 0.0);
        for (x, n, share) in &self.current {
            let p = odds * share / (1.0 - share + odds * share);
            // One degree of freedom went into the odds ratio.
            let expected = n * p * (1.0 - p) * (1.0 - 1.0 / points);
            spread.squares += (x - n * p).powi(2);
            spread.expected += expected;
            variance += 2.0 * expected * expected + expected;
        }
        // One standard error of the squares is chance: there is one number a datapoint only, not one a host.
        spread.squares -= variance.sqrt();
        self.finished.plus(spread)
    }
}
