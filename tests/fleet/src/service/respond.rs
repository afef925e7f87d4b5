//! The three answers of the service.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use http::StatusCode;
use rand::rngs::SmallRng;
use rand::{RngExt, SeedableRng};
use serde::Serialize;
use tokio::time::Instant;

use super::release::Release;
use crate::http::problem::Problem;
use crate::stop::StopSignal;

/// One running release, shared by its connections.
#[derive(Debug, Clone)]
pub struct Instance(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    release: Release,
    began: Instant,
    stop: StopSignal,
    rng: Mutex<SmallRng>,
    ok: AtomicU64,
    failed: AtomicU64,
}

impl Instance {
    /// A release that starts now.
    pub fn new(release: Release, seed: u64, stop: StopSignal) -> Self {
        Self(Arc::new(Inner {
            release,
            began: Instant::now(),
            stop,
            rng: Mutex::new(SmallRng::seed_from_u64(seed)),
            ok: AtomicU64::new(0),
            failed: AtomicU64::new(0),
        }))
    }

    fn is_starting(&self) -> bool {
        self.0.began.elapsed() < Duration::from_millis(self.0.release.start_delay_ms)
    }

    fn status(&self) -> &'static str {
        if self.0.stop.is_raised() {
            "stopping"
        } else if self.is_starting() {
            "starting"
        } else if self.0.release.never_healthy {
            "unhealthy"
        } else {
            "ok"
        }
    }

    fn fails(&self) -> bool {
        if self
            .0
            .release
            .errors_once
            .as_ref()
            .is_some_and(|file| !file.exists())
        {
            return false;
        }
        // A generator has no state that a panic elsewhere could break.
        let mut rng = self.0.rng.lock().unwrap_or_else(PoisonError::into_inner);
        rng.random_bool(self.0.release.error_rate)
    }
}

#[derive(Serialize)]
struct Health<'a> {
    version: &'a str,
    status: &'a str,
}

/// `GET /health`: 200 when its status is `ok`, 503 with another status.
pub async fn health(State(instance): State<Instance>) -> Response {
    let status = instance.status();
    let code = if status == "ok" {
        StatusCode::OK
    } else {
        StatusCode::SERVICE_UNAVAILABLE
    };
    (
        code,
        Json(Health {
            version: &instance.0.release.version,
            status,
        }),
    )
        .into_response()
}

#[derive(Serialize)]
struct Work<'a> {
    version: &'a str,
    result: &'a str,
}

/// `GET /work`: 200, or 500 with the release's probability; 503 while it starts. The version is in `x-version`.
pub async fn work(State(instance): State<Instance>) -> Response {
    let release = &instance.0.release;
    if release.latency_ms > 0 {
        tokio::time::sleep(Duration::from_millis(release.latency_ms)).await;
    }
    let answer = if instance.is_starting() {
        Err(Problem::new(
            StatusCode::SERVICE_UNAVAILABLE,
            "starting",
            "The service has not started yet.",
        ))
    } else if instance.fails() {
        Err(Problem::new(
            StatusCode::INTERNAL_SERVER_ERROR,
            "work-failed",
            "This release fails at times.",
        ))
    } else {
        Ok(Json(Work {
            version: &release.version,
            result: "done",
        }))
    };
    let counter = if answer.is_ok() {
        &instance.0.ok
    } else {
        &instance.0.failed
    };
    counter.fetch_add(1, Ordering::Relaxed);
    ([("x-version", release.version.clone())], answer).into_response()
}

#[derive(Serialize)]
struct Metrics<'a> {
    version: &'a str,
    requests: u64,
    ok: u64,
    failed: u64,
}

/// `GET /metrics`: outcomes of `/work` since the start.
pub async fn metrics(State(instance): State<Instance>) -> Response {
    let ok = instance.0.ok.load(Ordering::Relaxed);
    let failed = instance.0.failed.load(Ordering::Relaxed);
    Json(Metrics {
        version: &instance.0.release.version,
        requests: ok + failed,
        ok,
        failed,
    })
    .into_response()
}
