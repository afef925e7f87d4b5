//! The words and names of the state machines are those of the contract, and no state is a dead end.

use std::collections::BTreeSet;

use serde_json::Value;
use sluice_contract::error::ErrorName;
use sluice_contract::step::{Next, Start, Step};
use sluice_core::ids::{TenantId, UpgradeId};
use sluice_core::units::{Attempt, Epoch};

use super::asl::{MACHINES, Machine, State, errors, list, machine};

pub const WORDS: [Next; 9] = [
    Next::Wait,
    Next::Deploy,
    Next::Shift,
    Next::RunBatch,
    Next::Successor,
    Next::RollBack,
    Next::Report,
    Next::Superseded,
    Next::Done,
];

/// Where each word leads in the choices of each machine. A new word does not compile until it is routed here.
fn routed(next: Next) -> [(&'static str, &'static str, &'static str); 4] {
    let [upgrade, batch, rollback, after_shift] = match next {
        Next::Wait => ["Done", "Tick", "Tick", "Rollback"],
        Next::Deploy => ["Done", "BatchDeploy", "Done", "Rollback"],
        Next::Shift => ["Done", "TrafficShift", "TrafficShift", "Rollback"],
        Next::RunBatch => ["RunBatch", "Done", "Done", "Rollback"],
        Next::Successor => ["StartSuccessor", "Done", "Done", "Rollback"],
        Next::RollBack => ["StartRollback", "Done", "StartSuccessor", "Rollback"],
        Next::Report => ["Report", "Done", "Report", "Report"],
        Next::Superseded => ["Done", "Done", "Done", "Done"],
        Next::Done => ["Done", "Done", "Done", "Rollback"],
    };
    [
        ("upgrade", "Route", upgrade),
        ("batch", "Route", batch),
        ("rollback", "Route", rollback),
        ("rollback", "AfterShift", after_shift),
    ]
}

pub fn word(next: Next) -> String {
    serde_json::to_value(next).unwrap().as_str().unwrap().to_owned()
}

/// Every state with the machine that it is of.
fn every_state(mut check: impl FnMut(&Machine, &State)) {
    for machine in MACHINES.map(machine) {
        machine.states.iter().for_each(|state| check(&machine, state));
    }
}

#[test]
fn every_word_leads_where_it_should() {
    let distinct: BTreeSet<_> = WORDS.into_iter().collect();
    assert_eq!(distinct.len(), WORDS.len());
    for next in WORDS {
        for (name, choice, target) in routed(next) {
            assert_eq!(
                machine(name).state(choice).routed(&word(next)),
                target,
                "{name}.{choice} by {next:?}"
            );
        }
    }
}

/// A batch's execution ends by the words that it does not route itself; the upgrade's execution goes on by them.
#[test]
fn what_ends_a_batch_is_routed_by_the_upgrade() {
    let (upgrade, batch) = (machine("upgrade"), machine("batch"));
    for next in WORDS {
        let ends = batch.state("Route").routed(&word(next)) == "Done";
        let goes_on = upgrade.state("Route").routed(&word(next)) != "Done";
        let last = matches!(next, Next::Superseded | Next::Done);
        assert_eq!(goes_on, ends && !last, "{next:?}");
    }
}

#[test]
fn every_choice_is_by_a_word_of_the_contract() {
    let words: BTreeSet<_> = WORDS.map(word).into();
    every_state(|machine, state| {
        for choice in list(&state.body, "Choices") {
            assert_eq!(choice["Variable"], "$.next", "{}.{}", machine.name, state.name);
            let literal = choice["StringEquals"].as_str().unwrap();
            assert!(
                words.contains(literal),
                "{}.{}: {literal}",
                machine.name,
                state.name
            );
        }
        assert!(
            state.kind() != "Choice" || state.body["Default"].is_string(),
            "{}",
            state.name
        );
    });
}

#[test]
fn every_name_of_ours_is_an_error_of_the_contract() {
    let names: BTreeSet<_> = ErrorName::ALL.map(ErrorName::as_str).into();
    every_state(|machine, state| {
        for rule in list(&state.body, "Retry").chain(list(&state.body, "Catch")) {
            for error in errors(rule).iter().filter(|e| e.starts_with("Sluice.")) {
                assert!(
                    names.contains(error.as_str()),
                    "{}.{}: {error}",
                    machine.name,
                    state.name
                );
            }
        }
    });
}

fn is_lambda(state: &State) -> bool {
    state.body["Resource"] == "arn:aws:states:::lambda:invoke"
}

/// What may pass by itself is tried again, what never will is not, and every failure leads somewhere.
#[test]
fn every_task_bears_failure() {
    every_state(|machine, state| {
        if state.kind() != "Task" {
            return;
        }
        let place = format!("{}.{}", machine.name, state.name);
        assert!(
            state.body["TimeoutSeconds"].as_u64().is_some_and(|s| s > 0),
            "{place} has no limit"
        );
        let last = list(&state.body, "Catch").last().map(errors);
        assert_eq!(
            last,
            Some(vec!["States.ALL".to_owned()]),
            "{place} does not catch everything"
        );
        let retried: BTreeSet<_> = list(&state.body, "Retry").flat_map(errors).collect();
        for name in ErrorName::ALL.into_iter().filter(|_| is_lambda(state)) {
            assert_eq!(
                retried.contains(name.as_str()),
                name.is_transient(),
                "{place} retries {name:?}"
            );
        }
        for rule in list(&state.body, "Retry") {
            assert!(
                rule["MaxAttempts"].as_u64().is_some_and(|n| n <= 10),
                "{place} retries without a limit"
            );
        }
    });
}

#[test]
fn every_lambda_task_gives_its_function_the_whole_step_and_passes_on_the_answer() {
    every_state(|machine, state| {
        if is_lambda(state) {
            let place = format!("{}.{}", machine.name, state.name);
            assert_eq!(state.body["Parameters"]["Payload.$"], "$", "{place}");
            assert_eq!(state.body["ResultSelector"]["step.$"], "$.Payload", "{place}");
            assert_eq!(state.body["OutputPath"], "$.step", "{place}");
            assert!(state.function().is_some(), "{place}");
        }
    });
}

#[test]
fn every_state_is_reached_and_every_target_exists() {
    for machine in MACHINES.map(machine) {
        let mut reached = vec![machine.start.clone()];
        let mut next = 0;
        while let Some(name) = reached.get(next).cloned() {
            for edge in machine.state(&name).edges() {
                if !reached.contains(&edge.to) {
                    reached.push(edge.to);
                }
            }
            next += 1;
        }
        let states: BTreeSet<_> = machine.states.iter().map(|s| s.name.clone()).collect();
        assert_eq!(
            reached.into_iter().collect::<BTreeSet<_>>(),
            states,
            "{}",
            machine.name
        );
    }
}

/// From each state the machine can end.
#[test]
fn no_state_is_a_trap() {
    for machine in MACHINES.map(machine) {
        let mut ending: BTreeSet<_> = machine
            .states
            .iter()
            .filter(|s| matches!(s.kind().as_str(), "Succeed" | "Fail"))
            .map(|s| s.name.clone())
            .collect();
        for _ in 0..machine.states.len() {
            let more = machine
                .states
                .iter()
                .filter(|s| s.edges().iter().any(|e| ending.contains(&e.to)));
            let more: Vec<_> = more.map(|s| s.name.clone()).collect();
            ending.extend(more);
        }
        assert_eq!(
            ending.len(),
            machine.states.len(),
            "{}: only {ending:?} can end",
            machine.name
        );
    }
}

/// What the definitions read of a step is there.
#[test]
fn every_path_is_a_field_of_a_step() {
    let tenant = TenantId::new("acme").unwrap();
    let step: Step =
        Start::new(tenant, UpgradeId(uuid::Uuid::nil()), Attempt(0)).step(Epoch(1), 0, Next::Wait);
    let step = serde_json::to_value(step).unwrap();
    let mut paths = 0;
    every_state(|machine, state| {
        let inputs = ["/Parameters/Name.$", "/SecondsPath"].map(|p| state.body.pointer(p));
        for path in inputs.into_iter().flatten().filter_map(Value::as_str) {
            let field = path.strip_prefix("$.").unwrap();
            assert!(
                step.get(field).is_some(),
                "{}.{}: {path}",
                machine.name,
                state.name
            );
            paths += 1;
        }
    });
    assert!(paths >= 5, "{paths}");
}
