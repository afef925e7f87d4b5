//! Steady load on the demonstration fleet.

use std::path::PathBuf;
use std::time::Duration;

use anyhow::Context;
use clap::Parser;
use http::Uri;
use sluice_fleet::load::{self, LoadConfig};
use sluice_fleet::process;

/// Sends requests at a steady rate until SIGTERM, SIGINT or the end of the duration, and reports their outcomes.
#[derive(Parser)]
#[command(version)]
struct Arguments {
    /// What is asked, by GET over plain HTTP.
    #[arg(long)]
    url: Uri,
    /// Requests a second, 1 to 5000.
    #[arg(long)]
    rate: u32,
    /// The file for the report (JSON), written every second and at the end.
    #[arg(long)]
    report: PathBuf,
    /// How long, in milliseconds; until a signal when absent.
    #[arg(long)]
    duration_ms: Option<u64>,
}

fn main() -> anyhow::Result<()> {
    process::run(load(Arguments::parse()))
}

async fn load(arguments: Arguments) -> anyhow::Result<()> {
    let ended = process::end_signal()?;
    let config = LoadConfig {
        url: arguments.url,
        rate_per_s: arguments.rate,
        report: Some(arguments.report),
        duration: arguments.duration_ms.map(Duration::from_millis),
    };
    let mut load = load::start(config).context("starting the load")?;
    tokio::select! {
        () = ended => {}
        () = load.ended() => {}
    }
    let report = load.shutdown().await.context("ending the load")?;
    let (total, ok, failed, unanswered) = (report.total, report.ok, report.failed, report.unanswered);
    tracing::info!(
        total,
        ok,
        failed,
        unanswered,
        skipped = report.skipped,
        "the load has ended"
    );
    Ok(())
}
