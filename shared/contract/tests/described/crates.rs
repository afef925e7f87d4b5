//! Dependencies point one way, and what decides is pure.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use super::{read, root, rust_files, without_tests};

/// The crates by level: each may depend on those of lower levels, and on no other of ours.
const LEVELS: [(&str, u8); 7] = [
    ("shared/judge", 0),
    ("shared/core", 1),
    ("shared/contract", 2),
    ("shared/app", 3),
    ("shared/protocol", 3),
    ("shared/aws", 4),
    ("shared/lambda", 4),
];

/// What functions are made of; and the programs of operators and instances, which know neither use cases nor AWS.
const FUNCTIONS: u8 = 5;
const CLIENTS: u8 = 4;

/// All that the pure crates may depend on: formats, types and arithmetic.
const PURE: [(&str, &[&str]); 3] = [
    ("shared/judge", &["serde"]),
    (
        "shared/protocol",
        &["serde", "sluice-contract", "sluice-core", "thiserror"],
    ),
    (
        "shared/core",
        &[
            "base64",
            "croner",
            "hex",
            "icalendar",
            "jiff",
            "p256",
            "semver",
            "serde",
            "serde-saphyr",
            "serde_json",
            "serde_json_canonicalizer",
            "serde_path_to_error",
            "sha2",
            "subtle",
            "sluice-judge",
            "thiserror",
            "uuid",
        ],
    ),
];

/// Words by which a clock, chance, the environment, a network, a file, a log or a thread would come in.
const IMPURE: [&str; 15] = [
    "::now()",
    "SystemTime",
    "time::Instant",
    "new_v4",
    "rand::",
    "env::",
    "std::net",
    "std::fs",
    "std::io",
    "std::process",
    "std::thread",
    "async ",
    "tracing",
    "println!",
    "aws_",
];

/// The use cases are given the moment, and the world as ports; they may wait and log.
const NOT_IN_APP: [&str; 7] = [
    "::now()",
    "SystemTime",
    "new_v4",
    "rand::",
    "env::",
    "std::fs",
    "aws_",
];

fn dependencies(folder: &str) -> BTreeSet<String> {
    let manifest: toml::Table = read(&format!("{folder}/Cargo.toml")).parse().unwrap();
    manifest["dependencies"]
        .as_table()
        .unwrap()
        .keys()
        .cloned()
        .collect()
}

fn folders(of: &str) -> Vec<String> {
    let entries = fs::read_dir(root().join(of)).unwrap().map(|e| e.unwrap().path());
    let crates = entries.filter(|p| p.join("Cargo.toml").exists());
    crates
        .map(|p| format!("{of}/{}", p.file_name().unwrap().to_str().unwrap()))
        .collect()
}

/// Our crates by package name.
fn levels() -> BTreeMap<String, u8> {
    LEVELS
        .iter()
        .map(|(folder, level)| (folder.replace("shared/", "sluice-"), *level))
        .collect()
}

#[test]
fn dependencies_point_one_way() {
    let levels = levels();
    let mut crates: Vec<(String, u8)> = folders("shared")
        .into_iter()
        .map(|folder| {
            let known = levels.get(&folder.replace("shared/", "sluice-"));
            let level = *known.unwrap_or_else(|| panic!("{folder} has no level"));
            (folder, level)
        })
        .collect();
    assert_eq!(crates.len(), LEVELS.len());
    crates.extend(folders("functions").into_iter().map(|f| (f, FUNCTIONS)));
    crates.extend(folders("clients").into_iter().map(|f| (f, CLIENTS)));
    let functions: BTreeSet<_> = folders("functions")
        .iter()
        .map(|f| f.replace("functions/", ""))
        .collect();
    for (folder, level) in crates {
        for dependency in dependencies(&folder) {
            assert!(
                !functions.contains(&dependency),
                "{folder} depends on the function {dependency}"
            );
            if dependency.starts_with("sluice-") {
                let below = levels
                    .get(&dependency)
                    .unwrap_or_else(|| panic!("{folder}: {dependency}"));
                let is_apart = folder.starts_with("clients/") && dependency == "sluice-app";
                assert!(*below < level && !is_apart, "{folder} depends on {dependency}");
            }
            let is_sdk = dependency.starts_with("aws");
            let may = level >= 4 && !folder.starts_with("clients/");
            assert!(!is_sdk || may, "{folder} depends on {dependency}");
        }
    }
}

#[test]
fn the_pure_crates_depend_on_nothing_that_acts() {
    for (folder, allowed) in PURE {
        let allowed: BTreeSet<_> = allowed.iter().map(|a| (*a).to_owned()).collect();
        let more: Vec<_> = dependencies(folder).difference(&allowed).cloned().collect();
        assert!(more.is_empty(), "{folder} is pure: {more:?}");
    }
}

/// Code without its comments.
fn code(path: &Path) -> String {
    let text = without_tests(&fs::read_to_string(path).unwrap());
    let lines = text.lines().filter(|l| !l.trim_start().starts_with("//"));
    lines.collect::<Vec<_>>().join("\n")
}

#[test]
fn what_decides_asks_no_clock_and_no_world() {
    let rules: [(&str, &[&str]); 4] = [
        ("shared/judge/src", &IMPURE),
        ("shared/core/src", &IMPURE),
        ("shared/protocol/src", &IMPURE),
        ("shared/app/src", &NOT_IN_APP),
    ];
    for (folder, words) in rules {
        let files = rust_files(folder);
        assert!(files.len() > 2, "{folder}");
        for path in files {
            let code = code(&path);
            for word in words {
                assert!(!code.contains(word), "{}: {word}", path.display());
            }
        }
    }
}
