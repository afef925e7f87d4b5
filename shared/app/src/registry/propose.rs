//! What an upgrade would be: everything that is read for it, and the proposal that the core makes of it.

use std::collections::BTreeMap;

use futures::future::try_join;
use jiff::Timestamp;
use semver::Version;
use sluice_contract::api::UpgradeRequest;
use sluice_contract::problem::{Code, Problem};
use sluice_core::fleet::{Instance, MetricSource};
use sluice_core::forecast::History;
use sluice_core::ids::{FleetKey, TenantId};
use sluice_core::limits::Usage;
use sluice_core::plan::{Plan, PlanError, Positions, Slot};
use sluice_core::policy::Limits;
use sluice_core::policy::read::Wrong;
use sluice_core::proposal::settings::{Unfit, held, of_held};
use sluice_core::proposal::{Inputs, NoProposal, Proposal, propose};
use sluice_core::release::Release;
use sluice_core::settings::{FieldError, Settings, Wishes};
use sluice_core::version::{Compatibility, judge};

use crate::caller::{Caller, Scope};
use crate::ports::{Fleets, Places, Policies, Registry, Upgrades, Whose};
use crate::refusal;

use super::policy::{self, standing};
use super::versions::versions;

/// Upgrades among which the last one of the same fleet is looked for.
const LATEST: u32 = 20;

/// Says what an upgrade would be, and changes nothing.
///
/// # Errors
/// A problem: what planning it would be refused with.
pub async fn dry_run<T>(
    table: &T,
    caller: &Caller,
    tenant: &TenantId,
    request: &UpgradeRequest,
    now: Timestamp,
) -> Result<Proposal, Problem>
where
    T: Upgrades + Fleets + Registry + Policies + Places,
{
    caller.require(Scope::UpgradePlan)?;
    caller.require_tenant(tenant)?;
    let history = History {
        previous_plan: last_plan(table, tenant, request).await?,
        usage: usage(table, tenant).await?,
        ..History::default()
    };
    let Proposed { proposal, .. } = proposed(table, tenant, request, &history, now).await?;
    Ok(proposal)
}

/// How many upgrades there are.
async fn usage<T: Places>(table: &T, tenant: &TenantId) -> Result<Usage, Problem> {
    let own = Whose::Tenant(tenant.clone());
    let (all, own) = try_join(table.taken_places(&Whose::System), table.taken_places(&own))
        .await
        .map_err(refusal::port)?;
    Ok(Usage {
        upgrades_in_system: all.holders.len() as u64,
        upgrades_of_tenant: own.holders.len() as u64,
        ..Usage::default()
    })
}

/// The plan of the fleet's last upgrade, where that was not long ago.
async fn last_plan<T: Upgrades>(
    table: &T,
    tenant: &TenantId,
    request: &UpgradeRequest,
) -> Result<Option<Plan>, Problem> {
    let latest = table
        .upgrades(tenant, LATEST, None)
        .await
        .map_err(refusal::port)?;
    let of_fleet = latest
        .items
        .into_iter()
        .find(|u| (u.fleet.component_id, &u.fleet.fleet_id) == (request.component_id, &request.fleet_id));
    match of_fleet {
        Some(last) => table.plan(last.upgrade_id).await.map_err(refusal::port),
        None => Ok(None),
    }
}

/// A proposal, and what is not shown of it.
pub(super) struct Proposed {
    /// What it would be.
    pub proposal: Proposal,
    /// The positions that its plan names.
    pub positions: Positions,
    /// How many upgrades there may be.
    pub limits: Limits,
}

