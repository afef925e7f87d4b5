//! What a system, a tenant, a component and a request prescribe for upgrades.
//!
//! | module | is about |
//! |---|---|
//! | [`Policy`], [`parts`] | one policy as it is written; everything in it may be absent |
//! | [`read`] | YAML and JSON with limits, and where in the file something is wrong |
//! | [`check`] | what contradicts itself |
//! | [`preset`] | named sets of values |
//! | [`effective`] | layers put together, and which one each value is from |
//! | [`request`] | a request, whose keys may be the API's and a policy's |
//! | [`files`] | files that hold the policies of many tenants and components |
//! | [`kept`] | revisions of a policy, with who set them |
//! | [`obeyed`] | what of a policy running upgrades follow |
//!
//! The layers are, from the weakest: Sluice's defaults, system, tenant, component, request. A stronger layer replaces a
//! value, except where that could take a protection away: freezes add up, a stop or pause of any layer holds, and of
//! two limits the smaller one counts. No policy crosses tenants.

pub mod check;
pub mod effective;
pub mod files;
pub mod kept;
mod locate;
pub mod obeyed;
pub mod parts;
pub mod preset;
pub mod read;
pub mod request;

use serde::{Deserialize, Serialize};

use crate::settings::Strategy;
use crate::window::{FreezeSpec, Stop, WindowSpec};

pub use effective::{Effective, Layer, LayerName, Origin, effective};
pub use parts::{
    Approval, Batches, Canary, Gate, Limits, Notice, OnBreaker, OnHarm, OnPause, OnTooLong, OnWindowEnd,
    Order, Paused, PostUpgradeVerify, PreUpgradeCheck, Rollback, RollingUpdate, Watch,
};
pub use preset::Preset;
pub use read::{Refusal, read};

/// One policy as it is written. What is absent is left to the weaker layers.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct Policy {
    /// A named set of values, below this policy's own.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub preset: Option<Preset>,
    /// How the fleet goes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub strategy: Option<Strategy>,
    /// Which instances go first. Default `spread`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub order: Option<Order>,
    /// The instances that go first and are watched.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub canary: Option<Canary>,
    /// How the rest is divided.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub batches: Option<Batches>,
    /// What may be missing or too many while instances move, and which of them do.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rolling_update: Option<RollingUpdate>,
    /// How a batch is watched.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub watch: Option<Watch>,
    /// What metrics have to be, beside the comparison of the two versions.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub gates: Option<Vec<Gate>>,
    /// What an instance has to pass before it moves.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pre_upgrade_check: Option<PreUpgradeCheck>,
    /// What an instance has to pass after it moved.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub post_upgrade_verify: Option<PostUpgradeVerify>,
    /// How the fleet goes back.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rollback: Option<Rollback>,
    /// When batches may be released; always when there is none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub windows: Option<Vec<WindowSpec>>,
    /// When they may not, whatever window is open. Those of all layers hold.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub freezes: Option<Vec<FreezeSpec>>,
    /// Nothing is released until this is taken away. One of any layer holds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub emergency_stop: Option<Stop>,
    /// What happens to a batch that moves when the window closes. Default `finish-batch`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub on_window_end: Option<OnWindowEnd>,
    /// What happens to a plan that does not fit into one window, its way back included. Default `refuse`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub on_too_long: Option<OnTooLong>,
    /// Who has to agree. Default `always`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub approval: Option<Approval>,
    /// Upgrades are paused until this is taken away. One of any layer holds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub paused: Option<Paused>,
    /// What a pause does. Default `hold`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub on_pause: Option<OnPause>,
    /// How much may happen at a time. Of two limits the smaller one counts.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub limits: Option<Limits>,
    /// Who is told what.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub notify: Option<Vec<Notice>>,
}

#[cfg(test)]
mod tests;
