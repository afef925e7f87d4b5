//! What the tests share: a client, short-hands for starting parts of a fleet, and waiting with a limit.

#![allow(
    dead_code,
    reason = "each test file compiles this for itself and uses a part of it"
)]

use std::net::SocketAddr;
use std::process::{Child, ExitStatus};
use std::time::{Duration, Instant};

use axum::body::{Body, Bytes};
use http::{Method, Request, Response, StatusCode};
use http_body_util::BodyExt;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::Value;
use sluice_fleet::edge::{self, EdgeConfig, EdgeHandle};
use sluice_fleet::http::client::{PooledClient, pooled};
use sluice_fleet::service::release::Release;
use sluice_fleet::service::{self, ServiceConfig, ServiceHandle};

pub fn client() -> PooledClient<Body> {
    pooled(64)
}

/// Sends a request and reads its answer.
pub async fn ask(
    client: &PooledClient<Body>,
    method: Method,
    to: SocketAddr,
    path: &str,
    body: impl Into<Body>,
) -> Response<Bytes> {
    let request = Request::builder()
        .method(method)
        .uri(format!("http://{to}{path}"))
        .body(body.into())
        .unwrap();
    let (parts, body) = client.request(request).await.unwrap().into_parts();
    Response::from_parts(parts, body.collect().await.unwrap().to_bytes())
}

pub async fn get(client: &PooledClient<Body>, to: SocketAddr, path: &str) -> Response<Bytes> {
    ask(client, Method::GET, to, path, Body::empty()).await
}

pub async fn get_json(client: &PooledClient<Body>, to: SocketAddr, path: &str) -> Value {
    let answer = get(client, to, path).await;
    assert_eq!(answer.status(), StatusCode::OK, "{path}");
    json(&answer)
}

pub fn json(answer: &Response<Bytes>) -> Value {
    serde_json::from_slice(answer.body()).unwrap()
}

pub fn header<'a>(answer: &'a Response<Bytes>, name: &str) -> &'a str {
    answer
        .headers()
        .get(name)
        .map_or("", |value| value.to_str().unwrap())
}

pub async fn put_weights(client: &PooledClient<Body>, edge: &EdgeHandle, weights: &str) -> Response<Bytes> {
    ask(
        client,
        Method::PUT,
        edge.control_addr,
        "/weights",
        weights.to_owned(),
    )
    .await
}

pub async fn serve(release: Release) -> ServiceHandle {
    service::start(ServiceConfig::new(release)).await.unwrap()
}

/// One healthy service for each version.
pub async fn services(versions: &[&str]) -> Vec<ServiceHandle> {
    let mut services = Vec::new();
    for version in versions {
        services.push(serve(Release::healthy(*version)).await);
    }
    services
}

/// A proxy before these backends, with a fixed seed and quick polls.
pub fn edge_config(backends: &[SocketAddr]) -> EdgeConfig {
    let backends = backends
        .iter()
        .map(|backend| backend.to_string().parse().unwrap())
        .collect();
    EdgeConfig {
        seed: Some(7),
        poll_interval: Duration::from_millis(50),
        ..EdgeConfig::new(backends)
    }
}

pub async fn edge_before(services: &[ServiceHandle]) -> EdgeHandle {
    let backends: Vec<_> = services.iter().map(|service| service.listen_addr).collect();
    edge::start(edge_config(&backends)).await.unwrap()
}

/// Waits until the proxy shows this health, backend by backend.
pub async fn wait_for_health(client: &PooledClient<Body>, edge: &EdgeHandle, expected: &[bool]) {
    eventually("backends are as healthy as expected", async || {
        let seen = get_json(client, edge.control_addr, "/backends").await;
        let healthy = seen["backends"]
            .as_array()
            .unwrap()
            .iter()
            .map(|backend| backend["healthy"] == true);
        healthy.eq(expected.iter().copied())
    })
    .await;
}

/// Tries a condition every 20 ms until it holds, for at most 5 s.
pub async fn eventually(what: &str, condition: impl AsyncFn() -> bool) {
    let began = Instant::now();
    while !condition().await {
        assert!(began.elapsed() < Duration::from_secs(5), "not within 5 s: {what}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// A program of this crate; it is ended with the test, also when the test fails half-way.
pub struct Running(pub Child);

impl Running {
    /// Tells it to end and gives its exit status.
    pub async fn terminate(mut self) -> ExitStatus {
        kill(Pid::from_raw(self.0.id().try_into().unwrap()), Signal::SIGTERM).unwrap();
        tokio::task::spawn_blocking(move || self.0.wait().unwrap())
            .await
            .unwrap()
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // Both fail only when it has ended already.
        let _gone = self.0.kill();
        let _gone = self.0.wait();
    }
}
