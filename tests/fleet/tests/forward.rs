//! What passes through the proxy, and what happens when a backend misbehaves or is replaced.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "helpers of a test fail it by a panic, as its assertions do"
)]

mod common;

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use axum::Router;
use axum::body::Body;
use axum::extract::Request;
use axum::response::{IntoResponse, Response};
use axum::routing::{any, get as on_get};
use common::*;
use http::{Method, StatusCode};
use http_body_util::BodyExt;
use serde_json::json;
use sluice_fleet::edge::{self, EdgeHandle};
use sluice_fleet::http::server::{Limits, Server};
use sluice_fleet::load::{self, LoadConfig};
use sluice_fleet::service::release::Release;
use sluice_fleet::service::{self, ServiceConfig};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

/// Gives the request's body back, and tells the rest in headers.
async fn echo(request: Request) -> Response {
    let told = format!("{} {}", request.method(), request.uri());
    let hop = request.headers().contains_key("x-hop").to_string();
    let own = request
        .headers()
        .get("x-own")
        .map_or("", |value| value.to_str().unwrap())
        .to_owned();
    let mut response = request.into_body().into_response();
    for (name, value) in [("x-told", told), ("x-hop-came", hop), ("x-own", own)] {
        response.headers_mut().insert(name, value.parse().unwrap());
    }
    response
}

async fn slow() {
    tokio::time::sleep(Duration::from_secs(10)).await;
}

async fn echo_server() -> Server {
    let limits = Limits {
        drain: Duration::ZERO,
        stop: Duration::from_millis(100),
    };
    let router = Router::new()
        .route("/health", on_get(async || axum::Json(json!({"version":"1"}))))
        .route("/slow", any(slow))
        .fallback(echo);
    Server::start(sluice_fleet::process::loopback(0), limits, |_, _| router)
        .await
        .unwrap()
}

async fn edge_to(backend: SocketAddr) -> EdgeHandle {
    let config = edge::EdgeConfig {
        forward_timeout: Duration::from_millis(200),
        ..edge_config(&[backend])
    };
    edge::start(config).await.unwrap()
}

#[tokio::test]
async fn method_path_headers_and_body_pass_through() {
    let backend = echo_server().await;
    let edge = edge_to(backend.address()).await;
    let sent: Vec<u8> = (0..3_000_000_u32).map(|n| n.to_le_bytes()[1]).collect();
    let request = Request::builder()
        .method(Method::PATCH)
        .uri(format!("http://{}/a%20b/c?d=e&f", edge.listen_addr))
        .header("x-own", "kept")
        .header("x-hop", "1")
        .header("connection", "x-hop")
        .body(Body::from(sent.clone()))
        .unwrap();
    let (parts, body) = client().request(request).await.unwrap().into_parts();
    let told = |name| {
        parts
            .headers
            .get(name)
            .map_or("", |value| value.to_str().unwrap())
    };
    assert_eq!(parts.status, StatusCode::OK);
    assert_eq!(told("x-told"), "PATCH /a%20b/c?d=e&f");
    assert_eq!(
        (told("x-own"), told("x-hop-came"), told("x-backend-version")),
        ("kept", "false", "1")
    );
    assert!(
        body.collect().await.unwrap().to_bytes() == sent,
        "the body is changed"
    );
}

#[tokio::test]
async fn a_backend_that_does_not_answer_is_an_error_in_time() {
    let backend = echo_server().await;
    let edge = edge_to(backend.address()).await;
    let client = client();
    let began = Instant::now();
    let answer = get(&client, edge.listen_addr, "/slow").await;
    assert_eq!(
        (answer.status(), &json(&answer)["code"]),
        (StatusCode::GATEWAY_TIMEOUT, &json!("backend-timeout"))
    );
    assert!(began.elapsed() < Duration::from_secs(2));
    let counts = get_json(&client, edge.control_addr, "/counts").await;
    assert_eq!(counts["versions"], json!({"1":{"requests":1,"errors":1}}));
}

