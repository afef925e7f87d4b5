//! Stops as the API shows them.

use serde::{Deserialize, Serialize};
use sluice_core::ids::UpgradeId;
use sluice_core::stop::Stop;

/// A stop that was set or lifted, and what became of it at once.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StopView {
    /// The stop.
    #[serde(flatten)]
    pub stop: Stop,
    /// The upgrades that were paused or went on.
    pub changed: Vec<UpgradeId>,
}

/// `GET /tenants/{tenantId}/stops`: the stops in force that concern a tenant.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StopList {
    /// In any order.
    pub stops: Vec<Stop>,
}
