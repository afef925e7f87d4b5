//! A short version of `cargo xtask prove`.

#![cfg(test)]

use std::num::NonZeroUsize;
use std::time::Duration;

use sluice_prove::model::check::{self, Limits};
use sluice_prove::model::mutation::Mutation;
use sluice_prove::sim::storm;
use sluice_prove::wait;

fn limits() -> Limits {
    Limits {
        threads: NonZeroUsize::new(2).unwrap(),
        time: Duration::from_secs(300),
    }
}

#[test]
fn the_smallest_scenario_keeps_every_property() {
    let found = check::explore(check::smallest(), None, limits());
    assert!(found.complete && found.states > 1_000, "{} states", found.states);
    assert!(found.violations.is_empty(), "{:#?}", found.violations);
}

/// Invariant 4, on the graph of states.
#[test]
fn every_state_has_a_way_out() {
    let (states, stuck) = check::ways_out(check::smallest(), None);
    assert!(states > 1_000);
    assert!(stuck.is_none(), "{stuck:#?}");
}

/// A property that no mutation violates proves nothing.
#[test]
fn what_is_broken_is_caught() {
    for mutation in [
        Mutation::NoDataPasses,
        Mutation::LockKept,
        Mutation::NoLease,
        Mutation::NoSeqCondition,
    ] {
        let found = check::explore(check::smallest(), Some(mutation), limits());
        assert!(!found.violations.is_empty(), "{}", mutation.breaks());
    }
}

#[test]
fn upgrades_survive_a_storm() {
    for seed in 0..12 {
        let ended = wait(storm::run(seed));
        assert!(!ended.stuck, "seed {seed}: {}", ended.status);
        assert!(ended.violations.is_empty(), "seed {seed}: {:?}", ended.violations);
    }
}

#[test]
fn one_seed_runs_one_way() {
    let log = || wait(storm::run(7)).log;
    assert_eq!(log(), log());
}
