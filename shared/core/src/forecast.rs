//! How long it will take: from what earlier upgrades of the component took, or from the times of the policy.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::plan::Plan;
use crate::version::Step;

/// What is known of a component's past.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct History {
    /// Its earlier upgrades, in any order.
    pub upgrades: Vec<Past>,
    /// What was learnt from them.
    pub learnings: Vec<crate::proposal::Learning>,
    /// The plan before this one, as it was printed.
    pub previous_plan: Option<Plan>,
    /// What runs now.
    pub usage: crate::limits::Usage,
}

/// An earlier upgrade.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct Past {
    /// When it began.
    pub at: Option<Timestamp>,
    /// Which kind of step it was.
    pub step: Option<Step>,
    /// How long each batch took from its release until all its instances had reported, in seconds.
    pub batch_seconds: Vec<u32>,
    /// How long each wave of its way back took, in seconds; empty when it did not go back.
    pub rollback_wave_seconds: Vec<u32>,
}

/// The fewest samples that are believed rather than the policy's limits.
pub const MIN_SAMPLES: usize = 3;

/// The most recent samples that count: machines and artifacts change.
const MAX_SAMPLES: usize = 200;

/// Seconds that something takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Estimate {
    /// Half of the time it takes no longer.
    pub likely_seconds: u32,
    /// Nine times of ten it takes no longer.
    pub high_seconds: u32,
    /// How many samples that rests on; 0 when it is the policy's limit.
    pub samples: u32,
}

/// What a plan is forecast with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Forecast {
    /// From a batch's release until its instances have reported.
    pub batch: Estimate,
    /// One wave of the way back.
    pub rollback_wave: Estimate,
    /// Most instances that go back in one wave.
    pub rollback_wave_instances: u32,
}

impl Forecast {
    /// Works the estimates out; `rollback_wave_instances` is what may go back at a time.
    #[must_use]
    pub fn of(plan: &Plan, history: &History, rollback_wave_instances: u32) -> Self {
        let limit = plan.settings.health_check_timeout_seconds;
        let mut past: Vec<&Past> = history.upgrades.iter().collect();
        past.sort_by_key(|p| std::cmp::Reverse(p.at));
        let newest = |samples: fn(&Past) -> &[u32]| -> Vec<u32> {
            past.iter()
                .flat_map(|p| samples(p))
                .copied()
                .take(MAX_SAMPLES)
                .collect()
        };
        let policy = Estimate {
            likely_seconds: limit,
            high_seconds: limit,
            samples: 0,
        };
        let batch = estimate(newest(|p| &p.batch_seconds)).unwrap_or(policy);
        // Going back is the same move the other way round, so it is expected to take as long.
        let rollback_wave = estimate(newest(|p| &p.rollback_wave_seconds)).unwrap_or(batch);
        Self {
            batch,
            rollback_wave,
            rollback_wave_instances: rollback_wave_instances.max(1),
        }
    }

    /// How long the way back takes from so many instances, in seconds, nine times of ten.
    #[must_use]
    pub fn rollback_seconds(&self, instances: u32) -> u64 {
        let waves = instances.div_ceil(self.rollback_wave_instances);
        u64::from(waves) * u64::from(self.rollback_wave.high_seconds)
    }
}

fn estimate(mut samples: Vec<u32>) -> Option<Estimate> {
    if samples.len() < MIN_SAMPLES {
        return None;
    }
    samples.sort_unstable();
    Some(Estimate {
        likely_seconds: quantile(&samples, 50)?,
        high_seconds: quantile(&samples, 90)?,
        samples: u32::try_from(samples.len()).unwrap_or(u32::MAX),
    })
}

/// The smallest sample that so many percent of all are not above (nearest rank).
fn quantile(sorted: &[u32], percent: usize) -> Option<u32> {
    let rank = (sorted.len() * percent).div_ceil(100).max(1);
    sorted.get(rank - 1).copied()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_are_samples() {
        for (samples, half, most) in [
            (vec![10, 20, 30], Some(20), Some(30)),
            (vec![30, 10, 20, 40], Some(20), Some(40)),
            ((1..=10).collect(), Some(5), Some(9)),
            ((1..=100).rev().collect(), Some(50), Some(90)),
            (vec![1, 2], None, None),
        ] {
            let found = estimate(samples.clone());
            let found = (found.map(|e| e.likely_seconds), found.map(|e| e.high_seconds));
            assert_eq!(found, (half, most), "{samples:?}");
        }
    }
}
