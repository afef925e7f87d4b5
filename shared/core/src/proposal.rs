//! A plan with everything that whoever has to agree to it wants to know: when each batch would move, how long it takes,
//! what it exposes and costs, what has to be approved, what is different this time, and what was learnt before.
//!
//! | module | works out |
//! |---|---|
//! | [`settings`] | what of a policy is part of the plan |
//! | [`schedule`] | in which window each batch is released, so that the way back fits too |
//! | [`fleet`] | a fleet as a file describes it |
//! | [`exposure`] | how many instances run the new version for how long before it has passed |
//! | [`approvals`] | who has to agree to what |
//! | [`cost`] | what AWS will ask for it |
//! | [`difference`] | what is not as in the plan before |
//! | [`learning`] | what earlier upgrades taught |
//!
//! A proposal is a function of its inputs, `now` among them: the same inputs give the same text. Its hash is the plan's.

pub mod approvals;
pub mod cost;
pub mod difference;
pub mod exposure;
pub mod fleet;
pub mod learning;
pub mod schedule;
pub mod settings;

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::fleet::CheckInTimes;
use crate::forecast::{Forecast, History};
use crate::ids::FleetKey;
use crate::limits::{Admission, Ask, admit};
use crate::plan::{Kind, Plan, PlanError, Positions, Request, Slot};
use crate::policy::read::Wrong;
use crate::policy::{Effective, Origin};
use crate::release::VersionRef;
use crate::settings::Settings;
use crate::version::Compatibility;
use crate::waves::Waves;
use crate::window::Calendar;

pub use approvals::ApprovalNeeded;
pub use learning::Learning;

/// What a proposal is made from.
#[derive(Debug)]
pub struct Inputs<'a> {
    /// Whose fleet moves.
    pub fleet: FleetKey,
    /// The version that it leaves.
    pub from: VersionRef,
    /// The version that it gets.
    pub to: VersionRef,
    /// The fleet's instances, each ordinal once.
    pub slots: Vec<Slot>,
    /// What holds for it.
    pub effective: &'a Effective,
    /// What of that is part of the plan.
    pub settings: Settings,
    /// When its instances check in.
    pub check_in: CheckInTimes,
    /// The texts of the iCalendar files that freezes name.
    pub files: &'a BTreeMap<String, String>,
    /// What is known of the component's past.
    pub history: &'a History,
    /// What the version step comes to.
    pub compatibility: Compatibility,
    /// Words that the upgrade is about, for learnings: the component's name, its kind.
    pub tags: Vec<String>,
    /// The moment of planning.
    pub now: Timestamp,
}

/// A batch with what is expected of it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ProposedBatch {
    /// From 0.
    pub index: u32,
    /// What kind.
    pub kind: Kind,
    /// `pending`: nothing has been released.
    pub phase: String,
    /// How many instances.
    pub size: u32,
    /// When it moves.
    #[serde(flatten)]
    pub slot: schedule::Slot,
    /// Its instances, where they are asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub instance_ids: Option<Vec<String>>,
}

/// When the breaker trips.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CircuitBreaker {
    /// So many failures in a row.
    pub max_consecutive_failures: u32,
}

/// The whole of it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Proposal {
    /// The plan's name: a digest of its canonical text.
    pub hash: String,
    /// The plan.
    pub plan: Plan,
    /// How many instances the fleet has.
    pub total_instances: u32,
    /// Most instances in one of the batches after the canary.
    pub batch_size: u32,
    /// How many batches there are.
    pub batch_count: u32,
    /// Upper estimate of the time it takes without waiting for windows and people, in seconds.
    pub estimated_total_seconds: u64,
    /// When the breaker trips.
    pub circuit_breaker: CircuitBreaker,
    /// The batches, in order.
    pub batches: Vec<ProposedBatch>,
    /// When it begins and ends, and what it waits for.
    pub schedule: schedule::Summary,
    /// What that rests on.
    pub forecast: Forecast,
    /// How far a bad version could reach.
    pub exposure: exposure::Exposure,
    /// What AWS will ask for it.
    pub cost: cost::Cost,
    /// Who has to agree to what, in order.
    pub approvals: Vec<ApprovalNeeded>,
    /// What the version step comes to.
    pub version: Compatibility,
    /// Whether limits admit it now.
    pub limits: Admission,
    /// What is not as in the plan before; absent when there was none.
    pub difference: Option<Vec<difference::Change>>,
    /// What earlier upgrades taught that is about this one.
    pub learnings: Vec<Learning>,
    /// What its reader should know.
    pub warnings: Vec<String>,
    /// What holds, and whose word each value is.
    pub policy: Vec<Origin>,
}

