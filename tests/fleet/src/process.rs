//! What the three binaries have in common: logging, the runtime and the signals that end them.

use std::future::Future;
use std::net::SocketAddr;

use anyhow::Context;
use tokio::signal::unix::{SignalKind, signal};
use tracing_subscriber::EnvFilter;

/// Runs `main` on one thread with logs on standard error (`RUST_LOG` filters them; the default is `info`).
///
/// One thread, because some twenty of these processes share a machine with what is measured.
///
/// # Errors
/// What `main` returns, or a runtime that could not be built.
pub fn run<F>(main: F) -> anyhow::Result<()>
where
    F: Future<Output = anyhow::Result<()>>,
{
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("info"));
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .with_ansi(false)
        // By default a log line that cannot be written is reported on standard error, which panics when its reader
        // has gone; a supervisor's end must not end what it started.
        .log_internal_errors(false)
        .init();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .context("building the runtime")?;
    runtime.block_on(main)
}

/// Listens for SIGTERM and SIGINT from now on; the future returns when one has come.
///
/// Call it before anything starts, so that an early signal ends the process gently as well.
///
/// # Errors
/// When the handlers cannot be installed.
pub fn end_signal() -> anyhow::Result<impl Future<Output = ()>> {
    let mut terminate = signal(SignalKind::terminate()).context("listening for SIGTERM")?;
    let mut interrupt = signal(SignalKind::interrupt()).context("listening for SIGINT")?;
    Ok(async move {
        tokio::select! {
            _ = terminate.recv() => tracing::info!("told to end by SIGTERM"),
            _ = interrupt.recv() => tracing::info!("told to end by SIGINT"),
        }
    })
}

/// A loopback address with this port; 0 lets the system choose one.
#[must_use]
pub fn loopback(port: u16) -> SocketAddr {
    SocketAddr::from(([127, 0, 0, 1], port))
}
