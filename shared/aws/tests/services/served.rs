//! A server on a loopback port that gives prepared answers and keeps what it was asked.

use std::sync::{Arc, Mutex};

use aws_config::retry::RetryConfig;
use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_sdk_s3::config::{Credentials, SharedCredentialsProvider};
use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, Method, StatusCode, Uri};
use axum::response::IntoResponse;
use tokio::net::TcpListener;
use tokio::task::AbortHandle;

/// What was asked.
#[derive(Debug, Clone)]
pub struct Asked {
    pub method: Method,
    pub uri: Uri,
    pub headers: HeaderMap,
    pub body: Bytes,
}

/// An answer: status, headers, body.
pub type Answer = (StatusCode, Vec<(&'static str, String)>, Bytes);

/// From a request to its answer.
type Script = Arc<dyn Fn(&Asked) -> Answer + Send + Sync>;

/// The running server. It ends with this value.
pub struct Served {
    pub url: String,
    asked: Arc<Mutex<Vec<Asked>>>,
    server: AbortHandle,
}

impl Drop for Served {
    fn drop(&mut self) {
        self.server.abort();
    }
}

impl Served {
    /// Everything that was asked so far.
    pub fn asked(&self) -> Vec<Asked> {
        self.asked.lock().unwrap().clone()
    }

    /// A configuration for a client of this server, which tries once.
    pub fn config(&self) -> SdkConfig {
        let credentials = Credentials::new("test", "test", None, None, "test");
        SdkConfig::builder()
            .behavior_version(BehaviorVersion::latest())
            .region(Region::new("eu-central-1"))
            .endpoint_url(&self.url)
            .credentials_provider(SharedCredentialsProvider::new(credentials))
            .http_client(aws_smithy_http_client::Builder::new().build_http())
            .retry_config(RetryConfig::disabled())
            .build()
    }
}

/// Starts a server that answers by a script.
pub async fn serve(script: impl Fn(&Asked) -> Answer + Send + Sync + 'static) -> Served {
    let asked = Arc::new(Mutex::new(Vec::new()));
    let state: (Script, Arc<Mutex<Vec<Asked>>>) = (Arc::new(script), asked.clone());
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let router = Router::new().fallback(answer).with_state(state);
    let server = tokio::spawn(async move { axum::serve(listener, router).await.unwrap() }).abort_handle();
    Served { url, asked, server }
}

async fn answer(
    State((script, log)): State<(Script, Arc<Mutex<Vec<Asked>>>)>,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> impl IntoResponse {
    let asked = Asked {
        method,
        uri,
        headers,
        body,
    };
    let (status, headers, body) = script(&asked);
    log.lock().unwrap().push(asked);
    let mut answer = (status, body).into_response();
    for (name, value) in headers {
        answer.headers_mut().insert(name, value.parse().unwrap());
    }
    answer
}

/// An answer of JSON.
pub fn json(status: u16, body: &serde_json::Value) -> Answer {
    let status = StatusCode::from_u16(status).unwrap();
    (
        status,
        vec![("content-type", "application/x-amz-json-1.0".to_owned())],
        body.to_string().into(),
    )
}
