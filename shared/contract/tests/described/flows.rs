//! What flows from state to state is what the next one reads: the machines are walked with every sample of every
//! step's answer, and with every fault that is caught.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use serde_json::{Value, json};
use sluice_contract::step::{Start, Step};

use super::asl::{MACHINES, Machine, State, list, machine, text_of};
use super::read;

/// The longest name of an execution.
const MAX_NAME: usize = 80;

/// Samples of what a function takes or gives, by the begin of their names.
fn samples(function: &str, begins: &str) -> Vec<Value> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../../events/v1")
        .join(function);
    let entries = fs::read_dir(&folder).unwrap_or_else(|e| panic!("{}: {e}", folder.display()));
    let paths = entries.map(|e| e.unwrap().path());
    let is_sample = |file: &str| file.starts_with(begins) && !file.ends_with("schema.json");
    let named = paths.filter(|p| is_sample(p.file_name().unwrap().to_str().unwrap()));
    let samples: Vec<Value> = named
        .map(|p| serde_json::from_slice(&fs::read(p).unwrap()).unwrap())
        .collect();
    assert!(!samples.is_empty(), "{function} has no {begins}");
    samples
}

/// Reads a value as the type that a function's `main` takes.
fn parses(function: &str, value: &Value) -> Result<(), String> {
    let main = read(&format!("functions/{function}/src/main.rs"));
    let parsed = match () {
        () if main.contains("|input: Start|") => serde_json::from_value::<Start>(value.clone()).map(drop),
        () if main.contains("|input: Step|") => serde_json::from_value::<Step>(value.clone()).map(drop),
        () => panic!("{function} takes neither Start nor Step"),
    };
    parsed.map_err(|e| format!("{function} does not take {value}: {e}"))
}

/// What a path such as `$.step` leads to.
fn at<'a>(value: &'a Value, path: &str) -> Result<&'a Value, String> {
    let pointer = path.strip_prefix('$').unwrap().replace('.', "/");
    value
        .pointer(&pointer)
        .ok_or_else(|| format!("there is no {path} in {value}"))
}

/// An object whose fields ending in `.$` are filled in.
fn filled(template: &Value, from: &Value) -> Result<Value, String> {
    let mut object = serde_json::Map::new();
    for (field, value) in template.as_object().unwrap() {
        match field.strip_suffix(".$") {
            Some(field) => object.insert(field.to_owned(), at(from, value.as_str().unwrap())?.clone()),
            None => object.insert(field.clone(), value.clone()),
        };
    }
    Ok(Value::Object(object))
}

/// What goes on after a result: selected, put into the input, and taken out again.
fn after(rule: &Value, input: &Value, result: &Value) -> Result<Value, String> {
    let selected = match rule.get("ResultSelector") {
        Some(selector) => filled(selector, result)?,
        None => result.clone(),
    };
    let merged = match rule["ResultPath"].as_str() {
        None | Some("$") => selected,
        Some(path) => {
            let mut merged = input.clone();
            merged[path.strip_prefix("$.").unwrap()] = selected;
            merged
        }
    };
    at(&merged, rule["OutputPath"].as_str().unwrap_or("$")).cloned()
}

/// A walk through all machines.
#[derive(Default)]
struct Walk {
    /// What reached which state, as (machine, state, input).
    seen: BTreeSet<(String, String, String)>,
    left: Vec<(String, String, Value)>,
    /// What executions end with.
    ends: BTreeMap<String, BTreeSet<String>>,
    /// What waits for an execution of a machine to end.
    awaiting: BTreeMap<String, Vec<(String, State, Value)>>,
}

impl Walk {
    fn enter(&mut self, machine: &str, state: &str, input: &Value) {
        if self
            .seen
            .insert((machine.to_owned(), state.to_owned(), input.to_string()))
        {
            self.left
                .push((machine.to_owned(), state.to_owned(), input.clone()));
        }
    }

    fn run(mut self, machines: &[Machine]) -> Result<Self, String> {
        for machine in machines {
            let first = machine.state(&machine.start).function().unwrap();
            for input in samples(&first, "input") {
                self.enter(machine.name, &machine.start, &input);
            }
        }
        while let Some((name, state, input)) = self.left.pop() {
            let machine = machines.iter().find(|m| m.name == name).unwrap();
            self.step(machines, machine, machine.state(&state), &input)
                .map_err(|e| format!("{name}.{state}: {e}"))?;
        }
        Ok(self)
    }

    fn step(
        &mut self,
        machines: &[Machine],
        machine: &Machine,
        state: &State,
        input: &Value,
    ) -> Result<(), String> {
        let body = &state.body;
        match state.kind().as_str() {
            "Task" => self.task(machines, machine, state, input)?,
            "Choice" => {
                for choice in list(body, "Choices") {
                    at(input, &text_of(&choice["Variable"]))?;
                }
                self.enter(
                    machine.name,
                    &state.routed(input["next"].as_str().unwrap_or_default()),
                    input,
                );
            }
            "Wait" => {
                if let Some(path) = body["SecondsPath"].as_str() {
                    let seconds = at(input, path)?;
                    seconds.as_u64().ok_or_else(|| format!("{seconds} is no time"))?;
                }
                self.enter(machine.name, &text_of(&body["Next"]), input);
            }
            "Succeed" => self.end(machine.name, input)?,
            "Fail" => {}
            other => return Err(format!("{other} is not known here")),
        }
        Ok(())
    }