#[tokio::test]
async fn a_caller_that_leaves_says_nothing_of_the_version() {
    let backend = echo_server().await;
    let edge = edge::start(edge_config(&[backend.address()])).await.unwrap();
    let client = client();
    let url = format!("http://{}/slow", edge.listen_addr);
    let request = client.request(Request::get(url).body(Body::empty()).unwrap());
    assert!(
        tokio::time::timeout(Duration::from_millis(100), request)
            .await
            .is_err()
    );
    eventually("the request is counted as abandoned", async || {
        get_json(&client, edge.control_addr, "/counts").await
            == json!({"versions":{},"unrouted":0,"abandoned":1})
    })
    .await;
}

/// Answers its health poll, and breaks off every other answer after three of ten bytes.
async fn breaking_server() -> SocketAddr {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let mut request = [0; 1_024];
            let length = stream.read(&mut request).await.unwrap();
            let answer = if request[..length].starts_with(b"GET /health") {
                "HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: 15\r\n\r\n{\"version\":\"9\"}"
            } else {
                "HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nabc"
            };
            stream.write_all(answer.as_bytes()).await.unwrap();
        }
    });
    address
}

#[tokio::test]
async fn an_answer_that_breaks_off_is_an_error() {
    let edge = edge_to(breaking_server().await).await;
    let client = client();
    let url = format!("http://{}/work", edge.listen_addr);
    let answer = client
        .request(Request::get(url).body(Body::empty()).unwrap())
        .await
        .unwrap();
    assert_eq!(answer.status(), StatusCode::OK);
    assert!(answer.into_body().collect().await.is_err());
    let counts = get_json(&client, edge.control_addr, "/counts").await;
    assert_eq!(counts["versions"], json!({"9":{"requests":1,"errors":1}}));
}

#[tokio::test]
async fn requests_in_flight_end_when_the_proxy_stops() {
    let backend = serve(Release {
        latency_ms: 300,
        ..Release::healthy("1")
    })
    .await;
    let edge = edge_before(&[backend]).await;
    let address = edge.listen_addr;
    let request = tokio::spawn(async move { get(&client(), address, "/work").await.status() });
    tokio::time::sleep(Duration::from_millis(100)).await;
    edge.shutdown().await;
    assert_eq!(request.await.unwrap(), StatusCode::OK);
    assert!(
        tokio::net::TcpStream::connect(address).await.is_err(),
        "the port is closed"
    );
}

/// Replaces four services one after the other under load, on their own ports, as an upgrade in place does.
#[tokio::test]
async fn a_replacement_in_place_loses_no_request() {
    let mut running = services(&["1", "1", "1", "1"]).await;
    let backends: Vec<_> = running.iter().map(|service| service.listen_addr).collect();
    let edge = edge::start(edge::EdgeConfig {
        poll_interval: Duration::from_millis(100),
        ..edge_config(&backends)
    })
    .await
    .unwrap();
    let client = client();
    put_weights(&client, &edge, r#"{"weights":{"1":50,"2":50},"fallback":"1"}"#).await;
    let url = format!("http://{}/work", edge.listen_addr).parse().unwrap();
    let load = load::start(LoadConfig {
        url,
        rate_per_s: 400,
        report: None,
        duration: None,
    })
    .unwrap();
    for (place, backend) in backends.iter().enumerate().take(3) {
        running.remove(0).shutdown().await;
        let config = ServiceConfig {
            listen: *backend,
            ..ServiceConfig::new(Release::healthy("2"))
        };
        running.push(service::start(config).await.unwrap());
        wait_for_health(&client, &edge, &[true; 4]).await;
        eventually("the new version is known", async || {
            let seen = get_json(&client, edge.control_addr, "/backends").await;
            seen["backends"][place]["version"] == "2"
        })
        .await;
        tokio::time::sleep(Duration::from_millis(300)).await;
    }
    let report = load.shutdown().await.unwrap();
    assert_eq!((report.failed, report.unanswered), (0, 0), "{report:?}");
    assert!(
        report.by_version["2"] > 50 && report.by_version["1"] > 50,
        "{report:?}"
    );
    let counts = get_json(&client, edge.control_addr, "/counts").await;
    assert_eq!(counts["versions"]["1"]["errors"], 0);
    assert_eq!(counts["versions"]["2"]["requests"], report.by_version["2"]);
}
