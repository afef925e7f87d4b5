//! Weights of a proxy, set and read by HTTP at its control port.

use std::time::Duration;

use reqwest::{Client, RequestBuilder, Response, StatusCode, redirect};
use sluice_app::ports::{Fence, PortError, PortErrorKind, PortResult, Routes, Weights};
use sluice_core::fleet::Route;

const SETTING: &str = "setting weights";
/// Names the record that a share follows from; a proxy that has seen a later one answers 412.
const FENCE: &str = "sluice-fence";
const READING: &str = "reading weights";

/// A control port is near: one that takes longer is as good as away.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(2);
/// The whole of one call.
const CALL_TIMEOUT: Duration = Duration::from_secs(5);

/// Most bytes of an answer: two versions and their weights have some hundred.
const MAX_ANSWER_BYTES: usize = 64 * 1024;

/// Proxies that speak `GET` and `PUT {url}/weights`.
#[derive(Debug, Clone)]
pub struct HttpRoutes {
    client: Client,
}

impl HttpRoutes {
    /// A client with its limits.
    ///
    /// # Errors
    /// When TLS cannot be set up.
    pub fn new() -> PortResult<Self> {
        // Refused when the process has a provider already, which is then used.
        let _installed_already = rustls::crypto::ring::default_provider().install_default();
        let client = Client::builder()
            .connect_timeout(CONNECT_TIMEOUT)
            .timeout(CALL_TIMEOUT)
            // A fleet declares the address of its proxy; a redirect would lead to one that it did not declare.
            .redirect(redirect::Policy::none())
            .build()
            .map_err(|e| failed("setting up a client", &e))?;
        Ok(Self { client })
    }
}

impl Routes for HttpRoutes {
    async fn set(&self, route: &Route, weights: &Weights, fence: Fence) -> PortResult<()> {
        let Route::HttpEdge { url } = route;
        let set = self.client.put(weights_url(url)).json(weights);
        answered(SETTING, set.header(FENCE, fence.to_string()))
            .await
            .map(|_| ())
    }

    async fn read(&self, route: &Route) -> PortResult<Weights> {
        let Route::HttpEdge { url } = route;
        let answer = answered(READING, self.client.get(weights_url(url))).await?;
        let body = limited(answer).await?;
        serde_json::from_slice(&body).map_err(|e| {
            unavailable(
                READING,
                format!("the answer is not weights: {:?} error", e.classify()),
            )
        })
    }
}

fn weights_url(url: &str) -> String {
    format!("{}/weights", url.trim_end_matches('/'))
}

/// Sends a request and accepts nothing but a success.
async fn answered(doing: &'static str, request: RequestBuilder) -> PortResult<Response> {
    let answer = request.send().await.map_err(|e| failed(doing, &e))?;
    let status = answer.status();
    if status.is_success() {
        Ok(answer)
    } else if status == StatusCode::PRECONDITION_FAILED {
        Err(PortError::conflict(doing))
    } else {
        Err(unavailable(
            doing,
            format!("the proxy answers {}", status.as_u16()),
        ))
    }
}

async fn limited(mut answer: Response) -> PortResult<Vec<u8>> {
    let mut body = Vec::new();
    while let Some(chunk) = answer.chunk().await.map_err(|e| failed(READING, &e))? {
        if body.len() + chunk.len() > MAX_ANSWER_BYTES {
            return Err(unavailable(
                READING,
                format!("the answer has more than {MAX_ANSWER_BYTES} bytes"),
            ));
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body)
}

fn failed(doing: &'static str, error: &reqwest::Error) -> PortError {
    let how = match error {
        e if e.is_timeout() => "no answer in time",
        e if e.is_connect() => "no connection",
        e if e.is_builder() => "the request could not be made",
        _ => "the answer broke off",
    };
    unavailable(doing, how)
}

fn unavailable(doing: &'static str, detail: impl Into<String>) -> PortError {
    PortError::new(PortErrorKind::Unavailable, doing, detail)
}
