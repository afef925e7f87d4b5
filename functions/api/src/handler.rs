//! From an HTTP request to a use case and back.

use serde::de::DeserializeOwned;
use sluice_app::caller::Caller;
use sluice_app::ports::{Blobs, Fleets, Outbox, Places, Policies, Registry, Upgrades};
use sluice_app::registry::Shown;
use sluice_app::{Timestamp, registry};
use sluice_contract::problem::{Code, Problem};
use sluice_core::ids::{KeyId, TenantId, UpgradeId};
use sluice_core::settings::FieldError;
use sluice_core::stop::Covers;
use sluice_lambda::http::{self, Request, Response};

use crate::path::{fleet, parameter, query};
use crate::policies;

/// A request with what is known about it.
pub struct Asked<'a> {
    /// Who asks.
    pub caller: &'a Caller,
    /// For what.
    pub request: &'a Request,
    /// When.
    pub now: Timestamp,
}

/// Handles a request; an upgrade that it plans gets the given identity.
pub async fn handle<T, B>(table: &T, blobs: &B, asked: &Asked<'_>, id: UpgradeId) -> Result<Response, Problem>
where
    T: Upgrades + Fleets + Registry + Outbox + Policies + Places,
    B: Blobs,
{
    let Some((method, path)) = asked
        .request
        .route_key
        .as_deref()
        .and_then(|r| r.split_once(" /api/v1/registry"))
    else {
        return Err(unknown(asked.request));
    };
    if path.contains("/policy") {
        return policies::handle(table, asked, method, path).await;
    }
    if path.ends_with("/stop") || path.ends_with("/stops") {
        return stops(table, asked, method, path).await;
    }
    match path.split_once("/components/") {
        Some((_, rest)) if !rest.ends_with("/active") => declared(table, blobs, asked, method, rest).await,
        _ if path.ends_with("/signing-keys/{keyId}") => key(table, asked).await,
        _ => upgrades(table, blobs, asked, method, path, id).await,
    }
}

pub fn unknown(request: &Request) -> Problem {
    Problem::new(
        Code::NotFound,
        format!(
            "there is nothing at {}",
            request.raw_path.as_deref().unwrap_or_default()
        ),
    )
}

async fn upgrades<T, B>(
    table: &T,
    blobs: &B,
    asked: &Asked<'_>,
    method: &str,
    path: &str,
    id: UpgradeId,
) -> Result<Response, Problem>
where
    T: Upgrades + Fleets + Registry + Outbox + Policies + Places,
    B: Blobs,
{
    let Asked { caller, request, now } = *asked;
    let tenant = || parameter::<TenantId>(request, "tenantId");
    let upgrade = || parameter::<UpgradeId>(request, "executionId");
    let reason = query(request, "reason");
    let view = match (method, path) {
        ("POST", "/tenants/{tenantId}/upgrades") if registry::flag("dryRun", query(request, "dryRun"))? => {
            let proposal = registry::dry_run(table, caller, &tenant()?, &body(request)?, now).await?;
            return Ok(http::json(200, &proposal));
        }
        ("POST", "/tenants/{tenantId}/upgrades") => {
            let created =
                registry::create(table, blobs, caller, &tenant()?, id, &body(request)?, now).await?;
            return Ok(http::json(201, &created));
        }
        ("GET", "/tenants/{tenantId}/upgrades") => {
            let (limit, cursor) = (query(request, "limit"), query(request, "cursor"));
            return Ok(http::json(
                200,
                &registry::list(table, caller, &tenant()?, limit, cursor).await?,
            ));
        }
        ("GET", "/upgrades/{executionId}/events") => {
            return Ok(http::json(
                200,
                &registry::events(table, caller, upgrade()?, query(request, "after")).await?,
            ));
        }
        ("GET", "/upgrades/{executionId}/report") => return report(table, blobs, asked, upgrade()?).await,
        ("GET", "/upgrades/{executionId}") => registry::get(table, caller, upgrade()?).await?,
        ("GET", "/tenants/{tenantId}/components/{componentId}/upgrades/active") => {
            registry::active(table, caller, &tenant()?, parameter(request, "componentId")?).await?
        }
        ("POST", "/upgrades/{executionId}/start") => {
            registry::start(table, caller, upgrade()?, shown(request)?, now).await?
        }
        ("POST", "/upgrades/{executionId}/pause") => {
            registry::pause(table, caller, upgrade()?, reason, now).await?
        }
        ("POST", "/upgrades/{executionId}/resume") => {
            registry::resume(table, caller, upgrade()?, now).await?
        }
        ("POST", "/upgrades/{executionId}/cancel") => {
            let asked = (reason, query(request, "rollback"));
            registry::cancel(table, caller, upgrade()?, asked, now).await?
        }
        ("POST", "/upgrades/{executionId}/promote-canary") => {
            registry::promote_canary(table, caller, upgrade()?, now).await?
        }
        ("POST", "/upgrades/{executionId}/decide") => {
            let asked = (query(request, "decision"), reason);
            registry::decide(table, caller, upgrade()?, asked, shown(request)?, now).await?
        }
        ("POST", "/upgrades/{executionId}/instances/{ordinal}/drop") => {
            let which = (upgrade()?, parameter(request, "ordinal")?);
            registry::drop_instance(table, blobs, caller, which, now).await?
        }
        ("POST", "/upgrades/{executionId}/rollback") => {
            registry::roll_back(table, caller, upgrade()?, (reason, shown(request)?), now).await?
        }
        ("POST", "/upgrades/{executionId}/adjust") => {
            let (changes, shown) = (body(request)?, shown(request)?);
            registry::adjust(table, blobs, caller, upgrade()?, (&changes, shown), now).await?
        }
        ("POST", "/upgrades/{executionId}/edit") => {
            registry::edit(table, blobs, caller, upgrade()?, &body(request)?, now).await?
        }
        ("POST", "/upgrades/{executionId}/approvals") => {
            registry::ask_approval(table, caller, upgrade()?, query(request, "action"), now).await?
        }
        ("GET", "/tenants/{tenantId}/approvals") => {
            let page = (query(request, "limit"), query(request, "cursor"));
            let found = registry::approvals(table, caller, &tenant()?, page).await?;
            return Ok(http::json(200, &found));
        }
        ("POST", "/upgrades/{executionId}/approvals/{number}/approve") => {
            let which = (upgrade()?, parameter(request, "number")?);
            let made = (query(request, "remark"), rand::random());
            return Ok(http::json(
                200,
                &registry::grant(table, caller, which, made, now).await?,
            ));
        }
        ("POST", "/upgrades/{executionId}/approvals/{number}/deny") => {
            let which = (upgrade()?, parameter(request, "number")?);
            registry::deny(table, caller, which, query(request, "remark"), now).await?
        }
        _ => return Err(unknown(request)),
    };
    let accepted = if method == "POST" { 202 } else { 200 };
    Ok(http::json(accepted, &view))
}

/// What the request shows for an action that somebody else has to agree to.
fn shown(request: &Request) -> Result<Shown<'_>, Problem> {
    Ok(Shown {
        token: http::header(request, "sluice-approval"),
        break_glass: registry::flag("break_glass", query(request, "break_glass"))?,
    })
}

