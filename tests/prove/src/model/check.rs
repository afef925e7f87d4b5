//! Runs the checks: all states of each scenario, the way out of each, and each mutation.

use std::collections::HashMap;
use std::num::NonZeroUsize;
use std::time::{Duration, Instant};

use serde::Serialize;
use stateright::{Checker, HasDiscoveries, Model};

use super::mutation::Mutation;
use super::scenario::{SCENARIOS, Scenario};
use super::state::State;
use super::{Lab, rules};

/// How much is spent on one scenario.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// Threads that explore.
    pub threads: NonZeroUsize,
    /// Longest time.
    pub time: Duration,
}

/// What was found in one scenario.
#[derive(Debug, Clone, Serialize)]
pub struct Found {
    /// Which scenario.
    pub scenario: &'static str,
    /// How many different states there are.
    pub states: usize,
    /// The longest of the shortest ways to a state.
    pub depth: usize,
    /// Whether that is all of them.
    pub complete: bool,
    /// Each property that does not hold, with a shortest way to where it does not.
    pub violations: Vec<Violation>,
}

/// A property that does not hold.
#[derive(Debug, Clone, Serialize)]
pub struct Violation {
    /// Its name.
    pub property: String,
    /// What happens until it does not hold any more.
    pub way: Vec<String>,
}

/// Explores the states of a scenario, all of them unless the time runs out first.
#[must_use]
pub fn explore(scenario: Scenario, mutation: Option<Mutation>, limits: Limits) -> Found {
    let stop = if mutation.is_some() {
        HasDiscoveries::AnyFailures
    } else {
        HasDiscoveries::AllFailures
    };
    let began = Instant::now();
    let checker = Lab::new(scenario, mutation)
        .checker()
        .threads(limits.threads.get())
        .finish_when(stop);
    let done = checker.timeout(limits.time).spawn_bfs().join();
    let violations = done.discoveries().into_iter().map(|(property, path)| Violation {
        property: property.to_owned(),
        way: path
            .into_actions()
            .iter()
            .map(|action| format!("{action:?}"))
            .collect(),
    });
    Found {
        scenario: scenario.name,
        states: done.unique_state_count(),
        depth: done.max_depth(),
        violations: violations.collect(),
        complete: began.elapsed() < limits.time,
    }
}

/// From each state of a scenario the upgrade can end with its report: gives how many states there are, and a way to
/// one that it cannot end from.
#[must_use]
pub fn ways_out(scenario: Scenario, mutation: Option<Mutation>) -> (usize, Option<Violation>) {
    let lab = Lab::new(scenario, mutation);
    let mut numbers: HashMap<State, usize> = HashMap::new();
    let mut queue: Vec<State> = lab.init_states();
    let mut came: Vec<Vec<usize>> = vec![Vec::new()];
    let mut first: Vec<(usize, String)> = vec![(0, String::new())];
    numbers.insert(queue[0].clone(), 0);
    let mut at = 0;
    while at < queue.len() {
        let state = queue[at].clone();
        let mut actions = Vec::new();
        lab.actions(&state, &mut actions);
        for action in actions {
            let Some(next) = lab.next_state(&state, action) else {
                continue;
            };
            let number = *numbers.entry(next).or_insert_with_key(|next| {
                queue.push(next.clone());
                came.push(Vec::new());
                first.push((at, format!("{action:?}")));
                queue.len() - 1
            });
            came[number].push(at);
        }
        at += 1;
    }
    let mut open: Vec<usize> = (0..queue.len())
        .filter(|n| rules::is_at_rest(&lab, &queue[*n]))
        .collect();
    let mut ends = vec![false; queue.len()];
    while let Some(number) = open.pop() {
        if !std::mem::replace(&mut ends[number], true) {
            open.extend(&came[number]);
        }
    }
    let stuck = ends.iter().position(|ends| !ends).map(|stuck| {
        let mut way = Vec::new();
        let mut number = stuck;
        while number != 0 {
            way.push(first[number].1.clone());
            number = first[number].0;
        }
        way.reverse();
        Violation {
            property: WAY_OUT.to_owned(),
            way,
        }
    });
    (queue.len(), stuck)
}

/// The name of the property that is checked on the graph of states.
pub const WAY_OUT: &str = "from every state the upgrade can end with its report";

/// How a mutation was caught.
#[derive(Debug, Clone, Serialize)]
pub struct Caught {
    /// Which mutation.
    pub mutation: Mutation,
    /// What it breaks.
    pub breaks: &'static str,
    /// In which scenario, by which property and how deep; none when it was not caught.
    pub by: Option<(&'static str, String, usize)>,
}

/// Looks for the first scenario that catches a mutation.
#[must_use]
pub fn catch(mutation: Mutation, limits: Limits) -> Caught {
    let by = SCENARIOS.into_iter().find_map(|scenario| {
        let found = explore(scenario, Some(mutation), limits);
        let first = found.violations.into_iter().min_by_key(|v| v.way.len())?;
        Some((scenario.name, first.property, first.way.len()))
    });
    Caught {
        mutation,
        breaks: mutation.breaks(),
        by,
    }
}

/// The scenario whose whole graph is walked for ways out.
#[must_use]
pub fn smallest() -> Scenario {
    SCENARIOS[0]
}
