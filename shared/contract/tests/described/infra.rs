//! The template against its own manual, the functions' settings and the agent's manual against their sources.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::{read, root};

const MANUAL: &str = "infra/README.md";

fn template() -> Value {
    serde_saphyr::from_str(&read("infra/template.yaml")).unwrap()
}

/// A section of a text, without its heading.
fn section<'a>(text: &'a str, heading: &str) -> &'a str {
    let (_, rest) = text
        .split_once(&format!("\n## {heading}\n"))
        .unwrap_or_else(|| panic!("no {heading}"));
    rest.split("\n## ").next().unwrap_or_default()
}

/// The cells of the first table of a text, without its head.
fn rows(text: &str) -> Vec<Vec<String>> {
    let lines = text
        .lines()
        .skip_while(|l| !l.starts_with('|'))
        .take_while(|l| l.starts_with('|'));
    let cells = |l: &str| {
        l.trim_matches('|')
            .split('|')
            .map(|c| c.trim().to_owned())
            .collect()
    };
    lines.skip(2).map(cells).collect()
}

/// What stands between backquotes.
fn quoted(text: &str) -> BTreeSet<String> {
    text.split('`').skip(1).step_by(2).map(str::to_owned).collect()
}

fn names(object: &Value) -> BTreeSet<String> {
    object.as_object().unwrap().keys().cloned().collect()
}

#[test]
fn the_manual_lists_the_parameters_with_their_defaults() {
    let (template, manual) = (template(), read(MANUAL));
    let told: BTreeMap<_, _> = rows(section(&manual, "Parameters"))
        .into_iter()
        .map(|cells| {
            (
                cells[0].trim_matches('`').to_owned(),
                cells[1].trim_matches('`').to_owned(),
            )
        })
        .collect();
    let text = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    let defined = template["Parameters"]
        .as_object()
        .unwrap()
        .iter()
        .map(|(name, parameter)| {
            (
                name.clone(),
                parameter.get("Default").map_or_else(String::new, text),
            )
        });
    assert_eq!(told, defined.collect());
}

#[test]
fn the_manual_lists_the_outputs_and_the_functions() {
    let (template, manual) = (template(), read(MANUAL));
    assert_eq!(quoted(section(&manual, "Outputs")), names(&template["Outputs"]));
    let functions: BTreeSet<_> = std::fs::read_dir(root().join("functions"))
        .unwrap()
        .map(|e| e.unwrap().file_name().into_string().unwrap())
        .collect();
    let built = manual.split("--package ").skip(1);
    let built: BTreeSet<_> = built
        .filter_map(|rest| rest.split([' ', '\n']).next())
        .map(str::to_owned)
        .collect();
    assert_eq!(built, functions, "what is built");
    let uploaded = manual
        .split_once("for function in ")
        .unwrap()
        .1
        .split_once(';')
        .unwrap()
        .0;
    assert_eq!(
        uploaded.split(' ').map(str::to_owned).collect::<BTreeSet<_>>(),
        functions,
        "what is uploaded"
    );
}

#[test]
fn the_manual_lists_every_role() {
    let manual = read(MANUAL);
    let told: BTreeSet<_> = rows(section(&manual, "Roles"))
        .into_iter()
        .map(|cells| match cells[0].strip_prefix("machine ") {
            Some(machine) => format!("{}-machine", machine.trim_matches('`')),
            None => cells[0].clone(),
        })
        .map(|name| {
            name.split('-')
                .map(|w| w[..1].to_uppercase() + &w[1..])
                .collect::<String>()
                + "Role"
        })
        .collect();
    let resources = template()["Resources"].as_object().unwrap().clone();
    let roles = resources.iter().filter(|(_, r)| r["Type"] == "AWS::IAM::Role");
    assert_eq!(told, roles.map(|(name, _)| name.clone()).collect());
}

/// The scopes that the manual explains are those that are checked.
#[test]
fn the_manual_lists_the_scopes() {
    let manual = read(MANUAL);
    let (_, rest) = manual.split_once("Tokens carry the claims").unwrap();
    let told: BTreeSet<_> = rows(rest)
        .into_iter()
        .map(|cells| cells[0].trim_matches('`').to_owned())
        .collect();
    let caller = read("shared/app/src/caller.rs");
    let checked = caller
        .split("=> \"")
        .skip(1)
        .filter_map(|rest| rest.split('"').next());
    let checked: BTreeSet<_> = checked
        .filter(|word| word.contains(':'))
        .map(str::to_owned)
        .collect();
    assert!(checked.len() > 4, "{checked:?}");
    assert_eq!(told, checked);
}

/// Functions are given the settings that they ask for.
#[test]
fn the_template_sets_the_settings_that_are_read() {
    let settings = read("shared/lambda/src/settings.rs");
    let asked = settings
        .split("=> \"SLUICE_")
        .skip(1)
        .filter_map(|rest| rest.split('"').next());
    let asked: BTreeSet<_> = asked.map(|name| format!("SLUICE_{name}")).collect();
    let given = names(&template()["Globals"]["Function"]["Environment"]["Variables"]);
    assert!(asked.len() > 4, "{asked:?}");
    assert_eq!(
        given
            .into_iter()
            .filter(|n| n.starts_with("SLUICE_"))
            .collect::<BTreeSet<_>>(),
        asked
    );
}

/// Codes that reach the server are those that the agent's manual explains.
#[test]
fn the_agents_manual_lists_its_failures() {
    let source = read("clients/agent/src/failure.rs");
    let (_, body) = source.split_once("fn as_str").unwrap();
    let body = body.split_once("\n    }\n").unwrap().0;
    let codes: BTreeSet<_> = body.split('"').skip(1).step_by(2).map(str::to_owned).collect();
    assert!(codes.len() > 10, "{codes:?}");
    let manual = read("clients/agent/README.md");
    let told = quoted(section(&manual, "Failures").split("\n\nLogs").next().unwrap());
    assert_eq!(told, codes);
}
