//! The versions that an upgrade goes from and to.

use sluice_contract::api::UpgradeRequest;
use sluice_contract::problem::{Code, Problem};
use sluice_core::ids::{TenantId, VersionId};
use sluice_core::release::Release;

use crate::ports::Registry;
use crate::refusal;

/// Both versions: of this component, signed by a trusted key, and usable for what they are named for.
pub(super) async fn versions<T: Registry>(
    table: &T,
    tenant: &TenantId,
    request: &UpgradeRequest,
) -> Result<(Release, Release), Problem> {
    let from = version(table, tenant, request, "fromVersionId", request.from_version_id).await?;
    let to = version(table, tenant, request, "toVersionId", request.to_version_id).await?;
    let refused = |field: &str, release: &Release, what: &str| {
        let detail = format!(
            "{field}: version {} is {:?} and cannot be {what}",
            release.version, release.lifecycle_state
        );
        Err(Problem::new(Code::VersionNotUsable, detail))
    };
    if !to.lifecycle_state.is_target() {
        return refused("toVersionId", &to, "upgraded to; accepted: blessed, live");
    }
    if !from.lifecycle_state.is_way_back() {
        return refused(
            "fromVersionId",
            &from,
            "rolled back to; accepted: draft, blessed, live",
        );
    }
    if from.version == to.version {
        let detail = format!(
            "both versions are called {}: traffic could not tell them apart",
            to.version
        );
        return Err(Problem::new(Code::VersionNotUsable, detail));
    }
    Ok((from, to))
}

async fn version<T: Registry>(
    table: &T,
    tenant: &TenantId,
    request: &UpgradeRequest,
    field: &str,
    id: VersionId,
) -> Result<Release, Problem> {
    let component = request.component_id;
    match table.component_of(tenant, id).await.map_err(refusal::port)? {
        None => Err(Problem::new(
            Code::NotFound,
            format!("{field}: there is no version {id}"),
        )),
        Some(owner) if owner != component => {
            let detail = format!("{field}: version {id} belongs to component {owner}, not to {component}");
            Err(Problem::new(Code::WrongComponent, detail))
        }
        Some(_) => table
            .release(tenant, component, id)
            .await
            .map_err(refusal::port)?
            .ok_or_else(|| Problem::new(Code::NotFound, format!("{field}: there is no version {id}"))),
    }
}
