//! Another plan for what is not released yet.

use super::*;
use crate::approval::Refused;
use crate::settings::Changes;

/// How many batches are released, in part at least: they keep their places.
#[must_use]
pub fn kept(upgrade: &Upgrade) -> u32 {
    match upgrade.phase {
        Phase::Ready { .. } => upgrade.batch,
        _ => upgrade.batch.saturating_add(1),
    }
}

/// Whether a plan has what is released where it was.
pub(super) fn fits(upgrade: &Upgrade, plan: &Plan) -> bool {
    match upgrade.phase {
        Phase::Ready { .. } => upgrade.batch <= plan.batch_count(),
        Phase::Moving { released, .. } => plan
            .batch(upgrade.batch)
            .is_some_and(|b| b.begin < released && released <= b.end),
        Phase::Shifting { .. } | Phase::Baking { .. } => plan.batch(upgrade.batch).is_some(),
        Phase::Reverting { .. } => false,
    }
}

/// Puts the new plan in force, once somebody else has agreed to exactly these changes where that is asked for.
pub(super) fn adjust(
    next: &mut Upgrade,
    channel: &mut Channel,
    (plan_hash, changes): (&str, &Changes),
    context: &Context<'_>,
) -> Result<(), Refusal> {
    let plan = context.plan;
    let frontier = channel.frontier;
    let end = |index| plan.batch(index).map(|b| b.end);
    let last = kept(next).checked_sub(1).map_or(Some(Position(0)), end);
    let last = last.unwrap_or_default();
    // What is released ends where a batch of the new plan ends, or within the one that moves.
    let moving = matches!(next.phase, Phase::Moving { released, .. } if released == frontier);
    if !(last == frontier || moving && frontier < last) {
        return Err(Refusal::Phase {
            command: "upgrade.adjusted",
            phase: next.phase,
        });
    }
    if approval::is_needed(plan, next.status, Action::Adjust) {
        agreed(next, changes)?;
        agree::consume(next, Action::Adjust, context)?;
    }
    plan_hash.clone_into(&mut next.plan_hash);
    next.edited_by = Some(context.actor.to_owned());
    plan_hash.clone_into(&mut channel.plan_hash);
    let following = plan.batches.iter().map(|b| b.end).find(|end| *end > frontier);
    channel.next_frontier = following.unwrap_or(frontier);
    // What was asked about the plan before is asked about this one.
    if next.asks_for_decision() && approval::is_needed(plan, next.status, Action::ContinueAnyway) {
        next.ask_for_approval(Action::ContinueAnyway, context.actor, context.now);
    }
    Ok(())
}

/// Whether the newest approval is about these changes and no others.
///
/// # Errors
/// [`Refused::Needed`] when it is about others.
pub fn agreed(upgrade: &Upgrade, changes: &Changes) -> Result<(), Refused> {
    let newest = upgrade.approvals.newest(Action::Adjust);
    match newest.filter(|a| a.changes.as_ref() != Some(changes)) {
        Some(other) => Err(Refused::Needed {
            action: Action::Adjust,
            why: format!("{} is about other changes", other.number),
        }),
        None => Ok(()),
    }
}
