//! Single instances for which something else holds than for the rest of their fleet, in memory.

#![cfg(test)]

use sluice_app::caller::Caller;
use sluice_app::keys;
use sluice_app::registry::{self, Shown};
use sluice_contract::api::UpgradeView;
use sluice_contract::problem::{Code, Problem};
use sluice_core::exception::Exceptions;
use sluice_core::fleet::InstanceStatus;
use sluice_core::report::Report;
use sluice_core::units::Ordinal;
use sluice_core::upgrade::{Command, verify_chain};
use sluice_tests::sim::{Behaviour, Sim, fleet_key};

async fn began(behaviour: Behaviour, more: &str) -> Sim {
    let mut sim = Sim::new(20, behaviour);
    for _ in 0..3 {
        sim.second().await;
    }
    sim.begin(&Sim::request(1, more)).await.unwrap();
    sim
}

async fn dropped(sim: &Sim, ordinal: u32) -> Result<UpgradeView, Problem> {
    let (world, caller) = (&sim.world, Sim::operator());
    let which = (sim.upgrade_id, Ordinal(ordinal));
    registry::drop_instance(world, world, &caller, which, sim.now).await
}

async fn roll_back(sim: &Sim) {
    let (caller, why) = (Sim::operator(), (Some("seen enough"), Shown::default()));
    let asked = registry::roll_back(&sim.world, &caller, sim.upgrade_id, why, sim.now).await;
    asked.unwrap();
}

fn hold(sim: &Sim) -> String {
    let state = sim.world.state();
    let hold = state.upgrades[&sim.upgrade_id].hold.as_ref();
    hold.map(|h| h.cause.to_string()).unwrap_or_default()
}

/// The report in its two forms.
fn report(sim: &Sim) -> (Report, String) {
    let state = sim.world.state();
    let form = |extension| state.blobs[&keys::report(sim.upgrade_id, extension)].clone();
    let text = String::from_utf8(form("md")).unwrap();
    (serde_json::from_slice(&form("json")).unwrap(), text)
}

/// How many of each batch arrived, failed, and were dropped, as the events say.
fn moved(sim: &Sim) -> (u32, u32, u32) {
    sim.events()
        .iter()
        .fold((0, 0, 0), |sum, event| match &event.command {
            Command::Moved {
                completed,
                failed,
                dropped,
                ..
            } => (sum.0 + completed, sum.1 + failed, sum.2 + dropped),
            _ => sum,
        })
}

/// Nobody waits for who left for good, and whoever reads of the upgrade learns who that was.
#[tokio::test]
async fn the_upgrade_goes_on_without_a_dropped_instance() {
    let mut sim = began(Behaviour::default(), "").await;
    sim.instances[7].silent = true;
    assert!(
        sim.run_until(600, |s| hold(s).contains("not reported in time: 7"))
            .await
    );
    dropped(&sim, 7).await.unwrap();
    let before = sim.events().len();
    let again = dropped(&sim, 7).await.unwrap();
    assert_eq!(again.dropped_instances.ordinals(), [Ordinal(7)]);
    assert_eq!(sim.events().len(), before, "asked for again, nothing happens");
    sim.run(600).await;
    assert_eq!((sim.status(), sim.running(1)), ("COMPLETED", 19));
    assert_eq!(moved(&sim), (19, 0, 1));
    assert_eq!(verify_chain(&sim.events()), Ok(()));
    let view = registry::get(&sim.world, &Sim::operator(), sim.upgrade_id).await;
    let view = view.unwrap();
    let sum = |of: fn(&sluice_contract::api::BatchView) -> u32| view.batches.iter().map(of).sum::<u32>();
    assert_eq!((sum(|b| b.completed), sum(|b| b.dropped)), (19, 1));
    let (report, text) = report(&sim);
    assert_eq!(report.batches.iter().map(|b| b.dropped).sum::<u32>(), 1);
    assert!(text.contains("| Dropped by an operator | 7 |"), "{text}");
    assert!(text.contains("| instance.dropped |"), "{text}");
    // It comes along when it returns after all.
    sim.instances[7].silent = false;
    for _ in 0..20 {
        sim.second().await;
    }
    assert_eq!(sim.running(1), 20);
}

/// One that is back before its batch has moved is counted as what it did, and once.
#[tokio::test]
async fn a_dropped_instance_that_returns_is_counted_once() {
    let mut sim = began(Behaviour::default(), "").await;
    (sim.instances[7].silent, sim.instances[8].silent) = (true, true);
    assert!(
        sim.run_until(600, |s| hold(s).contains("not reported in time"))
            .await
    );
    let named: Vec<_> = [7, 8]
        .into_iter()
        .filter(|n| hold(&sim).contains(&n.to_string()))
        .collect();
    for ordinal in &named {
        dropped(&sim, *ordinal).await.unwrap();
    }
    (sim.instances[7].silent, sim.instances[8].silent) = (false, false);
    sim.run(600).await;
    assert_eq!((sim.status(), sim.running(1)), ("COMPLETED", 20));
    let (arrived, failed, without) = moved(&sim);
    assert_eq!((arrived + without, failed), (20, 0), "{named:?}");
    let counted: u32 = sim.world.state().counts.values().map(|c| c.completed).sum();
    assert_eq!(counted, 20);
}

