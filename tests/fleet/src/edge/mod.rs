//! A weighted reverse proxy: what carries the fleet's traffic, and what measures it.
//!
//! It learns each backend's version by polling `/health`, chooses a version by weight for each request and one of its
//! healthy backends in turn, marks the answer with `x-backend-version`, and counts the outcome. The control port sets
//! the weights and shows what is in force, and how many backends were in rotation at any time; the counts go to
//! CloudWatch, second by second.

mod control;
pub mod counts;
pub mod fence;
mod forward;
mod health;
pub mod metrics;
pub mod rotation;
pub mod routing;
mod state;
mod tracked;
pub mod weights;

use std::net::SocketAddr;
use std::time::Duration;

use axum::Router;
use http::uri::Authority;
use rand::SeedableRng;
use rand::rngs::SmallRng;
use tokio::task::{JoinHandle, JoinSet};

pub use forward::BACKEND_VERSION;
pub use metrics::MetricsConfig;

use crate::http::client::pooled;
use crate::http::server::{BindError, Limits, Server};
use crate::stop::{StopSignal, Stopper, channel};
use metrics::Publisher;
use routing::Table;
use state::Edge;

/// Callers of the proxy are not drained: who stops it has stopped them, or wants them to notice.
const LIMITS: Limits = Limits {
    drain: Duration::ZERO,
    stop: Duration::from_secs(2),
};

/// Idle connections kept to each backend.
const MAX_IDLE: usize = 16;

/// More than any demonstration has; bounds the polls.
const MAX_BACKENDS: usize = 1_000;

/// What to proxy and where.
#[derive(Debug, Clone)]
pub struct EdgeConfig {
    /// A loopback address for the traffic; port 0 lets the system choose.
    pub listen: SocketAddr,
    /// A loopback address for control; port 0 lets the system choose.
    pub control: SocketAddr,
    /// The backends, each with its port; 1 to 1,000.
    pub backends: Vec<Authority>,
    /// How counts are published; not at all when absent.
    pub metrics: Option<MetricsConfig>,
    /// Time between two health polls of a backend.
    pub poll_interval: Duration,
    /// How long a backend may take to begin its answer.
    pub forward_timeout: Duration,
    /// Seed of the choice by weight; random when absent.
    pub seed: Option<u64>,
}

impl EdgeConfig {
    /// These backends behind ports that the system chooses, polled every 250 ms, with 5 s for an answer to begin.
    #[must_use]
    pub fn new(backends: Vec<Authority>) -> Self {
        Self {
            listen: crate::process::loopback(0),
            control: crate::process::loopback(0),
            backends,
            metrics: None,
            poll_interval: Duration::from_millis(250),
            forward_timeout: Duration::from_secs(5),
            seed: None,
        }
    }
}

/// Why a proxy did not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// No backend, or too many.
    #[error("there must be 1 to {MAX_BACKENDS} backends, and there are {0}")]
    Backends(usize),
    /// A backend's address lacks its port.
    #[error("the backend {0} must be given as host:port")]
    NoPort(Authority),
    /// A port cannot be had.
    #[error("the proxy cannot listen")]
    Bind(#[from] BindError),
}

/// A running proxy; dropping it stops it, without a last publication.
#[derive(Debug)]
pub struct EdgeHandle {
    /// Where it takes traffic.
    pub listen_addr: SocketAddr,
    /// Where it is controlled.
    pub control_addr: SocketAddr,
    traffic: Server,
    control: Server,
    stopper: Stopper,
    polls: JoinSet<()>,
    publisher: Option<JoinHandle<Publisher>>,
}

/// Starts a proxy; it returns after the first poll of all backends, within about half a second.
///
/// # Errors
/// [`StartError`] for backends that make no sense and for addresses that cannot be bound.
pub async fn start(config: EdgeConfig) -> Result<EdgeHandle, StartError> {
    check(&config.backends)?;
    let rng = config.seed.map_or_else(rand::make_rng, SmallRng::seed_from_u64);
    let table = Table::new(config.backends.clone(), rng);
    let edge = Edge::new(
        table,
        pooled(MAX_IDLE),
        config.forward_timeout,
        config.metrics.clone(),
    );
    first_polls(&edge, &config.backends).await;

    let proxy = Router::new().fallback(forward::forward).with_state(edge.clone());
    let traffic = Server::start(config.listen, LIMITS, |_, _| proxy).await?;
    let control = Server::start(config.control, LIMITS, |_, _| control::router(edge.clone())).await?;
    let (stopper, stop) = channel();
    let polls = start_polls(&edge, &config, &stop);
    let publisher = match config.metrics {
        Some(metrics) => Some(tokio::spawn(Publisher::from_env(edge, metrics).await.run(stop))),
        None => None,
    };
    let (listen_addr, control_addr) = (traffic.address(), control.address());
    tracing::info!(%listen_addr, %control_addr, backends = config.backends.len(), "the proxy is listening");
    Ok(EdgeHandle {
        listen_addr,
        control_addr,
        traffic,
        control,
        stopper,
        polls,
        publisher,
    })
}

fn check(backends: &[Authority]) -> Result<(), StartError> {
    if !(1..=MAX_BACKENDS).contains(&backends.len()) {
        return Err(StartError::Backends(backends.len()));
    }
    match backends.iter().find(|backend| backend.port_u16().is_none()) {
        Some(backend) => Err(StartError::NoPort(backend.clone())),
        None => Ok(()),
    }
}

/// Asks all backends at once, so that the first request already finds those that are up.
async fn first_polls(edge: &Edge, backends: &[Authority]) {
    let mut polls = JoinSet::new();
    for (index, address) in backends.iter().cloned().enumerate() {
        let edge = edge.clone();
        polls.spawn(async move { health::poll(&edge, index, &address).await });
    }
    polls.join_all().await;
}

fn start_polls(edge: &Edge, config: &EdgeConfig, stop: &StopSignal) -> JoinSet<()> {
    let mut polls = JoinSet::new();
    for (index, address) in config.backends.iter().cloned().enumerate() {
        polls.spawn(health::watch(
            edge.clone(),
            index,
            address,
            config.poll_interval,
            stop.clone(),
        ));
    }
    polls
}

impl EdgeHandle {
    /// Ends the requests in flight, publishes what is left, and ends. Takes at most about 12 s, and that only when
    /// CloudWatch hangs.
    pub async fn shutdown(mut self) {
        self.traffic.shutdown().await;
        self.stopper.stop();
        self.polls.shutdown().await;
        if let Some(publisher) = self.publisher.take() {
            match publisher.await {
                Ok(publisher) => publisher.finish().await,
                Err(error) => tracing::error!(%error, "the publisher ended abnormally"),
            }
        }
        self.control.shutdown().await;
        tracing::info!(listen_addr = %self.listen_addr, "the proxy has ended");
    }
}
