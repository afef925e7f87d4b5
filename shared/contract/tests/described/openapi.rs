//! The description of the API against the template's routes, the contract's types and the samples.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use sluice_contract::api::{BatchPhase, FleetDeclaration, ReleaseRegistration, SigningKey, UpgradeRequest};
use sluice_contract::check_in::CheckInRequest;
use sluice_contract::enrol::EnrolRequest;
use sluice_contract::problem::Code;
use sluice_core::checks::{MetricWish, PreCheckKind, PreUpgradeCheckWishes, VerifyKind, VerifyWishes};
use sluice_core::fleet::{
    CheckInTimes, InstanceReport, InstanceStatus, MetricSource, MinuteCounts, Running, WatchedMetric,
};
use sluice_core::hold::Cause;
use sluice_core::lifecycle::Status;
use sluice_core::plan::Kind;
use sluice_core::release::{Dependencies, LifecycleState};
use sluice_core::settings::{Changes, Strategy};

use super::{read, routes};

pub fn document() -> Value {
    serde_saphyr::from_str(&read("infra/openapi.yaml")).unwrap()
}

/// Every operation: method, path, description.
fn operations(document: &Value) -> Vec<(String, String, Value)> {
    let mut found = Vec::new();
    for (path, item) in document["paths"].as_object().unwrap() {
        for (method, operation) in item.as_object().unwrap() {
            if method != "parameters" {
                found.push((method.to_uppercase(), path.clone(), operation.clone()));
            }
        }
    }
    found
}

#[test]
fn the_described_paths_are_the_templates_routes() {
    let described: BTreeSet<_> = operations(&document())
        .into_iter()
        .map(|(m, p, _)| (m, p))
        .collect();
    assert_eq!(described, routes::routes());
}

#[test]
fn every_operation_has_a_name_a_scope_and_a_refusal() {
    let document = document();
    let known = read("shared/app/src/caller.rs");
    let mut names = BTreeSet::new();
    for (method, path, operation) in operations(&document) {
        let place = format!("{method} {path}");
        assert!(
            names.insert(operation["operationId"].as_str().unwrap().to_owned()),
            "{place}"
        );
        // Instances show secrets of their own, which have no scopes.
        if !path.starts_with("/api/v1/fleet/") {
            let scopes = operation["security"][0]["token"].as_array().unwrap();
            assert_eq!(scopes.len(), 1, "{place}");
            assert!(
                known.contains(&format!("=> {}", scopes[0])),
                "{place}: {}",
                scopes[0]
            );
        }
        assert_eq!(
            operation["responses"]["default"]["$ref"], "#/components/responses/Refusal",
            "{place}"
        );
        let inherited = document["paths"][&path]["parameters"]
            .as_array()
            .cloned()
            .unwrap_or_default();
        for name in path.split('{').skip(1).map(|p| p.split_once('}').unwrap().0) {
            let is = |p: &Value| p["name"] == name || p["$ref"] == format!("#/components/parameters/{name}");
            assert!(inherited.iter().any(is), "{place}: {name} is not described");
        }
    }
}

/// The words between backquotes of a refusal, beside the one that was refused.
fn accepted<T: DeserializeOwned>(given: Value) -> BTreeSet<String> {
    let Err(error) = serde_json::from_value::<T>(given) else {
        panic!("it was taken")
    };
    let text = error.to_string();
    let (_, words) = text.split_once("expected").unwrap_or_else(|| panic!("{text}"));
    words.split('`').skip(1).step_by(2).map(str::to_owned).collect()
}

fn words(value: &Value) -> BTreeSet<String> {
    value
        .as_array()
        .unwrap()
        .iter()
        .map(|w| w.as_str().unwrap().to_owned())
        .collect()
}

#[test]
fn requests_have_the_fields_that_are_described() {
    let document = document();
    let unknown = || json!({"": 1});
    let rows = [
        ("UpgradeRequest", accepted::<UpgradeRequest>(unknown())),
        ("FleetDeclaration", accepted::<FleetDeclaration>(unknown())),
        ("ReleaseRegistration", accepted::<ReleaseRegistration>(unknown())),
        ("Dependencies", accepted::<Dependencies>(unknown())),
        ("SigningKey", accepted::<SigningKey>(unknown())),
        ("Changes", accepted::<Changes>(unknown())),
        ("EnrolRequest", accepted::<EnrolRequest>(unknown())),
        ("CheckInRequest", accepted::<CheckInRequest>(unknown())),
        ("Running", accepted::<Running>(unknown())),
        ("InstanceReport", accepted::<InstanceReport>(unknown())),
        ("MetricSource", accepted::<MetricSource>(unknown())),
        ("MinuteCounts", accepted::<MinuteCounts>(unknown())),
        ("WatchedMetric", accepted::<WatchedMetric>(unknown())),
        ("CheckInTimes", accepted::<CheckInTimes>(unknown())),
        ("PreUpgradeCheck", accepted::<PreUpgradeCheckWishes>(unknown())),
        ("PostUpgradeVerify", accepted::<VerifyWishes>(unknown())),
        ("MetricExpectation", accepted::<MetricWish>(unknown())),
    ];
    for (name, fields) in rows {
        let schema = &document["components"]["schemas"][name];
        let described: BTreeSet<_> = schema["properties"]
            .as_object()
            .unwrap()
            .keys()
            .cloned()
            .collect();
        assert_eq!(described, fields, "{name}");
        assert_eq!(schema["additionalProperties"], false, "{name}");
    }
}

