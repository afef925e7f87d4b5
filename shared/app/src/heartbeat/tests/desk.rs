//! A fleet of four in an in-memory world: positions are ordinals, batches are two and two.

use semver::Version;
use sluice_core::checks::{Checks, PreUpgradeCheck};
use sluice_core::credential::{Credentials, Use};
use sluice_core::fleet::{CheckInTimes, InstanceReport, InstanceStatus, Running, Switch};
use sluice_core::ids::{ComponentId, FleetId, InstanceId, KeyId, TenantId, UpgradeId, VersionId};
use sluice_core::plan::{Positions, Published};
use sluice_core::release::{LifecycleState, Release, VersionRef};
use sluice_core::units::{Attempt, Epoch, Incarnation, Rev};
use uuid::Uuid;

use super::super::*;
use crate::fakes::World;
use crate::keys;

pub const TIMES: CheckInTimes = CheckInTimes {
    idle_ms: 300_000,
    hold_ms: 60_000,
    fast_ms: 10_000,
};

pub fn fleet_key() -> FleetKey {
    FleetKey {
        tenant_id: TenantId::new("acme").unwrap(),
        component_id: ComponentId(Uuid::from_u128(1)),
        fleet_id: FleetId::default(),
    }
}

pub fn version(minor: u64) -> VersionRef {
    release(minor).version_ref()
}

fn release(minor: u64) -> Release {
    Release {
        component_id: fleet_key().component_id,
        version_id: VersionId(Uuid::from_u128(100 + u128::from(minor))),
        version: Version::new(1, minor, 0),
        digest: format!("sha256:{minor:064}"),
        size: 10,
        signature: "MEUCIQ==".to_owned(),
        key_id: KeyId::new("k1").unwrap(),
        lifecycle_state: LifecycleState::Live,
        dependencies: Default::default(),
    }
}

/// Where instances check in: a table, its bucket, and the server's time.
pub struct Desk {
    pub world: World,
    pub now: Timestamp,
}

/// What the plan prescribes.
pub fn checks() -> Checks {
    Checks {
        pre_upgrade: Some(PreUpgradeCheck::HealthCheck { timeout_ms: 30_000 }),
        post_upgrade: None,
    }
}

impl Desk {
    /// A declared fleet without a channel and without instances.
    pub fn new() -> Self {
        let world = World::new();
        {
            let mut state = world.state();
            let key = fleet_key();
            let fleet = Fleet {
                key: key.clone(),
                route: None,
                metrics: None,
                check_in: TIMES,
                switch: Default::default(),
                approval: Default::default(),
            };
            let releases = (0..3).map(|minor| (release(minor).version_id, release(minor)));
            state
                .releases
                .insert((key.tenant_id.clone(), key.component_id), releases.collect());
            let published = Published {
                ordinals: Positions((0..4).map(Ordinal).collect()),
                ends: vec![Position(2), Position(4)],
                checks: checks(),
            };
            state
                .blobs
                .insert(keys::positions("plan"), serde_json::to_vec(&published).unwrap());
            state.fleets.insert(key, fleet);
        }
        Self {
            world,
            now: "2026-01-01T00:00:00Z".parse().unwrap(),
        }
    }

    /// Writes the channel: mode, epoch, attempt and frontier of upgrade 7 from 1.0 to 1.1.
    pub fn set(&self, mode: Mode, (epoch, attempt): (u64, u32), frontier: u32, held: bool) {
        let channel = Channel {
            fleet: fleet_key(),
            upgrade_id: UpgradeId(Uuid::from_u128(7)),
            plan_hash: "plan".to_owned(),
            from: version(0),
            to: version(1),
            frontier: Position(frontier),
            next_frontier: Position((frontier + 2).min(4)),
            mode,
            epoch: Epoch(epoch),
            attempt: Attempt(attempt),
            held_until: held.then(|| self.now + jiff::SignedDuration::from_hours(24)),
            reverted_at: None,
            waves: None,
            exceptions: Default::default(),
            switch: Switch::InPlace,
            rev: Rev(1),
        };
        self.world.state().channels.insert(fleet_key(), channel);
    }