async fn report<T, B>(table: &T, blobs: &B, asked: &Asked<'_>, id: UpgradeId) -> Result<Response, Problem>
where
    T: Upgrades,
    B: Blobs,
{
    let (extension, media_type) = match query(asked.request, "format") {
        None | Some("json") => ("json", "application/json"),
        Some("md") => ("md", "text/markdown; charset=utf-8"),
        Some(other) => {
            let error = FieldError::new("format", format!("is {other:?}"), "json or md");
            return Err(Problem::fields(vec![error]));
        }
    };
    let bytes = registry::report(table, blobs, asked.caller, id, extension).await?;
    let text =
        String::from_utf8(bytes).map_err(|_| Problem::new(Code::Unavailable, "the report cannot be read"))?;
    Ok(http::respond(200, media_type, text))
}

/// Stops of a component, of a tenant, of everything.
async fn stops<T: Upgrades>(
    table: &T,
    asked: &Asked<'_>,
    method: &str,
    path: &str,
) -> Result<Response, Problem> {
    let Asked { caller, request, now } = *asked;
    let tenant = || parameter::<TenantId>(request, "tenantId");
    let component = || {
        Ok::<_, Problem>(Covers::Component {
            tenant_id: tenant()?,
            component_id: parameter(request, "componentId")?,
        })
    };
    let whole = || Ok::<_, Problem>(Covers::Tenant { tenant_id: tenant()? });
    let reason = query(request, "reason");
    let view = match (method, path) {
        ("GET", "/tenants/{tenantId}/stops") => {
            return Ok(http::json(
                200,
                &registry::stops(table, caller, &tenant()?).await?,
            ));
        }
        ("POST", "/stop") => registry::put_stop(table, caller, Covers::Everything, reason, now).await?,
        ("DELETE", "/stop") => registry::lift_stop(table, caller, Covers::Everything, now).await?,
        ("POST", "/tenants/{tenantId}/stop") => {
            registry::put_stop(table, caller, whole()?, reason, now).await?
        }
        ("DELETE", "/tenants/{tenantId}/stop") => registry::lift_stop(table, caller, whole()?, now).await?,
        ("POST", "/tenants/{tenantId}/components/{componentId}/stop") => {
            registry::put_stop(table, caller, component()?, reason, now).await?
        }
        ("DELETE", "/tenants/{tenantId}/components/{componentId}/stop") => {
            registry::lift_stop(table, caller, component()?, now).await?
        }
        _ => return Err(unknown(request)),
    };
    Ok(http::json(200, &view))
}

/// Fleets and releases of a component.
async fn declared<T, B>(
    table: &T,
    blobs: &B,
    asked: &Asked<'_>,
    method: &str,
    path: &str,
) -> Result<Response, Problem>
where
    T: Fleets + Registry,
    B: Blobs,
{
    let Asked { caller, request, .. } = *asked;
    let tenant: TenantId = parameter(request, "tenantId")?;
    let component = parameter(request, "componentId")?;
    match (method, path) {
        ("PUT", "{componentId}/fleets/{fleetId}") => {
            let declared = registry::put_fleet(table, caller, fleet(request)?, body(request)?).await?;
            Ok(http::json(200, &declared))
        }
        ("GET", "{componentId}/fleets/{fleetId}") => Ok(http::json(
            200,
            &registry::fleet(table, caller, &fleet(request)?).await?,
        )),
        ("GET", "{componentId}/fleets/{fleetId}/instances") => Ok(http::json(
            200,
            &registry::instances(table, caller, &fleet(request)?).await?,
        )),
        ("POST", "{componentId}/fleets/{fleetId}/enrolment-secret") => {
            let made =
                registry::renew_enrolment_secret(table, caller, &fleet(request)?, rand::random()).await?;
            Ok(http::json(201, &made))
        }
        ("PUT", "{componentId}/releases/{versionId}") => {
            let version = (component, parameter(request, "versionId")?);
            let release =
                registry::put_release(table, blobs, caller, &tenant, version, body(request)?).await?;
            Ok(http::json(200, &release))
        }
        ("GET", "{componentId}/releases/{versionId}") => {
            let version = parameter(request, "versionId")?;
            Ok(http::json(
                200,
                &registry::release(table, blobs, caller, &tenant, component, version).await?,
            ))
        }
        ("GET", "{componentId}/releases") => Ok(http::json(
            200,
            &registry::releases(table, caller, &tenant, component).await?,
        )),
        _ => Err(unknown(request)),
    }
}

async fn key<T: Registry>(table: &T, asked: &Asked<'_>) -> Result<Response, Problem> {
    let Asked { caller, request, .. } = *asked;
    let (tenant, key): (TenantId, KeyId) = (parameter(request, "tenantId")?, parameter(request, "keyId")?);
    let given = body(request)?;
    registry::put_signing_key(table, caller, &tenant, &key, &given).await?;
    Ok(http::json(200, &given))
}

fn body<T: DeserializeOwned>(request: &Request) -> Result<T, Problem> {
    registry::parse(&http::body(request)?)
}
