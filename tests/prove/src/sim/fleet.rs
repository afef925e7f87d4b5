//! Instances that check in by the real use case, and the traffic that they serve.

use std::collections::BTreeMap;

use jiff::Timestamp;
use sluice_app::heartbeat::{self, Cache, Moment};
use sluice_contract::check_in::{CheckInAnswer, CheckInRequest, DesiredState};
use sluice_contract::enrol::EnrolAnswer;
use sluice_core::fleet::{
    InstanceError, InstanceReport, InstanceStatus, MinuteCounts, Running, Switch, Switches,
};
use sluice_core::ids::{InstanceId, UpgradeId, VersionId};
use sluice_core::release::Release;
use sluice_core::units::{Attempt, Epoch, Ordinal};
use sluice_judge::errors::{Counts, Datapoint};

use super::{Sim, fleet_key};

/// How the fleet and its versions behave.
#[derive(Debug, Clone)]
pub struct Behaviour {
    /// Seconds that a switch takes.
    pub switch_seconds: i64,
    /// Requests of the whole fleet in a second.
    pub requests_per_second: u64,
    /// Errors of each version, in a thousand requests, by minor version.
    pub errors_per_thousand: BTreeMap<u64, u64>,
    /// Ordinals that fail to reach a new version.
    pub failing: Vec<u32>,
    /// Whether metrics arrive.
    pub metrics: bool,
    /// Whether instances tell what their services count.
    pub counting: bool,
}

impl Default for Behaviour {
    fn default() -> Self {
        Self {
            switch_seconds: 2,
            requests_per_second: 1_000,
            errors_per_thousand: BTreeMap::from([(2, 50)]),
            failing: Vec::new(),
            metrics: true,
            counting: false,
        }
    }
}

/// A simulated instance.
#[derive(Debug, Clone)]
pub struct SimInstance {
    pub(super) ordinal: u32,
    pub(super) machine: u8,
    pub(super) enrolled: Option<EnrolAnswer>,
    pub(super) running: Release,
    report: Option<InstanceReport>,
    switching: Option<(Release, bool, Timestamp)>,
    due: Timestamp,
    /// Every version that it ever ran, in order.
    pub history: Vec<VersionId>,
    /// Whether it answers at all.
    pub silent: bool,
    /// Whether its service does not serve; a new version that starts mends it.
    pub sick: bool,
    /// The ways of switching that it can; it overlaps where it can.
    pub switches: Switches,
    fresh: bool,
    /// What its service counted; the last minute goes on.
    pub(super) minutes: Vec<MinuteCounts>,
}

impl SimInstance {
    pub(super) fn new(ordinal: u32, running: Release) -> Self {
        let history = vec![running.version_id];
        Self {
            ordinal,
            machine: 0,
            enrolled: None,
            running,
            report: None,
            switching: None,
            due: Timestamp::MIN,
            history,
            silent: false,
            sick: false,
            switches: Switches::default(),
            fresh: false,
            minutes: Vec::new(),
        }
    }

    /// Whether it runs a version.
    pub fn runs(&self, version: VersionId) -> bool {
        self.running.version_id == version
    }

    /// Another machine takes its place, with this release on it.
    pub fn replace(&mut self, running: Release) {
        let machine = self.machine + 1;
        *self = Self {
            machine,
            ..Self::new(self.ordinal, running)
        };
    }

    /// Whether it does not serve because of a switch.
    pub fn is_away(&self) -> bool {
        self.switching.is_some() && !self.switches.has(Switch::Overlap)
    }

    /// Whether it runs two versions side by side.
    pub fn is_double(&self) -> bool {
        self.switching.is_some() && self.switches.has(Switch::Overlap)
    }

    /// Loses the agent's state; what is installed stays.
    pub fn forget(&mut self) {
        (self.report, self.switching, self.fresh) = (None, None, true);
    }

    pub(super) fn id(&self) -> InstanceId {
        InstanceId::new(format!("i-{:03}", self.ordinal)).unwrap_or_else(|_| unreachable!("a valid name"))
    }

    fn request(&self, enrolled: &EnrolAnswer) -> CheckInRequest {
        let key = fleet_key();
        CheckInRequest {
            contract: sluice_contract::VERSION,
            tenant_id: key.tenant_id,
            component_id: key.component_id,
            fleet_id: key.fleet_id,
            instance_id: self.id(),
            ordinal: Ordinal(self.ordinal),
            incarnation: enrolled.incarnation,
            failure_domain: self.failure_domain(),
            fresh: self.fresh,
            running: Some(Running {
                version: self.running.version_ref(),
                digest: self.running.digest.clone(),
                healthy: !self.is_away() && !self.sick,
            }),
            switches: self.switches.clone(),
            counters: self.told(),
            report: self.report.clone(),
        }
    }

    pub(super) fn failure_domain(&self) -> Option<String> {
        Some(format!("zone-{}", self.ordinal % 3))
    }

    fn say(&mut self, upgrade_id: UpgradeId, epoch: Epoch, attempt: Attempt, status: InstanceStatus) {
        let failed = status == InstanceStatus::Failed;
        let error = failed.then(|| InstanceError {
            code: "verify-failed".to_owned(),
            message: "made to fail".to_owned(),
        });
        self.report = Some(InstanceReport {
            upgrade_id,
            epoch,
            attempt,
            status,
            error,
        });
    }

