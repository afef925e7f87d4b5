//! The service in-process and as a program.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "helpers of a test fail it by a panic, as its assertions do"
)]

mod common;

use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use common::*;
use http::StatusCode;
use serde_json::json;
use sluice_fleet::service::release::Release;
use sluice_fleet::service::{self, ServiceConfig};

#[tokio::test]
async fn health_tells_version_and_state() {
    let client = client();
    let service = serve(Release {
        start_delay_ms: 300,
        ..Release::healthy("1.2.0")
    })
    .await;
    let answer = get(&client, service.listen_addr, "/health").await;
    assert_eq!(answer.status(), StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(json(&answer), json!({"version":"1.2.0","status":"starting"}));
    tokio::time::sleep(Duration::from_millis(320)).await;
    let health = get_json(&client, service.listen_addr, "/health").await;
    assert_eq!(health, json!({"version":"1.2.0","status":"ok"}));

    let service = serve(Release {
        never_healthy: true,
        ..Release::healthy("1.2.1")
    })
    .await;
    let answer = get(&client, service.listen_addr, "/health").await;
    assert_eq!(answer.status(), StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(json(&answer), json!({"version":"1.2.1","status":"unhealthy"}));
}

#[tokio::test]
async fn errors_come_at_their_rate_and_repeat_with_the_seed() {
    let client = client();
    let mut runs = Vec::new();
    for seed in [1, 1, 2] {
        let release = Release {
            error_rate: 0.3,
            ..Release::healthy("2")
        };
        let service = service::start(ServiceConfig {
            seed: Some(seed),
            ..ServiceConfig::new(release)
        })
        .await
        .unwrap();
        let mut statuses = Vec::new();
        for _ in 0..300 {
            let answer = get(&client, service.listen_addr, "/work").await;
            assert_eq!(header(&answer, "x-version"), "2");
            statuses.push(answer.status().as_u16());
        }
        let failed = statuses.iter().filter(|status| **status == 500).count();
        assert!(
            (50..=130).contains(&failed),
            "30% of 300, five standard deviations: {failed}"
        );
        let counts = get_json(&client, service.listen_addr, "/metrics").await;
        assert_eq!(
            counts,
            json!({"version":"2","requests":300,"ok":300 - failed,"failed":failed})
        );
        runs.push(statuses);
    }
    assert_eq!(runs[0], runs[1]);
    assert_ne!(runs[0], runs[2]);
}

#[tokio::test]
async fn it_stops_accepting_at_once_and_ends_what_is_in_flight() {
    let client = client();
    let service = serve(Release {
        latency_ms: 400,
        ..Release::healthy("1")
    })
    .await;
    let address = service.listen_addr;
    let idle = get(&client, address, "/health").await;
    assert_eq!(idle.status(), StatusCode::OK);
    let request = tokio::spawn(async move { get(&common::client(), address, "/work").await });
    tokio::time::sleep(Duration::from_millis(100)).await;

    let began = Instant::now();
    let ended = tokio::spawn(service.shutdown());
    tokio::time::sleep(Duration::from_millis(50)).await;
    // The idle connection is still served, and told to close.
    let answer = get(&client, address, "/health").await;
    assert_eq!(
        (answer.status(), header(&answer, "connection")),
        (StatusCode::SERVICE_UNAVAILABLE, "close")
    );
    assert!(
        tokio::net::TcpStream::connect(address).await.is_err(),
        "it must not accept any more"
    );
    let answer = request.await.unwrap();
    assert_eq!(
        (answer.status(), header(&answer, "connection")),
        (StatusCode::OK, "close")
    );
    ended.await.unwrap();
    assert!(began.elapsed() < Duration::from_secs(1), "{:?}", began.elapsed());
}

fn program(folder: &std::path::Path) -> (Running, SocketAddr) {
    let mut child = Command::new(env!("CARGO_BIN_EXE_demo-service"))
        .args(["--port", "0", "--release-dir"])
        .arg(folder)
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut line = String::new();
    BufReader::new(child.stderr.take().unwrap())
        .read_line(&mut line)
        .unwrap();
    let running = Running(child);
    let address = line
        .split("listen_addr=")
        .nth(1)
        .and_then(|rest| rest.split(' ').next());
    (
        running,
        address
            .unwrap_or_else(|| panic!("no address in {line:?}"))
            .parse()
            .unwrap(),
    )
}

#[tokio::test]
async fn the_program_serves_a_folder_and_ends_by_sigterm_within_two_seconds() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(
        folder.path().join("release.toml"),
        "version = '3.1.4'\nlatency_ms = 10000",
    )
    .unwrap();
    let (running, address) = program(folder.path());
    let client = client();
    assert_eq!(get_json(&client, address, "/health").await["version"], "3.1.4");
    let hanging = tokio::spawn(async move { tokio::net::TcpStream::connect(address).await });
    let _open = hanging.await.unwrap().unwrap();
    let slow = tokio::spawn(async move {
        let request = http::Request::get(format!("http://{address}/work"));
        common::client()
            .request(request.body(axum::body::Body::empty()).unwrap())
            .await
            .is_err()
    });
    tokio::time::sleep(Duration::from_millis(100)).await;

    let began = Instant::now();
    let status = running.terminate().await;
    assert!(status.success(), "{status}");
    assert!(
        began.elapsed() < Duration::from_millis(2_500),
        "{:?}",
        began.elapsed()
    );
    assert!(slow.await.unwrap(), "a request of ten seconds is cut");
}

#[test]
fn a_folder_without_a_release_is_refused_by_name() {
    let folder = tempfile::tempdir().unwrap();
    let output = Command::new(env!("CARGO_BIN_EXE_demo-service"))
        .args(["--port", "0", "--release-dir"])
        .arg(folder.path())
        .output()
        .unwrap();
    assert!(!output.status.success());
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(said.contains("release.toml"), "{said}");
}

#[tokio::test]
async fn a_release_turns_bad_once_its_file_is_there() {
    let folder = tempfile::tempdir().unwrap();
    let sign = folder.path().join("sign");
    let service = serve(Release {
        error_rate: 1.0,
        errors_once: Some(sign.clone()),
        ..Release::healthy("1")
    })
    .await;
    let client = client();
    for expected in [200, 500] {
        assert_eq!(
            get(&client, service.listen_addr, "/work").await.status(),
            expected
        );
        std::fs::write(&sign, "").unwrap();
    }
}
