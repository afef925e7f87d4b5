//! JSON Schemas beside the samples: drawn from the description of the API and from the steps' definition below.
//!
//! `UPDATE_FIXTURES=1` writes them anew.

use std::collections::{BTreeMap, BTreeSet};
use std::{env, fs};

use serde_json::{Map, Value, json};
use sluice_contract::step::{Fault, Next, Start, Step};
use sluice_core::ids::{TenantId, UpgradeId};
use sluice_core::units::{Attempt, Epoch};

use super::openapi::{document, folders, sample_files, schema_name};
use super::root;
use super::statemachines::{WORDS, word};

const DIALECT: &str = "https://json-schema.org/draft/2020-12/schema";

/// What the steps say to each other. Fields may be added: who reads a step ignores what it does not know.
fn steps() -> Value {
    let count = json!({"type": "integer", "minimum": 0, "maximum": u32::MAX});
    let number = json!({"type": "integer", "minimum": 0});
    let identity = json!({
        "contract": {"const": sluice_contract::VERSION},
        "tenant_id": {"$ref": "#/components/schemas/Name"},
        "upgrade_id": {"$ref": "#/components/schemas/Id"},
        "attempt": number,
        "generation": count,
        "part": count,
        "fault": {"$ref": "#/components/schemas/Fault"},
    });
    let mut step = identity.clone();
    for (field, schema) in [
        ("epoch", number),
        ("batch", count.clone()),
        ("ticks", count.clone()),
        ("batches_run", count.clone()),
        ("wait_seconds", count),
        ("next", json!({"enum": WORDS.map(word)})),
        ("execution_name", json!({"type": "string", "maxLength": 80})),
    ] {
        step[field] = schema;
    }
    let required: Vec<_> = step
        .as_object()
        .unwrap()
        .keys()
        .filter(|f| *f != "fault")
        .collect();
    json!({
        "Start": {"type": "object", "required": ["contract", "tenant_id", "upgrade_id", "attempt"], "properties": identity},
        "Step": {"type": "object", "required": required, "properties": step},
        "Fault": {
            "type": "object",
            "required": ["Error"],
            "properties": {"Error": {"type": "string"}, "Cause": {"type": "string"}},
        },
    })
}

/// All definitions by name.
fn definitions() -> Map<String, Value> {
    let mut all = document()["components"]["schemas"].as_object().unwrap().clone();
    for (name, schema) in steps().as_object().unwrap() {
        assert!(
            all.insert(name.clone(), schema.clone()).is_none(),
            "{name} is described twice"
        );
    }
    all
}

/// The file of a sample's schema beside it, and the name of its definition.
fn schema_of(folder: &str, file: &str) -> (String, String) {
    let begins = file.split(['-', '.']).next().unwrap();
    match schema_name(folder, file) {
        None if (folder, begins) == ("planning", "input") => {
            ("input.schema.json".to_owned(), "Start".to_owned())
        }
        None => (format!("{begins}.schema.json"), "Step".to_owned()),
        Some(name) if ["check-in", "enrol"].contains(&folder) => (format!("{begins}.schema.json"), name),
        Some(name) => ("schema.json".to_owned(), name),
    }
}

/// A definition with all that it refers to, and with references that hold within one file.
fn whole(name: &str, all: &Map<String, Value>) -> Value {
    let (mut used, mut left) = (BTreeSet::new(), vec![name.to_owned()]);
    while let Some(name) = left.pop() {
        if used.insert(name.clone()) {
            let text = all
                .get(&name)
                .unwrap_or_else(|| panic!("{name} is not described"))
                .to_string();
            let found = text.split("#/components/schemas/").skip(1);
            left.extend(found.map(|rest| rest.split('"').next().unwrap().to_owned()));
        }
    }
    let defs: Map<_, _> = used
        .into_iter()
        .map(|name| (name.clone(), all[&name].clone()))
        .collect();
    let schema = json!({"$schema": DIALECT, "title": name, "$ref": format!("#/$defs/{name}"), "$defs": defs});
    let text = schema.to_string().replace("#/components/schemas/", "#/$defs/");
    serde_json::from_str(&text).unwrap()
}

/// Every schema by its path below `events/v1`.
fn drawn() -> BTreeMap<String, Value> {
    let all = definitions();
    let mut drawn = BTreeMap::new();
    for folder in folders() {
        for file in sample_files(&folder) {
            let (path, name) = schema_of(&folder, &file);
            drawn
                .entry(format!("{folder}/{path}"))
                .or_insert_with(|| whole(&name, &all));
        }
    }
    drawn
}

#[test]
fn the_schemas_are_as_drawn() {
    let drawn = drawn();
    let mut stored = BTreeSet::new();
    for folder in folders() {
        for entry in fs::read_dir(root().join("events/v1").join(&folder)).unwrap() {
            let file = entry.unwrap().file_name().into_string().unwrap();
            if file.ends_with("schema.json") {
                stored.insert(format!("{folder}/{file}"));
            }
        }
    }
    for (path, schema) in &drawn {
        let file = root().join("events/v1").join(path);
        let text = serde_json::to_string_pretty(schema).unwrap() + "\n";
        if env::var_os("UPDATE_FIXTURES").is_some() {
            fs::write(&file, &text).unwrap();
        }
        let found = fs::read_to_string(&file).unwrap_or_default();
        assert!(
            found == text,
            "{path} differs: run with UPDATE_FIXTURES=1 and look at what changes"
        );
        stored.remove(path);
    }
    assert!(stored.is_empty(), "no sample is of these: {stored:?}");
}

#[test]
fn every_sample_is_of_the_schema_beside_it() {
    let drawn = drawn();
    for folder in folders() {
        for file in sample_files(&folder) {
            let (path, _) = schema_of(&folder, &file);
            let options = jsonschema::options().should_validate_formats(true);
            let validator = options.build(&drawn[&format!("{folder}/{path}")]).unwrap();
            let sample = fs::read(root().join("events/v1").join(&folder).join(&file)).unwrap();
            let sample: Value = serde_json::from_slice(&sample).unwrap();
            let wrong: Vec<_> = validator
                .iter_errors(&sample)
                .map(|e| format!("{}: {e}", e.instance_path()))
                .collect();
            assert!(wrong.is_empty(), "{folder}/{file}: {wrong:#?}");
        }
    }
}

/// The definition of the steps has every field of the types, and no other.
#[test]
fn steps_have_the_fields_that_are_drawn() {
    let fault = Some(Fault {
        error: String::new(),
        cause: String::new(),
    });
    let start = Start::new(
        TenantId::new("acme").unwrap(),
        UpgradeId(uuid::Uuid::nil()),
        Attempt(0),
    );
    let step = Step {
        fault: fault.clone(),
        ..start.step(Epoch(0), 0, Next::Done)
    };
    let start = Start {
        fault: fault.clone(),
        ..start
    };
    let rows = [
        ("Start", json!(start)),
        ("Step", json!(step)),
        ("Fault", json!(fault)),
    ];
    let steps = steps();
    for (name, value) in rows {
        let fields = |value: &Value| {
            value
                .as_object()
                .unwrap()
                .keys()
                .cloned()
                .collect::<BTreeSet<_>>()
        };
        assert_eq!(fields(&steps[name]["properties"]), fields(&value), "{name}");
    }
}
