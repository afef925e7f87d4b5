//! From an HTTP request to a check-in and back.

use sluice_app::heartbeat::{self, Moment, PositionsCache};
use sluice_app::ports::{Blobs, Fleets, Registry, Upgrades};
use sluice_app::registry;
use sluice_contract::check_in::CheckInRequest;
use sluice_contract::problem::Problem;
use sluice_lambda::http::{self, Request, Response};
use sluice_lambda::now;

/// Handles a check-in.
pub async fn handle<T, B>(
    table: &T,
    blobs: &B,
    cache: &PositionsCache,
    request: &Request,
) -> Result<Response, Problem>
where
    T: Upgrades + Fleets + Registry,
    B: Blobs,
{
    let caller = http::caller(request)?;
    let check_in: CheckInRequest = registry::parse(&http::body(request)?)?;
    let moment = Moment {
        now: now(),
        jitter: rand::random(),
    };
    let answer = heartbeat::run(table, blobs, cache, &caller, &check_in, moment).await?;
    Ok(http::json(200, &answer))
}
