//! The command `sluice`: what operators and pipelines do with Sluice, over its REST API.
//!
//! - `cli`: the arguments that all commands share, and the list of commands.
//! - `upgrade`, `fleet`, `release`, `policy`, `key`: one module for each group of commands.
//! - `offline`: policies and plans from files, without the API.
//! - `judge`: gates on recorded series, without the API.
//! - `api`: requests with their credential, time limits, Idempotency-Key and repeats.
//! - `output`: tables for people, the API's own documents for machines.
//! - `failure`: what can go wrong, and the exit code for each.
//!
//! Standard output carries the answer and nothing else; progress and errors go to standard error. The one exception
//! is a refusal under `--json`, whose problem document is the answer.

pub mod api;
pub mod approval;
pub mod cli;
pub mod failure;
pub mod fleet;
pub mod input;
pub mod judge;
pub mod key;
pub mod offline;
pub mod output;
pub mod policy;
pub mod release;
pub mod sign;
pub mod stop;
pub mod token;
pub mod upgrade;

use std::process::ExitCode;

use cli::Cli;
use output::Output;

/// Carries a command out, prints what it brings, and gives the exit code (see [`failure::Exit`]).
pub async fn run(cli: Cli) -> ExitCode {
    let out = Output::new(cli.global.json);
    let exit = match cli.command.run(&cli.global, &out).await {
        Ok(exit) => exit,
        Err(failure) => {
            out.failure(&failure);
            failure.exit()
        }
    };
    ExitCode::from(exit as u8)
}
