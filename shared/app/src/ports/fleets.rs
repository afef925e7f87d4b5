//! The table, seen as a store of fleets and their instances.

use jiff::Timestamp;
use sluice_core::credential::{Credentials, SecretHash};
use sluice_core::fleet::{Fleet, Instance};
use sluice_core::ids::FleetKey;
use sluice_core::probe::Failed;
use sluice_core::room::{Trouble, Troubled};
use sluice_core::units::{Ordinal, Rev};

use super::{Group, PortResult};

/// An instance with the revision of its item.
#[derive(Debug, Clone, PartialEq)]
pub struct StoredInstance {
    /// The instance.
    pub instance: Instance,
    /// The condition of its next write.
    pub rev: Rev,
    /// What it has to show when it speaks; none before its first enrolment.
    pub credentials: Option<Credentials>,
}

/// What is kept of a fleet's enrolment secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredSecret {
    /// The secret's hash.
    pub hash: SecretHash,
    /// The condition of its next write.
    pub rev: Rev,
}

/// How an instance's report is counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Counted {
    /// It is where it was sent.
    Completed,
    /// It could not be brought there; with its place among the failures while they are few enough to be kept in order.
    Failed(Option<Failed>),
}

/// A write of an instance's item, with the counter that it moves in the same transaction.
#[derive(Debug, Clone, PartialEq)]
pub struct InstanceWrite {
    /// The instance after it.
    pub instance: Instance,
    /// The revision that it replaces; none for the first write.
    pub replaces: Option<Rev>,
    /// What is counted, once for each instance and group.
    pub count: Option<(Group, Counted)>,
    /// What the instance has to show from now on.
    pub credentials: Option<Credentials>,
    /// What is amiss with it.
    pub trouble: Option<Trouble>,
}

/// The instances of a fleet with which something is amiss.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct TroubledList {
    /// The instances.
    pub instances: Vec<Troubled>,
    /// Whether these are all.
    pub complete: bool,
}

/// Fleets and their instances.
pub trait Fleets: Send + Sync {
    /// Reads a fleet's declaration.
    fn fleet(&self, key: &FleetKey) -> impl Future<Output = PortResult<Option<Fleet>>> + Send;

    /// Declares a fleet; the newest declaration holds.
    fn put_fleet(&self, fleet: &Fleet) -> impl Future<Output = PortResult<()>> + Send;

    /// Reads one instance, strongly consistent.
    fn instance(
        &self,
        fleet: &FleetKey,
        ordinal: Ordinal,
    ) -> impl Future<Output = PortResult<Option<StoredInstance>>> + Send;

    /// Writes one instance on condition of its revision, with its counter: all or nothing.
    fn put_instance(
        &self,
        fleet: &FleetKey,
        write: &InstanceWrite,
    ) -> impl Future<Output = PortResult<()>> + Send;

    /// What is kept of the fleet's enrolment secret; none before the first.
    fn enrolment_secret(
        &self,
        fleet: &FleetKey,
    ) -> impl Future<Output = PortResult<Option<StoredSecret>>> + Send;

    /// Replaces the fleet's enrolment secret on condition of its revision; none for the first one.
    fn put_enrolment_secret(
        &self,
        fleet: &FleetKey,
        hash: &SecretHash,
        replaces: Option<Rev>,
    ) -> impl Future<Output = PortResult<()>> + Send;

    /// The instances with which something is amiss, and those that were last seen before a moment; in a fixed number of
    /// reads, whatever the fleet's size. May be a second old.
    fn troubled(
        &self,
        fleet: &FleetKey,
        seen_before: Timestamp,
    ) -> impl Future<Output = PortResult<TroubledList>> + Send;

    /// Some instances, those that there are; a read for each hundred.
    fn some_instances(
        &self,
        fleet: &FleetKey,
        ordinals: &[Ordinal],
    ) -> impl Future<Output = PortResult<Vec<Instance>>> + Send;

    /// Instances by ordinal with what their services count; as of a moment ago, and at most as many pages of the table
    /// as a look may read.
    fn counted(&self, fleet: &FleetKey) -> impl Future<Output = PortResult<Vec<Instance>>> + Send;

    /// All instances by ordinal, in as many pages as they take.
    fn instances(&self, fleet: &FleetKey) -> impl Future<Output = PortResult<Vec<Instance>>> + Send;
}
