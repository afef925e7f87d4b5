//! The table, seen as small stores.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use sluice_core::channel::Channel;
use sluice_core::ids::{ComponentId, FleetKey, KeyId, TenantId, UpgradeId, VersionId};
use sluice_core::plan::Plan;
use sluice_core::probe::{Counts, Failed};
use sluice_core::release::Release;
use sluice_core::stop::{Covers, Stop};
use sluice_core::units::{Epoch, Seq};
use sluice_core::upgrade::{Change, Event, Upgrade};

use super::PortResult;

/// A page of a list.
#[derive(Debug, Clone, PartialEq)]
pub struct Page<T> {
    /// What is on it.
    pub items: Vec<T>,
    /// Where the next one begins; none after the last.
    pub next: Option<String>,
}

/// Whose reports are counted together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Group {
    /// Of which upgrade.
    pub upgrade_id: UpgradeId,
    /// In which epoch.
    pub epoch: Epoch,
    /// Of which batch; none for the way back, where all batches count together.
    pub batch: Option<u32>,
}

/// When a workflow looked last, and what the gate said: shown, and the sign that the workflow lives.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Look {
    /// When.
    pub at: Timestamp,
    /// The gate's sentence; none where there was nothing to judge.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gate: Option<String>,
}

/// Upgrades, their plans, channels, counters and lock.
pub trait Upgrades: Send + Sync {
    /// Reads an upgrade, strongly consistent.
    fn upgrade(&self, id: UpgradeId) -> impl Future<Output = PortResult<Option<Upgrade>>> + Send;

    /// Reads an upgrade's plan, strongly consistent; it changes only before the start.
    fn plan(&self, id: UpgradeId) -> impl Future<Output = PortResult<Option<Plan>>> + Send;

    /// Writes a new upgrade, its plan, its first event and the lock: all or nothing. Answers a conflict when the
    /// component has an active upgrade or the upgrade exists.
    fn create(&self, change: &Change, plan: &Plan) -> impl Future<Output = PortResult<()>> + Send;

    /// Writes a change: the upgrade on condition of the number before, the event on condition that there is none of
    /// its number, the channel on condition of the revision before, the lock on its own condition: all or nothing.
    /// A change that is stored already (an answer got lost) is a success.
    fn commit(&self, change: &Change) -> impl Future<Output = PortResult<()>> + Send;

    /// Writes a change that brings another plan, and the plan with it: all or nothing.
    fn commit_with_plan(&self, change: &Change, plan: &Plan) -> impl Future<Output = PortResult<()>> + Send;

    /// Reads a fleet's channel, strongly consistent.
    fn channel(&self, fleet: &FleetKey) -> impl Future<Output = PortResult<Option<Channel>>> + Send;

    /// The upgrade that has the component's lock.
    fn active(
        &self,
        tenant: &TenantId,
        component: ComponentId,
    ) -> impl Future<Output = PortResult<Option<UpgradeId>>> + Send;

    /// A tenant's upgrades, newest first, at most `limit`.
    fn upgrades(
        &self,
        tenant: &TenantId,
        limit: u32,
        cursor: Option<&str>,
    ) -> impl Future<Output = PortResult<Page<Upgrade>>> + Send;

    /// Upgrades whose record is not complete: not ended, or ended without a report. May be a second old.
    fn open(&self) -> impl Future<Output = PortResult<Vec<UpgradeId>>> + Send;

    /// The reports of a group so far; one read, whatever the group's size.
    fn counts(&self, group: Group) -> impl Future<Output = PortResult<Counts>> + Send;

    /// The failed instances of a group, in any order; one read, whatever the group's size.
    fn failed(&self, group: Group) -> impl Future<Output = PortResult<Vec<Failed>>> + Send;

    /// All stops in force, of all tenants; strongly consistent.
    fn stops(&self) -> impl Future<Output = PortResult<Vec<Stop>>> + Send;

