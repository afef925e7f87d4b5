//! What the system, tenants and components prescribe: kept revision by revision, and put together.

use std::collections::BTreeMap;

use futures::future::try_join_all;
use jiff::Timestamp;
use sluice_contract::policy::{EffectivePolicy, PolicyVersionList, PolicyView};
use sluice_contract::problem::{Code, Problem};
use sluice_core::ids::{ComponentId, TenantId};
use sluice_core::policy::check::check;
use sluice_core::policy::kept::{MAX_KEPT_BYTES, Owner, RestsOn, Revision};
use sluice_core::policy::obeyed::unobeyed;
use sluice_core::policy::read::{Refusal, Wrong, place};
use sluice_core::policy::{Layer, Policy, read};
use sluice_core::proposal::settings::fitting;
use sluice_core::settings::FieldError;
use sluice_core::units::Rev;

use crate::caller::{Caller, Scope};
use crate::ports::{Policies, PortErrorKind};
use crate::refusal;

/// What a policy is called where something in it is wrong.
const BODY: &str = "policy";

/// What a write without a condition is told.
const UNCONDITIONAL: &str = "If-Match: is missing; accepted: the revision that is replaced, such as \"3\", or \
                             If-None-Match: * for the first one";

/// Revisions on a page.
const PAGE: u32 = 50;

/// Sets a policy in place of the revision that is named, 0 for none.
///
/// # Errors
/// [`Code::RevisionMissing`] when none is named;
/// [`Code::InvalidRequest`] with everything that is wrong in it, with path, line and column;
/// [`Code::RevisionDiffers`] when somebody else was first.
pub async fn put_policy(
    table: &impl Policies,
    caller: &Caller,
    owner: Owner,
    replaces: Option<Rev>,
    text: &str,
    now: Timestamp,
) -> Result<PolicyView, Problem> {
    match &owner {
        Owner::System => caller.require(Scope::AdminSystem)?,
        Owner::Tenant { tenant_id } | Owner::Component { tenant_id, .. } => {
            caller.require(Scope::AdminPolicy)?;
            caller.require_tenant(tenant_id)?;
        }
    }
    let replaces = replaces.ok_or_else(|| Problem::new(Code::RevisionMissing, UNCONDITIONAL))?;
    accept(text)?;
    let before = table.policy(&owner).await.map_err(refusal::port)?;
    let stored = before.as_ref().map_or(Rev(0), |b| b.revision);
    if let Some(mine) = before.as_ref().filter(|b| is_repeat(b, replaces, text, caller)) {
        return Ok(mine.clone().into());
    }
    if stored != replaces {
        return Err(differs(&owner, replaces, stored));
    }
    let fresh = Revision::after(before.as_ref(), owner, text.to_owned(), caller.actor(), now);
    match table.put_policy(&fresh).await {
        Ok(()) => {}
        Err(error) if error.kind == PortErrorKind::Conflict => {
            return Err(differs(&fresh.owner, replaces, fresh.revision));
        }
        Err(error) => return Err(refusal::port(error)),
    }
    tracing::info!(
        policy = fresh.name(),
        tenant_id = %caller.tenant_id,
        actor = fresh.set_by,
        hash = fresh.hash,
        "a policy is set"
    );
    Ok(fresh.into())
}

/// The answer to the first call got lost, and the caller asks again.
fn is_repeat(stored: &Revision, replaces: Rev, text: &str, caller: &Caller) -> bool {
    stored.revision == replaces.next() && stored.text == text && stored.set_by == caller.actor()
}

fn differs(owner: &Owner, replaces: Rev, stored: Rev) -> Problem {
    let detail = format!(
        "the policy of the {} has revision {stored}, and revision {replaces} is to be replaced",
        owner.layer()
    );
    Problem::new(Code::RevisionDiffers, detail)
}

/// Whether a text is a policy that running upgrades can follow.
fn accept(text: &str) -> Result<(), Problem> {
    if text.len() > MAX_KEPT_BYTES {
        let error = FieldError::new(
            BODY,
            format!("has {} bytes", text.len()),
            format!("up to {MAX_KEPT_BYTES}"),
        );
        return Err(Problem::fields(vec![error]));
    }
    let policy: Policy = read(BODY, text).map_err(|refusal| refused(vec![refusal]))?;
    let mut wrongs = check(&policy, &BTreeMap::new());
    wrongs.extend(unobeyed(&policy));
    if wrongs.is_empty() {
        Ok(())
    } else {
        Err(refused(place(BODY, text, &wrongs)))
    }
}

