//! A proxy's control port.

use std::collections::BTreeMap;
use std::sync::Mutex;

use axum::http::{Method, StatusCode};
use sluice_app::ports::{Fence, PortErrorKind, Routes, Weights};
use sluice_aws::routes::HttpRoutes;
use sluice_core::fleet::Route;
use sluice_core::units::{Epoch, Seq};

use crate::served::{Served, json, serve};

fn weights(new: u8) -> Weights {
    let weights = [("1.0.0".to_owned(), 100 - new), ("1.1.0".to_owned(), new)];
    Weights {
        weights: BTreeMap::from(weights),
        fallback: Some("1.0.0".to_owned()),
    }
}

fn route(served: &Served) -> Route {
    Route::HttpEdge {
        url: served.url.clone(),
    }
}

const FENCE: Fence = Fence {
    epoch: Epoch(3),
    seq: Seq(14),
};

/// A proxy that has seen a later record is no fault of anybody: the caller reads anew.
#[tokio::test]
async fn what_comes_too_late_is_a_conflict() {
    let served = serve(move |_| (StatusCode::PRECONDITION_FAILED, Vec::new(), "{}".into())).await;
    let set = HttpRoutes::new()
        .unwrap()
        .set(&route(&served), &weights(1), FENCE)
        .await;
    assert_eq!(set.unwrap_err().kind, PortErrorKind::Conflict);
}

#[tokio::test]
async fn what_is_set_can_be_read() {
    let stored = Mutex::new(String::from("{}"));
    let served = serve(move |asked| {
        let mut stored = stored.lock().unwrap();
        if asked.method == Method::PUT {
            *stored = String::from_utf8(asked.body.to_vec()).unwrap();
        }
        (StatusCode::OK, Vec::new(), stored.clone().into())
    })
    .await;
    let routes = HttpRoutes::new().unwrap();
    routes.set(&route(&served), &weights(10), FENCE).await.unwrap();
    assert_eq!(routes.read(&route(&served)).await, Ok(weights(10)));
    let asked = served.asked();
    assert!(asked.iter().all(|a| a.uri.path() == "/weights"), "{asked:?}");
    assert_eq!(
        asked.iter().map(|a| a.method.clone()).collect::<Vec<_>>(),
        [Method::PUT, Method::GET]
    );
    assert_eq!(asked[0].headers["content-type"], "application/json");
    assert_eq!(asked[0].headers["sluice-fence"], "3.14");
}

#[tokio::test]
async fn refusals_and_nonsense_are_failures() {
    let routes = HttpRoutes::new().unwrap();
    let large = format!("{{\"weights\":{{}},\"fallback\":\"{}\"}}", "x".repeat(70_000));
    for (status, body, detail) in [
        (StatusCode::CONFLICT, "{}".to_owned(), "409"),
        (StatusCode::INTERNAL_SERVER_ERROR, "{}".to_owned(), "500"),
        (StatusCode::FOUND, "{}".to_owned(), "302"),
        (StatusCode::OK, "hello".to_owned(), "not weights"),
        (
            StatusCode::OK,
            r#"{"weights":{"1.0.0":300}}"#.to_owned(),
            "not weights",
        ),
        (StatusCode::OK, large, "more than"),
    ] {
        let headers = vec![("location", "http://127.0.0.1:9/weights".to_owned())];
        let served = serve(move |_| (status, headers.clone(), body.clone().into())).await;
        let error = routes.read(&route(&served)).await.unwrap_err();
        assert_eq!(error.kind, PortErrorKind::Unavailable);
        assert!(error.detail.contains(detail), "{error}");
        let set = routes.set(&route(&served), &weights(1), FENCE).await;
        assert_eq!(set.is_err(), !status.is_success(), "{status}");
    }
}

#[tokio::test]
async fn a_proxy_that_is_away_is_a_failure() {
    let route = Route::HttpEdge {
        url: "http://127.0.0.1:9".to_owned(),
    };
    let error = HttpRoutes::new().unwrap().read(&route).await.unwrap_err();
    assert_eq!(
        (error.kind, error.detail.as_str()),
        (PortErrorKind::Unavailable, "no connection")
    );
}

#[tokio::test]
async fn unknown_fields_are_no_failure() {
    let served = serve(|_| {
        json(
            200,
            &serde_json::json!({"weights": {"1.0.0": 100}, "since": "today"}),
        )
    })
    .await;
    let read = HttpRoutes::new().unwrap().read(&route(&served)).await.unwrap();
    assert_eq!(read.weights, BTreeMap::from([("1.0.0".to_owned(), 100)]));
}
