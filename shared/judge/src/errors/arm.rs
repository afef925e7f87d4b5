//! What one version has counted so far.

use super::counts::{Arm, Counts, HostCounts};
use super::dispersion::{HostMoments, Spread, spread_at_once};
use super::winsor::HostSum;

#[derive(Debug, Clone, Default)]
pub(super) struct ArmState {
    pub total: HostSum,
    /// Place of a host in `hosts`, by its number; `u32::MAX` while it has none.
    places: Vec<u32>,
    pub hosts: Vec<HostSum>,
    pub numbers: Vec<u32>,
    pub moments: HostMoments,
    pub at_once: Spread,
}

impl ArmState {
    pub fn fold(&mut self, arm: &Arm) {
        let total = sum_of(arm.total());
        self.total.errors += total.errors;
        self.total.requests += total.requests;
        self.at_once = self.at_once.plus(spread_at_once(arm.hosts()));
        for h in arm.hosts() {
            self.fold_host(h);
        }
    }

    fn fold_host(&mut self, h: &HostCounts) {
        let number = h.host as usize;
        if self.places.len() <= number {
            self.places.resize(number + 1, u32::MAX);
        }
        let mut place = self.places[number] as usize;
        if place >= self.hosts.len() {
            place = self.hosts.len();
            #[expect(
                clippy::cast_possible_truncation,
                reason = "there are fewer hosts than host numbers"
            )]
            {
                self.places[number] = place as u32;
            }
            self.hosts.push(HostSum::default());
            self.numbers.push(h.host);
        }
        let (host, more) = (&mut self.hosts[place], sum_of(h.counts));
        self.moments.remove(*host);
        host.errors += more.errors;
        host.requests += more.requests;
        self.moments.add(*host);
    }
}

pub(super) fn sum_of(counts: Counts) -> HostSum {
    HostSum {
        errors: counts.errors as f64,
        requests: counts.requests as f64,
    }
}
