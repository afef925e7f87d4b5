//! Developer commands of Sluice: `cargo xtask <command>`.
//!
//! Everything runs on this machine, without Docker and without an AWS account: a private Python environment holds the
//! local AWS, its processes listen on loopback only, and whatever a command started has ended when the command ends,
//! however it ends (`up` excepted, which is ended by `down`).
//!
//! - `stack`: starts the local AWS and an issuer of tokens, builds and deploys the functions, stops everything again.
//! - `issuer`: the OIDC issuer.
//! - `python`, `cargo`, `archive`, `process`, `ports`, `paths`, `progress`: what the stack is made with.
//! - `up`, `down`, `demo`, `verify`, `bench`: the commands.

mod archive;
mod bench;
mod cargo;
mod cli;
mod demo;
mod issuer;
mod paths;
mod ports;
mod process;
mod progress;
mod python;
mod stack;
mod up;
mod verify;

use std::process::ExitCode;

use anyhow::{Context, Result};
use clap::Parser;
use tokio::signal::unix::{SignalKind, signal};

use cli::{Bench, Cli, Command};
use process::guard::guard;
use progress::tell;

/// What a shell expects of a command that was ended by Ctrl-C.
const INTERRUPTED: u8 = 130;

#[tokio::main]
async fn main() -> ExitCode {
    // An error here only says that a provider is installed already.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let command = match Cli::parse().command {
        Command::Guard(options) => return end(guard(options.folder).await),
        command => command,
    };
    // Whichever ends first, the other one is dropped, and a stack stops when it is dropped.
    tokio::select! {
        ended = run(command) => end(ended),
        stopped = interrupted() => {
            match stopped {
                Ok(()) => tell("interrupted; stopping what was started"),
                Err(error) => tell(&format!("error: {error:#}")),
            }
            ExitCode::from(INTERRUPTED)
        }
    }
}

fn end(ended: Result<ExitCode>) -> ExitCode {
    ended.unwrap_or_else(|error| {
        tell(&format!("error: {error:#}"));
        ExitCode::FAILURE
    })
}

async fn run(command: Command) -> Result<ExitCode> {
    match command {
        Command::Up(options) => up::up(options).await,
        Command::Down(options) => up::down(&options).await,
        Command::Demo(options) => demo::demo(options).await,
        Command::Test(options) => verify::test(&options).await,
        Command::Prove(options) => verify::prove("prove", &options.options).await,
        Command::Sim(options) => verify::prove("sim", &options.options).await,
        Command::Check => verify::check().await,
        Command::Bench(Bench::Plan(options)) => bench::plan::plan(&options).await,
        Command::Bench(Bench::Judge(options)) => bench::judge::judge(&options),
        Command::Issuer(options) => issuer::serve(options).await,
        Command::Guard(options) => guard(options.folder).await,
    }
}

/// Waits for somebody to ask the command to end.
async fn interrupted() -> Result<()> {
    let listen = |kind| signal(kind).context("cannot listen for signals");
    let (mut int, mut term, mut hup) = (
        listen(SignalKind::interrupt())?,
        listen(SignalKind::terminate())?,
        listen(SignalKind::hangup())?,
    );
    tokio::select! {
        _ = int.recv() => {}
        _ = term.recv() => {}
        _ = hup.recv() => {}
    }
    Ok(())
}
