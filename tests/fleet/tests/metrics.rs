//! The published counts, as a CloudWatch endpoint sees them.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "helpers of a test fail it by a panic, as its assertions do"
)]

mod common;

use std::net::SocketAddr;
use std::process::Command;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use common::*;
use http::{StatusCode, Uri};
use sluice_fleet::http::server::{Limits, Server};
use sluice_fleet::process::loopback;
use sluice_fleet::service::release::Release;

/// Calls that a stand-in for CloudWatch has had: path, body, and whether it accepted them.
#[derive(Clone, Default)]
struct Endpoint {
    accepts: Arc<AtomicBool>,
    calls: Arc<Mutex<Vec<(String, Bytes, bool)>>>,
}

impl Endpoint {
    fn calls(&self, accepted: bool) -> Vec<(String, Bytes)> {
        let calls = self.calls.lock().unwrap();
        calls
            .iter()
            .filter(|call| call.2 == accepted)
            .map(|call| (call.0.clone(), call.1.clone()))
            .collect()
    }
}

async fn put(State(endpoint): State<Endpoint>, uri: Uri, body: Bytes) -> Response {
    let accepted = endpoint.accepts.load(Ordering::SeqCst);
    endpoint
        .calls
        .lock()
        .unwrap()
        .push((uri.path().to_owned(), body, accepted));
    let headers = [
        ("smithy-protocol", "rpc-v2-cbor"),
        ("content-type", "application/cbor"),
    ];
    // An empty map in CBOR.
    let status = if accepted {
        StatusCode::OK
    } else {
        StatusCode::SERVICE_UNAVAILABLE
    };
    (status, headers, Bytes::from_static(&[0xa0])).into_response()
}

fn free_port() -> u16 {
    std::net::TcpListener::bind(loopback(0))
        .unwrap()
        .local_addr()
        .unwrap()
        .port()
}

/// The environment carries endpoint and credentials, so that this takes a process of its own.
fn edge_program(backend: SocketAddr, endpoint: SocketAddr) -> (Running, SocketAddr) {
    let listen = loopback(free_port());
    let child = Command::new(env!("CARGO_BIN_EXE_demo-edge"))
        .args(["--listen", &listen.to_string(), "--control", "127.0.0.1:0"])
        .args([
            "--backends",
            &backend.to_string(),
            "--metrics-namespace",
            "Sluice/Test",
            "--tenant",
            "tenant-a",
        ])
        .args([
            "--component",
            "component-b",
            "--fleet",
            "fleet-c",
            "--publish-ms",
            "200",
        ])
        .env("AWS_ENDPOINT_URL", format!("http://{endpoint}"))
        .envs([
            ("AWS_REGION", "eu-central-1"),
            ("AWS_ACCESS_KEY_ID", "test"),
            ("AWS_SECRET_ACCESS_KEY", "test"),
        ])
        .spawn()
        .unwrap();
    (Running(child), listen)
}

fn contains(body: &[u8], text: &str) -> bool {
    body.windows(text.len()).any(|window| window == text.as_bytes())
}

#[tokio::test]
async fn counts_wait_for_cloudwatch_and_arrive_unchanged() {
    let endpoint = Endpoint::default();
    let limits = Limits {
        drain: Duration::ZERO,
        stop: Duration::from_secs(1),
    };
    let router = Router::new().fallback(put).with_state(endpoint.clone());
    let server = Server::start(loopback(0), limits, |_, _| router).await.unwrap();
    let service = serve(Release {
        error_rate: 0.5,
        ..Release::healthy("7.0.0")
    })
    .await;
    let (running, listen) = edge_program(service.listen_addr, server.address());
    eventually("the proxy listens", async || {
        tokio::net::TcpStream::connect(listen).await.is_ok()
    })
    .await;
    let client = client();
    for _ in 0..20 {
        get(&client, listen, "/work").await;
    }
    eventually("a publication was refused", async || {
        !endpoint.calls(false).is_empty()
    })
    .await;
    assert!(endpoint.calls(true).is_empty());
    endpoint.accepts.store(true, Ordering::SeqCst);
    eventually("a publication was accepted", async || {
        !endpoint.calls(true).is_empty()
    })
    .await;

    let (path, body) = endpoint.calls(true).remove(0);
    assert!(path.ends_with("/PutMetricData"), "{path}");
    for text in [
        "Sluice/Test",
        "Requests",
        "Errors",
        "tenant-a",
        "component-b",
        "fleet-c",
        "7.0.0",
        "Version",
    ] {
        assert!(contains(&body, text), "{text} is missing");
    }
    assert_eq!(
        body,
        endpoint.calls(false)[0].1,
        "the same counts with the same times"
    );

    // What is counted last is published before the end.
    get(&client, listen, "/work").await;
    let status = running.terminate().await;
    assert!(status.success(), "{status}");
    assert_eq!(endpoint.calls(true).len(), 2);
}
