//! An interpreter of the state machines, of just the part of the language that they use.

use std::collections::BTreeMap;
use std::path::Path;

use jiff::{SignedDuration, Timestamp};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use sluice_app::error::StepError;
use sluice_app::{batch_deploy, health_probe, planning, report, rollback, traffic_shift};

use super::Sim;
use super::storm::Mishap;

/// The definitions, as they are deployed.
#[derive(Debug, Clone)]
pub struct Machines(BTreeMap<&'static str, Value>);

impl Machines {
    /// Reads them.
    pub fn load() -> Self {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../statemachine");
        let read = |name: &'static str| {
            let text = std::fs::read_to_string(folder.join(format!("{name}.asl.json")))
                .unwrap_or_else(|e| unreachable!("{name}: {e}"));
            (
                name,
                serde_json::from_str(&text).unwrap_or_else(|e| unreachable!("{name}: {e}")),
            )
        };
        Self(["upgrade", "batch", "rollback"].map(read).into())
    }

    pub(super) fn start(&self, machine: &str, name: &str, input: &str) -> Execution {
        let data = serde_json::from_str(input).unwrap_or(Value::Null);
        let state = self.0[machine]["StartAt"].as_str().unwrap_or_default().to_owned();
        Execution {
            machine: machine.to_owned(),
            name: name.to_owned(),
            state,
            data,
            wake: Timestamp::MIN,
            child: None,
            failures: 0,
            transitions: 0,
            ended: None,
        }
    }

    fn state(&self, execution: &Execution) -> &Value {
        &self.0[execution.machine.as_str()]["States"][&execution.state]
    }
}

/// An execution as it stands.
#[derive(Debug, Clone)]
pub struct Execution {
    /// Of which machine.
    pub machine: String,
    /// Its name.
    pub name: String,
    /// The current state.
    pub state: String,
    /// The state's input.
    pub data: Value,
    /// States that were entered, those of child executions included.
    pub transitions: u32,
    wake: Timestamp,
    child: Option<Box<Execution>>,
    failures: u64,
    ended: Option<Result<(), String>>,
}

/// States that one execution may pass in one second: more would be a loop without a wait.
const MAX_STATES: u32 = 100;

/// Runs every execution until it waits, and forgets those that have ended.
pub(super) async fn advance(sim: &mut Sim) {
    for mut execution in std::mem::take(&mut sim.executions) {
        run(sim, &mut execution).await;
        if execution.ended.is_none() {
            sim.executions.push(execution);
        }
    }
}

async fn run(sim: &mut Sim, execution: &mut Execution) {
    for _ in 0..MAX_STATES {
        if execution.ended.is_some() || execution.wake > sim.now {
            return;
        }
        let state = sim.machines.state(execution).clone();
        match state["Type"].as_str().unwrap_or_default() {
            "Task" => task(sim, execution, &state).await,
            "Wait" => wait(sim.now, execution, &state),
            "Choice" => choose(execution, &state),
            "Succeed" => execution.ended = Some(Ok(())),
            "Fail" => {
                let error = state["Error"].as_str().unwrap_or_default();
                execution.ended = Some(Err(error.to_owned()));
            }
            other => unreachable!("{}: a state of the unknown type {other:?}", execution.state),
        }
    }
    assert!(
        execution.wake > sim.now || execution.ended.is_some(),
        "{} spins in {}",
        execution.name,
        execution.state
    );
}

fn enter(execution: &mut Execution, state: &Value) {
    execution.state = state.as_str().unwrap_or_default().to_owned();
    execution.transitions += 1;
    execution.failures = 0;
}

fn wait(now: Timestamp, execution: &mut Execution, state: &Value) {
    let seconds = match state["SecondsPath"].as_str() {
        Some(path) => execution.data[path.trim_start_matches("$.")].as_i64(),
        None => state["Seconds"].as_i64(),
    };
    let seconds = seconds.unwrap_or_else(|| unreachable!("{}: no time to wait", execution.name));
    execution.wake = now + SignedDuration::from_secs(seconds);
    enter(execution, &state["Next"]);
}

fn choose(execution: &mut Execution, state: &Value) {
    let word = execution.data["next"].clone();
    let mut choices = state["Choices"].as_array().into_iter().flatten();
    let chosen = choices
        .find(|c| c["Variable"] == "$.next" && c["StringEquals"] == word)
        .map(|c| &c["Next"]);
    enter(execution, chosen.unwrap_or(&state["Default"]));
}

async fn task(sim: &mut Sim, execution: &mut Execution, state: &Value) {
    let resource = state["Resource"].as_str().unwrap_or_default();
    let outcome = if resource.ends_with("startExecution.sync:2") {
        match nested(sim, execution).await {
            Some(outcome) => outcome,
            None => return,
        }
    } else if resource.ends_with("startExecution") {
        start(sim, execution, state);
        Ok(execution.data.clone())
    } else {
        let function = state["Parameters"]["FunctionName"]
            .as_str()
            .unwrap_or_default()
            .to_owned();
        call(sim, &function, &execution.data).await
    };
    match outcome {
        Ok(data) => {
            execution.data = data;
            enter(execution, &state["Next"]);
        }
        Err(error) => failed(sim.now, execution, state, &error),
    }
}

