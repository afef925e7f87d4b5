//! Runs the real state machines over the real use cases, in memory and in simulated time.
//!
//! Only the table, the metrics, the route and the instances are made up; what decides and what is written is the
//! product's own. Everything follows from the scenario: the same one runs the same way every time.

mod asl;
mod counting;
mod enrol;
mod fleet;
pub mod storm;

use jiff::{SignedDuration, Timestamp};
use sluice_app::caller::Caller;
use sluice_app::fakes::World;
use sluice_app::ports::{Machine, StoredSecret};
use sluice_app::registry::Shown;
use sluice_app::relay::{self, Outlets};
use sluice_app::{keys, registry, watchdog};
use sluice_contract::api::{UpgradeRequest, UpgradeView};
use sluice_contract::problem::Problem;
use sluice_core::fleet::{CheckInTimes, Fleet, MetricSource, Route, Switch};
use sluice_core::ids::{ComponentId, FleetId, FleetKey, KeyId, TenantId, UpgradeId, VersionId};
use sluice_core::policy::Approval;
use sluice_core::release::{LifecycleState, Release};
use sluice_core::units::Rev;
use sluice_core::upgrade::Event;
use uuid::Uuid;

pub use asl::{Execution, Machines};
pub use fleet::{Behaviour, SimInstance};

/// A world, its instances, its executions and its clock.
pub struct Sim {
    /// The made-up world.
    pub world: World,
    /// The instances.
    pub instances: Vec<SimInstance>,
    /// Executions that have not ended.
    pub executions: Vec<Execution>,
    /// Whether every step is run twice.
    pub twice: bool,
    /// Whether the stream brings nothing, so that only the watchdog delivers.
    pub deaf: bool,
    /// What goes wrong, by chance.
    pub storm: Option<storm::Storm>,
    /// The simulated time.
    pub now: Timestamp,
    /// The upgrade under test, once there is one.
    pub upgrade_id: UpgradeId,
    machines: Machines,
    started: Vec<(Machine, String)>,
    behaviour: Behaviour,
}

/// The identity of a release in every simulation.
pub fn version_id(minor: u64) -> VersionId {
    VersionId(Uuid::from_u128(u128::from(minor) + 100))
}

fn component_id() -> ComponentId {
    ComponentId(Uuid::from_u128(1))
}

/// The fleet of every simulation.
pub fn fleet_key() -> FleetKey {
    let tenant_id = TenantId::new("acme").unwrap_or_else(|_| unreachable!("a valid name"));
    FleetKey {
        tenant_id,
        component_id: component_id(),
        fleet_id: FleetId::default(),
    }
}

impl Sim {
    /// A fleet of `count` instances on version 1.0.0, which behaves as said.
    pub fn new(count: u32, behaviour: Behaviour) -> Self {
        let world = World::new();
        let now = Timestamp::UNIX_EPOCH + SignedDuration::from_hours(24 * 365 * 50);
        {
            let mut state = world.state();
            let key = fleet_key();
            for minor in 0..3 {
                let release = release(minor);
                let blob = vec![0; usize::try_from(release.size).unwrap_or_default()];
                state.blobs.insert(keys::artifact(&key.tenant_id, &release), blob);
                let releases = state
                    .releases
                    .entry((key.tenant_id.clone(), key.component_id))
                    .or_default();
                releases.insert(release.version_id, release);
            }
            let fleet = Fleet {
                key: key.clone(),
                route: Some(Route::HttpEdge {
                    url: "http://edge".to_owned(),
                }),
                metrics: Some(MetricSource {
                    period_seconds: 1,
                    ..MetricSource::new("Test")
                }),
                check_in: CheckInTimes {
                    idle_ms: 2_000,
                    hold_ms: 2_000,
                    fast_ms: 1_000,
                },
                switch: Switch::default(),
                approval: Approval::Never,
            };
            let secret = StoredSecret {
                hash: enrol::secret().hash(),
                rev: Rev(1),
            };
            state.enrolment_secrets.insert(key.clone(), secret);
            state.fleets.insert(key, fleet);
        }
        Self {
            instances: (0..count).map(|n| SimInstance::new(n, release(0))).collect(),
            executions: Vec::new(),
            twice: false,
            deaf: false,
            storm: None,
            upgrade_id: UpgradeId(Uuid::from_u128(42)),
            machines: Machines::load(),
            started: Vec::new(),
            world,
            now,
            behaviour,
        }
    }

    /// An operator who may do everything.
    pub fn operator() -> Caller {
        let scopes = "upgrade:read upgrade:plan upgrade:execute upgrade:approve upgrade:control admin:policy";
        Caller::from_claims(Some("olga"), Some("acme"), Some(scopes))
            .unwrap_or_else(|_| unreachable!("complete claims"))
    }

