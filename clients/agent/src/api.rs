//! The port to the server, and its HTTP side.

use std::future::Future;
use std::time::Duration;

use serde::Deserialize;
use serde::de::DeserializeOwned;
use sluice_contract::check_in::{CheckInAnswer, CheckInRequest};

use crate::enrol::Enrolment;

/// Where check-ins go, below the API's address.
const PATH: &str = "/api/v1/fleet/check-in";

/// What the server says to a machine whose ordinal is another one's by now.
const STALE_INCARNATION: &str = "stale-incarnation";

/// The most of an answer that is read, in bytes.
const MAX_ANSWER: usize = 1 << 20;

/// The most of an error's sentence that is logged, in characters.
const MAX_MESSAGE: usize = 300;

/// Why a check-in brought no answer. Every kind is tried again.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ApiError {
    /// The server was not reached, or not in time.
    #[error("the server was not reached: {0}")]
    Unreachable(String),
    /// The server refused or failed.
    #[error("the server answered {status} {code}: {message}")]
    Problem {
        /// HTTP status.
        status: u16,
        /// The problem's stable name; empty when the answer has none.
        code: String,
        /// The problem's sentence.
        message: String,
    },
    /// The credential of this machine's enrolment does not count any more.
    #[error(
        "this machine's enrolment is void ({code}: {message}): another machine may have taken its place. It makes no move \
         and does not enrol again by itself; if this machine is the right one, run `sluice-agent enrol --force`"
    )]
    Replaced {
        /// The problem's stable name; empty when the answer has none.
        code: String,
        /// The problem's sentence.
        message: String,
    },
    /// The answer is not one.
    #[error("the answer is not understood: {0}")]
    Unreadable(String),
    /// The credential's file cannot be read.
    #[error("the credential cannot be read: {0}")]
    Credential(String),
}

/// The server, as an agent sees it.
pub trait Api: Send + Sync + 'static {
    /// Sends one check-in, as the incarnation that this machine is.
    fn check_in(
        &self,
        request: &CheckInRequest,
    ) -> impl Future<Output = Result<CheckInAnswer, ApiError>> + Send;
}

/// The server over HTTP.
#[derive(Debug, Clone)]
pub struct HttpApi {
    client: reqwest::Client,
    url: String,
    enrolment: Enrolment,
}

/// What is looked for in an error body. Any may be missing: something between agent and server may have answered.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct ErrorBody {
    code: String,
    detail: String,
    message: String,
}

fn problem(status: u16, body: &[u8]) -> ApiError {
    let parsed: ErrorBody = serde_json::from_slice(body).unwrap_or_default();
    let said = [parsed.detail, parsed.message]
        .into_iter()
        .find(|text| !text.is_empty());
    let text = said.unwrap_or_else(|| String::from_utf8_lossy(body).into_owned());
    let message = text.chars().take(MAX_MESSAGE).collect();
    ApiError::Problem {
        status,
        code: parsed.code,
        message,
    }
}

impl HttpApi {
    /// A client that many instances may share. One check-in may take `timeout`.
    ///
    /// # Errors
    /// What the HTTP client's construction says.
    pub fn client(timeout: Duration) -> reqwest::Result<reqwest::Client> {
        reqwest::Client::builder()
            .timeout(timeout)
            .redirect(reqwest::redirect::Policy::none())
            .build()
    }

    /// Sends check-ins to the API at `api_url` with the credential of this enrolment.
    #[must_use]
    pub fn new(client: reqwest::Client, api_url: &str, enrolment: Enrolment) -> Self {
        Self {
            client,
            url: format!("{}{PATH}", api_url.trim_end_matches('/')),
            enrolment,
        }
    }
}

impl Api for HttpApi {
    async fn check_in(&self, request: &CheckInRequest) -> Result<CheckInAnswer, ApiError> {
        let credential = self.enrolment.credential().await?;
        let request = CheckInRequest {
            incarnation: credential.incarnation,
            ..request.clone()
        };
        let call = self
            .client
            .post(&self.url)
            .bearer_auth(credential.secret.reveal());
        match exchange(call.json(&request)).await {
            Err(ApiError::Problem {
                status,
                code,
                message,
            }) if status == 401 || code == STALE_INCARNATION => Err(ApiError::Replaced { code, message }),
            other => other,
        }
    }
}

/// Sends a request and reads its answer.
///
/// # Errors
/// [`ApiError`] unless the answer is a success and is understood.
pub(crate) async fn exchange<T: DeserializeOwned>(call: reqwest::RequestBuilder) -> Result<T, ApiError> {
    let response = call.send().await.map_err(unreachable_server)?;
    let status = response.status();
    let body = body(response).await?;
    if !status.is_success() {
        return Err(problem(status.as_u16(), &body));
    }
    // What is not understood may hold a secret, and the parser's message shows values.
    serde_json::from_slice(&body)
        .map_err(|e| ApiError::Unreadable(format!("{:?} at column {}", e.classify(), e.column())))
}

async fn body(mut response: reqwest::Response) -> Result<Vec<u8>, ApiError> {
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(unreachable_server)? {
        body.extend_from_slice(&chunk);
        if body.len() > MAX_ANSWER {
            return Err(ApiError::Unreadable(format!("longer than {MAX_ANSWER} bytes")));
        }
    }
    Ok(body)
}

fn unreachable_server(error: reqwest::Error) -> ApiError {
    let error = error.without_url();
    let cause = std::error::Error::source(&error)
        .map(|s| format!(": {s}"))
        .unwrap_or_default();
    ApiError::Unreachable(format!("{error}{cause}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_code_of_an_error_is_found() {
        let whole = r#"{"type":"t","title":"No","status":409,"detail":"an older machine","code":"stale-incarnation"}"#;
        for (body, code, message) in [
            (whole, "stale-incarnation", "an older machine"),
            (r#"{"message":"Unauthorized"}"#, "", "Unauthorized"),
            ("<html>bad gateway", "", "<html>bad gateway"),
            ("[1]", "", "[1]"),
            ("", "", ""),
        ] {
            let (code, message) = (code.to_owned(), message.to_owned());
            let expected = ApiError::Problem {
                status: 409,
                code,
                message,
            };
            assert_eq!(problem(409, body.as_bytes()), expected, "{body}");
        }
    }
}
