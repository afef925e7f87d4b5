//! One request of the load.

use std::time::Duration;

use axum::body::Bytes;
use http::{Request, Uri};
use http_body_util::{BodyExt, Empty};
use tokio::time::timeout;

use super::report::Outcome;
use crate::edge::BACKEND_VERSION;
use crate::http::client::PooledClient;

/// Longer than the proxy waits for a backend, so that it is the proxy that decides.
const TIMEOUT: Duration = Duration::from_secs(10);

/// Sends a GET and reads its answer to the end, so that the connection can be used again.
pub async fn get(client: PooledClient<Empty<Bytes>>, url: Uri) -> Outcome {
    match timeout(TIMEOUT, exchange(&client, url)).await {
        Ok(Ok(outcome)) => outcome,
        Ok(Err(error)) => {
            let reason = &error as &dyn std::error::Error;
            tracing::debug!(reason, "a request got no answer");
            Outcome::Unanswered
        }
        Err(_elapsed) => {
            tracing::debug!(
                timeout_ms = TIMEOUT.as_millis(),
                "a request got no answer in time"
            );
            Outcome::Unanswered
        }
    }
}

async fn exchange(
    client: &PooledClient<Empty<Bytes>>,
    url: Uri,
) -> Result<Outcome, hyper_util::client::legacy::Error> {
    let mut request = Request::new(Empty::new());
    *request.uri_mut() = url;
    let answer = client.request(request).await?;
    let version = answer
        .headers()
        .get(BACKEND_VERSION)
        .and_then(|value| value.to_str().ok());
    let version = version.map(str::to_owned);
    let below_400 = answer.status().as_u16() < 400;
    let mut body = answer.into_body();
    while let Some(frame) = body.frame().await {
        if let Err(error) = frame {
            tracing::debug!(%error, "an answer broke off");
            return Ok(Outcome::Answered { version, ok: false });
        }
    }
    Ok(Outcome::Answered {
        version,
        ok: below_400,
    })
}
