//! Plans an upgrade.

use jiff::Timestamp;
use sluice_contract::api::{UpgradeRequest, UpgradeView};
use sluice_contract::problem::{Code, Problem};
use sluice_core::fleet::{Instance, MetricSource};
use sluice_core::ids::{FleetKey, TenantId, UpgradeId, VersionId};
use sluice_core::plan::{Plan, PlanError, Positions, Request, Slot};
use sluice_core::proposal::settings::{Unfit, held, of_held};
use sluice_core::release::Release;
use sluice_core::settings::{FieldError, Settings, Wishes};
use sluice_core::upgrade::Upgrade;

use crate::caller::{Caller, Scope};
use crate::flow::Loaded;
use crate::keys;
use crate::ports::{Blobs, Fleets, Policies, PortErrorKind, Registry, Upgrades};
use crate::refusal;

use super::policy::{self, standing};
use super::view;

/// Plans an upgrade and takes the component's lock.
///
/// The identity is the caller's to choose, so that a repeated request finds what the first one made.
///
/// # Errors
/// A problem; nothing that the caller could see is stored then.
pub async fn create<T, B>(
    table: &T,
    blobs: &B,
    caller: &Caller,
    tenant: &TenantId,
    id: UpgradeId,
    request: &UpgradeRequest,
    now: Timestamp,
) -> Result<UpgradeView, Problem>
where
    T: Upgrades + Fleets + Registry + Policies,
    B: Blobs,
{
    caller.require(Scope::UpgradePlan)?;
    caller.require_tenant(tenant)?;
    if let Some(existing) = table.upgrade(id).await.map_err(refusal::port)? {
        return view::view(table, existing).await;
    }
    let fleet = FleetKey {
        tenant_id: tenant.clone(),
        component_id: request.component_id,
        fleet_id: request.fleet_id.clone(),
    };
    let declared = table.fleet(&fleet).await.map_err(refusal::port)?;
    // What may be asked for depends on how the fleet switches.
    let wishes = Wishes {
        switch: declared.as_ref().map(|f| f.switch).unwrap_or_default(),
        ..request.wishes()
    };
    let standing = standing(table, tenant, Some(request.component_id)).await?;
    let held = held(standing.layers, &wishes).map_err(|unfit| match unfit {
        Unfit::Policies(wrongs) => policy::unfit(Code::PolicyNotUsable, &wrongs),
        Unfit::Request(wrongs) => policy::unfit(Code::InvalidRequest, &wrongs),
    })?;
    check_request(request)?;
    let (from, to) = versions(table, tenant, request).await?;
    let Some(declared) = declared else {
        let detail = format!("fleetId: there is no fleet {fleet}");
        return Err(Problem::new(Code::NotFound, detail));
    };
    let instances = table.instances(&fleet).await.map_err(refusal::port)?;
    check_count(request, instances.len())?;
    let slots: Vec<Slot> = instances.into_iter().map(slot).collect();
    let highest = slots.iter().map(|s| s.ordinal.0).max().unwrap_or(0);
    let total = u32::try_from(slots.len()).unwrap_or(u32::MAX);
    let settings = of_held(&held, &wishes, total, highest)
        .map_err(|wrongs| policy::unfit(Code::InvalidRequest, &wrongs))?;
    let settings = Settings {
        policies: standing.revisions,
        gate: declared
            .metrics
            .as_ref()
            .map(MetricSource::rules)
            .unwrap_or_default(),
        ..settings
    };
    let planned = Plan::make(Request {
        fleet,
        from: from.version_ref(),
        to: to.version_ref(),
        settings,
        slots,
        check_in: declared.check_in,
    });
    let (plan, positions) = planned.map_err(|e| unplannable(&e))?;
    publish(blobs, &plan, positions).await?;
    let change = Upgrade::create(id, &plan, request.initiated_by.clone(), &caller.actor(), now);
    match table.create(&change, &plan).await {
        Ok(()) => {
            view::build(
                table,
                &Loaded {
                    upgrade: change.upgrade,
                    plan,
                },
            )
            .await
        }
        Err(error) if error.kind == PortErrorKind::Conflict => Err(occupied(table, tenant, request).await),
        Err(error) => Err(refusal::port(error)),
    }
}

fn check_request(request: &UpgradeRequest) -> Result<(), Problem> {
    if request.from_version_id == request.to_version_id {
        let error = FieldError::new(
            "toVersionId",
            "is the version to leave",
            "another version of the component",
        );
        return Err(Problem::fields(vec![error]));
    }
    Ok(())
}

fn slot(instance: Instance) -> Slot {
    Slot {
        ordinal: instance.ordinal,
        failure_domain: instance.failure_domain,
        // One that has not said what it runs has nothing to lose.
        healthy: instance.running.is_none_or(|running| running.healthy),
    }
}

/// Both versions: of this component, signed by a trusted key, and usable for what they are named for.
async fn versions<T: Registry>(
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

fn check_count(request: &UpgradeRequest, registered: usize) -> Result<(), Problem> {
    let Some(asked) = request.total_instances else {
        return Ok(());
    };
    if registered == 0 || usize::try_from(asked).is_ok_and(|asked| asked == registered) {
        return Ok(());
    }
    let detail = format!("totalInstances: is {asked}, and {registered} instances are registered");
    Err(Problem::new(Code::InstanceCountDiffers, detail))
}

fn unplannable(error: &PlanError) -> Problem {
    let code = match error {
        PlanError::EmptyFleet => Code::EmptyFleet,
        PlanError::SameVersion | PlanError::NoRoom { .. } => Code::InvalidRequest,
        PlanError::TooManyBatches { .. } => Code::TooManyBatches,
    };
    Problem::new(code, format!("{}: {error}", error.field()))
}

async fn publish(blobs: &impl Blobs, plan: &Plan, positions: Positions) -> Result<(), Problem> {
    let bytes = serde_json::to_vec(&plan.publish(positions))
        .map_err(|e| Problem::new(Code::Unavailable, format!("the positions cannot be written: {e}")))?;
    blobs
        .put(&keys::positions(&plan.hash()), bytes, "application/json")
        .await
        .map_err(refusal::port)
}

async fn occupied<T: Upgrades>(table: &T, tenant: &TenantId, request: &UpgradeRequest) -> Problem {
    match table.active(tenant, request.component_id).await {
        Ok(Some(active)) => Problem::new(
            Code::UpgradeActive,
            format!("upgrade {active} of component {} is active", request.component_id),
        ),
        Ok(None) => Problem::new(
            Code::Conflict,
            "another upgrade of the component just ended; try again",
        ),
        Err(error) => refusal::port(error),
    }
}
