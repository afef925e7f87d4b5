//! Values to store.

use jiff::{SignedDuration, Timestamp};
use semver::Version;
use sluice_app::ports::{PortErrorKind, PortResult, Upgrades};
use sluice_core::channel::Channel;
use sluice_core::fleet::{CheckInTimes, Instance};
use sluice_core::ids::{ComponentId, FleetId, FleetKey, InstanceId, KeyId, TenantId, UpgradeId, VersionId};
use sluice_core::plan::{Plan, Request, Slot};
use sluice_core::release::{LifecycleState, Release, VersionRef};
use sluice_core::settings::{Settings, Wishes};
use sluice_core::units::{Incarnation, Ordinal};
use sluice_core::upgrade::{Change, Command, Context, Upgrade};
use sluice_judge::errors::Counts;
use sluice_judge::gate::{Numbers, Verdict};
use uuid::Uuid;

pub fn tenant(name: &str) -> TenantId {
    TenantId::new(name).unwrap()
}

/// A moment some milliseconds after a fixed one.
pub fn at(ms: i64) -> Timestamp {
    let begin: Timestamp = "2026-03-01T10:00:00Z".parse().unwrap();
    begin.checked_add(SignedDuration::from_millis(ms)).unwrap()
}

pub fn fleet(tenant_name: &str, component: u128) -> FleetKey {
    FleetKey {
        tenant_id: tenant(tenant_name),
        component_id: ComponentId(Uuid::from_u128(component)),
        fleet_id: FleetId::default(),
    }
}

pub fn version(number: u64) -> VersionRef {
    VersionRef {
        version_id: VersionId(Uuid::from_u128(number.into())),
        version: Version::new(1, number, 0),
    }
}

pub fn plan(fleet: &FleetKey) -> Plan {
    let slots = (0..8)
        .map(|n| Slot {
            ordinal: Ordinal(n),
            failure_domain: None,
            healthy: true,
        })
        .collect();
    let settings = Settings::resolve(&Wishes::default()).unwrap();
    Plan::make(Request {
        fleet: fleet.clone(),
        from: version(1),
        to: version(2),
        settings,
        slots,
        check_in: CheckInTimes::default(),
    })
    .unwrap()
    .0
}

pub fn upgrade_id(number: u128) -> UpgradeId {
    UpgradeId(Uuid::from_u128(number))
}

/// The creation of an upgrade.
pub fn creation(id: u128, plan: &Plan, ms: i64) -> Change {
    Upgrade::create(upgrade_id(id), plan, None, "user:alice", at(ms))
}

pub fn instance(ordinal: u32) -> Instance {
    Instance {
        instance_id: InstanceId::new(format!("i-{ordinal}")).unwrap(),
        ordinal: Ordinal(ordinal),
        incarnation: Incarnation(1),
        failure_domain: Some("zone-1".to_owned()),
        switches: Default::default(),
        running: None,
        report: None,
        left: None,
        settled_in: None,
        counters: Default::default(),
        seen_at: at(i64::from(ordinal)),
    }
}

pub fn release(component: u128, number: u64) -> Release {
    Release {
        component_id: ComponentId(Uuid::from_u128(component)),
        version_id: version(number).version_id,
        version: version(number).version,
        digest: format!("sha256:{number:064}"),
        size: 1_000 + number,
        signature: "MEUCIQ==".to_owned(),
        key_id: KeyId::new("k1").unwrap(),
        lifecycle_state: LifecycleState::Blessed,
        dependencies: Default::default(),
    }
}

/// An upgrade on its way through a store.
#[derive(Debug, Clone)]
pub struct Course {
    pub plan: Plan,
    pub upgrade: Upgrade,
    pub channel: Option<Channel>,
}

impl Course {
    /// Creates an upgrade in the store, the channel of whose fleet is as given.
    pub async fn begin(store: &impl Upgrades, id: u128, fleet: &FleetKey, channel: Option<Channel>) -> Self {
        let plan = plan(fleet);
        let change = creation(id, &plan, 0);
        store.create(&change, &plan).await.unwrap();
        Self {
            plan,
            upgrade: change.upgrade,
            channel,
        }
    }

    /// The change that a command makes, not stored.
    pub fn change(&self, command: Command, actor: &str) -> Change {
        let now = at(i64::try_from(self.upgrade.seq.0).unwrap() * 1_000);
        let context = Context {
            plan: &self.plan,
            channel: self.channel.as_ref(),
            now,
            actor,
        };
        self.upgrade.apply(command, &context).unwrap()
    }

    /// Stores a change, and goes on from it.
    pub async fn go(&mut self, store: &impl Upgrades, command: Command) -> Change {
        let change = self.change(command, "sluice:test");
        store.commit(&change).await.unwrap();
        self.upgrade = change.upgrade.clone();
        self.channel = change.channel.clone().or(self.channel.take());
        change
    }

    /// From its creation to where the first batch may be released.
    pub async fn reach_first_batch(&mut self, store: &impl Upgrades) {
        self.go(store, Command::Start).await;
        self.go(
            store,
            Command::Validate {
                checks: Vec::new(),
                before: Default::default(),
            },
        )
        .await;
    }

    /// From there through all batches to the end.
    pub async fn complete(&mut self, store: &impl Upgrades) {
        for batch in self.plan.batches.clone() {
            if self.upgrade.weight != batch.weight_before {
                self.go(
                    store,
                    Command::Shifted {
                        weight: batch.weight_before,
                    },
                )
                .await;
            }
            self.go(store, Command::Release { to: batch.end }).await;
            self.go(
                store,
                Command::Moved {
                    dropped: 0,
                    completed: batch.size(),
                    failed: 0,
                    unreachable: 0,
                    failures_in_a_row: 0,
                    named: Default::default(),
                },
            )
            .await;
            self.go(
                store,
                Command::Shifted {
                    weight: batch.weight_after,
                },
            )
            .await;
            self.go(
                store,
                Command::Pass {
                    verdict: verdict(batch.index),
                },
            )
            .await;
        }
        self.go(store, Command::Complete).await;
    }
}

/// A verdict whose numbers take all their digits.
fn verdict(number: u32) -> Verdict {
    let counts = Counts {
        requests: 1_000,
        errors: 3,
    };
    let log_evidence = f64::from(number + 3).ln() * 1.7;
    let numbers = Box::new(Numbers {
        canary: counts,
        baseline: counts,
        log_evidence,
        log_bound: 1_000f64.ln(),
        first_error_at_ms: Some(1_800_000_000_123),
        ..Numbers::default()
    });
    Verdict::Harmless { numbers }
}

pub fn failure() -> Command {
    Command::Fail {
        reason: "it cannot go on".to_owned(),
        checks: Vec::new(),
    }
}

pub fn way_back() -> Command {
    Command::RollBack {
        reason: "an operator asked for it".to_owned(),
        automatic: false,
        verdict: None,
    }
}

/// That a call did not have its condition.
#[track_caller]
pub fn is_conflict<T: std::fmt::Debug>(result: PortResult<T>) {
    assert_eq!(result.map_err(|e| e.kind).unwrap_err(), PortErrorKind::Conflict);
}
