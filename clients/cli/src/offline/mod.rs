//! What needs no API: policies and plans from files, by the same code that decides in the live system.
//!
//! - `layers`: the files that policies are read from.
//! - `policy`: which value holds, and whose word it is.
//! - `plan`: what an upgrade would be.
//! - `show`: both for people.

pub mod layers;
pub mod plan;
pub mod policy;
pub mod show;

use std::path::Path;

use sluice_core::policy::read::{Wrong, place};

use crate::failure::Failure;

/// What is wrong in a file, with its place there.
fn wrong(path: &Path, text: &str, wrongs: &[Wrong]) -> Failure {
    Failure::Files(place(&path.display().to_string(), text, wrongs))
}
