//! One request's way through the proxy.

use axum::body::Body;
use axum::extract::{Request, State};
use axum::response::{IntoResponse, Response};
use http::header::{self, HeaderMap, HeaderName, HeaderValue};
use http::request::Parts;
use http::uri::Scheme;
use http::{Method, StatusCode, Uri, Version};
use hyper::body::{Body as _, Incoming};
use hyper_util::client::legacy;
use tokio::time::timeout;

use super::routing::Pick;
use super::state::Edge;
use super::tracked::{Tracked, TrackedBody};
use crate::http::problem::Problem;
use crate::service::release::is_version;

/// Marks each answer with the version that gave it.
pub const BACKEND_VERSION: HeaderName = HeaderName::from_static("x-backend-version");

/// What a backend marks its own answers with.
const OWN_VERSION: HeaderName = HeaderName::from_static("x-version");

/// Headers that belong to one connection and must not travel on (RFC 9110, section 7.6.1).
const HOP_BY_HOP: [HeaderName; 8] = [
    header::CONNECTION,
    header::PROXY_AUTHENTICATE,
    header::PROXY_AUTHORIZATION,
    header::TE,
    header::TRAILER,
    header::TRANSFER_ENCODING,
    header::UPGRADE,
    HeaderName::from_static("keep-alive"),
];

#[derive(Debug, thiserror::Error)]
enum ForwardError {
    #[error("the backend accepts no connection")]
    Refused(#[source] legacy::Error),
    #[error("the backend gave no answer")]
    Broken(#[source] legacy::Error),
    #[error("the backend did not begin its answer in time")]
    TooSlow,
    #[error("the request cannot be sent on")]
    Request(#[source] http::Error),
}

/// Sends a request to a backend of the version that the weights choose, and its answer back.
pub async fn forward(State(edge): State<Edge>, request: Request) -> Response {
    let picked = edge.table().pick();
    let Some(pick) = picked else {
        edge.count_unrouted();
        let detail = "No healthy backend runs the chosen version or its fallback.";
        return Problem::new(StatusCode::SERVICE_UNAVAILABLE, "no-healthy-backend", detail).into_response();
    };
    let (mut parts, body) = request.into_parts();
    remove_hop_by_hop(&mut parts.headers);
    let again = is_repeatable(&parts, &body).then(|| parts.clone());
    let mut tracked = Tracked::begin(edge.clone(), pick.version.clone());
    match (attempt(&edge, &pick, parts, body).await, again) {
        (Ok(answer), _) => passed_on(&edge, answer, pick, tracked),
        (Err(ForwardError::Refused(error)), Some(parts)) => {
            edge.failed(&pick, &ForwardError::Refused(error));
            second_try(&edge, &pick, parts, tracked).await
        }
        (Err(error), _) => failure(&edge, &pick, &error, &mut tracked),
    }
}

/// Only a refused connection is tried again: nothing was sent, so that nothing can happen twice.
async fn second_try(edge: &Edge, first: &Pick, parts: Parts, mut tracked: Tracked) -> Response {
    let picked = edge.table().pick_again(first);
    let Some(pick) = picked else {
        let detail = "The backend accepts no connection, and there is no other for the chosen version.";
        return bad_gateway("backend-refused", detail, &mut tracked);
    };
    tracked.moved_to(&pick.version);
    match attempt(edge, &pick, parts, Body::empty()).await {
        Ok(answer) => passed_on(edge, answer, pick, tracked),
        Err(error) => failure(edge, &pick, &error, &mut tracked),
    }
}

/// A request that can be sent a second time: it changes nothing and has no body that is used up.
fn is_repeatable(parts: &Parts, body: &Body) -> bool {
    matches!(parts.method, Method::GET | Method::HEAD) && body.is_end_stream()
}

async fn attempt(
    edge: &Edge,
    pick: &Pick,
    mut parts: Parts,
    body: Body,
) -> Result<http::Response<Incoming>, ForwardError> {
    let mut target = parts.uri.into_parts();
    target.scheme = Some(Scheme::HTTP);
    target.authority = Some(pick.address.clone());
    parts.uri = Uri::from_parts(target).map_err(|error| ForwardError::Request(error.into()))?;
    parts.version = Version::HTTP_11;
    let sent = edge.client().request(Request::from_parts(parts, body));
    match timeout(edge.forward_timeout(), sent).await {
        Ok(Ok(answer)) => Ok(answer),
        Ok(Err(error)) if error.is_connect() => Err(ForwardError::Refused(error)),
        Ok(Err(error)) => Err(ForwardError::Broken(error)),
        Err(_elapsed) => Err(ForwardError::TooSlow),
    }
}

/// The backend's own word about its version counts more than the last poll's: it may have been replaced meanwhile.
fn passed_on(edge: &Edge, answer: http::Response<Incoming>, pick: Pick, mut tracked: Tracked) -> Response {
    let told = answer
        .headers()
        .get(OWN_VERSION)
        .and_then(|value| value.to_str().ok());
    if let Some(version) = told.filter(|version| is_version(version) && *version != pick.version) {
        edge.table().answered(pick.index, version);
        tracked.moved_to(version);
    }
    tracked.answered(answer.status());
    let version = HeaderValue::from_str(tracked.version());
    let mut response = answer.map(|body| Body::new(TrackedBody::new(body, pick, tracked)));
    remove_hop_by_hop(response.headers_mut());
    if let Ok(version) = version {
        response.headers_mut().insert(BACKEND_VERSION, version);
    }
    response
}

fn failure(edge: &Edge, pick: &Pick, error: &ForwardError, tracked: &mut Tracked) -> Response {
    if let ForwardError::Request(_) = error {
        let problem = Problem::new(StatusCode::BAD_REQUEST, "request-target", error.to_string());
        return problem.into_response();
    }
    edge.failed(pick, error);
    match error {
        ForwardError::TooSlow => {
            let problem = Problem::new(StatusCode::GATEWAY_TIMEOUT, "backend-timeout", error.to_string());
            marked(problem, tracked)
        }
        _ => bad_gateway("backend-failed", &error.to_string(), tracked),
    }
}

fn bad_gateway(code: &'static str, detail: &str, tracked: &mut Tracked) -> Response {
    marked(Problem::new(StatusCode::BAD_GATEWAY, code, detail), tracked)
}

/// A failed forward, marked with the version that failed it.
fn marked(problem: Problem, tracked: &mut Tracked) -> Response {
    tracked.failed();
    let mut response = problem.into_response();
    if let Ok(version) = HeaderValue::from_str(tracked.version()) {
        response.headers_mut().insert(BACKEND_VERSION, version);
    }
    response
}

/// Removes the headers of one connection: the fixed ones, and those that `Connection` names.
fn remove_hop_by_hop(headers: &mut HeaderMap) {
    let named: Vec<HeaderName> = headers
        .get_all(header::CONNECTION)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .filter_map(|name| name.trim().parse().ok())
        .collect();
    for name in named.iter().chain(&HOP_BY_HOP) {
        headers.remove(name);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers_of_one_connection_stay_behind() {
        let mut headers = HeaderMap::new();
        for (name, value) in [
            ("connection", "keep-alive, X-Private"),
            ("keep-alive", "5"),
            ("x-private", "1"),
            ("transfer-encoding", "chunked"),
            ("host", "a"),
            ("x-other", "2"),
        ] {
            headers.insert(name, value.parse().unwrap());
        }
        remove_hop_by_hop(&mut headers);
        let mut left: Vec<_> = headers.keys().map(HeaderName::as_str).collect();
        left.sort_unstable();
        assert_eq!(left, ["host", "x-other"]);
    }
}
