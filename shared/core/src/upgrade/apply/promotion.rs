//! Whose word lets the rest follow a canary.

use super::*;
use crate::settings::Promotion;

/// Whether the current batch is the last of the canary.
pub(super) fn ends_the_canary(upgrade: &Upgrade, plan: &Plan) -> bool {
    let next = plan.batch(upgrade.batch.saturating_add(1));
    upgrade.status == Status::CanaryMonitoring && next.is_none_or(|b| b.kind != Kind::Canary)
}

/// Whether the current batch is not to pass before an operator has promoted the canary.
pub(crate) fn awaits_promotion(upgrade: &Upgrade, plan: &Plan) -> bool {
    let manual = plan.settings.canary_promotion == Promotion::Manual;
    manual && upgrade.promoted_by.is_none() && ends_the_canary(upgrade, plan)
}
