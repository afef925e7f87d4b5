//! The proxy's choice of backends, its control port and its counts.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "helpers of a test fail it by a panic, as its assertions do"
)]

mod common;

use std::collections::BTreeMap;
use std::time::Duration;

use common::*;
use http::{Method, StatusCode};
use serde_json::json;
use sluice_fleet::edge::{self, EdgeHandle};
use sluice_fleet::service::release::Release;

/// Sends GETs and counts the answers by status and version.
async fn spread(edge: &EdgeHandle, requests: usize) -> BTreeMap<(u16, String), usize> {
    let client = client();
    let mut counts = BTreeMap::new();
    for _ in 0..requests {
        let answer = get(&client, edge.listen_addr, "/work").await;
        let version = header(&answer, "x-backend-version").to_owned();
        *counts.entry((answer.status().as_u16(), version)).or_default() += 1;
    }
    counts
}

#[tokio::test]
async fn traffic_follows_the_weights_and_is_counted() {
    let services = services(&["1.0.0", "1.0.0", "1.1.0", "1.2.0"]).await;
    let edge = edge_before(&services).await;
    let client = client();
    let weights = r#"{"weights":{"1.0.0":80,"1.1.0":20,"1.2.0":0},"fallback":"1.0.0"}"#;
    let answer = put_weights(&client, &edge, weights).await;
    assert_eq!(answer.status(), StatusCode::OK);
    let in_force = get_json(&client, edge.control_addr, "/weights").await;
    assert_eq!(
        in_force,
        json!({"weights":{"1.0.0":80,"1.1.0":20,"1.2.0":0},"fallback":"1.0.0"})
    );
    assert_eq!(json(&answer), in_force);

    let seen = spread(&edge, 1_500).await;
    let (old, new) = (seen[&(200, "1.0.0".into())], seen[&(200, "1.1.0".into())]);
    assert_eq!(old + new, 1_500, "nothing else was served: {seen:?}");
    assert!(
        (225..=375).contains(&new),
        "20% of 1500, five standard deviations: {new}"
    );
    let counts = get_json(&client, edge.control_addr, "/counts").await;
    let tally = |requests| json!({"requests":requests,"errors":0});
    let versions = json!({"1.0.0":tally(old),"1.1.0":tally(new)});
    assert_eq!(counts, json!({"versions":versions,"unrouted":0,"abandoned":0}));
}

#[tokio::test]
async fn without_weights_all_healthy_backends_share_evenly() {
    let mut services = services(&["1", "2"]).await;
    services.push(
        serve(Release {
            never_healthy: true,
            ..Release::healthy("3")
        })
        .await,
    );
    let edge = edge_before(&services).await;
    let client = client();
    let in_force = get_json(&client, edge.control_addr, "/weights").await;
    assert_eq!(in_force, json!({"weights":{},"fallback":null}));
    let seen = spread(&edge, 100).await;
    assert_eq!(
        seen,
        BTreeMap::from([((200, "1".into()), 50), ((200, "2".into()), 50)])
    );
    assert_eq!(
        get_json(&client, edge.control_addr, "/health").await["healthy_backends"],
        2
    );
}

