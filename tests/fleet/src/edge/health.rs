//! Polls each backend's `/health` to learn its version and whether it may get requests.

use std::time::Duration;

use axum::body::Body;
use http::uri::Authority;
use http::{Request, StatusCode};
use http_body_util::{BodyExt, Limited};
use serde::Deserialize;
use tokio::time::{Instant, sleep, timeout};

use super::routing::Seen;
use super::state::Edge;
use crate::service::release::is_version;
use crate::stop::StopSignal;

/// How long an answer may take before it counts as late.
pub const POLL_TIMEOUT: Duration = Duration::from_millis(500);

/// The most that is read of an answer, in bytes.
const MAX_BODY: usize = 4_096;

#[derive(Deserialize)]
struct Health {
    version: String,
}

/// Polls one backend every `interval` until the stop.
pub async fn watch(edge: Edge, index: usize, address: Authority, interval: Duration, mut stop: StopSignal) {
    while !stop.is_raised() {
        tokio::select! {
            () = sleep(interval) => poll(&edge, index, &address).await,
            () = stop.raised() => {}
        }
    }
}

/// Polls one backend once, within [`POLL_TIMEOUT`].
pub async fn poll(edge: &Edge, index: usize, address: &Authority) {
    let began = Instant::now();
    let seen = match timeout(POLL_TIMEOUT, ask(edge, address)).await {
        Ok(Ok(version)) => Seen::Healthy(version),
        Ok(Err(reason)) => {
            tracing::debug!(backend = %address, reason, "the health poll failed");
            Seen::Unhealthy
        }
        Err(_elapsed) => Seen::Late,
    };
    edge.polled(index, began, seen);
}

/// The version of a healthy backend, or why it is not one.
async fn ask(edge: &Edge, address: &Authority) -> Result<String, String> {
    let request = Request::get(format!("http://{address}/health"))
        .body(Body::empty())
        .map_err(|e| e.to_string())?;
    let answer = edge
        .client()
        .request(request)
        .await
        .map_err(|error| error.to_string())?;
    let status = answer.status();
    let body = Limited::new(answer.into_body(), MAX_BODY)
        .collect()
        .await
        .map_err(|error| error.to_string())?;
    if status != StatusCode::OK {
        return Err(format!("answered {status}"));
    }
    let health: Health = serde_json::from_slice(&body.to_bytes()).map_err(|error| error.to_string())?;
    if is_version(&health.version) {
        Ok(health.version)
    } else {
        Err("told a version that is none".to_owned())
    }
}