/// Reads what is needed and makes the proposal.
///
/// # Errors
/// A problem: the field, or the policy's value, and what is wrong.
pub(super) async fn proposed<T>(
    table: &T,
    tenant: &TenantId,
    request: &UpgradeRequest,
    history: &History,
    now: Timestamp,
) -> Result<Proposed, Problem>
where
    T: Fleets + Registry + Policies,
{
    let fleet = FleetKey {
        tenant_id: tenant.clone(),
        component_id: request.component_id,
        fleet_id: request.fleet_id.clone(),
    };
    let declared = table.fleet(&fleet).await.map_err(refusal::port)?;
    // What may be asked for depends on how the fleet switches.
    let wishes = Wishes {
        switch: declared.as_ref().map(|f| f.switch).unwrap_or_default(),
        approval: declared.as_ref().map(|f| f.approval),
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
    let settings =
        of_held(&held, &wishes, &slots).map_err(|wrongs| policy::unfit(Code::InvalidRequest, &wrongs))?;
    let compatibility = compatibility(table, tenant, request, (&from, &to)).await?;
    let made = propose(Inputs {
        fleet,
        from: from.version_ref(),
        to: to.version_ref(),
        slots,
        effective: &held,
        settings: Settings {
            policies: standing.revisions,
            gate: declared
                .metrics
                .as_ref()
                .map(MetricSource::rules)
                .unwrap_or_default(),
            ..settings
        },
        check_in: declared.check_in,
        files: &BTreeMap::new(),
        history,
        compatibility,
        tags: Vec::new(),
        now,
    });
    let (proposal, positions) = made.map_err(|no| match no {
        NoProposal::Policy(wrongs) => policy::unfit(Code::PolicyNotUsable, &wrongs),
        NoProposal::Plan(error) => unplannable(&error),
        NoProposal::Window(error) => Problem::new(Code::NoWindow, format!("windows: {error}")),
    })?;
    Ok(Proposed {
        proposal,
        positions,
        limits: held.policy.limits.unwrap_or_default(),
    })
}

/// What the step comes to, by what the component's releases say of themselves and by what is installed beside it.
async fn compatibility<T: Registry>(
    table: &T,
    tenant: &TenantId,
    request: &UpgradeRequest,
    (from, to): (&Release, &Release),
) -> Result<Compatibility, Problem> {
    let installed = installed(request)?;
    let name = request.component_id.to_string();
    let releases = table
        .releases(tenant, request.component_id)
        .await
        .map_err(refusal::port)?;
    let catalog: Vec<_> = releases.iter().map(|release| release.listed(&name)).collect();
    let found = judge(&name, &from.version, &to.version, &catalog, &installed)
        .map_err(|wrong| policy::unfit(Code::Incompatible, &[wrong]))?;
    if found.blockers.is_empty() {
        return Ok(found);
    }
    let blockers: Vec<_> = found
        .blockers
        .iter()
        .map(|blocker| Wrong::new("toVersionId", blocker, "a version without blockers"))
        .collect();
    Err(policy::unfit(Code::Incompatible, &blockers))
}

fn installed(request: &UpgradeRequest) -> Result<BTreeMap<String, Version>, Problem> {
    let mut errors = Vec::new();
    let mut installed = BTreeMap::new();
    for (name, text) in &request.installed_components {
        match text.parse() {
            Ok(version) => _ = installed.insert(name.clone(), version),
            Err(error) => errors.push(FieldError::new(
                &format!("installedComponents.{name}"),
                format!("is {text:?}, which is no semantic version: {error}"),
                "for example 1.2.3",
            )),
        }
    }
    if errors.is_empty() {
        Ok(installed)
    } else {
        Err(Problem::fields(errors))
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

pub(super) fn slot(instance: Instance) -> Slot {
    Slot {
        ordinal: instance.ordinal,
        failure_domain: instance.failure_domain,
        // One that has not said what it runs has nothing to lose.
        healthy: instance.running.is_none_or(|running| running.healthy),
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

pub(super) fn unplannable(error: &PlanError) -> Problem {
    let code = match error {
        PlanError::EmptyFleet => Code::EmptyFleet,
        PlanError::SameVersion | PlanError::NoRoom { .. } => Code::InvalidRequest,
        PlanError::TooManyBatches { .. } => Code::TooManyBatches,
    };
    Problem::new(code, format!("{}: {error}", error.field()))
}