    fn newest(&self) -> (Epoch, Attempt) {
        let of = |r: &InstanceReport| (r.epoch, r.attempt);
        self.report.as_ref().map(of).unwrap_or_default()
    }

    /// Ends a switch whose time has come.
    fn finish(&mut self, now: Timestamp, failing: bool) {
        let Some((release, revert, _)) = self.switching.take_if(|(.., until)| *until <= now) else {
            return;
        };
        let Some(report) = self.report.clone() else { return };
        let status = match (revert, failing) {
            (true, _) => InstanceStatus::RolledBack,
            (false, true) => InstanceStatus::Failed,
            (false, false) => InstanceStatus::Completed,
        };
        if status != InstanceStatus::Failed {
            self.sick = false;
            self.history.push(release.version_id);
            self.running = release;
        }
        self.say(report.upgrade_id, report.epoch, report.attempt, status);
    }

    fn obey(&mut self, answer: &CheckInAnswer, now: Timestamp, switch_seconds: i64) {
        self.fresh = false;
        let Some(upgrade_id) = answer.upgrade_id else {
            return;
        };
        let told = (answer.epoch, answer.attempt);
        if told < self.newest() {
            return;
        }
        let until = now
            .saturating_add(jiff::SignedDuration::from_secs(switch_seconds))
            .unwrap_or(now);
        match &answer.desired {
            DesiredState::Stay if told > self.newest() => {
                self.say(upgrade_id, answer.epoch, answer.attempt, InstanceStatus::Pending);
            }
            DesiredState::Stay => {}
            DesiredState::Move { .. } if told == self.newest() && self.switching.is_some() => {}
            // It asks again before its turn comes, like an agent whose lease would run out.
            DesiredState::Move { not_before_ms, .. } if *not_before_ms > 0 => {
                if told > self.newest() {
                    self.say(upgrade_id, answer.epoch, answer.attempt, InstanceStatus::Pending);
                }
            }
            DesiredState::Move { artifact, revert, .. } => {
                self.say(
                    upgrade_id,
                    answer.epoch,
                    answer.attempt,
                    InstanceStatus::Upgrading,
                );
                self.switching = Some((artifact.release.clone(), *revert, until));
            }
        }
    }
}

/// Lets every instance check in that is due.
pub(super) async fn check_in(sim: &mut Sim) {
    let cache = Cache::default();
    let (now, world, behaviour) = (sim.now, sim.world.clone(), sim.behaviour.clone());
    let Sim { instances, storm, .. } = sim;
    let each = behaviour.requests_per_second / u64::try_from(instances.len()).unwrap_or(1).max(1);
    for instance in instances.iter_mut().filter(|i| !i.silent) {
        let reported = instance.report.clone();
        instance.finish(now, behaviour.failing.contains(&instance.ordinal));
        if behaviour.counting && !instance.is_away() {
            let errors = behaviour.errors_per_thousand.get(&instance.running.version.minor);
            instance.count(now, each, errors.copied().unwrap_or(0));
        }
        if now < instance.due && reported == instance.report {
            continue;
        }
        let Some(enrolled) = instance.credential(&world, now).await else {
            continue;
        };
        let (shown, request) = (&enrolled.credential, instance.request(&enrolled));
        let moment = Moment { now, jitter: 0.5 };
        if storm.as_mut().is_some_and(super::storm::Storm::repeats) {
            // The same message once more, its answer lost.
            drop(heartbeat::run(&world, &world, &cache, shown, &request, moment).await);
        }
        // What fails is tried again at the next second, like an agent does.
        if let Ok(answer) = heartbeat::run(&world, &world, &cache, shown, &request, moment).await {
            instance.obey(&answer, now, behaviour.switch_seconds);
            let pause_ms = i64::try_from(answer.next_check_in_ms).unwrap_or(i64::MAX);
            instance.due = now
                .saturating_add(jiff::SignedDuration::from_millis(pause_ms))
                .unwrap_or(now);
        }
    }
}

/// Makes one second's datapoint: traffic by the weights that are set, errors by version.
pub(super) fn measure(sim: &mut Sim) {
    if !sim.behaviour.metrics {
        return;
    }
    let mut state = sim.world.state();
    let Some(upgrade) = state.upgrades.get(&sim.upgrade_id).cloned() else {
        return;
    };
    let share = |minor: u64| {
        let name = format!("1.{minor}.0");
        state.weights.as_ref().map_or(u64::from(minor == 0) * 100, |w| {
            u64::from(w.weights.get(&name).copied().unwrap_or(0))
        })
    };
    let counts = |minor: u64| {
        let requests = sim.behaviour.requests_per_second * share(minor) / 100;
        let per_thousand = sim
            .behaviour
            .errors_per_thousand
            .get(&minor)
            .copied()
            .unwrap_or(0);
        Counts {
            requests,
            errors: requests * per_thousand / 1_000,
        }
    };
    let at_ms = sim.now.as_millisecond() - 1_000;
    let (canary, baseline) = (upgrade.to.version.minor, upgrade.from.version.minor);
    let point = Datapoint::totals(at_ms, counts(canary), counts(baseline));
    if point.canary.requests + point.baseline.requests > 0 {
        state.datapoints.push(point);
    }
}
