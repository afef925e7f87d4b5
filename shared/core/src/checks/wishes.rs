//! What a caller may say about checks.

use serde::{Deserialize, Serialize};
use serde_json::Value;

#[cfg(doc)]
use super::{PostUpgradeVerify, PreUpgradeCheck};

/// What is checked before an instance is touched.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum PreCheckKind {
    /// See [`PreUpgradeCheck::HealthCheck`].
    HealthCheck,
    /// See [`PreUpgradeCheck::Custom`].
    Custom,
}

/// What is checked once the new version runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum VerifyKind {
    /// See [`PostUpgradeVerify::Exec`].
    Exec,
    /// See [`PostUpgradeVerify::Metrics`].
    Metrics,
    /// See [`PostUpgradeVerify::Http`].
    Http,
}

/// `preUpgradeCheck` of a request.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default, deny_unknown_fields)]
pub struct PreUpgradeCheckWishes {
    /// Whether it is made; nothing else of it is looked at when it is not. Default true.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub enabled: Option<bool>,
    /// What is checked; must be given.
    #[serde(rename = "type", skip_serializing_if = "Option::is_none")]
    pub kind: Option<PreCheckKind>,
    /// How long it is tried, as in `30s`. Default 30 s.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub timeout: Option<String>,
    /// Of `custom`: the command line.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub command: Option<String>,
    /// Of `custom`: what its output must contain. Default anything.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expected: Option<String>,
}

/// `postUpgradeVerify` of a request.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default, deny_unknown_fields)]
pub struct VerifyWishes {
    /// Whether it is made; nothing else of it is looked at when it is not. Default true.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub enabled: Option<bool>,
    /// What is checked; must be given.
    #[serde(rename = "type", skip_serializing_if = "Option::is_none")]
    pub kind: Option<VerifyKind>,
    /// How long it is tried, as in `30s`. Default 30 s, and 10 s for `http`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub timeout: Option<String>,
    /// Of `exec`: the command line.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub command: Option<String>,
    /// Of `exec`: what its output must contain. Default anything.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expected: Option<String>,
    /// Of `metrics`: what is expected of which.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub metrics: Option<Vec<MetricWish>>,
    /// Of `http`: path and query.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub endpoint: Option<String>,
    /// Of `http`: the status. Default 200.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expected_status: Option<i64>,
}

/// One of `postUpgradeVerify.metrics`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct MetricWish {
    /// Which metric.
    pub name: String,
    /// A number, or a text with a comparison.
    pub expected: Value,
}
