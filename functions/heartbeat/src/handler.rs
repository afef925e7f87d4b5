//! From an HTTP request to a check-in or an enrolment and back.

use sluice_app::enrolment;
use sluice_app::heartbeat::{self, Cache, Moment};
use sluice_app::ports::{Blobs, Fleets, Registry, Upgrades};
use sluice_app::registry;
use sluice_contract::check_in::CheckInRequest;
use sluice_contract::enrol::EnrolRequest;
use sluice_contract::problem::Problem;
use sluice_lambda::http::{self, Request, Response};
use sluice_lambda::now;

/// Handles what instances send.
pub async fn handle<T, B>(table: &T, blobs: &B, cache: &Cache, request: &Request) -> Result<Response, Problem>
where
    T: Upgrades + Fleets + Registry,
    B: Blobs,
{
    let shown = http::bearer(request)?;
    if request.route_key.as_deref() == Some("POST /api/v1/fleet/enrol") {
        let asked: EnrolRequest = registry::parse(&http::body(request)?)?;
        let answer = enrolment::enrol(table, &shown, &asked, rand::random(), now()).await?;
        return Ok(http::json(201, &answer));
    }
    let check_in: CheckInRequest = registry::parse(&http::body(request)?)?;
    let moment = Moment {
        now: now(),
        jitter: rand::random(),
    };
    let answer = heartbeat::run(table, blobs, cache, &shown, &check_in, moment).await?;
    Ok(http::json(200, &answer))
}
