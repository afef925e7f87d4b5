//! One instance of the demonstration fleet: serves the release that `release.toml` describes.

use std::path::PathBuf;
use std::time::Duration;

use anyhow::Context;
use clap::Parser;
use sluice_fleet::process;
use sluice_fleet::service::release::Release;
use sluice_fleet::service::{self, ServiceConfig};

/// Serves a release on a loopback port until SIGTERM.
#[derive(Parser)]
#[command(version)]
struct Arguments {
    /// Port on 127.0.0.1; 0 lets the system choose, and the log tells which.
    #[arg(long)]
    port: u16,
    /// Folder that holds release.toml.
    #[arg(long, default_value = ".")]
    release_dir: PathBuf,
    /// Seed of the errors' randomness; the port when absent.
    #[arg(long)]
    seed: Option<u64>,
    /// How long open connections are served after SIGTERM, in milliseconds, at most 1800.
    #[arg(long, default_value_t = 300, value_parser = clap::value_parser!(u64).range(..=1_800))]
    drain_ms: u64,
}

fn main() -> anyhow::Result<()> {
    process::run(serve(Arguments::parse()))
}

async fn serve(arguments: Arguments) -> anyhow::Result<()> {
    let ended = process::end_signal()?;
    let release = Release::read(&arguments.release_dir).context("reading the release")?;
    let config = ServiceConfig {
        listen: process::loopback(arguments.port),
        release,
        seed: arguments.seed,
        drain: Duration::from_millis(arguments.drain_ms),
    };
    let service = service::start(config).await.context("starting the service")?;
    ended.await;
    service.shutdown().await;
    Ok(())
}
