//! Files stay small enough to be read in one go; those that do not say why.

use std::fs;

use super::{root, rust_files, without_tests};

/// Most lines of a file without its tests; of one that is listed below; of a function's `main.rs` and `handler.rs`.
const FILE: usize = 300;
const LISTED: usize = 480;
const MAIN: usize = 40;
const HANDLER: usize = 100;

/// Files above the limit, each with its reason.
const LONGER: [(&str, &str); 15] = [
    (
        "clients/agent/src/artifact/depot.rs",
        "one folder, and all that is done with it",
    ),
    (
        "clients/agent/src/local.rs",
        "all that a move does on an instance",
    ),
    ("functions/api/src/handler.rs", "one arm for each route"),
    ("shared/app/src/fakes/state.rs", "all stores on one set of maps"),
    (
        "shared/app/src/registry/declare.rs",
        "fleets, releases and keys are declared alike",
    ),
    ("shared/contract/src/api.rs", "a list of types"),
    (
        "shared/core/src/plan.rs",
        "a plan's types, in the order in which they are hashed",
    ),
    ("shared/core/src/policy/parts.rs", "a list of types"),
    ("shared/core/src/upgrade.rs", "the record's types"),
    (
        "tests/prove/src/model/course.rs",
        "one arm for each action of the model",
    ),
    (
        "tests/prove/src/model/works.rs",
        "one arm for each step of each execution of the model",
    ),
    (
        "tests/prove/src/model/world.rs",
        "each use case of the product, called once",
    ),
    (
        "tests/prove/src/sim/storm.rs",
        "what may go wrong, drawn from one seed in one order",
    ),
    (
        "xtask/src/demo/fleet.rs",
        "the processes of the demo, started and stopped in one place",
    ),
    ("xtask/src/demo/upgrade.rs", "the scenarios of the demo"),
];

#[test]
fn files_are_small() {
    let mut large = Vec::new();
    for folder in ["clients", "functions", "shared", "tests", "xtask"] {
        for path in rust_files(folder) {
            let name = path.strip_prefix(root()).unwrap().to_str().unwrap().to_owned();
            let lines = without_tests(&fs::read_to_string(&path).unwrap()).lines().count();
            let limit = match (name.starts_with("functions/"), path.file_name().unwrap().to_str()) {
                (true, Some("main.rs")) => MAIN,
                (true, Some("handler.rs")) => HANDLER,
                _ => FILE,
            };
            let listed = LONGER.iter().any(|(longer, _)| *longer == name);
            let limit = if listed { LISTED } else { limit };
            if lines > limit {
                large.push(format!("{name} has {lines} lines; accepted: {limit}"));
            }
        }
    }
    assert!(
        large.is_empty(),
        "split them, or say in LONGER why not: {large:#?}"
    );
}
