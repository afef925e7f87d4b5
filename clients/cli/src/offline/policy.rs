//! Which value holds, and whose word it is.

use std::path::PathBuf;

use clap::Args;
use sluice_core::policy::read::Wrong;
use sluice_core::policy::request::read_request;
use sluice_core::policy::{Effective, LayerName, effective};

use super::layers::{LayerFiles, Read};
use super::{show, wrong};
use crate::cli::Global;
use crate::failure::{Exit, Failure};
use crate::input;
use crate::output::Output;

/// What it is worked out from.
#[derive(Debug, Args)]
pub struct Files {
    #[command(flatten)]
    layers: LayerFiles,
    /// Request for an upgrade; goes before all policies.
    #[arg(long, value_name = "FILE.json")]
    request: Option<PathBuf>,
}

/// Prints what holds.
///
/// # Errors
/// [`Failure::Input`] with what is wrong in a file.
pub fn run(files: &Files, global: &Global, out: Output) -> Result<Exit, Failure> {
    let mut read = files.layers.read(global.tenant.as_deref(), None)?;
    if let Some(path) = &files.request {
        let text = input::text(path)?;
        let (_, policy) = read_request(&path.display().to_string(), &text).map_err(Failure::Files)?;
        read.add(path, &text, LayerName::Request, policy)?;
    }
    let held = put_together(&read)?;
    match out.is_json() {
        true => out.print(&sluice_core::audit::canonical(&held.values))?,
        false => out.print(show::values(&held.values).as_bytes())?,
    }
    Ok(Exit::Fine)
}

/// The layers put together, and checked as a whole.
///
/// # Errors
/// [`Failure::Input`] with the file of the layer that said what is wrong.
pub fn put_together(read: &Read) -> Result<Effective, Failure> {
    let held = effective(&read.layers).map_err(|wrongs| of_layer(read, None, &wrongs))?;
    let wrongs = sluice_core::policy::check::check(&held.policy, &read.calendars);
    match wrongs.is_empty() {
        true => Ok(held),
        false => Err(of_layer(read, Some(&held), &wrongs)),
    }
}

/// What is wrong where layers meet, at the place of the strongest layer that says anything of it.
pub fn of_layer(read: &Read, held: Option<&Effective>, wrongs: &[Wrong]) -> Failure {
    let Some(first) = wrongs.first() else {
        return Failure::input("the policies", "do not fit together");
    };
    let origin = held.and_then(|held| held.values.iter().find(|o| first.path.starts_with(&o.key)));
    let layer = match origin {
        Some(origin) => read.layers.iter().rfind(|l| {
            let name = serde_json::to_value(l.name).unwrap_or_default();
            origin.from.split(", ").any(|from| Some(from) == name.as_str())
        }),
        None => read.layers.last(),
    };
    match layer {
        Some(layer) => match input::text(layer.file.as_ref()) {
            Ok(text) => wrong(layer.file.as_ref(), &text, wrongs),
            Err(failure) => failure,
        },
        None => Failure::input(
            first.path.clone(),
            format!("{}; accepted: {}", first.problem, first.accepted),
        ),
    }
}
