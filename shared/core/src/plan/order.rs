//! Who goes first.

use std::collections::BTreeMap;

use super::{Positions, Slot};
use crate::policy::Order;
use crate::settings::Strategy;
use crate::units::Ordinal;

/// The instances in the order of their positions.
#[derive(Debug, Default)]
pub(super) struct Line {
    /// Their ordinals.
    pub ordinals: Vec<Ordinal>,
    /// The number of each one's failure domain, in `domains`.
    pub domain: Vec<u32>,
    /// Whether each one is down before anything moves.
    pub down: Vec<bool>,
    /// The failure domains; none for the instances of which it is not known.
    pub domains: Vec<Option<String>>,
    /// How many move; those after them wait.
    pub moving: u32,
}

impl Line {
    /// What its reader should know.
    pub(super) fn warnings(&self, strategy: Strategy) -> Vec<String> {
        let mut warnings = Vec::new();
        let down = self.down.iter().filter(|down| **down).count();
        if down > 0 {
            warnings.push(format!(
                "{down} instances are down already: batches are smaller by as many"
            ));
        }
        let mut sizes = vec![0usize; self.domains.len()];
        for domain in &self.domain {
            sizes[*domain as usize] += 1;
        }
        let single = self
            .domains
            .iter()
            .zip(&sizes)
            .filter(|(name, size)| name.is_some() && **size == 1)
            .count();
        if single > 0 && strategy != Strategy::Recreate {
            warnings.push(format!(
                "{single} failure domains have one instance only, and are empty while it moves"
            ));
        }
        let waiting = self.ordinals.len() - self.moving as usize;
        if waiting > 0 {
            warnings.push(format!(
                "{waiting} instances below the partition keep the old version until it is lowered"
            ));
        }
        warnings
    }
}

impl Line {
    /// Instances that have their positions; of one that is gone the failure domain is not known any more.
    pub(super) fn placed(positions: &Positions, slots: &[Slot], moving: u32) -> Self {
        let mut numbers = BTreeMap::from([(None, 0)]);
        let of: BTreeMap<_, _> = slots
            .iter()
            .map(|s| (s.ordinal, s.failure_domain.as_ref()))
            .collect();
        let domain = |ordinal: &Ordinal| {
            let next = u32::try_from(numbers.len()).unwrap_or(u32::MAX);
            *numbers.entry(of.get(ordinal).copied().flatten()).or_insert(next)
        };
        let domain: Vec<u32> = positions.0.iter().map(domain).collect();
        let mut domains = vec![None; numbers.len()];
        for (name, number) in numbers {
            domains[number as usize] = name.cloned();
        }
        Self {
            ordinals: positions.0.clone(),
            down: vec![false; domain.len()],
            domain,
            domains,
            moving,
        }
    }
}

/// Lines the instances up: those from the ordinal `first` on, then the others.
pub(super) fn line(slots: Vec<Slot>, order: Order, first: u32) -> Line {
    let mut domains: BTreeMap<Option<String>, Vec<(Ordinal, bool)>> = BTreeMap::new();
    for slot in slots {
        let down = !slot.healthy;
        domains
            .entry(slot.failure_domain)
            .or_default()
            .push((slot.ordinal, down));
    }
    let mut line = Line::default();
    let mut placed: Vec<Placed> = Vec::new();
    for (domain, (name, mut instances)) in (0u32..).zip(domains) {
        line.domains.push(name);
        instances.sort_unstable();
        let waiting = instances.partition_point(|(ordinal, _)| ordinal.0 < first);
        for (waits, part) in [(true, &instances[..waiting]), (false, &instances[waiting..])] {
            let count = part.len() as u64;
            placed.extend((0u64..).zip(part).map(|(n, (ordinal, down))| Placed {
                waits,
                rank: match order {
                    // The n-th of `count` stands at the middle of its n-th share: large domains come up more often
                    // than small ones.
                    Order::Spread => (2 * n + 1) * SCALE / (2 * count),
                    Order::Index => u64::from(ordinal.0),
                },
                domain,
                ordinal: *ordinal,
                down: *down,
            }));
        }
    }
    placed.sort_unstable();
    line.moving = u32::try_from(placed.partition_point(|p| !p.waits)).unwrap_or(u32::MAX);
    line.ordinals = placed.iter().map(|p| p.ordinal).collect();
    line.domain = placed.iter().map(|p| p.domain).collect();
    line.down = placed.iter().map(|p| p.down).collect();
    line
}

/// Fine enough that no two places of a domain of a million instances fall together.
const SCALE: u64 = 1 << 32;

/// An instance with its place; the order of the fields is the order of the line.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Placed {
    waits: bool,
    rank: u64,
    domain: u32,
    ordinal: Ordinal,
    down: bool,
}
