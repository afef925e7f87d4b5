//! The weighted proxy in front of the demonstration fleet.

use std::net::SocketAddr;
use std::time::Duration;

use anyhow::Context;
use clap::Parser;
use http::uri::Authority;
use sluice_fleet::edge::{self, EdgeConfig, MetricsConfig};
use sluice_fleet::process;

/// Spreads requests over backends by the weights of their versions until SIGTERM.
#[derive(Parser)]
#[command(version)]
struct Arguments {
    /// Loopback address for the traffic.
    #[arg(long)]
    listen: SocketAddr,
    /// Loopback address for control.
    #[arg(long)]
    control: SocketAddr,
    /// The backends as host:port, separated by commas.
    #[arg(long, value_delimiter = ',', required = true)]
    backends: Vec<Authority>,
    /// CloudWatch namespace for the counts; endpoint and credentials come from the environment.
    #[arg(long, requires = "tenant", requires = "component")]
    metrics_namespace: Option<String>,
    /// Dimension TenantId.
    #[arg(long, requires = "metrics_namespace")]
    tenant: Option<String>,
    /// Dimension ComponentId.
    #[arg(long, requires = "metrics_namespace")]
    component: Option<String>,
    /// Dimension FleetId.
    #[arg(long, default_value = "default")]
    fleet: String,
    /// Time between two publications, in milliseconds.
    #[arg(long, default_value_t = 1_000, value_parser = clap::value_parser!(u64).range(100..=60_000))]
    publish_ms: u64,
    /// Time between two health polls of a backend, in milliseconds.
    #[arg(long, default_value_t = 250, value_parser = clap::value_parser!(u64).range(20..=60_000))]
    poll_ms: u64,
    /// How long a backend may take to begin its answer, in milliseconds.
    #[arg(long, default_value_t = 5_000, value_parser = clap::value_parser!(u64).range(10..=60_000))]
    forward_timeout_ms: u64,
    /// Seed of the choice by weight; random when absent.
    #[arg(long)]
    seed: Option<u64>,
}

fn main() -> anyhow::Result<()> {
    process::run(proxy(Arguments::parse()))
}

async fn proxy(arguments: Arguments) -> anyhow::Result<()> {
    let ended = process::end_signal()?;
    let every = Duration::from_millis(arguments.publish_ms);
    let metrics = match (arguments.metrics_namespace, arguments.tenant, arguments.component) {
        (Some(namespace), Some(tenant), Some(component)) => Some(MetricsConfig {
            namespace,
            tenant,
            component,
            fleet: arguments.fleet,
            every,
        }),
        // The parser lets these three through only together.
        _ => None,
    };
    let config = EdgeConfig {
        listen: arguments.listen,
        control: arguments.control,
        backends: arguments.backends,
        metrics,
        poll_interval: Duration::from_millis(arguments.poll_ms),
        forward_timeout: Duration::from_millis(arguments.forward_timeout_ms),
        seed: arguments.seed,
    };
    let edge = edge::start(config).await.context("starting the proxy")?;
    ended.await;
    edge.shutdown().await;
    Ok(())
}
