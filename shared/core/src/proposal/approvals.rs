//! Who has to agree to what.

use serde::{Deserialize, Serialize};

use crate::plan::Plan;
use crate::policy::Approval;
use crate::settings::{Shape, Strategy};
use crate::units::Percent;

/// Something that has to be agreed to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ApprovalNeeded {
    /// Before which batch.
    pub before_batch: u32,
    /// Why.
    pub reason: String,
}

/// What has to be agreed to, in the order in which it comes up.
#[must_use]
pub fn needed(plan: &Plan, approval: Approval) -> Vec<ApprovalNeeded> {
    let mut needed = Vec::new();
    let mut add = |before_batch: u32, reason: &str| {
        needed.push(ApprovalNeeded {
            before_batch,
            reason: reason.to_owned(),
        });
    };
    if approval != Approval::Never {
        add(
            0,
            "the plan, by somebody else than the requester, before anything moves",
        );
    }
    let staged = plan.settings.strategy == Strategy::Staged;
    if approval == Approval::Stages || staged {
        let each = staged || matches!(plan.settings.shape, Shape::Ratios(_));
        for pair in plan.batches.windows(2) {
            let leaves_canary = pair[0].kind != pair[1].kind;
            let new_stage = leaves_canary || (each && is_stage_end(plan, pair[0].end.0));
            if new_stage {
                add(
                    pair[1].index,
                    "a stage has ended, and somebody else than the requester has to let it go on",
                );
            }
        }
    }
    needed
}

/// Whether a stage ends at a position; each batch is a stage of its own where no ratios are set.
fn is_stage_end(plan: &Plan, end: u32) -> bool {
    let Shape::Ratios(ratios) = &plan.settings.shape else {
        return true;
    };
    let moving = plan.moving_instances();
    let mut share = 0i64;
    ratios.iter().any(|ratio| {
        share += i64::from(*ratio);
        Percent::new(share).unwrap_or_default().of_ceil(moving) == end
    })
}
