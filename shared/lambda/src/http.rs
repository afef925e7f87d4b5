//! A function behind an API Gateway HTTP API, payload 2.0.

use std::time::Instant;

use aws_lambda_events::apigw::{ApiGatewayV2httpRequest, ApiGatewayV2httpResponse};
use lambda_runtime::{Error, LambdaEvent, service_fn};
use sluice_contract::problem::Problem;

mod request;
mod response;

pub use aws_lambda_events::encodings::Body;
pub use request::{MAX_BODY_BYTES, bearer, body, caller, header};
pub use response::{json, problem, respond, tagged};

/// A request as API Gateway gives it.
pub type Request = ApiGatewayV2httpRequest;
/// An answer as API Gateway takes it.
pub type Response = ApiGatewayV2httpResponse;

/// Answers every request until Lambda ends the process. A refusal becomes problem details.
///
/// # Errors
/// When the Runtime API cannot be reached any more.
pub async fn run<F, A>(handler: F) -> Result<(), Error>
where
    F: Fn(Request) -> A,
    A: Future<Output = Result<Response, Problem>>,
{
    let handler = &handler;
    lambda_runtime::run(service_fn(move |event: LambdaEvent<Request>| async move {
        Ok::<_, Error>(answer(handler, event.payload).await)
    }))
    .await
}

/// Answers one request, and logs how it went. The path is logged, the body and the token are not.
async fn answer<F, A>(handler: &F, request: Request) -> Response
where
    F: Fn(Request) -> A,
    A: Future<Output = Result<Response, Problem>>,
{
    let begun = Instant::now();
    let route = request.route_key.clone();
    let path = request.raw_path.clone();
    let tenant = request::claim(&request, "tenant").map(str::to_owned);
    let result = handler(request).await;
    let duration_ms = u64::try_from(begun.elapsed().as_millis()).unwrap_or(u64::MAX);
    let code = result.as_ref().err().map(|p| tracing::field::debug(p.code));
    let detail = result.as_ref().err().map(|p| p.detail.clone());
    let response = result.unwrap_or_else(|refusal| problem(&refusal));
    tracing::info!(
        tenant_id = tenant,
        route,
        path,
        status = response.status_code,
        code,
        detail,
        duration_ms,
        "a request is answered"
    );
    response
}

#[cfg(test)]
mod tests;
