//! The control port: weights, backends, counts.

use std::error::Error;

use axum::body::Bytes;
use axum::extract::{DefaultBodyLimit, State};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router};
use http::{HeaderMap, StatusCode};
use serde_json::json;

use super::fence::Refused;
use super::state::Edge;
use super::weights::Weights;
use crate::http::problem::Problem;

/// The longest accepted body, in bytes: sixteen versions take a tenth of it.
const MAX_BODY: usize = 16 * 1_024;

/// The control port's paths.
pub fn router(edge: Edge) -> Router {
    Router::new()
        .route("/weights", get(weights).put(set_weights))
        .route("/backends", get(backends))
        .route("/counts", get(counts))
        .route("/rotation", get(rotation))
        .route("/health", get(health))
        .layer(DefaultBodyLimit::max(MAX_BODY))
        .with_state(edge)
}

/// What is in force; empty weights mean that none were set and all healthy backends are used equally.
async fn weights(State(edge): State<Edge>) -> Response {
    let in_force = edge.table().weights().cloned();
    match in_force {
        Some(weights) => Json(weights).into_response(),
        None => Json(json!({ "weights": {}, "fallback": null })).into_response(),
    }
}

/// Puts weights in force and answers with them; the same weights again change nothing.
async fn set_weights(State(edge): State<Edge>, headers: HeaderMap, body: Bytes) -> Response {
    match Weights::parse(&body) {
        Ok(weights) => match edge.set_weights(weights.clone(), &headers) {
            Ok(()) => Json(weights).into_response(),
            Err(refused) => {
                let status = match refused {
                    Refused::Malformed => StatusCode::BAD_REQUEST,
                    Refused::Late => StatusCode::PRECONDITION_FAILED,
                };
                Problem::new(status, refused.code(), refused.to_string()).into_response()
            }
        },
        Err(error) => {
            let detail = match error.source() {
                Some(source) => format!("{error}: {source}"),
                None => error.to_string(),
            };
            Problem::new(StatusCode::BAD_REQUEST, error.code(), detail).into_response()
        }
    }
}

async fn backends(State(edge): State<Edge>) -> Response {
    let backends = edge.table().view();
    Json(json!({ "backends": backends })).into_response()
}

async fn counts(State(edge): State<Edge>) -> Response {
    Json(edge.counts()).into_response()
}

async fn rotation(State(edge): State<Edge>) -> Response {
    Json(json!({ "changes": edge.rotation() })).into_response()
}

/// The proxy is healthy when it answers; it also tells how many backends are.
async fn health(State(edge): State<Edge>) -> Response {
    let healthy = edge
        .table()
        .view()
        .iter()
        .filter(|backend| backend.healthy)
        .count();
    Json(json!({ "status": "ok", "healthy_backends": healthy })).into_response()
}
