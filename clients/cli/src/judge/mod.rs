//! Judging recorded series, on this machine and without the API.

mod chart;
mod replay;
mod rules;
mod series;

use std::path::PathBuf;

use clap::{Args, Subcommand};

use crate::failure::{Exit, Failure};
use crate::output::Output;

/// What to judge.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Show what a gate would have said at each minute of a recorded series.
    ///
    /// With --json the answer is one line: the first harmful verdict, or the first harmless one when none is harmful.
    Replay(Replay),
}

/// A gate and a series.
#[derive(Debug, Args)]
pub struct Replay {
    /// YAML file with the gate's rules, such as: {alpha: 0.01, metrics: [{name: error_rate, kind: errors, critical: true}]}
    #[arg(long, value_name = "FILE.yaml")]
    gate: PathBuf,
    /// CSV file with the columns minute, host, arm (canary or baseline), requests, errors, slow; host may be empty
    /// for a whole arm, and host and slow may be missing.
    #[arg(long, value_name = "FILE.csv")]
    series: PathBuf,
    /// How long the bake lasts, in minutes: it ends with a pass when nothing is wrong [default: it goes on, and only
    /// proof ends it]
    #[arg(long, value_name = "MINUTES")]
    bake_minutes: Option<u32>,
    /// Draw the evidence over time.
    #[arg(long, value_name = "FILE.svg")]
    svg: Option<PathBuf>,
}

/// Carries a command out.
///
/// # Errors
/// [`Failure::Input`] and [`Failure::Unexpected`].
pub fn run(command: Command, out: &Output) -> Result<Exit, Failure> {
    match command {
        Command::Replay(options) => replay::run(&options, *out),
    }
}
