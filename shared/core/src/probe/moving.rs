//! What a look at a batch leads to until all of it has moved.

use super::*;
use crate::plan::Batch;
use crate::units::Position;

/// A batch of which nothing can move waits for room.
pub(super) fn deploy(look: &Look<'_>) -> Decision {
    let begin = look.plan.batch(look.upgrade.batch).map(|b| b.begin);
    match look.room {
        Some(Room {
            to,
            waits_for: Some(cause),
        }) if Some(*to) == begin => hold(look.upgrade, cause.clone()),
        _ => Decision::Deploy,
    }
}

pub(super) fn moving(look: &Look<'_>, released: Position) -> Decision {
    let Some(batch) = look.plan.batch(look.upgrade.batch) else {
        return Decision::Wait;
    };
    let reported = look.reported();
    if reported >= batch.size() {
        return moved(look, 0, Named::default());
    }
    let missing = missing(batch, released, reported);
    if let Some(room) = look.room {
        if room.to > released {
            return Decision::Apply(Command::Extend { to: room.to });
        }
        if let (0, Some(cause)) = (missing, &room.waits_for) {
            return hold(look.upgrade, cause.clone());
        }
    }
    if missing == 0 || !is_late(look.upgrade, look.plan, look.now) {
        return Decision::Wait;
    }
    let named = look.silent.cloned().unwrap_or_default();
    let left: u32 = look.upgrade.unreachable_by_batch.values().sum();
    // Where nobody has arrived, silence is no detail.
    if released == batch.end
        && look.counts.completed > 0
        && left.saturating_add(missing) <= look.plan.settings.unreachable_limit
    {
        return moved(look, missing, named);
    }
    hold(
        look.upgrade,
        Cause::InstancesSilent {
            batch: Some(batch.index),
            missing,
            named,
        },
    )
}

/// How many of a batch are released and have not reported.
fn missing(batch: &Batch, released: Position, reported: u32) -> u32 {
    released.0.saturating_sub(batch.begin.0).saturating_sub(reported)
}

/// Whether those who were released have had the time that they are given to report, or to go back.
#[must_use]
pub fn is_late(upgrade: &Upgrade, plan: &Plan, now: Timestamp) -> bool {
    match upgrade.phase {
        Phase::Moving { since, .. } => elapsed(since, now, plan.report_timeout_seconds(upgrade.batch)),
        Phase::Reverting { since, frontier } => elapsed(
            since,
            now,
            plan.way_back_timeout_seconds(frontier, upgrade.failures),
        ),
        _ => false,
    }
}

fn moved(look: &Look<'_>, unreachable: u32, named: Named) -> Decision {
    let Counts { completed, failed } = look.counts;
    Decision::Apply(Command::Moved {
        completed,
        failed,
        unreachable,
        named,
        dropped: look.dropped,
        failures_in_a_row: look.in_a_row().last,
    })
}
