//! What a look at a way back leads to.

use super::*;

/// What a look at a fleet on its way back leads to.
///
/// `counts` are the acknowledgements of the revert's epoch.
#[must_use]
pub fn decide_revert(look: &Look<'_>) -> Decision {
    let upgrade = look.upgrade;
    let (Status::RollingBack, Phase::Reverting { frontier, .. }) = (upgrade.status, upgrade.phase) else {
        return if upgrade.status.is_terminal() {
            Decision::Ended
        } else {
            Decision::Superseded
        };
    };
    if (look.epoch, look.attempt) != (upgrade.epoch, upgrade.attempt) {
        return Decision::Superseded;
    }
    if traffic::due(upgrade, look.plan, look.counts.completed).is_some() {
        return Decision::Shift;
    }
    let Counts { completed, failed } = look.counts;
    let traffic_is_back = upgrade.clocks.t3_traffic_back.is_some();
    let dropped = look.dropped;
    if completed.saturating_add(dropped) >= frontier.0 && traffic_is_back {
        return Decision::Apply(Command::RolledBack {
            acknowledged: completed,
            dropped,
        });
    }
    let missing = frontier.0.saturating_sub(look.reported());
    let late = is_late(upgrade, look.plan, look.now);
    let named = look.silent.cloned().unwrap_or_default();
    if traffic_is_back && (late || (failed > 0 && missing == 0)) {
        let total = frontier.0;
        let reason = format!(
            "of {total} instances {failed} could not be brought back and {missing} did not answer{}",
            named.of_all(missing)
        );
        return Decision::Apply(Command::Fail {
            reason,
            checks: Vec::new(),
        });
    }
    if late {
        let cause = Cause::InstancesSilent {
            batch: None,
            missing,
            named,
        };
        return hold(upgrade, cause);
    }
    Decision::Wait
}