/// Who is gone takes nobody's room: a cap of one is not used up by it.
#[tokio::test]
async fn a_dropped_instance_takes_no_room() {
    let mut sim = Sim::new(20, Behaviour::default());
    for _ in 0..3 {
        sim.second().await;
    }
    let request = Sim::request(1, r#","maxUnavailablePercentage":5,"canarySecondStage":false"#);
    sim.begin(&request).await.unwrap();
    let last = {
        let state = sim.world.state();
        let plan = &state.upgrades[&sim.upgrade_id].plan_hash;
        let published: sluice_core::plan::Published =
            serde_json::from_slice(&state.blobs[&keys::positions(plan)]).unwrap();
        *published.ordinals.0.last().unwrap()
    };
    sim.instances[last.0 as usize].silent = true;
    {
        let mut state = sim.world.state();
        let all = state.instances.get_mut(&fleet_key()).unwrap();
        all.get_mut(&last).unwrap().instance.seen_at -= jiff::SignedDuration::from_secs(1_000);
    }
    assert!(
        sim.run_until(900, |s| hold(s).contains("has no room: 1 instances are down"))
            .await
    );
    dropped(&sim, last.0).await.unwrap();
    sim.run(1_500).await;
    assert_eq!((sim.status(), sim.running(1)), ("COMPLETED", 19));
    assert_eq!(moved(&sim), (19, 0, 1));
}

/// On the way back too; and whenever it returns it is told the old version, and goes.
#[tokio::test]
async fn the_way_back_ends_without_a_dropped_instance_which_goes_back_when_it_returns() {
    // One at a time goes back, so that all others would have to wait for it.
    let one = r#","rollbackMaxUnavailablePercentage":5"#;
    let mut sim = began(Behaviour::default(), one).await;
    assert!(sim.run_until(400, |s| s.running(1) >= 10).await);
    let gone = sim
        .instances
        .iter()
        .position(|i| i.runs(sluice_tests::sim::version_id(1)));
    let gone = gone.unwrap();
    sim.instances[gone].silent = true;
    roll_back(&sim).await;
    for _ in 0..5 {
        sim.second().await;
    }
    assert_eq!(sim.status(), "ROLLING_BACK");
    let view = dropped(&sim, u32::try_from(gone).unwrap()).await.unwrap();
    assert_eq!(view.dropped_instances.ordinals().len(), 1);
    sim.run(400).await;
    assert_eq!((sim.status(), sim.running(0)), ("ROLLED_BACK", 19));
    let events = sim.events();
    let back = events.iter().find_map(|e| match &e.command {
        Command::RolledBack { dropped, .. } => Some(*dropped),
        _ => None,
    });
    assert_eq!(back, Some(1));
    assert!(report(&sim).1.contains(", 1 dropped"));
    sim.instances[gone].silent = false;
    for _ in 0..30 {
        sim.second().await;
    }
    assert_eq!(sim.running(0), 20);
    let ordinal = Ordinal(u32::try_from(gone).unwrap());
    let state = sim.world.state();
    let stored = &state.instances[&fleet_key()][&ordinal].instance;
    let status = stored.report.as_ref().unwrap().status;
    assert_eq!(status, InstanceStatus::RolledBack);
}

/// Rows: what is refused, with its code, and what the sentence has to hold.
#[tokio::test]
async fn an_exception_that_cannot_be_made_is_refused() {
    let sim = began(Behaviour::default(), "").await;
    let pending = dropped(&sim, 1).await.unwrap_err();
    assert_eq!(pending.code, Code::NotPossibleNow);
    let mut sim = sim;
    assert!(sim.run_until(100, |s| s.status() == "CANARY_RUNNING").await);
    for ordinal in 0..u32::try_from(Exceptions::MAX).unwrap() {
        dropped(&sim, ordinal).await.unwrap();
    }
    let before = sim.events().len();
    for (ordinal, code, status, told) in [
        (99, Code::NotFound, 404, "ordinal: 99 is not among"),
        (
            16,
            Code::TooManyExceptions,
            409,
            "ordinal: is 16, one more than the 16 instances",
        ),
    ] {
        let problem = dropped(&sim, ordinal).await.unwrap_err();
        assert_eq!((problem.code, problem.status), (code, status), "{problem}");
        assert!(problem.detail.contains(told), "{problem}");
    }
    let caller = Caller::from_claims(Some("rita"), Some("acme"), Some("upgrade:read upgrade:plan")).unwrap();
    let which = (sim.upgrade_id, Ordinal(17));
    let refused = registry::drop_instance(&sim.world, &sim.world, &caller, which, sim.now).await;
    assert_eq!(refused.unwrap_err().code, Code::MissingScope);
    assert_eq!(sim.events().len(), before, "nothing has changed");
}