#[test]
fn the_described_words_are_those_of_the_types() {
    let document = document();
    let events: BTreeSet<_> = folders().into_iter().filter(|f| f.contains('.')).collect();
    let rows = [
        ("/Strategy/enum", accepted::<Strategy>(json!(""))),
        ("/Status/enum", accepted::<Status>(json!({"status": ""}))),
        (
            "/PreUpgradeCheck/properties/type/enum",
            accepted::<PreCheckKind>(json!("")),
        ),
        (
            "/PostUpgradeVerify/properties/type/enum",
            accepted::<VerifyKind>(json!("")),
        ),
        ("/LifecycleState/enum", accepted::<LifecycleState>(json!(""))),
        ("/InstanceStatus/enum", accepted::<InstanceStatus>(json!(""))),
        ("/BatchView/properties/kind/enum", accepted::<Kind>(json!(""))),
        (
            "/BatchView/properties/phase/enum",
            accepted::<BatchPhase>(json!("")),
        ),
        (
            "/HoldView/properties/cause/enum",
            accepted::<Cause>(json!({"cause": ""})),
        ),
        ("/Problem/properties/code/enum", accepted::<Code>(json!(""))),
        ("/Event/properties/name/enum", events),
    ];
    for (pointer, expected) in rows {
        let schemas = &document["components"]["schemas"];
        assert_eq!(
            words(schemas.pointer(pointer).expect(pointer)),
            expected,
            "{pointer}"
        );
    }
}

fn samples_folder() -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../events/v1")
}

pub fn folders() -> Vec<String> {
    let entries = fs::read_dir(samples_folder()).unwrap();
    entries
        .map(|e| e.unwrap().file_name().into_string().unwrap())
        .collect()
}

/// A folder's samples, without the schemas beside them.
pub fn sample_files(folder: &str) -> Vec<String> {
    let entries = fs::read_dir(samples_folder().join(folder)).unwrap();
    let files = entries.map(|e| e.unwrap().file_name().into_string().unwrap());
    files.filter(|file| !file.ends_with("schema.json")).collect()
}

/// The schema of a folder's file; none for what does not cross the API.
pub fn schema_name(folder: &str, file: &str) -> Option<String> {
    let capitals = |name: &str| -> String {
        name.split('-')
            .map(|word| word[..1].to_uppercase() + &word[1..])
            .collect()
    };
    match folder {
        "planning" | "batch-deploy" | "health-probe" | "traffic-shift" | "rollback" | "report" => None,
        "check-in" | "enrol" => Some(capitals(&format!(
            "{folder}-{}",
            file.split(['-', '.']).next().unwrap()
        ))),
        event if event.contains('.') => Some("Event".to_owned()),
        folder => Some(capitals(folder)),
    }
}

/// Objects with described fields have no others, unless they say so.
fn close(schema: &mut Value) {
    if let Some(object) = schema.as_object_mut() {
        if object.contains_key("properties") && !object.contains_key("additionalProperties") {
            object.insert("additionalProperties".to_owned(), json!(false));
        }
        object.values_mut().for_each(close);
    } else if let Some(list) = schema.as_array_mut() {
        list.iter_mut().for_each(close);
    }
}

/// Every field of every sample is described, and is what its description says.
#[test]
fn every_sample_is_as_described() {
    let mut document = document();
    close(&mut document["components"]["schemas"]);
    let mut used = BTreeSet::new();
    for folder in folders() {
        for file in sample_files(&folder) {
            let Some(name) = schema_name(&folder, &file) else {
                continue;
            };
            let schema = json!({
                "$schema": "https://json-schema.org/draft/2020-12/schema",
                "$ref": format!("#/components/schemas/{name}"), "components": document["components"],
            });
            let validator = jsonschema::options()
                .should_validate_formats(true)
                .build(&schema)
                .unwrap();
            let sample: Value =
                serde_json::from_slice(&fs::read(samples_folder().join(&folder).join(&file)).unwrap())
                    .unwrap();
            let wrong: Vec<_> = validator
                .iter_errors(&sample)
                .map(|e| format!("{}: {e}", e.instance_path()))
                .collect();
            assert!(wrong.is_empty(), "{folder}/{file} as {name}: {wrong:#?}");
            used.insert(name);
        }
    }
    let bodies = read("infra/openapi.yaml");
    let bodies = bodies.split("schema: {$ref: \"#/components/schemas/").skip(1);
    let bodies = bodies.map(|rest| rest.split_once('"').unwrap().0.to_owned());
    for body in bodies.filter(|name| name != "Id" && name != "Name") {
        assert!(used.contains(&body), "{body} has no sample");
    }
}

/// The check above would notice: a field too many, one too few, a wrong word.
#[test]
fn a_sample_that_is_not_as_described_is_found() {
    let mut document = document();
    close(&mut document["components"]["schemas"]);
    let schema = json!({"$ref": "#/components/schemas/UpgradeView", "components": document["components"]});
    let validator = jsonschema::validator_for(&schema).unwrap();
    let good: Value =
        serde_json::from_slice(&fs::read(samples_folder().join("upgrade-view/held.json")).unwrap()).unwrap();
    assert!(validator.is_valid(&good));
    let changes: [fn(&mut Value); 3] = [
        |v| v["extra"] = json!(1),
        |v| drop(v.as_object_mut().unwrap().remove("seq")),
        |v| v["batches"][0]["phase"] = json!("resting"),
    ];
    for (number, change) in changes.into_iter().enumerate() {
        let mut bad = good.clone();
        change(&mut bad);
        assert!(!validator.is_valid(&bad), "change {number}");
    }
}