    /// Sets a stop; a conflict when there is one of the same.
    fn put_stop(&self, stop: &Stop) -> impl Future<Output = PortResult<()>> + Send;

    /// Lifts a stop; where there is none, nothing happens.
    fn remove_stop(&self, covers: &Covers) -> impl Future<Output = PortResult<()>> + Send;

    /// What the probe saw last.
    fn look(&self, id: UpgradeId) -> impl Future<Output = PortResult<Option<Look>>> + Send;

    /// Remembers what the probe saw; the newest one stays.
    fn put_look(&self, id: UpgradeId, look: &Look) -> impl Future<Output = PortResult<()>> + Send;
}

/// Releases and the keys that may sign them.
pub trait Registry: Send + Sync {
    /// Reads a release.
    fn release(
        &self,
        tenant: &TenantId,
        component: ComponentId,
        version: VersionId,
    ) -> impl Future<Output = PortResult<Option<Release>>> + Send;

    /// Which component a version belongs to.
    fn component_of(
        &self,
        tenant: &TenantId,
        version: VersionId,
    ) -> impl Future<Output = PortResult<Option<ComponentId>>> + Send;

    /// All releases of a component.
    fn releases(
        &self,
        tenant: &TenantId,
        component: ComponentId,
    ) -> impl Future<Output = PortResult<Vec<Release>>> + Send;

    /// Registers a release. Everything but its lifecycle state is fixed by the first registration: another content
    /// under the same version is a conflict, as is a version that belongs to another component.
    fn put_release(
        &self,
        tenant: &TenantId,
        release: &Release,
    ) -> impl Future<Output = PortResult<()>> + Send;

    /// Reads a trusted key's PEM.
    fn signing_key(
        &self,
        tenant: &TenantId,
        key: &KeyId,
    ) -> impl Future<Output = PortResult<Option<String>>> + Send;

    /// Trusts a key. Another key under the same name is a conflict.
    fn put_signing_key(
        &self,
        tenant: &TenantId,
        key: &KeyId,
        public_key_pem: &str,
    ) -> impl Future<Output = PortResult<()>> + Send;
}

/// The events that are to be delivered.
pub trait Outbox: Send + Sync {
    /// Events of an upgrade after a number, in order, at most `limit`; strongly consistent.
    fn events(
        &self,
        id: UpgradeId,
        after: Seq,
        limit: u32,
    ) -> impl Future<Output = PortResult<Vec<Event>>> + Send;

    /// The number of the last delivered event; 0 before the first.
    fn cursor(&self, id: UpgradeId) -> impl Future<Output = PortResult<Seq>> + Send;

    /// Moves the cursor on condition that it is where `from` says.
    fn move_cursor(&self, id: UpgradeId, from: Seq, to: Seq) -> impl Future<Output = PortResult<()>> + Send;
}

/// An answer that is kept for a repeated request.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StoredResponse {
    /// The HTTP status.
    pub status: u16,
    /// The body.
    pub body: String,
}

/// What is known about an Idempotency-Key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Begun {
    /// It is new, or its first request never ended: go on.
    Fresh,
    /// Its request was answered: this is the answer.
    Answered(StoredResponse),
    /// Its request is at work.
    Running,
    /// It belongs to another request.
    Differs,
}

/// Answers by Idempotency-Key, kept for a day.
pub trait Idempotency: Send + Sync {
    /// Claims a key for a request with this fingerprint. A claim that was never answered lapses after a minute.
    fn begin(
        &self,
        tenant: &TenantId,
        key: &str,
        fingerprint: &str,
        now: Timestamp,
    ) -> impl Future<Output = PortResult<Begun>> + Send;

    /// Keeps the answer of a claimed key. Another answer than the one that is kept, or a key that nobody claimed, is a
    /// conflict.
    fn finish(
        &self,
        tenant: &TenantId,
        key: &str,
        response: &StoredResponse,
    ) -> impl Future<Output = PortResult<()>> + Send;
}
