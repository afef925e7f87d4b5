//! The parts of a policy.

use serde::{Deserialize, Serialize};

use super::check::expected::Expected;
use super::check::partition::Partition;
use crate::seconds::Seconds;
use crate::settings::Promotion;
use crate::units::{Amount, Count, Percent};

/// Which instances go first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum Order {
    /// Dealt out over the failure domains, so that no batch takes one away.
    #[default]
    Spread,
    /// By ordinal.
    Index,
}

/// What happens to a batch that moves when the window closes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum OnWindowEnd {
    /// It is finished; the next one waits for the next window.
    FinishBatch,
    /// Instances that have begun finish, and the upgrade is paused.
    Pause,
    /// The fleet goes back.
    Rollback,
    /// The upgrade goes on; an alert says so.
    Continue,
}

/// What happens to a plan that does not fit into one window, its way back included.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum OnTooLong {
    /// It is refused, with the time that it needs and the time that there is.
    Refuse,
    /// It goes on in the next window: each batch only where it fits together with the way back.
    Split,
}

/// Who has to agree.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum Approval {
    /// Somebody else than the requester, before anything moves.
    #[default]
    Always,
    /// Somebody else than the requester, before anything moves and before each stage.
    Stages,
    /// Nobody.
    Never,
}

impl Approval {
    /// Whether it is what holds where nothing is said.
    #[must_use]
    pub fn is_usual(&self) -> bool {
        *self == Self::default()
    }
}

/// What a pause does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum OnPause {
    /// Everything stays as it is, and is watched.
    Hold,
    /// The fleet goes back.
    Rollback,
}

/// What a harmful verdict or a failed limit does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum OnHarm {
    /// The fleet goes back.
    Rollback,
    /// The upgrade is paused, and an operator is asked.
    Pause,
    /// Somebody is told.
    Alert,
}

/// What happens when monitoring stays silent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum OnMissing {
    /// Nothing more is released.
    Hold,
    /// The upgrade is paused.
    Pause,
    /// The fleet goes back.
    Rollback,
}

/// What too many failures in a row do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum OnBreaker {
    /// The fleet goes back.
    Rollback,
    /// The upgrade is paused, and an operator says how it goes on.
    Ask,
}

/// The instances that go first and are watched.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct Canary {
    /// Share of the instances in the first stage. Default 10.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub percentage: Option<Percent>,
    /// Whether a second stage brings it to at least 20%. Default true.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub second_stage: Option<bool>,
    /// The stages themselves, each a share of all instances, growing; instead of the two above.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stages: Option<Vec<Percent>>,
    /// Who says that it is good, so that the rest follows. Default `automatic`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub promotion: Option<Promotion>,
}

/// How the instances after the canary are divided: at most one of `count`, `percentage`, `ratios` and `rollingUpdate.partition`.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct Batches {
    /// Most instances in one batch. Default 5.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub count: Option<Count>,
    /// Most of the fleet in one batch, 1 to 100.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub percentage: Option<Percent>,
    /// The share of the fleet in each stage, in order; together 100. A canary is the first of them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ratios: Option<Vec<Percent>>,
    /// How long a batch is watched before the next one. Default 60 s.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub delay: Option<Seconds>,
}

/// What may be missing or too many while instances move, and which of them do.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct RollingUpdate {
    /// Most instances beyond the fleet's size at a time. Default 0.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_surge: Option<u32>,
    /// Most instances that may be unavailable at a time: a number or a percentage. Default `25%`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_unavailable: Option<Amount>,
    /// Only instances with this ordinal or a higher one move now, the others when it is lowered: a number, or
    /// `"replicas - 1"`. Default 0: all.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub partition: Option<Partition>,
    /// How long an instance may take to report from the new version. Default 300 s.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub timeout: Option<Seconds>,
}

/// How a batch is watched.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct Watch {
    /// Time between two looks. Default 30 s.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub interval: Option<Seconds>,
    /// Failed instances that end the upgrade. Default 3.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub failure_threshold: Option<Count>,
    /// Failures in a row that trip the breaker. Default 2.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_consecutive_failures: Option<Count>,
    /// What the breaker does. Default `rollback` where going back by itself is on, else `ask`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub on_breaker: Option<OnBreaker>,
    /// What a harmful verdict does. Default `rollback`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub on_harm: Option<OnHarm>,
    /// How often a failed check of an instance is tried again.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub retry: Option<Retry>,
    /// What happens when monitoring stays silent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub missing_data: Option<MissingData>,
}