/// Retries as the state says, then goes where its catch says.
fn failed(now: Timestamp, execution: &mut Execution, state: &Value, error: &str) {
    let fits = |rule: &&Value| {
        let names = rule["ErrorEquals"].as_array().into_iter().flatten();
        names.into_iter().any(|n| n == error || n == "States.ALL")
    };
    let retry = state["Retry"].as_array().into_iter().flatten().find(fits);
    if retry.is_some_and(|r| execution.failures < r["MaxAttempts"].as_u64().unwrap_or(3)) {
        execution.failures += 1;
        execution.wake = now + SignedDuration::from_secs(1);
        return;
    }
    let Some(catch) = state["Catch"].as_array().into_iter().flatten().find(fits) else {
        execution.ended = Some(Err(error.to_owned()));
        return;
    };
    let field = catch["ResultPath"]
        .as_str()
        .unwrap_or_default()
        .trim_start_matches("$.")
        .to_owned();
    execution.data[field] = json!({"Error": error, "Cause": "made to fail"});
    enter(execution, &catch["Next"]);
}

/// Runs the child as far as it gets; gives its outcome once it has ended.
async fn nested(sim: &mut Sim, execution: &mut Execution) -> Option<Result<Value, String>> {
    let mut child = execution.child.take().unwrap_or_else(|| {
        let name = execution.data["execution_name"].as_str().unwrap_or_default();
        Box::new(sim.machines.start("batch", name, &execution.data.to_string()))
    });
    Box::pin(run(sim, &mut child)).await;
    match child.ended.clone() {
        None => {
            execution.child = Some(child);
            execution.wake = sim.now + SignedDuration::from_secs(1);
            None
        }
        Some(ended) => {
            execution.transitions += child.transitions;
            Some(ended.map(|()| child.data))
        }
    }
}

/// Starts an execution under its name, once.
fn start(sim: &mut Sim, execution: &Execution, state: &Value) {
    let target = state["Parameters"]["StateMachineArn"]
        .as_str()
        .unwrap_or_default();
    let machine = if target.contains("Rollback") {
        sluice_app::ports::Machine::Rollback
    } else {
        sluice_app::ports::Machine::Upgrade
    };
    let name = execution.data["execution_name"]
        .as_str()
        .unwrap_or_default()
        .to_owned();
    sim.world
        .state()
        .executions
        .entry((machine, name))
        .or_insert_with(|| execution.data.to_string());
}

/// Calls a function, as well or as badly as the scenario and the storm have it.
async fn call(sim: &mut Sim, function: &str, input: &Value) -> Result<Value, String> {
    let mishap = sim.storm.as_mut().and_then(|storm| storm.mishap(function));
    match mishap {
        Some(Mishap::Before(error)) => return Err(error.to_owned()),
        Some(Mishap::After(error)) => {
            // Its effect stays, its answer is lost.
            drop(invoke(sim, function, input).await);
            return Err(error.to_owned());
        }
        Some(Mishap::Twice) => drop(invoke(sim, function, input).await),
        None if sim.twice => drop(invoke(sim, function, input).await),
        None => {}
    }
    invoke(sim, function, input).await
}

/// Calls the function behind a placeholder.
async fn invoke(sim: &Sim, function: &str, input: &Value) -> Result<Value, String> {
    let (w, now) = (&sim.world, sim.now);
    match function {
        "${PlanningFunctionArn}" => answer(planning::run(w, w, w, &parse(input), now).await),
        "${BatchDeployFunctionArn}" => answer(batch_deploy::run(w, w, &parse(input), now).await),
        "${HealthProbeFunctionArn}" => answer(health_probe::run(w, w, w, &parse(input), now).await),
        "${TrafficShiftFunctionArn}" => answer(traffic_shift::run(w, w, &parse(input), now).await),
        "${RollbackFunctionArn}" => answer(rollback::run(w, w, &parse(input), now).await),
        "${ReportFunctionArn}" => answer(report::run(w, w, &parse(input), now).await),
        other => Err(format!("no function {other}")),
    }
}

fn parse<T: DeserializeOwned>(input: &Value) -> T {
    serde_json::from_value(input.clone()).unwrap_or_else(|e| unreachable!("a step's input: {e}: {input}"))
}

fn answer<T: Serialize>(outcome: Result<T, StepError>) -> Result<Value, String> {
    match outcome {
        Ok(value) => Ok(serde_json::to_value(value).unwrap_or(Value::Null)),
        Err(error) => Err(error.name.as_str().to_owned()),
    }
}