fn refused(refusals: Vec<Refusal>) -> Problem {
    let detail: Vec<_> = refusals.iter().map(ToString::to_string).collect();
    let at = |number: u64| (number > 0).then_some(number);
    let field = |refusal: Refusal| {
        let path = if refusal.path.is_empty() {
            BODY
        } else {
            &refusal.path
        };
        FieldError {
            line: at(refusal.line),
            column: at(refusal.column),
            ..FieldError::new(path, refusal.problem, refusal.accepted)
        }
    };
    Problem {
        errors: refusals.into_iter().map(field).collect(),
        ..Problem::new(Code::InvalidRequest, detail.join("; "))
    }
}

/// A policy as it stands, or one of its revisions.
///
/// # Errors
/// [`Code::NotFound`] where none is set.
pub async fn policy(
    table: &impl Policies,
    caller: &Caller,
    owner: &Owner,
    revision: Option<Rev>,
) -> Result<PolicyView, Problem> {
    may_read(caller, owner)?;
    let found = match revision {
        Some(revision) => table.policy_revision(owner, revision).await,
        None => table.policy(owner).await,
    };
    let missing = || {
        let which = revision.map_or("no policy".to_owned(), |r| {
            format!("no revision {r} of the policy")
        });
        Problem::new(
            Code::NotFound,
            format!("there is {which} of the {}", owner.layer()),
        )
    };
    found.map_err(refusal::port)?.map(Into::into).ok_or_else(missing)
}

/// The revisions of a policy, newest first.
///
/// # Errors
/// A problem.
pub async fn policy_versions(
    table: &impl Policies,
    caller: &Caller,
    owner: &Owner,
    before: Option<Rev>,
) -> Result<PolicyVersionList, Problem> {
    may_read(caller, owner)?;
    let found = table
        .policy_revisions(owner, before, PAGE)
        .await
        .map_err(refusal::port)?;
    let next_before = found.last().map(|r| r.revision).filter(|r| r.0 > 1);
    Ok(PolicyVersionList {
        versions: found.into_iter().map(Into::into).collect(),
        next_before,
    })
}

/// Everybody sees what holds for everybody.
fn may_read(caller: &Caller, owner: &Owner) -> Result<(), Problem> {
    caller.require(Scope::UpgradeRead)?;
    match owner {
        Owner::System => Ok(()),
        Owner::Tenant { tenant_id } | Owner::Component { tenant_id, .. } => caller.require_tenant(tenant_id),
    }
}

/// What holds for a tenant, or for one of its components.
///
/// # Errors
/// [`Code::PolicyNotUsable`] when it does not fit together.
pub async fn effective_policy(
    table: &impl Policies,
    caller: &Caller,
    tenant: &TenantId,
    component: Option<ComponentId>,
) -> Result<EffectivePolicy, Problem> {
    caller.require(Scope::UpgradeRead)?;
    caller.require_tenant(tenant)?;
    let standing = standing(table, tenant, component).await?;
    let held = fitting(&standing.layers).map_err(|wrongs| unfit(Code::PolicyNotUsable, &wrongs))?;
    Ok(EffectivePolicy {
        policies: standing.revisions,
        policy: held.policy,
        values: held.values,
    })
}

/// What is set at this moment.
pub struct Standing {
    /// The layers, from the weakest.
    pub layers: Vec<Layer>,
    /// The revisions that they are.
    pub revisions: Vec<RestsOn>,
}

/// Reads what is set for a tenant, and for one of its components.
///
/// # Errors
/// [`Code::PolicyNotUsable`] when one is not understood.
pub async fn standing(
    table: &impl Policies,
    tenant: &TenantId,
    component: Option<ComponentId>,
) -> Result<Standing, Problem> {
    let owners = Owner::chain(tenant, component);
    let read = try_join_all(owners.iter().map(|owner| table.policy(owner))).await;
    let set: Vec<Revision> = read.map_err(refusal::port)?.into_iter().flatten().collect();
    let layers = set.iter().map(Revision::layer).collect::<Result<_, _>>();
    Ok(Standing {
        layers: layers.map_err(|refusal| Problem::new(Code::PolicyNotUsable, refusal.to_string()))?,
        revisions: set.iter().map(RestsOn::from).collect(),
    })
}

/// What does not fit together, as a refusal.
pub fn unfit(code: Code, wrongs: &[Wrong]) -> Problem {
    let errors: Vec<_> = wrongs
        .iter()
        .map(|w| FieldError::new(&w.path, w.problem.as_str(), w.accepted.as_str()))
        .collect();
    let detail: Vec<_> = errors.iter().map(ToString::to_string).collect();
    Problem {
        errors,
        ..Problem::new(code, detail.join("; "))
    }
}

#[cfg(test)]
mod tests;
