//! Whole upgrades in which much goes wrong, by chance and from one seed.
//!
//! While the storm lasts, functions fail before and after their effect, run twice and time out; ports throttle, conflict
//! and lose answers; executions vanish; instances fall silent, fail and lose their state; metrics go away; operators
//! pause, resume, cancel and roll back. Then it calms down, and what is promised has to hold.

use jiff::Timestamp;
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use sluice_app::ports::PortErrorKind;
use sluice_app::registry;
use sluice_app::registry::Shown;
use sluice_core::hold::Cause;
use sluice_core::upgrade::{Context, Event, Upgrade, verify_chain};

use super::{Behaviour, Sim, fleet_key, version_id};

/// The longest time after the storm within which an upgrade has to end, in seconds.
const CALM_SECONDS: u32 = 3_000;

/// How long a hold that only an operator can release is looked at, in seconds.
const PATIENCE_SECONDS: u32 = 900;

/// What happens to a call of a function.
#[derive(Debug, Clone, Copy)]
pub enum Mishap {
    /// It fails before it has any effect.
    Before(&'static str),
    /// It has its effect, and its answer is lost.
    After(&'static str),
    /// It is delivered twice.
    Twice,
}

/// The chances of one run.
#[derive(Debug)]
pub struct Storm {
    rng: StdRng,
    rages: bool,
    now: Timestamp,
    /// What went wrong, in order.
    pub log: Vec<String>,
}

impl Storm {
    /// What happens to the next call of a function.
    pub(super) fn mishap(&mut self, function: &str) -> Option<Mishap> {
        const ERRORS: [&str; 4] = [
            "Lambda.ServiceException",
            "States.Timeout",
            "Lambda.Unknown",
            "Sluice.Throttled",
        ];
        if !self.rages || !self.rng.random_bool(0.08) {
            return None;
        }
        let error = ERRORS[self.rng.random_range(0..ERRORS.len())];
        let mishap = match self.rng.random_range(0..3) {
            0 => Mishap::Before(error),
            1 => Mishap::After(error),
            _ => Mishap::Twice,
        };
        self.say(&format!("{function} {mishap:?}"));
        Some(mishap)
    }

    /// Whether a check-in is delivered twice.
    pub(super) fn repeats(&mut self) -> bool {
        self.rages && self.rng.random_bool(0.05)
    }

    fn say(&mut self, what: &str) {
        self.log.push(format!("{} {what}", self.now));
    }
}

/// How a run ended.
#[derive(Debug, Clone)]
pub struct Ended {
    /// The seed that gives it again.
    pub seed: u64,
    /// The last status.
    pub status: &'static str,
    /// Whether it did not end.
    pub stuck: bool,
    /// What does not hold.
    pub violations: Vec<String>,
    /// What happened, in order.
    pub log: Vec<String>,
}

/// Runs one upgrade from a seed.
pub async fn run(seed: u64) -> Ended {
    let mut rng = StdRng::seed_from_u64(seed);
    let mut sim = Sim::new(rng.random_range(1..=8), behaviour(&mut rng));
    for _ in 0..3 {
        sim.second().await;
    }
    let mut violations = Vec::new();
    let request = Sim::request(if rng.random_bool(0.6) { 1 } else { 2 }, &wishes(&mut rng));
    if let Err(problem) = sim.begin(&request).await {
        violations.push(format!("it cannot begin: {problem:?}"));
    }
    let storm_seconds = rng.random_range(20..200);
    let now = sim.now;
    sim.storm = Some(Storm {
        rng,
        rages: true,
        now,
        log: Vec::new(),
    });
    let mut watch = Watch::default();
    for _ in 0..storm_seconds {
        disturb(&mut sim).await;
        sim.second().await;
        watch.look(&sim, &mut violations);
    }
    calm(&mut sim);
    for second in 0..CALM_SECONDS {
        operate(&mut sim, second).await;
        sim.second().await;
        watch.look(&sim, &mut violations);
        if sim.is_done() {
            break;
        }
    }
    // What was started last ends, too.
    for _ in 0..70 {
        sim.second().await;
    }
    let stuck = !sim.is_done();
    if !stuck {
        violations.extend(check(&sim));
    }
    let log = sim.storm.take().map(|s| s.log).unwrap_or_default();
    Ended {
        seed,
        status: sim.status(),
        stuck,
        violations,
        log,
    }
}

fn behaviour(rng: &mut StdRng) -> Behaviour {
    Behaviour {
        switch_seconds: rng.random_range(1..6),
        ..Behaviour::default()
    }
}

fn wishes(rng: &mut StdRng) -> String {
    format!(
        r#","canaryPercentage":{},"maxUnavailablePercentage":{},"batchSize":{},"failureThreshold":{},"autoRollbackEnabled":{},"maxConsecutiveFailures":{},"canaryPromotion":"{}"{}"#,
        rng.random_range(5..=60),
        rng.random_range(20..=100),
        rng.random_range(1..=4),
        rng.random_range(1..=3),
        rng.random_bool(0.8),
        rng.random_range(1..=3),
        if rng.random_bool(0.3) {
            "manual"
        } else {
            "automatic"
        },
        if rng.random_bool(0.3) {
            r#","onBreaker":"ask""#
        } else {
            ""
        },
    )
}

/// What goes wrong in the second that follows.
async fn disturb(sim: &mut Sim) {
    let Some(mut storm) = sim.storm.take() else { return };
    storm.now = sim.now;
    disturb_ports(sim, &mut storm);
    disturb_fleet(sim, &mut storm);
    if storm.rng.random_bool(0.004) && !sim.executions.is_empty() {
        let lost = storm.rng.random_range(0..sim.executions.len());
        let lost = sim.executions.remove(lost);
        storm.say(&format!("the execution {} is lost", lost.name));
    }
    if storm.rng.random_bool(0.01) {
        sim.deaf = !sim.deaf;
        storm.say(&format!("the stream is deaf: {}", sim.deaf));
    }
    if storm.rng.random_bool(0.02) {
        speak(sim, &mut storm).await;
    }
    sim.storm = Some(storm);
}

fn disturb_ports(sim: &Sim, storm: &mut Storm) {
    let mut state = sim.world.state();
    if storm.rng.random_bool(0.03) {
        state.metrics_fail = !state.metrics_fail;
        storm.say(&format!("the metrics are away: {}", state.metrics_fail));
    }
    if !storm.rng.random_bool(0.2) {
        return;
    }
    const KINDS: [PortErrorKind; 3] = [
        PortErrorKind::Throttled,
        PortErrorKind::Conflict,
        PortErrorKind::Unavailable,
    ];
    let kind = KINDS[storm.rng.random_range(0..KINDS.len())];
    // A conflict is said by who has written nothing.
    let after = kind != PortErrorKind::Conflict && storm.rng.random_bool(0.5);
    let call = state.calls + storm.rng.random_range(1..20);
    (state.fail_at, state.fail_kind, state.fail_after_effect) = (Some(call), Some(kind), after);
    storm.say(&format!("call {call} says {kind:?}, after its effect: {after}"));
}

fn disturb_fleet(sim: &mut Sim, storm: &mut Storm) {
    for index in 0..sim.instances.len() {
        let instance = &mut sim.instances[index];
        if storm.rng.random_bool(if instance.silent { 0.05 } else { 0.004 }) {
            instance.silent = !instance.silent;
            let silent = instance.silent;
            storm.say(&format!("instance {index} is silent: {silent}"));
        }
        if storm.rng.random_bool(0.002) {
            instance.forget();
            storm.say(&format!("instance {index} loses its state"));
        }
    }
    if storm.rng.random_bool(0.01) {
        let failing = u32::try_from(storm.rng.random_range(0..sim.instances.len())).unwrap_or(0);
        storm.say(&format!("instance {failing} cannot run a new version"));
        sim.behave(|b| b.failing.push(failing));
    }
    if storm.rng.random_bool(0.01) {
        let metrics = storm.rng.random_bool(0.5);
        storm.say(&format!("metrics arrive: {metrics}"));
        sim.behave(|b| b.metrics = metrics);
    }
    if storm.rng.random_bool(0.003) {
        storm.say("version 1.1.0 begins to fail");
        sim.behave(|b| _ = b.errors_per_thousand.insert(1, 80));
    }
}

/// An operator says something, sensible or not.
async fn speak(sim: &Sim, storm: &mut Storm) {
    let (world, id, at) = (&sim.world, sim.upgrade_id, sim.now);
    let operator = Sim::operator();
    let (word, said) = match storm.rng.random_range(0..10) {
        0..=2 => ("pause", registry::pause(world, &operator, id, None, at).await),
        3..=5 => ("resume", registry::resume(world, &operator, id, at).await),
        6 => (
            "roll back",
            registry::roll_back(world, &operator, id, (None, Shown::default()), at).await,
        ),
        7 => (
            "promote",
            registry::promote_canary(world, &operator, id, at).await,
        ),
        8 => {
            let go_on = (Some("continue_anyway"), None);
            (
                "go on",
                registry::decide(world, &operator, id, go_on, Shown::default(), at).await,
            )
        }
        _ => {
            let back = storm.rng.random_bool(0.5).then_some("true");
            (
                "cancel",
                registry::cancel(world, &operator, id, (None, back), at).await,
            )
        }
    };
    storm.say(&format!(
        "an operator says {word}: {}",
        said.map_or_else(|p| p.detail, |v| v.status)
    ));
}

/// Everything outside of Sluice is well again; a version that fails goes on failing.
fn calm(sim: &mut Sim) {
    sim.instances.iter_mut().for_each(|i| i.silent = false);
    sim.deaf = false;
    sim.behave(|b| {
        b.metrics = true;
        b.failing.clear();
    });
    let mut state = sim.world.state();
    (state.metrics_fail, state.fail_at) = (false, None);
    drop(state);
    if let Some(storm) = &mut sim.storm {
        storm.now = sim.now;
        storm.rages = false;
        storm.say("the storm is over");
    }
}

/// Whoever a hold names as the one to release it does so.
async fn operate(sim: &mut Sim, second: u32) {
    let Some(upgrade) = sim.world.state().upgrades.get(&sim.upgrade_id).cloned() else {
        return;
    };
    let (world, id, at, operator) = (&sim.world, sim.upgrade_id, sim.now, Sim::operator());
    let harmful = upgrade
        .hold
        .as_ref()
        .is_some_and(|h| matches!(h.cause, Cause::Harmful { .. }));
    let waits = upgrade
        .hold
        .as_ref()
        .is_some_and(|h| matches!(h.cause, Cause::Gate { .. }));
    let promotes = upgrade
        .hold
        .as_ref()
        .is_some_and(|h| matches!(h.cause, Cause::Promotion { .. }));
    let said = if upgrade.asks_for_decision() {
        registry::decide(
            world,
            &operator,
            id,
            (Some("continue_anyway"), None),
            Shown::default(),
            at,
        )
        .await
    } else if promotes {
        registry::promote_canary(world, &operator, id, at).await
    } else if upgrade.status.is_paused() && !harmful {
        registry::resume(world, &operator, id, at).await
    } else if harmful || (waits && second >= PATIENCE_SECONDS) {
        registry::roll_back(world, &operator, id, (None, Shown::default()), at).await
    } else {
        return;
    };
    if let (Some(storm), Ok(view)) = (&mut sim.storm, said) {
        storm.now = at;
        storm.say(&format!("the operator ends the hold: {}", view.status));
    }
}

/// What must hold in every second.
#[derive(Default)]
struct Watch {
    paused_at: Option<u32>,
    released: u32,
    seen: usize,
}

impl Watch {
    fn look(&mut self, sim: &Sim, violations: &mut Vec<String>) {
        let state = sim.world.state();
        let Some(upgrade) = state.upgrades.get(&sim.upgrade_id) else {
            return;
        };
        let frontier = state.channels.get(&fleet_key()).map_or(0, |c| c.frontier.0);
        let mut wrong = |what: &str| violations.push(format!("{} {what}", sim.now));
        if frontier < self.released {
            wrong("the frontier fell");
        }
        self.released = frontier;
        let touched = sim
            .instances
            .iter()
            .filter(|i| i.history.contains(&upgrade.to.version_id))
            .count();
        if touched > frontier as usize {
            wrong("an instance moved before it was released");
        }
        if upgrade.status.is_paused() {
            if self.paused_at.is_some_and(|at| at != frontier) {
                wrong("a batch was released while paused");
            }
            self.paused_at = Some(frontier);
        } else {
            self.paused_at = None;
        }
        if upgrade.status.is_terminal() == state.locks.values().any(|id| *id == sim.upgrade_id) {
            wrong("the lock does not fit the status");
        }
        self.seen = self
            .seen
            .max(state.events.get(&sim.upgrade_id).map_or(0, Vec::len));
        if upgrade.seq.0 != self.seen as u64 {
            wrong("there is not one event for each change");
        }
    }
}

/// What must hold at the end.
fn check(sim: &Sim) -> Vec<String> {
    let events = sim.events();
    let state = sim.world.state();
    let upgrade = &state.upgrades[&sim.upgrade_id];
    let mut wrong = Vec::new();
    let mut must = |holds: bool, what: &str| {
        if !holds {
            wrong.push(format!("{}: {what}", upgrade.status.name()));
        }
    };
    must(
        verify_chain(&events).is_ok(),
        "the chain of events does not verify",
    );
    must(
        replayed(upgrade, &state.plans[&sim.upgrade_id], &events).as_ref() == Some(upgrade),
        "a replay gives another record",
    );
    for extension in ["md", "json"] {
        let key = sluice_app::keys::report(sim.upgrade_id, extension);
        must(state.blobs.contains_key(&key), "there is no report");
    }
    let mut delivered: Vec<u64> = state.published.iter().map(|e| e.seq.0).collect();
    delivered.sort_unstable();
    delivered.dedup();
    must(delivered.len() == events.len(), "an event was not delivered");
    let share = state
        .weights
        .as_ref()
        .and_then(|w| w.weights.get(&upgrade.to.version.to_string()).copied());
    let on = |minor| sim.instances.iter().filter(|i| i.runs(version_id(minor))).count();
    match upgrade.status.name() {
        "COMPLETED" => {
            let there = on(upgrade.to.version.minor) + upgrade.failures as usize;
            must(there >= sim.instances.len(), "an instance is not there");
            must(share == Some(100), "the traffic is not there");
        }
        "ROLLED_BACK" => {
            must(on(0) == sim.instances.len(), "an instance is not back");
            must(share.unwrap_or(0) == 0, "the traffic is not back");
        }
        "FAILED" | "CANCELLED" => must(upgrade.failure.is_some(), "no reason is given"),
        _ => must(false, "it has not ended"),
    }
    wrong
}

/// The recorded commands, applied again.
fn replayed(stored: &Upgrade, plan: &sluice_core::plan::Plan, events: &[Event]) -> Option<Upgrade> {
    let first = events.first()?;
    let initiated_by = stored.initiated_by.clone();
    let mut change = Upgrade::create(stored.upgrade_id, plan, initiated_by, &first.actor, first.at);
    let mut channel = None;
    for event in &events[1..] {
        let context = Context {
            plan,
            channel: channel.as_ref(),
            now: event.at,
            actor: &event.actor,
        };
        change = change.upgrade.apply(event.command.clone(), &context).ok()?;
        if change.event != *event {
            return None;
        }
        channel = change.channel.or(channel);
    }
    Some(change.upgrade)
}
