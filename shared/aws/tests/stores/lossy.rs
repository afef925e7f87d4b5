//! A way to the server on which answers get lost.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use aws_config::SdkConfig;
use aws_config::retry::RetryConfig;
use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use sluice_aws::dynamodb::Table;
use tokio::net::TcpListener;
use tokio::task::AbortHandle;

use crate::local::{self, Local};

/// A server and a lossy way to it. Both end with this value.
pub struct Lossy {
    /// The server, reached without loss.
    pub local: Local,
    /// The stores, whose clients try once.
    pub table: Table,
    losses: Arc<AtomicU32>,
    proxy: AbortHandle,
}

impl Drop for Lossy {
    fn drop(&mut self) {
        self.proxy.abort();
    }
}

impl Lossy {
    /// Loses the answers to the next so many calls, after their effect.
    pub fn lose(&self, answers: u32) {
        self.losses.store(answers, Ordering::SeqCst);
    }
}

#[derive(Clone)]
struct Way {
    to: String,
    losses: Arc<AtomicU32>,
    client: reqwest::Client,
}

/// Starts a server and the way to it.
pub async fn start() -> Lossy {
    let local = local::start().await;
    let losses = Arc::new(AtomicU32::new(0));
    let way = Way {
        to: local.url().to_owned(),
        losses: losses.clone(),
        client: client(),
    };
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let router = Router::new().fallback(forward).with_state(way);
    let proxy = tokio::spawn(async move { axum::serve(listener, router).await.unwrap() }).abort_handle();
    let config: SdkConfig = local
        .config_by(&url)
        .into_builder()
        .retry_config(RetryConfig::disabled())
        .build();
    Lossy {
        table: Table::new(&config, local.name()),
        local,
        losses,
        proxy,
    }
}

/// The client asks for a TLS provider, even where it speaks plain HTTP.
fn client() -> reqwest::Client {
    let _installed_already = rustls::crypto::ring::default_provider().install_default();
    reqwest::Client::new()
}

async fn forward(State(way): State<Way>, headers: HeaderMap, body: Bytes) -> (StatusCode, Bytes) {
    let answer = way
        .client
        .post(&way.to)
        .headers(headers)
        .body(body)
        .send()
        .await
        .unwrap();
    let (status, body) = (answer.status(), answer.bytes().await.unwrap());
    let lost = way
        .losses
        .fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| left.checked_sub(1))
        .is_ok();
    if lost {
        (StatusCode::INTERNAL_SERVER_ERROR, Bytes::new())
    } else {
        (status, body)
    }
}
