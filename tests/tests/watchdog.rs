//! Workflows that are gone and doorbells that do not ring, in memory: the watchdog sets them right.

#![cfg(test)]

use jiff::SignedDuration;
use sluice_app::registry;
use sluice_core::upgrade::{Command, verify_chain};
use sluice_tests::sim::{Behaviour, Sim};

async fn began(minor: u64) -> Sim {
    let mut sim = Sim::new(20, Behaviour::default());
    for _ in 0..3 {
        sim.second().await;
    }
    sim.begin(&Sim::request(minor, "")).await.unwrap();
    sim
}

fn count(sim: &Sim, name: &str) -> usize {
    sim.events().iter().filter(|e| e.name == name).count()
}

/// Every status in which a workflow is at work, and how the upgrade ends although all of its executions are lost there.
#[tokio::test]
async fn an_upgrade_survives_the_loss_of_its_executions() {
    let rows = [
        (1, "CANARY_RUNNING", "COMPLETED"),
        (1, "CANARY_MONITORING", "COMPLETED"),
        (1, "IN_PROGRESS", "COMPLETED"),
        (2, "ROLLING_BACK", "ROLLED_BACK"),
    ];
    for (minor, lost_in, end) in rows {
        let mut sim = began(minor).await;
        assert!(
            sim.run_until(400, |s| s.status() == lost_in).await,
            "never {lost_in}"
        );
        sim.executions.clear();
        sim.run(1_500).await;
        assert_eq!(sim.status(), end, "lost in {lost_in}");
        assert!(sim.is_done(), "lost in {lost_in}: no report");
        assert_eq!(count(&sim, "upgrade.restarted"), 1, "lost in {lost_in}");
        assert_eq!(verify_chain(&sim.events()), Ok(()));
        let told = sim
            .world
            .state()
            .alerts
            .iter()
            .filter(|a| a.event == "upgrade.restarted")
            .count();
        assert_eq!(told, 1, "lost in {lost_in}");
    }
}

#[tokio::test]
async fn a_workflow_that_comes_back_is_fenced() {
    let mut sim = began(1).await;
    assert!(sim.run_until(400, |s| s.status() == "CANARY_MONITORING").await);
    let asleep = std::mem::take(&mut sim.executions);
    assert!(sim.run_until(400, |s| count(s, "upgrade.restarted") == 1).await);
    sim.executions.extend(asleep);
    sim.run(600).await;
    assert_eq!((sim.status(), sim.running(1)), ("COMPLETED", 20));
    assert_eq!(count(&sim, "upgrade.restarted"), 1);
    assert_eq!(count(&sim, "upgrade.completed"), 1);
}

#[tokio::test]
async fn a_paused_upgrade_is_watched_and_told_of_once() {
    let mut sim = began(1).await;
    assert!(sim.run_until(400, |s| s.status() == "CANARY_MONITORING").await);
    let (caller, id) = (Sim::operator(), sim.upgrade_id);
    registry::pause(&sim.world, &caller, id, None, sim.now)
        .await
        .unwrap();
    sim.now += SignedDuration::from_hours(12);
    sim.run(180).await;
    let overdue: Vec<_> = sim
        .events()
        .into_iter()
        .filter_map(|e| match e.command {
            Command::Overdue { what } => Some(what.to_string()),
            _ => None,
        })
        .collect();
    assert_eq!(overdue.len(), 1, "{overdue:?}");
    assert!(
        overdue[0].starts_with("the pause takes longer than 12 hours"),
        "{overdue:?}"
    );
    assert_eq!(
        count(&sim, "upgrade.restarted"),
        0,
        "its workflow went on looking"
    );
    registry::resume(&sim.world, &caller, id, sim.now).await.unwrap();
    sim.run(600).await;
    assert_eq!(sim.status(), "COMPLETED");
}

#[tokio::test]
async fn what_no_doorbell_brought_is_delivered() {
    let mut sim = began(1).await;
    sim.deaf = true;
    sim.run(900).await;
    assert_eq!((sim.status(), sim.running(1)), ("COMPLETED", 20));
    sim.deaf = false;
    sim.second().await;
    let state = sim.world.state();
    assert_eq!(state.published.len(), state.events[&sim.upgrade_id].len());
}
