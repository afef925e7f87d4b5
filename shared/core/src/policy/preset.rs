//! Named sets of values. Each is what one sentence of advice comes to; a policy's own values go before them.

use serde::{Deserialize, Serialize};

use super::Policy;
use super::check::partition::Partition;
use super::parts::{
    Batches, PostUpgradeVerify, PreCheckKind, PreUpgradeCheck, Rollback, RollingUpdate, VerifyKind, Watch,
};
use crate::seconds::Seconds;
use crate::units::{Amount, Count, Percent};

/// A named set of values.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum Preset {
    /// No instance is ever missing: none unavailable, one beyond the fleet's size.
    ZeroDowntime,
    /// No instance beyond the fleet's size, one unavailable.
    LeastResources,
    /// The last instance alone first.
    Canary,
    /// Checks before and after each move.
    Production,
    /// Failure brings the fleet back by itself.
    CriticalData,
    /// Few large batches: half of the fleet at a time.
    FastRollback,
    /// Small batches of a tenth, and one failure trips the breaker.
    #[serde(rename = "tier-1")]
    Tier1,
}

impl Preset {
    /// All of them.
    pub const ALL: [Self; 7] = [
        Self::ZeroDowntime,
        Self::LeastResources,
        Self::Canary,
        Self::Production,
        Self::CriticalData,
        Self::FastRollback,
        Self::Tier1,
    ];

    /// Its values.
    #[must_use]
    pub fn policy(self) -> Policy {
        let moving = |max_surge: Option<u32>, max_unavailable: Option<u32>, partition| Policy {
            rolling_update: Some(RollingUpdate {
                max_surge,
                max_unavailable: max_unavailable.map(Amount::Count),
                partition,
                timeout: None,
            }),
            ..Policy::default()
        };
        match self {
            Self::ZeroDowntime => moving(Some(1), Some(0), None),
            Self::LeastResources => moving(Some(0), Some(1), None),
            Self::Canary => moving(None, None, Some(Partition::Last(1))),
            Self::Production => Policy {
                pre_upgrade_check: Some(PreUpgradeCheck {
                    enabled: Some(true),
                    kind: Some(PreCheckKind::HealthCheck),
                    timeout: Seconds::new(30).ok(),
                    ..PreUpgradeCheck::default()
                }),
                post_upgrade_verify: Some(PostUpgradeVerify {
                    enabled: Some(true),
                    kind: Some(VerifyKind::Http),
                    endpoint: Some("/health".to_owned()),
                    expected_status: Some(200),
                    timeout: Seconds::new(10).ok(),
                    ..PostUpgradeVerify::default()
                }),
                ..Policy::default()
            },
            Self::CriticalData => Policy {
                rollback: Some(Rollback {
                    enabled: Some(true),
                    on_failure: Some(true),
                    ..Rollback::default()
                }),
                ..Policy::default()
            },
            Self::FastRollback => batches_of(50),
            Self::Tier1 => Policy {
                watch: Some(Watch {
                    max_consecutive_failures: Count::new(1).ok(),
                    ..Watch::default()
                }),
                ..batches_of(10)
            },
        }
    }
}

fn batches_of(percentage: i64) -> Policy {
    Policy {
        batches: Some(Batches {
            percentage: Percent::new(percentage).ok(),
            ..Batches::default()
        }),
        ..Policy::default()
    }
}