/// How often a failed check is tried again.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct Retry {
    /// Tries in all. Default 3.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub attempts: Option<Count>,
    /// Time between two of them. Default 10 s.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub delay: Option<Seconds>,
}

/// What happens when monitoring stays silent; nothing passes meanwhile.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct MissingData {
    /// When somebody is told. Default 300 s.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub alert_after: Option<Seconds>,
    /// When more than holding is done. Default 900 s.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub act_after: Option<Seconds>,
    /// What is done then. Default `pause`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub action: Option<OnMissing>,
}

/// A limit on one metric.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Gate {
    /// The metric's name.
    pub metric: String,
    /// What it has to be: a number, or a comparison such as `"<5"` or `">=0.99"`.
    pub expected: Expected,
    /// What happens when it is not. Default `rollback`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub on_failure: Option<OnHarm>,
}

/// What kind of check is made before an instance moves.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum PreCheckKind {
    /// The instance's own health check.
    HealthCheck,
    /// A command.
    Custom,
}

/// What kind of check is made after an instance moved.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum VerifyKind {
    /// A command.
    Exec,
    /// Metrics of the instance.
    Metrics,
    /// A request.
    Http,
}

/// What an instance has to pass before it moves.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct PreUpgradeCheck {
    /// Whether it is made. Default true where the block is there.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub enabled: Option<bool>,
    /// What kind it is.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[serde(rename = "type")]
    pub kind: Option<PreCheckKind>,
    /// How long it may take.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub timeout: Option<Seconds>,
    /// For `custom`: the command, run by a shell.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub command: Option<String>,
    /// For `custom`: what its output has to contain.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expected: Option<String>,
}

/// What an instance has to pass after it moved.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct PostUpgradeVerify {
    /// Whether it is made. Default true where the block is there.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub enabled: Option<bool>,
    /// What kind it is.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[serde(rename = "type")]
    pub kind: Option<VerifyKind>,
    /// How long it may take.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub timeout: Option<Seconds>,
    /// For `exec`: the command, run by a shell.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub command: Option<String>,
    /// For `exec`: what its output has to contain.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expected: Option<String>,
    /// For `metrics`: what each has to be.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub metrics: Option<Vec<ExpectedMetric>>,
    /// For `http`: the path.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub endpoint: Option<String>,
    /// For `http`: the status that has to come, 100 to 599.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expected_status: Option<u16>,
}

/// What a metric of the instance has to be.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ExpectedMetric {
    /// The metric's name.
    pub name: String,
    /// What it has to be: a number, or a comparison such as `">0"`.
    pub expected: Expected,
}

/// How the fleet goes back.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct Rollback {
    /// Whether it may at all. Default true.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub enabled: Option<bool>,
    /// Whether failure brings it back by itself. Default true.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub on_failure: Option<bool>,
    /// Ways back in a row after which an operator is asked instead. Default 3.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub limit: Option<Count>,
    /// Most instances that may be unavailable on the way back. Default: what the way there allows, at least `25%`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_unavailable: Option<Amount>,
}

/// How much may happen at a time. Absent means no limit.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct Limits {
    /// Upgrades that run in the whole system.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub upgrades_per_system: Option<Count>,
    /// Upgrades that run for one tenant.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub upgrades_per_tenant: Option<Count>,
    /// Batches that move in the whole system.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub batches_per_system: Option<Count>,
    /// Batches that move for one tenant.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub batches_per_tenant: Option<Count>,
    /// Minutes that a tenant's instances may run a version that has not passed yet, added up over a day: the budget of its blast radius.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub instance_minutes_per_day: Option<u64>,
}

/// Upgrades are paused until this is taken away.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Paused {
    /// Why.
    pub reason: String,
}

/// By what somebody is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum NoticeKind {
    /// A topic of SNS; `to` is its ARN.
    Sns,
    /// A bus of EventBridge; `to` is its name.
    EventBus,
    /// A request; `to` is the URL.
    Webhook,
    /// A message; `to` is the address.
    Email,
}

/// What somebody is told of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum Occasion {
    /// A plan waits for approval.
    Approval,
    /// A batch begins or ends.
    Progress,
    /// Something is wrong.
    Alert,
    /// The fleet goes back.
    Rollback,
    /// The report is there.
    Report,
}

/// Who is told what.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Notice {
    /// By what.
    pub kind: NoticeKind,
    /// Whom: an ARN, a name, a URL or an address.
    pub to: String,
    /// Of what. Default: everything.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub on: Option<Vec<Occasion>>,
}
