//! What a request's path and query name.

use std::fmt::Display;
use std::str::FromStr;

use sluice_contract::problem::{Code, Problem};
use sluice_core::ids::FleetKey;
use sluice_lambda::http::Request;

/// A parameter of the path. What cannot be an identity names nothing that exists.
pub fn parameter<T>(request: &Request, name: &str) -> Result<T, Problem>
where
    T: FromStr,
    T::Err: Display,
{
    let text = request.path_parameters.get(name).map_or("", String::as_str);
    text.parse().map_err(|e| {
        Problem::new(
            Code::NotFound,
            format!("{name}: {text:?} names nothing here: {e}"),
        )
    })
}

/// The fleet that the path names.
pub fn fleet(request: &Request) -> Result<FleetKey, Problem> {
    Ok(FleetKey {
        tenant_id: parameter(request, "tenantId")?,
        component_id: parameter(request, "componentId")?,
        fleet_id: parameter(request, "fleetId")?,
    })
}

/// A parameter of the query.
pub fn query<'a>(request: &'a Request, name: &str) -> Option<&'a str> {
    request.query_string_parameters.first(name)
}