    /// The request from version 1.0 to 1.`minor`, with more fields as JSON.
    pub fn request(minor: u64, more: &str) -> UpgradeRequest {
        let text = format!(
            r#"{{"componentId":"{}","fromVersionId":"{}","toVersionId":"{}","strategy":"CANARY",
                "batchDelaySeconds":10,"healthCheckIntervalSeconds":2,"healthCheckTimeoutSeconds":60{more}}}"#,
            component_id(),
            version_id(0),
            version_id(minor)
        );
        serde_json::from_str(&text).unwrap_or_else(|e| unreachable!("a valid request: {e}"))
    }

    /// A new instance with version 1.0.0 joins the fleet.
    pub fn join(&mut self, ordinal: u32) {
        self.instances.push(SimInstance::new(ordinal, release(0)));
    }

    /// Plans and starts an upgrade.
    ///
    /// # Errors
    /// What the registry refuses.
    pub async fn begin(&mut self, request: &UpgradeRequest) -> Result<UpgradeView, Problem> {
        let (caller, tenant) = (Self::operator(), fleet_key().tenant_id);
        let id = self.upgrade_id;
        registry::create(&self.world, &self.world, &caller, &tenant, id, request, self.now).await?;
        registry::start(&self.world, &caller, id, Shown::default(), self.now).await
    }

    /// Lets a number of seconds pass, or fewer when the upgrade ends with its report before.
    pub async fn run(&mut self, seconds: u32) {
        for _ in 0..seconds {
            self.second().await;
            if self.is_done() {
                return;
            }
        }
    }

    /// Lets time pass until the condition holds, at most so many seconds. Gives whether it did.
    pub async fn run_until(&mut self, seconds: u32, condition: impl Fn(&Self) -> bool) -> bool {
        for _ in 0..seconds {
            if condition(self) {
                return true;
            }
            self.second().await;
        }
        condition(self)
    }

    /// Everything that happens in one second.
    pub async fn second(&mut self) {
        self.now = self
            .now
            .saturating_add(SignedDuration::from_secs(1))
            .unwrap_or(self.now);
        fleet::measure(self);
        fleet::check_in(self).await;
        self.ring().await;
        asl::advance(self).await;
        if self.now.as_second() % 60 == 0 {
            self.come_round().await;
        }
        self.ring().await;
    }

    /// Whether the upgrade has ended and its report is written.
    pub fn is_done(&self) -> bool {
        let state = self.world.state();
        let upgrade = state.upgrades.get(&self.upgrade_id);
        upgrade.is_some_and(|u| u.status.is_terminal() && u.clocks.t5_record_complete.is_some())
    }

    /// The name of the upgrade's status.
    pub fn status(&self) -> &'static str {
        self.world
            .state()
            .upgrades
            .get(&self.upgrade_id)
            .map_or("none", |u| u.status.name())
    }

    /// The upgrade's events.
    pub fn events(&self) -> Vec<Event> {
        self.world
            .state()
            .events
            .get(&self.upgrade_id)
            .cloned()
            .unwrap_or_default()
    }

    /// How many instances run version 1.`minor`.
    pub fn running(&self, minor: u64) -> usize {
        self.instances
            .iter()
            .filter(|i| i.runs(version_id(minor)))
            .count()
    }

    /// Changes how the fleet behaves from now on.
    pub fn behave(&mut self, change: impl FnOnce(&mut Behaviour)) {
        change(&mut self.behaviour);
    }

    fn outlets(&self) -> Outlets<World, World, World> {
        Outlets {
            bus: self.world.clone(),
            alerts: self.world.clone(),
            workflows: self.world.clone(),
        }
    }

    /// The watchdog's round, every minute; one that fails is made good by the next.
    async fn come_round(&mut self) {
        drop(watchdog::run(&self.world, &self.outlets(), self.now).await);
    }

    /// The doorbell: the relay delivers, and what it starts runs.
    async fn ring(&mut self) {
        let (world, outlets) = (self.world.clone(), self.outlets());
        if !self.deaf {
            // A failing relay is rung again within the second that follows.
            drop(relay::run(&world, &outlets, self.upgrade_id).await);
        }
        let fresh: Vec<_> = {
            let state = self.world.state();
            let all = state
                .executions
                .iter()
                .filter(|(key, _)| !self.started.contains(key));
            all.map(|(key, input)| (key.clone(), input.clone())).collect()
        };
        for ((machine, name), input) in fresh {
            let definition = if machine == Machine::Upgrade {
                "upgrade"
            } else {
                "rollback"
            };
            self.executions
                .push(self.machines.start(definition, &name, &input));
            self.started.push((machine, name));
        }
    }
}

/// Version 1.`minor`.0 of the component.
pub fn release(minor: u64) -> Release {
    Release {
        component_id: component_id(),
        version_id: version_id(minor),
        version: semver::Version::new(1, minor, 0),
        digest: format!("sha256:{minor:064}"),
        size: 10,
        signature: String::new(),
        key_id: KeyId::new("test").unwrap_or_else(|_| unreachable!("a valid name")),
        lifecycle_state: LifecycleState::Live,
        dependencies: Default::default(),
    }
}
