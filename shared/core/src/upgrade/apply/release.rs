//! How a batch moves.

use super::*;

pub(super) fn release(
    next: &mut Upgrade,
    channel: &mut Channel,
    to: Position,
    context: &Context<'_>,
) -> Result<(), Refusal> {
    let batch = context.plan.batch(next.batch).ok_or(Refusal::Phase {
        command: "batch.released",
        phase: next.phase,
    })?;
    if next.weight != batch.weight_before {
        return Err(Refusal::Weight {
            given: next.weight,
            allowed: batch.weight_before,
        });
    }
    next.released_at = Some(context.now);
    extend(next, channel, to, context)
}

/// Raises the frontier within the current batch; what comes next is the rest of it, or the batch after it.
pub(super) fn extend(
    next: &mut Upgrade,
    channel: &mut Channel,
    to: Position,
    context: &Context<'_>,
) -> Result<(), Refusal> {
    let end_of = |batch| context.plan.batch(batch).map(|b| b.end);
    let following = end_of(next.batch)
        .filter(|end| to < *end)
        .or_else(|| end_of(next.batch.saturating_add(1)));
    channel.frontier = to;
    channel.next_frontier = following.unwrap_or(to);
    next.phase = Phase::Moving {
        since: context.now,
        released: to,
    };
    next.hold = None;
    Ok(())
}

pub(super) fn moved(
    next: &mut Upgrade,
    (failed, unreachable, dropped): (u32, u32, u32),
    now: Timestamp,
) -> Result<(), Refusal> {
    if next.status == Status::CanaryRunning {
        next.status = next.status.after(Step::CanaryDeployed)?;
    }
    next.failures = next.failures.saturating_add(failed);
    if failed > 0 {
        next.failures_by_batch.insert(next.batch, failed);
    }
    if unreachable > 0 {
        next.unreachable_by_batch.insert(next.batch, unreachable);
    }
    if dropped > 0 {
        next.dropped_by_batch.insert(next.batch, dropped);
    }
    next.phase = Phase::Shifting { since: now };
    next.hold = None;
    Ok(())
}
