//! A fleet's traffic without its instances: a route that holds weights, and metrics that follow them.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router};
use serde_json::json;
use sluice_core::ids::FleetKey;
use sluice_fleet::edge::fence::{self, Fence};
use sluice_fleet::edge::weights::Weights;
use sluice_fleet::http::server::{Limits, Server};
use sluice_fleet::process::loopback;
use tokio::task::JoinHandle;

use super::{Count, Metrics, Stack};

/// Enough for a share of one in ten to show 459 requests within two seconds.
const REQUESTS_PER_SECOND: f64 = 4_000.0;

/// Time between two publications.
const EVERY: Duration = Duration::from_millis(300);

const LIMITS: Limits = Limits {
    drain: Duration::ZERO,
    stop: Duration::from_secs(1),
};

/// What the route and the publisher share.
#[derive(Debug, Default)]
struct Held {
    /// In force.
    now: Option<Weights>,
    /// All that were set, one after the other.
    history: Vec<Weights>,
    /// The last record that a share followed from.
    fence: Option<Fence>,
    /// The share of failed requests of each version, 0 to 1.
    error_rates: BTreeMap<String, f64>,
}

type Shared = Arc<Mutex<Held>>;

fn lock(shared: &Shared) -> MutexGuard<'_, Held> {
    shared.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A running route with its traffic; dropping it stops both.
#[derive(Debug)]
pub struct Traffic {
    server: Server,
    held: Shared,
    publisher: JoinHandle<()>,
}

impl Drop for Traffic {
    fn drop(&mut self) {
        self.publisher.abort();
    }
}

impl Traffic {
    /// Starts the traffic of a fleet. `error_rates` has the share of failed requests, 0 to 1, of each version; until
    /// weights are set all traffic goes to `first`.
    ///
    /// # Errors
    /// When no port is to be had.
    pub async fn start(
        stack: &Stack,
        fleet: &FleetKey,
        first: &str,
        error_rates: BTreeMap<String, f64>,
    ) -> Result<Self> {
        let tallies = error_rates.keys().cloned().map(Tally::new).collect();
        let held = Shared::new(Mutex::new(Held {
            error_rates,
            ..Held::default()
        }));
        let routes = Router::new()
            .route("/weights", get(read).put(set))
            .with_state(Arc::clone(&held));
        let server = Server::start(loopback(0), LIMITS, |_, _| routes)
            .await
            .context("the route has no port")?;
        let publisher = Publisher {
            metrics: Metrics::new(stack, fleet),
            held: Arc::clone(&held),
            tallies,
            first: first.to_owned(),
        };
        let publisher = tokio::spawn(publisher.run());
        Ok(Self {
            server,
            held,
            publisher,
        })
    }

    /// Address of the route's control port.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://{}", self.server.address())
    }

    /// Lets a version fail this share of its requests, 0 to 1, from now on.
    pub fn set_error_rate(&self, version: &str, error_rate: f64) {
        lock(&self.held)
            .error_rates
            .insert(version.to_owned(), error_rate);
    }

    /// A version's share of the traffic in percent; none until weights were set.
    #[must_use]
    pub fn share(&self, version: &str) -> Option<u8> {
        lock(&self.held)
            .now
            .as_ref()
            .map(|weights| share(weights, version))
    }

    /// The shares that a version has had, one after the other.
    #[must_use]
    pub fn shares(&self, version: &str) -> Vec<u8> {
        lock(&self.held)
            .history
            .iter()
            .map(|weights| share(weights, version))
            .collect()
    }
}

fn share(weights: &Weights, version: &str) -> u8 {
    (0..100)
        .map(|draw| u8::from(weights.owner(draw) == Some(version)))
        .sum()
}

async fn read(State(held): State<Shared>) -> Response {
    match &lock(&held).now {
        Some(weights) => Json(weights).into_response(),
        None => Json(json!({ "weights": {}, "fallback": null })).into_response(),
    }
}

async fn set(State(held): State<Shared>, headers: HeaderMap, body: Bytes) -> Response {
    match Weights::parse(&body) {
        Ok(weights) => {
            let mut held = lock(&held);
            if let Err(refused) = fence::pass(&mut held.fence, &headers) {
                return (StatusCode::PRECONDITION_FAILED, refused.to_string()).into_response();
            }
            held.history.push(weights.clone());
            held.now = Some(weights.clone());
            Json(weights).into_response()
        }
        Err(error) => (StatusCode::BAD_REQUEST, error.to_string()).into_response(),
    }
}

/// What one version has served that is not published yet.
#[derive(Debug)]
struct Tally {
    version: String,
    requests: f64,
    errors: f64,
}

impl Tally {
    fn new(version: String) -> Self {
        Self {
            version,
            requests: 0.0,
            errors: 0.0,
        }
    }

    fn serve(&mut self, requests: f64, error_rate: f64) {
        self.requests += requests;
        self.errors += requests * error_rate;
    }

    /// Whole requests and errors; what is left of them is published later.
    fn take(&mut self) -> Count {
        let taken = Count {
            version: self.version.clone(),
            requests: self.requests.floor(),
            errors: self.errors.floor(),
        };
        self.requests -= taken.requests;
        self.errors -= taken.errors;
        taken
    }
}

struct Publisher {
    metrics: Metrics,
    held: Shared,
    tallies: Vec<Tally>,
    first: String,
}

impl Publisher {
    async fn run(mut self) {
        let mut last = Instant::now();
        loop {
            tokio::time::sleep(EVERY).await;
            let served = last.elapsed().as_secs_f64() * REQUESTS_PER_SECOND;
            last = Instant::now();
            self.serve(served);
            let counts: Vec<_> = self.tallies.iter_mut().map(Tally::take).collect();
            self.metrics.put(&counts).await;
        }
    }

    fn serve(&mut self, requests: f64) {
        let held = lock(&self.held);
        for tally in &mut self.tallies {
            let percent = match &held.now {
                Some(weights) => share(weights, &tally.version),
                None if tally.version == self.first => 100,
                None => 0,
            };
            let error_rate = held.error_rates.get(&tally.version).copied().unwrap_or_default();
            tally.serve(requests * f64::from(percent) / 100.0, error_rate);
        }
    }
}
