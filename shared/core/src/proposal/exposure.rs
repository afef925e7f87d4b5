//! How far a bad version could reach: the blast radius.

use serde::{Deserialize, Serialize};

use super::schedule::Slot;
use crate::plan::{Kind, Plan};
use crate::units::Percent;

/// Instances that run the new version before it has passed, and for how long.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Exposure {
    /// Minutes of instances on the new version, from each batch's release until the last batch has passed, added up.
    pub instance_minutes: u64,
    /// As much of them as lies before the canary has passed; 0 without a canary.
    pub canary_instance_minutes: u64,
    /// Most instances that run the new version when the first batch fails.
    pub first_instances: u32,
    /// Their share of the fleet.
    pub first_share: Percent,
    /// The most instances that are added between one look at the evidence and the next.
    pub largest_step_instances: u32,
}

/// Adds the exposure up.
#[must_use]
pub fn of(plan: &Plan, slots: &[Slot]) -> Exposure {
    let until = |end: Option<&Slot>, which: &dyn Fn(Kind) -> bool| -> u64 {
        let Some(end) = end else { return 0 };
        let seconds = plan
            .batches
            .iter()
            .zip(slots)
            .filter(|(batch, _)| which(batch.kind))
            .map(|(batch, slot)| {
                let seconds = slot.release_at.duration_until(end.end_at).as_secs();
                u64::from(batch.size()) * u64::try_from(seconds).unwrap_or(0)
            });
        seconds.sum::<u64>().div_ceil(60)
    };
    let canary = plan
        .batches
        .iter()
        .zip(slots)
        .rfind(|(batch, _)| batch.kind == Kind::Canary);
    let first = plan.batches.first().map_or(0, crate::plan::Batch::size);
    Exposure {
        instance_minutes: until(slots.last(), &|_| true),
        canary_instance_minutes: until(canary.map(|(_, slot)| slot), &|kind| kind == Kind::Canary),
        first_instances: first,
        first_share: Percent::ratio(first, plan.total_instances),
        largest_step_instances: plan
            .batches
            .iter()
            .map(crate::plan::Batch::size)
            .max()
            .unwrap_or(0),
    }
}