    /// An instance's check-in, with the credential of its ordinal; whoever has none is enrolled before.
    pub async fn says(&self, request: &CheckInRequest) -> Result<CheckInAnswer, Problem> {
        self.enrol(request);
        self.hears(&credential(request.ordinal), request, 0.5).await
    }

    /// Makes a machine known as the one that it says it is, unless its ordinal is known.
    pub fn enrol(&self, request: &CheckInRequest) {
        let mut state = self.world.state();
        let fleet = state.instances.entry(fleet_key()).or_default();
        fleet.entry(request.ordinal).or_insert_with(|| StoredInstance {
            instance: Instance {
                instance_id: request.instance_id.clone(),
                ordinal: request.ordinal,
                incarnation: request.incarnation,
                failure_domain: request.failure_domain.clone(),
                running: None,
                report: None,
                left: None,
                settled_in: None,
                switches: Default::default(),
                counters: Default::default(),
                seen_at: self.now,
            },
            rev: Rev(1),
            credentials: Some(Credentials::renewed(None, credential(request.ordinal).hash())),
        });
    }

    /// A check-in by anybody.
    pub async fn hears(
        &self,
        shown: &Secret,
        request: &CheckInRequest,
        jitter: f64,
    ) -> Result<CheckInAnswer, Problem> {
        let moment = Moment {
            now: self.now,
            jitter,
        };
        // Each by a process of its own: what is remembered shows in a test of its own.
        self.remembers(&Cache::default(), shown, request, moment).await
    }

    /// A check-in at a process that remembers.
    pub async fn remembers(
        &self,
        cache: &Cache,
        shown: &Secret,
        request: &CheckInRequest,
        moment: Moment,
    ) -> Result<CheckInAnswer, Problem> {
        run(&self.world, &self.world, cache, shown, request, moment).await
    }

    /// What is stored about an ordinal.
    pub fn stored(&self, ordinal: u32) -> Option<Instance> {
        let state = self.world.state();
        let stored = state.instances.get(&fleet_key())?.get(&Ordinal(ordinal))?;
        Some(stored.instance.clone())
    }

    /// Reports that were counted in the channel's epoch: completed and failed.
    pub fn counted(&self) -> (u32, u32) {
        let state = self.world.state();
        let epoch = state.channels.get(&fleet_key()).map_or(Epoch(0), |c| c.epoch);
        let groups = state.counts.iter().filter(|(group, _)| group.epoch == epoch);
        groups.fold((0, 0), |(completed, failed), (_, c)| {
            (completed + c.completed, failed + c.failed)
        })
    }
}

/// The credential of the machine that has an ordinal.
pub fn credential(ordinal: Ordinal) -> Secret {
    let number = u8::try_from(ordinal.0).unwrap();
    Secret::new(Use::Instance, [number; 32])
}

/// What instance `ordinal` says when it runs a version, healthy, and has no report.
pub fn request(ordinal: u32, minor: Option<u64>) -> CheckInRequest {
    let key = fleet_key();
    CheckInRequest {
        contract: sluice_contract::VERSION,
        tenant_id: key.tenant_id,
        component_id: key.component_id,
        fleet_id: key.fleet_id,
        instance_id: InstanceId::new(format!("i-{ordinal}")).unwrap(),
        ordinal: Ordinal(ordinal),
        incarnation: Incarnation(1),
        failure_domain: None,
        fresh: false,
        switches: Default::default(),
        running: minor.map(|minor| Running {
            version: version(minor),
            digest: release(minor).digest,
            healthy: true,
        }),
        counters: Vec::new(),
        report: None,
    }
}

/// A report about a command of upgrade 7.
pub fn report(epoch: u64, attempt: u32, status: InstanceStatus) -> InstanceReport {
    InstanceReport {
        upgrade_id: UpgradeId(Uuid::from_u128(7)),
        epoch: Epoch(epoch),
        attempt: Attempt(attempt),
        status,
        error: None,
    }
}
