//! One instance of the fleet: a service that behaves as its release's file says.
//!
//! `GET /health` tells version and health, `GET /work` is what callers want, `GET /metrics` counts the outcomes of
//! `/work` since the start. When it is stopped it takes no new connection, fails its health check and tells the
//! connections it has to close, so that a proxy leaves it before it ends.

pub mod release;
mod respond;

use std::net::SocketAddr;
use std::time::Duration;

use axum::Router;
use axum::routing::get;

use crate::http::server::{BindError, Limits, Server};
use release::{Release, ReleaseError};
use respond::Instance;

/// Time from SIGTERM to the end, at most; leaves room in the two seconds that callers are promised.
const STOP_LIMIT: Duration = Duration::from_millis(1_800);

/// Longer than the proxy's polling interval, so that it learns of the end while requests are still answered.
pub const DEFAULT_DRAIN: Duration = Duration::from_millis(300);

/// What to serve and where.
#[derive(Debug, Clone)]
pub struct ServiceConfig {
    /// A loopback address; port 0 lets the system choose.
    pub listen: SocketAddr,
    /// How it behaves.
    pub release: Release,
    /// Seed of the errors' randomness; the port when absent, so that instances fail apart and yet repeatably.
    pub seed: Option<u64>,
    /// How long open connections are served after the stop; at most 1.8 s in effect.
    pub drain: Duration,
}

impl ServiceConfig {
    /// This release on a port that the system chooses.
    #[must_use]
    pub fn new(release: Release) -> Self {
        Self {
            listen: crate::process::loopback(0),
            release,
            seed: None,
            drain: DEFAULT_DRAIN,
        }
    }
}

/// Why a service did not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The release's values make no sense.
    #[error("the release cannot be served")]
    Release(#[from] ReleaseError),
    /// The port cannot be had.
    #[error("the service cannot listen")]
    Bind(#[from] BindError),
}

/// A running service; dropping it stops it.
#[derive(Debug)]
pub struct ServiceHandle {
    /// Where it listens.
    pub listen_addr: SocketAddr,
    server: Server,
}

impl ServiceHandle {
    /// Stops accepting, ends the requests in flight, and returns within 2 s.
    pub async fn shutdown(self) {
        self.server.shutdown().await;
    }
}

/// Starts a service.
///
/// # Errors
/// [`StartError`] for values outside their range and for an address that cannot be bound.
pub async fn start(config: ServiceConfig) -> Result<ServiceHandle, StartError> {
    config.release.check()?;
    let limits = Limits {
        drain: config.drain.min(STOP_LIMIT),
        stop: STOP_LIMIT,
    };
    let ServiceConfig {
        listen,
        release,
        seed,
        ..
    } = config;
    let version = release.version.clone();
    let server = Server::start(listen, limits, |address, stop| {
        let seed = seed.unwrap_or_else(|| u64::from(address.port()));
        Router::new()
            .route("/health", get(respond::health))
            .route("/work", get(respond::work))
            .route("/metrics", get(respond::metrics))
            .with_state(Instance::new(release, seed, stop))
    })
    .await?;
    let listen_addr = server.address();
    tracing::info!(%listen_addr, version, "the service is listening");
    Ok(ServiceHandle { listen_addr, server })
}
