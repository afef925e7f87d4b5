//! Diagrams and tables of `statemachine/README.md`, drawn from the definitions.

use std::fmt::Write;
use std::{env, fs};

use super::asl::{MACHINES, Machine, State, errors, list, machine, text_of};
use super::{lifecycle, read};

const README: &str = "statemachine/README.md";

fn diagram(machine: &Machine) -> String {
    let mut text = format!("```mermaid\nstateDiagram-v2\n    [*] --> {}\n", machine.start);
    for state in &machine.states {
        let edges = state.edges();
        let mut targets: Vec<&str> = Vec::new();
        for edge in &edges {
            if !targets.contains(&edge.to.as_str()) {
                targets.push(&edge.to);
            }
        }
        for to in targets {
            let by: Vec<_> = edges
                .iter()
                .filter(|e| e.to == to && !e.by.is_empty())
                .map(|e| short(&e.by))
                .collect();
            let plain = edges.iter().any(|e| e.to == to && e.by.is_empty());
            let label = if plain || by.is_empty() {
                String::new()
            } else {
                format!(" : {}", by.join(", "))
            };
            writeln!(text, "    {} --> {to}{label}", state.name).unwrap();
        }
        if matches!(state.kind().as_str(), "Succeed" | "Fail") {
            writeln!(text, "    {} --> [*]", state.name).unwrap();
        }
    }
    text + "```\n"
}

fn short(by: &str) -> String {
    if by == "States.ALL" {
        "fault".to_owned()
    } else {
        by.split(", ").last().unwrap_or(by).to_owned()
    }
}

fn caller(state: &State) -> String {
    if let Some(function) = state.function() {
        return format!("function `{function}`");
    }
    match (state.kind().as_str(), state.body["Resource"].as_str()) {
        ("Task", Some(resource)) if resource.ends_with(".sync:2") => "starts an execution, waits".to_owned(),
        ("Task", _) => "starts an execution".to_owned(),
        ("Wait", _) if state.body["Seconds"].is_u64() => format!("waits {} s", state.body["Seconds"]),
        (kind, _) => kind.to_lowercase(),
    }
}

fn rules(state: &State, field: &str) -> String {
    let told = list(&state.body, field).map(|rule| {
        let errors = grouped(errors(rule));
        match rule["MaxAttempts"].as_u64() {
            Some(0) => format!("never {errors}"),
            Some(times) => format!("{times} times {errors}"),
            None => format!("{errors}: {}", text_of(&rule["Next"])),
        }
    });
    told.collect::<Vec<_>>().join("; ")
}

/// The errors of Lambda itself under one word: there are many, and they are treated alike.
fn grouped(errors: Vec<String>) -> String {
    let mut names: Vec<String> = Vec::new();
    for error in errors {
        let name = if error.starts_with("Lambda.") {
            "`Lambda.*`".to_owned()
        } else {
            format!("`{error}`")
        };
        if !names.contains(&name) {
            names.push(name);
        }
    }
    names.join(", ")
}

fn states(machine: &Machine) -> String {
    let mut text = "| state | purpose | does | tries again | catches |\n|---|---|---|---|---|\n".to_owned();
    for state in &machine.states {
        let (purpose, does) = (text_of(&state.body["Comment"]), caller(state));
        let (retry, catch) = (rules(state, "Retry"), rules(state, "Catch"));
        writeln!(
            text,
            "| {} | {purpose} | {does} | {retry} | {catch} |",
            state.name
        )
        .unwrap();
    }
    text
}

/// Puts what is drawn between its marks.
fn between_marks(readme: &str, name: &str, drawn: &str) -> String {
    let (begin, end) = (format!("<!-- begin {name} -->\n"), format!("<!-- end {name} -->"));
    let (before, rest) = readme
        .split_once(&begin)
        .unwrap_or_else(|| panic!("no mark {begin}"));
    let (_, after) = rest.split_once(&end).unwrap_or_else(|| panic!("no mark {end}"));
    format!("{before}{begin}\n{drawn}\n{end}{after}")
}

#[test]
fn the_readme_draws_what_is_defined() {
    let stored = read(README);
    let mut drawn = between_marks(&stored, "lifecycle", &lifecycle::table());
    drawn = between_marks(&drawn, "actions", &lifecycle::actions());
    for machine in MACHINES.map(machine) {
        drawn = between_marks(
            &drawn,
            machine.name,
            &format!("{}\n{}", diagram(&machine), states(&machine)),
        );
    }
    if env::var_os("UPDATE_FIXTURES").is_some() {
        let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR"))
            .join("../..")
            .join(README);
        fs::write(path, &drawn).unwrap();
    }
    assert!(
        read(README) == drawn,
        "{README} differs: run with UPDATE_FIXTURES=1 and look at what changes"
    );
}