#[tokio::test]
async fn refused_weights_change_nothing() {
    let services = services(&["1"]).await;
    let edge = edge_before(&services).await;
    let client = client();
    put_weights(&client, &edge, r#"{"weights":{"1":100}}"#).await;
    let before = get_json(&client, edge.control_addr, "/weights").await;
    for (body, code) in [
        (r#"{"weights":{"1":60,"2":50}}"#, "weights-sum"),
        (r#"{"weights":{"1":101}}"#, "weight-out-of-range"),
        (r#"{"weights":{"1":99.5,"2":0.5}}"#, "weights-malformed"),
        ("no JSON", "weights-malformed"),
    ] {
        let answer = put_weights(&client, &edge, body).await;
        assert_eq!(answer.status(), StatusCode::BAD_REQUEST, "{body}");
        assert_eq!(header(&answer, "content-type"), "application/problem+json");
        let problem = json(&answer);
        assert_eq!(
            (&problem["code"], &problem["status"]),
            (&json!(code), &json!(400)),
            "{body}"
        );
        assert!(problem["detail"].as_str().unwrap().len() > 20, "{problem}");
        for key in ["type", "title"] {
            assert!(problem[key].is_string(), "{problem}");
        }
        assert_eq!(get_json(&client, edge.control_addr, "/weights").await, before);
    }
}

#[tokio::test]
async fn a_version_that_is_down_gives_way_to_the_fallback_or_is_unrouted() {
    let mut services = services(&["1", "2"]).await;
    let edge = edge_before(&services).await;
    let client = client();
    put_weights(&client, &edge, r#"{"weights":{"2":100},"fallback":"1"}"#).await;
    assert_eq!(spread(&edge, 5).await, BTreeMap::from([((200, "2".into()), 5)]));

    services.pop().unwrap().shutdown().await;
    wait_for_health(&client, &edge, &[true, false]).await;
    let rotation = get_json(&client, edge.control_addr, "/rotation").await;
    let counts: Vec<_> = rotation["changes"]
        .as_array()
        .unwrap()
        .iter()
        .map(|c| &c["in_rotation"])
        .collect();
    assert_eq!(counts, [1, 2, 1], "they came one by one, and one went");
    assert_eq!(spread(&edge, 5).await, BTreeMap::from([((200, "1".into()), 5)]));

    put_weights(&client, &edge, r#"{"weights":{"2":100}}"#).await;
    let answer = get(&client, edge.listen_addr, "/work").await;
    assert_eq!(answer.status(), StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(json(&answer)["code"], "no-healthy-backend");
    assert_eq!(
        get_json(&client, edge.control_addr, "/counts").await["unrouted"],
        1
    );
}

#[tokio::test]
async fn a_refused_connection_is_tried_elsewhere_for_a_get_only() {
    for (method, expected, errors) in [(Method::GET, 200, 0), (Method::POST, 502, 1)] {
        let mut services = services(&["1", "1"]).await;
        let backends: Vec<_> = services.iter().map(|service| service.listen_addr).collect();
        // No poll tells the proxy; it is to find out by itself.
        let mut config = edge_config(&backends);
        config.poll_interval = Duration::from_secs(60);
        let edge = edge::start(config).await.unwrap();
        let client = client();
        services.remove(0).shutdown().await;
        // The first turn is the first backend's, which is gone.
        let answer = ask(&client, method.clone(), edge.listen_addr, "/work", "").await;
        assert_eq!(answer.status(), expected, "{method}");
        assert_eq!(header(&answer, "x-backend-version"), "1");
        let seen = get_json(&client, edge.control_addr, "/backends").await;
        assert_eq!(
            seen["backends"][0]["healthy"], false,
            "a failed forward takes it out at once"
        );
        let counts = get_json(&client, edge.control_addr, "/counts").await;
        assert_eq!(counts["versions"]["1"]["errors"], errors, "{method}: {counts}");
    }
}

#[tokio::test]
async fn errors_are_counted_under_their_version() {
    let services = [
        serve(Release {
            error_rate: 1.0,
            ..Release::healthy("2")
        })
        .await,
        serve(Release::healthy("1")).await,
    ];
    let edge = edge_before(&services).await;
    let seen = spread(&edge, 40).await;
    assert_eq!(
        seen,
        BTreeMap::from([((200, "1".into()), 20), ((500, "2".into()), 20)])
    );
    let counts = get_json(&client(), edge.control_addr, "/counts").await;
    let versions = json!({"1":{"requests":20,"errors":0},"2":{"requests":20,"errors":20}});
    assert_eq!(counts["versions"], versions);
}

#[tokio::test]
async fn addresses_that_others_can_reach_are_refused() {
    let mut config = edge_config(&["127.0.0.1:1".parse().unwrap()]);
    config.listen = "0.0.0.0:0".parse().unwrap();
    let error = edge::start(config).await.unwrap_err();
    assert!(matches!(error, edge::StartError::Bind(_)), "{error}");
    let mut config = edge_config(&[]);
    config.backends.push("localhost".parse().unwrap());
    let error = edge::start(config).await.unwrap_err();
    assert!(matches!(error, edge::StartError::NoPort(_)), "{error}");
}
