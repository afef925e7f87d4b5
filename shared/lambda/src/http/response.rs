//! Answers.

use aws_lambda_events::encodings::Body;
use http::header::{CONTENT_TYPE, ETAG, HeaderName, RETRY_AFTER, WWW_AUTHENTICATE};
use http::{HeaderMap, HeaderValue};
use serde::Serialize;
use sluice_contract::problem::{Code, MEDIA_TYPE, Problem};

use super::Response;

/// When a client may come again after a service did not answer, in seconds: longer than our own tries take.
const RETRY_AFTER_SECONDS: HeaderValue = HeaderValue::from_static("10");

/// An answer with a body of any text.
#[must_use]
pub fn respond(status: u16, media_type: &'static str, body: String) -> Response {
    let mut headers = HeaderMap::new();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(media_type));
    if let Some((name, value)) = advice(status) {
        headers.insert(name, value);
    }
    let mut response = Response::default();
    response.status_code = i64::from(status);
    response.headers = headers;
    response.body = Some(Body::Text(body));
    response
}

/// An answer with a JSON body. A value that cannot be written as JSON is a fault of ours, and answers 503.
#[must_use]
pub fn json(status: u16, value: &impl Serialize) -> Response {
    match serde_json::to_string(value) {
        Ok(body) => respond(status, "application/json", body),
        Err(error) => {
            tracing::error!(%error, "an answer cannot be written as JSON");
            problem(&Problem::new(Code::Unavailable, "the answer cannot be written"))
        }
    }
}

/// The answer with the revision of what it shows, as the tag that a conditional request names.
#[must_use]
pub fn tagged(mut response: Response, revision: u64) -> Response {
    // A quoted number is always a header's value.
    if let Ok(tag) = HeaderValue::from_str(&format!("\"{revision}\"")) {
        response.headers.insert(ETAG, tag);
    }
    response
}

/// A refusal.
#[must_use]
pub fn problem(problem: &Problem) -> Response {
    // Texts and numbers alone: nothing that JSON could not hold.
    let body = serde_json::to_string(problem).unwrap_or_default();
    respond(problem.status, MEDIA_TYPE, body)
}

/// What else a status asks for.
fn advice(status: u16) -> Option<(HeaderName, HeaderValue)> {
    match status {
        401 => Some((WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"))),
        503 => Some((RETRY_AFTER, RETRY_AFTER_SECONDS)),
        _ => None,
    }
}
