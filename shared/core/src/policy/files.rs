//! Files that hold what is prescribed for many tenants and components.
//!
//! | file | type | holds |
//! |---|---|---|
//! | `config/version/upgrade_policies.yaml` | [`UpgradePolicies`] | whole policies |
//! | `config/plugins/upgrade_windows.yaml` | [`UpgradeWindows`] | maintenance windows, gray ratio, pause |
//! | `config/plugins/health_checks.yaml` | [`HealthChecks`] | metrics and their limits, retries, checks of instances |

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::Policy;
use super::check::check;
use super::effective::{Layer, LayerName};
use super::parts::{Canary, Gate, OnPause, Paused, PostUpgradeVerify, PreUpgradeCheck, Retry, Watch};
use super::read::Wrong;
use crate::ids::TenantId;
use crate::units::Percent;
use crate::window::{FreezeSpec, WindowSpec};

/// What is prescribed for all, for tenants, and for plugins (components, by their name or id).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ByWhom<T> {
    /// For all.
    #[serde(default)]
    pub defaults: Option<T>,
    /// For a tenant.
    #[serde(default)]
    #[cfg_attr(test, schemars(with = "BTreeMap<String, T>"))]
    pub tenants: BTreeMap<TenantId, T>,
    /// For a plugin.
    #[serde(default)]
    pub plugins: BTreeMap<String, T>,
}

/// Whole policies: `config/version/upgrade_policies.yaml`.
pub type UpgradePolicies = ByWhom<Policy>;

/// Maintenance windows, gray ratio and pause: `config/plugins/upgrade_windows.yaml`.
pub type UpgradeWindows = ByWhom<WindowsEntry>;

/// Metrics, limits, retries and checks: `config/plugins/health_checks.yaml`.
pub type HealthChecks = ByWhom<HealthEntry>;

/// An entry of `upgrade_windows.yaml`.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct WindowsEntry {
    /// When batches may be released.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub maintenance_windows: Option<Vec<WindowSpec>>,
    /// When they may not.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub freezes: Option<Vec<FreezeSpec>>,
    /// Share of the instances in the first canary stage.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub gray_ratio: Option<Percent>,
    /// The switch that pauses upgrades: paused while it is there.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub paused: Option<Paused>,
    /// What a pause does.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pause_policy: Option<OnPause>,
}

/// An entry of `health_checks.yaml`.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct HealthEntry {
    /// What metrics have to be.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub metrics: Option<Vec<Gate>>,
    /// How often a failed check is tried again.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub retry: Option<Retry>,
    /// What an instance has to pass before it moves.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pre_upgrade_check: Option<PreUpgradeCheck>,
    /// What an instance has to pass after it moved.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub post_upgrade_verify: Option<PostUpgradeVerify>,
}

/// What can stand for a policy, and how its keys are called there.
pub trait Entry: Clone + Default {
    /// The policy that it means.
    fn policy(&self) -> Policy;
    /// A key of that policy as the entry calls it.
    fn path(path: &str) -> String;
}

impl Entry for Policy {
    fn policy(&self) -> Policy {
        self.clone()
    }

    fn path(path: &str) -> String {
        path.to_owned()
    }
}

impl Entry for WindowsEntry {
    fn policy(&self) -> Policy {
        Policy {
            windows: self.maintenance_windows.clone(),
            freezes: self.freezes.clone(),
            canary: self.gray_ratio.map(|percentage| Canary {
                percentage: Some(percentage),
                ..Canary::default()
            }),
            paused: self.paused.clone(),
            on_pause: self.pause_policy,
            ..Policy::default()
        }
    }

    fn path(path: &str) -> String {
        path.replacen("windows", "maintenanceWindows", 1)
    }
}

impl Entry for HealthEntry {
    fn policy(&self) -> Policy {
        Policy {
            gates: self.metrics.clone(),
            watch: self.retry.clone().map(|retry| Watch {
                retry: Some(retry),
                ..Watch::default()
            }),
            pre_upgrade_check: self.pre_upgrade_check.clone(),
            post_upgrade_verify: self.post_upgrade_verify.clone(),
            ..Policy::default()
        }
    }

    fn path(path: &str) -> String {
        path.replacen("gates", "metrics", 1)
    }
}

impl<T: Entry> ByWhom<T> {
    /// What of it holds for a tenant's plugin, from the weakest.
    #[must_use]
    pub fn layers(&self, file: &str, tenant: Option<&TenantId>, plugin: Option<&str>) -> Vec<Layer> {
        let entries = [
            (LayerName::System, self.defaults.as_ref()),
            (LayerName::Tenant, tenant.and_then(|t| self.tenants.get(t))),
            (LayerName::Component, plugin.and_then(|p| self.plugins.get(p))),
        ];
        let layer = |(name, entry): (LayerName, Option<&T>)| {
            entry.map(|entry| Layer {
                name,
                file: file.to_owned(),
                revision: None,
                policy: entry.policy(),
            })
        };
        entries.into_iter().filter_map(layer).collect()
    }

    /// All entries.
    pub fn entries(&self) -> impl Iterator<Item = &T> {
        self.defaults
            .iter()
            .chain(self.tenants.values())
            .chain(self.plugins.values())
    }

    /// Everything in it that contradicts itself; `files` are the texts of the iCalendar files that freezes name.
    #[must_use]
    pub fn check(&self, files: &BTreeMap<String, String>) -> Vec<Wrong> {
        let defaults = self.defaults.iter().map(|e| ("defaults".to_owned(), e));
        let tenants = self
            .tenants
            .iter()
            .map(|(name, e)| (format!("tenants.{name}"), e));
        let plugins = self
            .plugins
            .iter()
            .map(|(name, e)| (format!("plugins.{name}"), e));
        let mut wrongs = Vec::new();
        for (path, entry) in defaults.chain(tenants).chain(plugins) {
            wrongs.extend(check(&entry.policy(), files).into_iter().map(|wrong| Wrong {
                path: format!("{path}.{}", T::path(&wrong.path)),
                ..wrong
            }));
        }
        wrongs
    }
}
