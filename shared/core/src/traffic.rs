//! Which share of the traffic the new version may get.

use crate::lifecycle::Status;
use crate::plan::Plan;
use crate::units::Percent;
use crate::upgrade::{Phase, Upgrade};

/// The new version's share that is to be set on the route now, or none while the route is as it should be.
///
/// `acknowledged` counts the instances that are back on the old version while the fleet goes back.
#[must_use]
pub fn due(upgrade: &Upgrade, plan: &Plan, acknowledged: u32) -> Option<Percent> {
    let weight = target(upgrade, plan, acknowledged)?;
    // What the record holds is not believed before the route was read: an upgrade before this one may have left it
    // anywhere, and a share may have been set whose confirmation got lost.
    let unconfirmed = match upgrade.phase {
        // A batch that has moved begins its bake by this, whether its share is a new one or not.
        Phase::Shifting { .. } => true,
        Phase::Reverting { .. } => weight == Percent::ZERO && upgrade.clocks.t3_traffic_back.is_none(),
        _ => !upgrade.route_verified,
    };
    (unconfirmed || weight != upgrade.weight).then_some(weight)
}

/// The new version's share that the record allows now, or none where it says nothing about traffic.
fn target(upgrade: &Upgrade, plan: &Plan, acknowledged: u32) -> Option<Percent> {
    let batch = plan.batch(upgrade.batch);
    let wanted = match (upgrade.status, upgrade.phase) {
        (Status::RollingBack, Phase::Reverting { frontier, .. }) => back(
            plan.total_instances,
            plan.max_unavailable(),
            frontier.0,
            acknowledged,
        )
        .min(upgrade.weight),
        (Status::CanaryRunning | Status::CanaryMonitoring | Status::InProgress, Phase::Ready { .. }) => {
            batch?.weight_before
        }
        (Status::CanaryMonitoring | Status::InProgress, Phase::Shifting { .. }) => batch?.weight_after,
        _ => return None,
    };
    Some(wanted)
}

/// The new version's share while a fleet goes back: the old version takes over no faster than its instances are
/// there, measured by what the fleet is allowed to run with (all but the cap on unavailable ones).
fn back(total: u32, max_unavailable: u32, frontier: u32, acknowledged: u32) -> Percent {
    let old = total
        .saturating_sub(frontier)
        .saturating_add(acknowledged)
        .min(total);
    let enough = total.saturating_sub(max_unavailable).max(1);
    let share = i64::from(Percent::ratio(old.min(enough), enough));
    Percent::new(100 - share).unwrap_or(Percent::ZERO)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_way_back_follows_the_old_versions_instances() {
        for (total, cap, frontier, acknowledged, expected) in [
            (20, 5, 2, 0, 0),
            (20, 5, 5, 0, 0),
            (20, 5, 20, 0, 100),
            (20, 5, 20, 6, 60),
            (20, 5, 20, 15, 0),
            (20, 5, 20, 20, 0),
            (1, 1, 1, 0, 100),
            (1, 1, 1, 1, 0),
        ] {
            assert_eq!(
                i64::from(back(total, cap, frontier, acknowledged)),
                expected,
                "{total} {frontier} {acknowledged}"
            );
        }
    }
}
