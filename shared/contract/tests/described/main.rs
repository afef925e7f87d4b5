//! What is described twice: state machines and the words of the contract, template and handlers, the lifecycle and its
//! table, the API and its description.
//!
//! `UPDATE_FIXTURES=1` writes the tables and diagrams of `statemachine/README.md` anew.

#![cfg(test)]

use std::fs;
use std::path::Path;

mod asl;
mod flows;
mod lifecycle;
mod openapi;
mod readme;
mod roles;
mod routes;
mod statemachines;

/// A file of the repository.
fn read(path: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").join(path);
    fs::read_to_string(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display()))
}
