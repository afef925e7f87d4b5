//! What is asked of an upgrade.

use serde::{Deserialize, Serialize};

use super::{Promotion, Strategy};
use crate::checks::{PreUpgradeCheckWishes, VerifyWishes};
use crate::fleet::Switch;
use crate::policy::{Approval, OnBreaker};

/// What a caller may say about an upgrade's course; what is absent takes its default.
///
/// Numbers are as wide as JSON's, so that a value out of range is
/// refused with its range and not as a wrong type.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Wishes {
    /// Default `ROLLING`.
    pub strategy: Option<Strategy>,
    /// Share of the instances in the first canary stage, in percent. Default 10.
    pub canary_percentage: Option<i64>,
    /// Whether a second stage brings the canary to at least 20% before the rest follows. Default true.
    pub canary_second_stage: Option<bool>,
    /// Most instances in one batch. Default 5.
    pub batch_size: Option<i64>,
    /// How long a batch is watched before the next one, in seconds. Default 60.
    pub batch_delay_seconds: Option<i64>,
    /// Time between two looks, in seconds. Default 30.
    pub health_check_interval_seconds: Option<i64>,
    /// How long an instance may take to report from the new version, in seconds. Default 300.
    pub health_check_timeout_seconds: Option<i64>,
    /// Most instances that may be unavailable at a time, in percent. Default 25.
    pub max_unavailable_percentage: Option<i64>,
    /// Most instances that may run the new version beside the old one at a time, where the fleet switches so. Default the
    /// batch size there, 0 elsewhere.
    pub max_surge: Option<i64>,
    /// How the fleet's instances switch; what its declaration says.
    #[serde(skip)]
    pub switch: Switch,
    /// Who has to agree; what the fleet's declaration says.
    #[serde(skip)]
    pub approval: Option<Approval>,
    /// Whether failure brings the fleet back by itself. Default true.
    pub auto_rollback_enabled: Option<bool>,
    /// Failed instances that end the upgrade. Default 3.
    pub failure_threshold: Option<i64>,
    /// Failures in a row that trip the breaker. Default 2.
    pub max_consecutive_failures: Option<i64>,
    /// What the breaker does. Default `rollback` where failure brings the fleet back by itself, else `ask`.
    pub on_breaker: Option<OnBreaker>,
    /// Who says that the canary is good. Default `automatic`.
    pub canary_promotion: Option<Promotion>,
    /// Instances that an upgrade may leave behind because they never answered. Default 0: it waits for each.
    pub unreachable_limit: Option<i64>,
    /// Most instances that a way back may make unavailable at a time, in percent; 100 for all at once. Default that of
    /// the way forward, and at least 25.
    pub rollback_max_unavailable_percentage: Option<i64>,
    /// What must hold on an instance before its program is touched. Default nothing.
    pub pre_upgrade_check: Option<PreUpgradeCheckWishes>,
    /// What must hold on an instance once it runs the new version. Default what the instance itself checks.
    pub post_upgrade_verify: Option<VerifyWishes>,
}