/// Why there is no proposal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NoProposal {
    /// The policy cannot be followed for this fleet.
    Policy(Vec<Wrong>),
    /// There is no plan.
    Plan(PlanError),
    /// It fits into no window.
    Window(schedule::NoWindow),
}

/// Makes a proposal, and the positions that its plan names by their digest.
///
/// # Errors
/// See [`NoProposal`].
pub fn propose(inputs: Inputs<'_>) -> Result<(Proposal, Positions), NoProposal> {
    let policy = &inputs.effective.policy;
    let calendar = calendar(&inputs).map_err(NoProposal::Policy)?;
    let request = Request {
        fleet: inputs.fleet,
        from: inputs.from,
        to: inputs.to,
        settings: inputs.settings,
        slots: inputs.slots,
        check_in: inputs.check_in,
    };
    let (plan, positions) = Plan::make(request).map_err(NoProposal::Plan)?;

    let forecast = Forecast::of(&plan, inputs.history, Waves::of(&plan, 0).size);
    let too_long = policy.on_too_long.unwrap_or(crate::policy::OnTooLong::Refuse);
    let (slots, schedule) =
        schedule::schedule(&plan, &forecast, &calendar, too_long, inputs.now).map_err(NoProposal::Window)?;
    let exposure = exposure::of(&plan, &slots);
    let limits = policy.limits.clone().unwrap_or_default();
    let limits = admit(
        &limits,
        &inputs.history.usage,
        Ask::Upgrade {
            instance_minutes: exposure.instance_minutes,
        },
    );
    let approvals = approvals::needed(&plan, plan.settings.approval);
    let mut tags = inputs.tags;
    tags.extend(learning::tags(&plan, inputs.compatibility.step));
    let proposal = Proposal {
        hash: plan.hash(),
        total_instances: plan.total_instances,
        batch_size: plan
            .batches
            .iter()
            .filter(|b| b.kind != Kind::Canary)
            .map(crate::plan::Batch::size)
            .max()
            .unwrap_or(0),
        batch_count: plan.batch_count(),
        estimated_total_seconds: plan.estimated_total_seconds,
        circuit_breaker: CircuitBreaker {
            max_consecutive_failures: settings::max_consecutive_failures(policy),
        },
        cost: cost::of(&plan, &slots),
        difference: inputs
            .history
            .previous_plan
            .as_ref()
            .map(|before| difference::between(before, &plan)),
        learnings: learning::matching(&inputs.history.learnings, &tags),
        warnings: warnings(&plan, policy, &inputs.compatibility, &limits, &schedule),
        batches: plan
            .batches
            .iter()
            .zip(slots)
            .map(|(batch, slot)| proposed(batch, slot))
            .collect(),
        schedule,
        forecast,
        exposure,
        approvals,
        version: inputs.compatibility,
        limits,
        policy: inputs.effective.values.clone(),
        plan,
    };
    Ok((proposal, positions))
}

fn proposed(batch: &crate::plan::Batch, slot: schedule::Slot) -> ProposedBatch {
    ProposedBatch {
        index: batch.index,
        kind: batch.kind,
        phase: "pending".to_owned(),
        size: batch.size(),
        slot,
        instance_ids: None,
    }
}

fn calendar(inputs: &Inputs<'_>) -> Result<Calendar, Vec<Wrong>> {
    let policy = &inputs.effective.policy;
    let windows = policy.windows.as_deref().unwrap_or_default();
    let freezes = policy.freezes.as_deref().unwrap_or_default();
    Calendar::new(windows, freezes, policy.emergency_stop.as_ref(), inputs.files).map_err(|errors| {
        errors
            .into_iter()
            .map(|e| Wrong::new(e.field, e.problem, e.accepted))
            .collect()
    })
}

fn warnings(
    plan: &Plan,
    policy: &crate::policy::Policy,
    compatibility: &Compatibility,
    limits: &Admission,
    schedule: &schedule::Summary,
) -> Vec<String> {
    let mut warnings = plan.warnings.clone();
    warnings.extend(compatibility.warnings.iter().cloned());
    warnings.extend(
        limits
            .refusals()
            .into_iter()
            .map(|r| format!("not admitted now: {r}")),
    );
    if let Some(paused) = &policy.paused {
        warnings.push(format!("upgrades are paused: {}", paused.reason));
    }
    if schedule.windows > 1 {
        warnings.push(format!(
            "it runs over {} windows: between them the fleet has both versions for up to {} s",
            schedule.windows, schedule.longest_wait_seconds
        ));
    }
    warnings
}

#[cfg(test)]
mod tests;
