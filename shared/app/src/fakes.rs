//! An in-memory world for tests: all ports on one set of maps, with the conditions of the real table.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use sluice_core::channel::Channel;
use sluice_core::fleet::Fleet;
use sluice_core::ids::{ComponentId, FleetKey, KeyId, TenantId, UpgradeId, VersionId};
use sluice_core::plan::Plan;
use sluice_core::policy::kept::{Owner, Revision};
use sluice_core::probe::{Counts, Failed};
use sluice_core::release::Release;
use sluice_core::room::Trouble;
use sluice_core::stop::{Covers, Stop};
use sluice_core::units::{Ordinal, Rev, Seq};
use sluice_core::upgrade::{Change, Event, Upgrade};
use sluice_judge::errors::Datapoint;
use sluice_judge::gate::Series;

use crate::ports::Fence;
use crate::ports::{
    Alert, Group, Look, Machine, PortError, PortErrorKind, Quantile, StoredInstance, StoredResponse,
    StoredSecret, Taken, Weights, Whose,
};

mod outside;
mod places;
mod policies;
mod state;

/// Everything that the world holds. Tests read and change it between calls.
#[derive(Debug, Clone, Default)]
#[expect(missing_docs, reason = "named like the ports that fill them")]
pub struct State {
    pub upgrades: HashMap<UpgradeId, Upgrade>,
    pub plans: HashMap<UpgradeId, Plan>,
    pub events: HashMap<UpgradeId, Vec<Event>>,
    pub changes: Vec<Change>,
    pub cursors: HashMap<UpgradeId, Seq>,
    pub looks: HashMap<UpgradeId, Look>,
    pub channels: HashMap<FleetKey, Channel>,
    pub locks: HashMap<(TenantId, ComponentId), UpgradeId>,
    pub counts: BTreeMap<Group, Counts>,
    pub failed: BTreeMap<Group, Vec<Failed>>,
    pub stops: BTreeMap<Covers, Stop>,
    pub fleets: HashMap<FleetKey, Fleet>,
    pub instances: HashMap<FleetKey, BTreeMap<Ordinal, StoredInstance>>,
    pub troubles: HashMap<FleetKey, BTreeMap<Ordinal, Trouble>>,
    pub enrolment_secrets: HashMap<FleetKey, StoredSecret>,
    pub releases: HashMap<(TenantId, ComponentId), HashMap<VersionId, Release>>,
    pub keys: HashMap<(TenantId, KeyId), String>,
    pub places: BTreeMap<Whose, Taken>,
    pub policies: BTreeMap<(Owner, Rev), Revision>,
    pub responses: HashMap<(TenantId, String), (String, jiff::Timestamp, Option<StoredResponse>)>,
    pub blobs: HashMap<String, Vec<u8>>,
    pub executions: BTreeMap<(Machine, String), String>,
    /// What is counted of the error rate.
    pub datapoints: Vec<Datapoint>,
    /// What is read of every other metric.
    pub watched: Vec<Series>,
    pub quantiles: Vec<Quantile>,
    pub weights: Option<Weights>,
    pub fence: Option<Fence>,
    pub published: Vec<Event>,
    pub alerts: Vec<Alert>,
    /// What keys begin with whose blobs are lost as they are written.
    pub blobs_lose: Option<String>,
    /// Whether the metrics are away.
    pub metrics_fail: bool,
    /// Calls so far.
    pub calls: u64,
    /// The call that fails next, by its number; before it has any effect.
    pub fail_at: Option<u64>,
    /// Whether the failing call has its effect first, as when an answer gets lost.
    pub fail_after_effect: bool,
    /// What the failing call says; that the service is away, unless told.
    pub fail_kind: Option<PortErrorKind>,
}

/// The in-memory world. Clones share it.
#[derive(Debug, Clone, Default)]
pub struct World(Arc<Mutex<State>>);

impl World {
    /// An empty world.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// What it holds.
    pub fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Makes one call: counts it, and fails it when it is the one to fail.
    fn call<T>(
        &self,
        doing: &'static str,
        effect: impl FnOnce(&mut State) -> Result<T, PortError>,
    ) -> Result<T, PortError> {
        let mut state = self.state();
        state.calls += 1;
        let kind = state.fail_kind.unwrap_or(PortErrorKind::Unavailable);
        if state.fail_at != Some(state.calls) {
            return effect(&mut state);
        }
        if state.fail_after_effect {
            // What the call would have said is lost, like an answer on the way.
            drop(effect(&mut state));
        }
        Err(PortError::new(kind, doing, "made to fail"))
    }
}