    fn task(
        &mut self,
        machines: &[Machine],
        machine: &Machine,
        state: &State,
        input: &Value,
    ) -> Result<(), String> {
        let parameters = filled(&state.body["Parameters"], input)?;
        for rule in list(&state.body, "Catch") {
            let caught = after(rule, input, &json!({"Error": "States.TaskFailed", "Cause": ""}))?;
            self.enter(machine.name, &text_of(&rule["Next"]), &caught);
        }
        if let Some(function) = state.function() {
            parses(&function, &parameters["Payload"])?;
            for output in samples(&function, "output") {
                let next = after(&state.body, input, &json!({"Payload": output}))?;
                self.enter(machine.name, &text_of(&state.body["Next"]), &next);
            }
            return Ok(());
        }
        let name = parameters["Name"].as_str().unwrap_or_default();
        let started = text_of(&parameters["StateMachineArn"]).to_lowercase();
        let started = machines
            .iter()
            .find(|m| started == format!("${{{}machinearn}}", m.name));
        let started = started.ok_or("it starts no machine of ours")?;
        if !(1..=MAX_NAME).contains(&name.len()) {
            return Err(format!("{name:?} is no name of an execution"));
        }
        self.enter(started.name, &started.start, &parameters["Input"]);
        if text_of(&state.body["Resource"]).ends_with(".sync:2") {
            let waiting = (
                machine.name.to_owned(),
                State {
                    name: state.name.clone(),
                    body: state.body.clone(),
                },
                input.clone(),
            );
            let ends = self.ends.get(started.name).cloned().unwrap_or_default();
            for end in ends {
                self.resume(&waiting, &serde_json::from_str(&end).unwrap())?;
            }
            self.awaiting
                .entry(started.name.to_owned())
                .or_default()
                .push(waiting);
        } else {
            let next = after(&state.body, input, &json!({"ExecutionArn": "arn"}))?;
            self.enter(machine.name, &text_of(&state.body["Next"]), &next);
        }
        Ok(())
    }

    fn end(&mut self, machine: &str, output: &Value) -> Result<(), String> {
        if self
            .ends
            .entry(machine.to_owned())
            .or_default()
            .insert(output.to_string())
        {
            for waiting in self.awaiting.remove(machine).unwrap_or_default() {
                self.resume(&waiting, output)?;
                self.awaiting.entry(machine.to_owned()).or_default().push(waiting);
            }
        }
        Ok(())
    }

    fn resume(
        &mut self,
        (machine, state, input): &(String, State, Value),
        output: &Value,
    ) -> Result<(), String> {
        let next = after(&state.body, input, &json!({"Output": output}))?;
        self.enter(machine, &text_of(&state.body["Next"]), &next);
        Ok(())
    }
}

fn machines() -> Vec<Machine> {
    MACHINES.map(machine).into()
}

#[test]
fn every_answer_is_what_the_next_state_takes() {
    let walk = Walk::default().run(&machines()).unwrap_or_else(|e| panic!("{e}"));
    let reached: BTreeSet<_> = walk
        .seen
        .into_iter()
        .map(|(machine, state, _)| (machine, state))
        .collect();
    for machine in machines() {
        for state in machine.states {
            let place = (machine.name.to_owned(), state.name);
            assert!(reached.contains(&place), "no sample leads to {place:?}");
        }
    }
}

/// The walk would notice: a result that is not taken out, a fault in the wrong place, a path that is not there.
#[test]
fn a_machine_that_loses_its_step_is_found() {
    let changes: [(&str, &str, &str, Value); 5] = [
        ("upgrade", "Planning", "/OutputPath", json!("$")),
        (
            "batch",
            "BatchDeploy",
            "/ResultSelector",
            json!({"step.$": "$.Answer"}),
        ),
        ("batch", "HealthProbe", "/Catch/0/ResultPath", json!("$")),
        ("batch", "Tick", "/SecondsPath", json!("$.seconds")),
        ("upgrade", "RunBatch", "/Parameters/Input", json!({})),
    ];
    for (name, state, pointer, value) in changes {
        let mut machines = machines();
        let machine = machines.iter_mut().find(|m| m.name == name).unwrap();
        let state = machine.states.iter_mut().find(|s| s.name == state).unwrap();
        match state.body.pointer_mut(pointer) {
            Some(place) => *place = value,
            None => {
                let parameters = state.body["Parameters"].as_object_mut().unwrap();
                parameters.remove("Input.$").unwrap();
                parameters.insert("Input".to_owned(), value);
            }
        }
        assert!(
            Walk::default().run(&machines).is_err(),
            "{name} with another {pointer}"
        );
    }
}
