//! A POST with an Idempotency-Key happens once: a repeated one gets the answer of the first.

use sluice_app::ports::{
    Begun, Blobs, Fleets, Idempotency, Outbox, Places, Policies, Registry, StoredResponse, Upgrades,
};
use sluice_app::problem_of;
use sluice_contract::problem::{Code, MEDIA_TYPE, Problem};
use sluice_core::audit;
use sluice_core::ids::UpgradeId;
use sluice_core::settings::FieldError;
use sluice_lambda::http::{self, Request, Response};
use uuid::Uuid;

use crate::handler::{self, Asked};

/// Routes whose answers hold a secret.
const SECRETS: [&str; 2] = ["/enrolment-secret", "/approve"];

/// The longest key.
const MAX_KEY: usize = 255;

/// Names the identities that are made from keys.
const NAMESPACE: Uuid = Uuid::from_u128(0x51a1_ce00_0000_4000_8000_0000_0000_0001);

/// Handles a request.
pub async fn handle<T, B>(
    table: &T,
    blobs: &B,
    request: &Request,
    now: sluice_app::Timestamp,
) -> Result<Response, Problem>
where
    T: Upgrades + Fleets + Registry + Outbox + Policies + Places + Idempotency,
    B: Blobs,
{
    let caller = http::caller(request)?;
    let asked = Asked {
        caller: &caller,
        request,
        now,
    };
    // A secret is not kept, not even as an answer: asked for again, another one is made.
    let post = request
        .route_key
        .as_deref()
        .is_some_and(|r| r.starts_with("POST ") && !SECRETS.iter().any(|end| r.ends_with(end)));
    let Some(key) = http::header(request, "idempotency-key").filter(|_| post) else {
        return handler::handle(table, blobs, &asked, UpgradeId(Uuid::new_v4())).await;
    };
    check(key)?;
    let fingerprint = fingerprint(request, &caller.subject);
    let begun = table.begin(&caller.tenant_id, key, &fingerprint, now).await;
    match begun.map_err(problem_of)? {
        Begun::Answered(stored) => return Ok(replay(stored)),
        Begun::Running => {
            let detail = "the first request with this key is being handled; try again in a minute";
            return Err(Problem::new(Code::IdempotencyKeyInUse, detail));
        }
        Begun::Differs => {
            let detail = "the key belongs to a request with another caller, path or body";
            return Err(Problem::new(Code::IdempotencyKeyReused, detail));
        }
        Begun::Fresh => {}
    }
    // Made from key and request, so that a request that is taken up again finds what its first try has made.
    let name = format!("{}/{key}/{fingerprint}", caller.tenant_id);
    let id = UpgradeId(Uuid::new_v5(&NAMESPACE, name.as_bytes()));
    let response = match handler::handle(table, blobs, &asked, id).await {
        Ok(response) => response,
        // Not an answer for ever: what did not work may work next time.
        Err(problem) if matches!(problem.code, Code::Unavailable | Code::Conflict) => return Err(problem),
        Err(problem) => http::problem(&problem),
    };
    let stored = StoredResponse {
        status: u16::try_from(response.status_code).unwrap_or(500),
        body: text(&response),
    };
    table
        .finish(&caller.tenant_id, key, &stored)
        .await
        .map_err(problem_of)?;
    Ok(response)
}

fn check(key: &str) -> Result<(), Problem> {
    if (1..=MAX_KEY).contains(&key.len()) && key.bytes().all(|b| b.is_ascii_graphic()) {
        return Ok(());
    }
    let accepted = format!("1 to {MAX_KEY} visible ASCII characters");
    Err(Problem::fields(vec![FieldError::new(
        "Idempotency-Key",
        format!("has {} bytes", key.len()),
        accepted,
    )]))
}

/// Everything that makes two requests the same one.
fn fingerprint(request: &Request, subject: &str) -> String {
    audit::digest(&(
        subject,
        request.route_key.as_deref().unwrap_or_default(),
        request.raw_path.as_deref().unwrap_or_default(),
        request.raw_query_string.as_deref().unwrap_or_default(),
        request.body.as_deref().unwrap_or_default(),
    ))
}

fn text(response: &Response) -> String {
    match &response.body {
        Some(http::Body::Text(text)) => text.clone(),
        _ => String::new(),
    }
}

fn replay(stored: StoredResponse) -> Response {
    let media_type = if stored.status < 400 {
        "application/json"
    } else {
        MEDIA_TYPE
    };
    http::respond(stored.status, media_type, stored.body)
}
