//! Fetches the report of an upgrade.

use std::path::PathBuf;

use clap::{Args, ValueEnum};
use sluice_core::ids::UpgradeId;

use crate::api::Api;
use crate::failure::{Exit, Failure};
use crate::output::Output;

/// The forms of a report.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// Markdown, for people.
    Md,
    /// JSON, with everything.
    Json,
}

/// Which report, and where to.
#[derive(Debug, Args)]
pub struct Wanted {
    /// The upgrade.
    id: UpgradeId,
    /// Its form [default: md, json with --json].
    #[arg(long)]
    format: Option<Format>,
    /// Write it to this file, and print nothing.
    #[arg(long, value_name = "FILE")]
    output: Option<PathBuf>,
}

/// Prints a report or writes it to a file.
pub async fn report(api: &Api, wanted: &Wanted, out: Output) -> Result<Exit, Failure> {
    let format = match wanted.format {
        Some(Format::Md) if out.is_json() && wanted.output.is_none() => {
            return Err(Failure::input(
                "--format md",
                "is no JSON; accepted with --json: json",
            ));
        }
        Some(format) => format,
        None if out.is_json() => Format::Json,
        None => Format::Md,
    };
    let name = match format {
        Format::Md => "md",
        Format::Json => "json",
    };
    let path = format!("/upgrades/{}/report", wanted.id);
    let answer = api.get(&path, &[("format", Some(name.to_owned()))]).await?;
    match &wanted.output {
        None => out.print(answer.raw())?,
        Some(file) => {
            std::fs::write(file, answer.raw()).map_err(|e| Failure::input(file.display().to_string(), e))?;
        }
    }
    Ok(Exit::Fine)
}
