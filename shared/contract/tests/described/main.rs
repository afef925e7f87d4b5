//! What is described twice: state machines and the words of the contract, answers and what the next state reads, roles
//! and what the code does, the lifecycle and its table, the API and its description, manuals and what they speak of.
//!
//! `UPDATE_FIXTURES=1` writes the tables and diagrams of `statemachine/README.md` anew.

#![cfg(test)]

use std::fs;
use std::path::{Path, PathBuf};

mod asl;
mod commands;
mod crates;
mod flows;
mod infra;
mod lifecycle;
mod openapi;
mod readme;
mod requirements;
mod roles;
mod routes;
mod schemas;
mod sizes;
mod statemachines;

/// The repository's folder.
fn root() -> PathBuf {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    root.canonicalize()
        .unwrap_or_else(|e| panic!("{}: {e}", root.display()))
}

/// A file of the repository.
fn read(path: &str) -> String {
    let path = root().join(path);
    fs::read_to_string(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display()))
}

/// The Rust files below a folder that are no tests.
fn rust_files(folder: &str) -> Vec<PathBuf> {
    let (mut files, mut folders) = (Vec::new(), vec![root().join(folder)]);
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).unwrap_or_else(|e| panic!("{}: {e}", folder.display())) {
            let path = entry.unwrap().path();
            let stem = path.file_stem().unwrap().to_string_lossy().into_owned();
            let inside = path.strip_prefix(root()).unwrap();
            if inside != Path::new("tests")
                && (stem == "tests" || stem == "target" || stem.ends_with("_tests"))
            {
                continue;
            }
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|e| e == "rs") {
                files.push(path);
            }
        }
    }
    files
}

/// A file's text before its tests, which come last.
fn without_tests(text: &str) -> String {
    let end = text.find("#[cfg(test)]\nmod tests {").unwrap_or(text.len());
    text[..end].to_owned()
}
