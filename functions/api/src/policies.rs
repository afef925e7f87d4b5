//! Requests about policies.

use sluice_app::ports::Policies;
use sluice_app::registry;
use sluice_contract::policy::PolicyView;
use sluice_contract::problem::Problem;
use sluice_core::policy::kept::Owner;
use sluice_core::settings::FieldError;
use sluice_core::units::Rev;
use sluice_lambda::http::{self, Request, Response};

use crate::handler::{Asked, unknown};
use crate::path::{parameter, query};

/// Answers a request whose path has `/policy`.
pub async fn handle<T: Policies>(
    table: &T,
    asked: &Asked<'_>,
    method: &str,
    path: &str,
) -> Result<Response, Problem> {
    let Asked { caller, request, now } = *asked;
    let tenant = || parameter(request, "tenantId");
    let component = || parameter(request, "componentId");
    let owner = || match path {
        _ if path.starts_with("/policy") => Ok(Owner::System),
        _ if path.contains("{componentId}") => Ok(Owner::Component {
            tenant_id: tenant()?,
            component_id: component()?,
        }),
        _ => Ok(Owner::Tenant { tenant_id: tenant()? }),
    };
    match (method, path) {
        ("PUT", "/policy")
        | ("PUT", "/tenants/{tenantId}/policy")
        | ("PUT", "/tenants/{tenantId}/components/{componentId}/policy") => {
            let body = http::body(request)?;
            let text = std::str::from_utf8(&body).map_err(|e| wrong("policy", &e, "UTF-8"))?;
            let set = registry::put_policy(table, caller, owner()?, replaced(request)?, text, now).await?;
            Ok(shown(&set))
        }
        ("GET", "/policy")
        | ("GET", "/tenants/{tenantId}/policy")
        | ("GET", "/tenants/{tenantId}/components/{componentId}/policy") => {
            let revision = number(request, "revision")?;
            Ok(shown(
                &registry::policy(table, caller, &owner()?, revision).await?,
            ))
        }
        ("GET", "/policy/versions")
        | ("GET", "/tenants/{tenantId}/policy/versions")
        | ("GET", "/tenants/{tenantId}/components/{componentId}/policy/versions") => {
            let before = number(request, "before")?;
            let page = registry::policy_versions(table, caller, &owner()?, before).await?;
            Ok(http::json(200, &page))
        }
        ("GET", "/tenants/{tenantId}/policy/effective") => {
            let held = registry::effective_policy(table, caller, &tenant()?, None).await?;
            Ok(http::json(200, &held))
        }
        ("GET", "/tenants/{tenantId}/components/{componentId}/policy/effective") => {
            let held = registry::effective_policy(table, caller, &tenant()?, Some(component()?)).await?;
            Ok(http::json(200, &held))
        }
        _ => Err(unknown(request)),
    }
}

/// A policy with its revision as the tag that the next `If-Match` names.
fn shown(view: &PolicyView) -> Response {
    http::tagged(http::json(200, view), view.summary.revision.0)
}

/// The revision that is to be replaced: `If-Match: "3"`, or `If-None-Match: *` for the first one; none where neither is there.
fn replaced(request: &Request) -> Result<Option<Rev>, Problem> {
    if let Some(tag) = http::header(request, "if-match") {
        let digits = tag.trim().strip_prefix('"').and_then(|t| t.strip_suffix('"'));
        let revision = digits.and_then(|d| d.parse().ok()).map(Rev);
        let not = || wrong("If-Match", &format!("is {tag}"), "a revision, such as \"3\"");
        return revision.map(Some).ok_or_else(not);
    }
    match http::header(request, "if-none-match") {
        Some("*") => Ok(Some(Rev(0))),
        Some(other) => Err(wrong("If-None-Match", &format!("is {other}"), "*")),
        None => Ok(None),
    }
}

fn number(request: &Request, name: &str) -> Result<Option<Rev>, Problem> {
    let Some(text) = query(request, name) else {
        return Ok(None);
    };
    let number = text.parse().map(|n| Some(Rev(n)));
    number.map_err(|_| wrong(name, &format!("is {text:?}"), "a whole number"))
}

fn wrong(field: &str, problem: &dyn ToString, accepted: &str) -> Problem {
    Problem::fields(vec![FieldError::new(field, problem.to_string(), accepted)])
}
