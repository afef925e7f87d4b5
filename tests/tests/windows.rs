//! Upgrades that wait for their time: windows, freezes and stops of the policies that hold, in simulated time.

#![cfg(test)]

use jiff::{SignedDuration, Timestamp};
use sluice_app::ports::Policies;
use sluice_app::registry;
use sluice_contract::problem::Code;
use sluice_core::policy::kept::{Owner, Revision};
use sluice_core::upgrade::verify_chain;
use sluice_tests::sim::{Behaviour, Sim, fleet_key};

/// A fleet whose instances are registered, under a tenant's policy; `{100}` in it is the moment in 100 s.
async fn under(policy: &str) -> Sim {
    let mut sim = Sim::new(20, Behaviour::default());
    for _ in 0..3 {
        sim.second().await;
    }
    let mut parts = policy.split('{');
    let mut text = parts.next().unwrap().to_owned();
    for part in parts {
        match part
            .split_once('}')
            .and_then(|(n, rest)| Some((n.parse().ok()?, rest)))
        {
            Some((seconds, rest)) => {
                text += &format!("{}{rest}", later(sim.now, seconds));
            }
            None => text += &format!("{{{part}"),
        }
    }
    set(&sim, &text).await;
    sim
}

fn later(now: Timestamp, seconds: i64) -> Timestamp {
    now + SignedDuration::from_secs(seconds)
}

async fn set(sim: &Sim, text: &str) {
    let owner = Owner::Tenant {
        tenant_id: fleet_key().tenant_id,
    };
    let before = sim.world.policy(&owner).await.unwrap();
    let replaces = before.map(|b: Revision| b.revision).unwrap_or_default();
    registry::put_policy(&sim.world, &Sim::operator(), owner, Some(replaces), text, sim.now)
        .await
        .unwrap();
}

fn count(sim: &Sim, name: &str) -> usize {
    sim.events().iter().filter(|e| e.name == name).count()
}

/// What it waits for, in one word.
fn waits_for(sim: &Sim) -> String {
    let state = sim.world.state();
    let hold = state.upgrades[&sim.upgrade_id].hold.as_ref();
    let value = serde_json::to_value(hold.map(|h| &h.cause)).unwrap();
    value["cause"].as_str().unwrap_or_default().to_owned()
}

fn alerts(sim: &Sim, text: &str) -> usize {
    let state = sim.world.state();
    state.alerts.iter().filter(|a| a.body.contains(text)).count()
}

const LATER: &str = "windows: [{name: night, once: {from: {7300}, to: {9000}}}]";

#[tokio::test]
async fn what_is_started_early_begins_when_the_window_opens() {
    for twice in [false, true] {
        let mut sim = under(LATER).await;
        sim.twice = twice;
        sim.begin(&Sim::request(1, "")).await.unwrap();
        let begin = sim.now;
        sim.run(7_290).await;
        assert_eq!((sim.running(0), waits_for(&sim).as_str()), (20, "window-closed"));
        assert_eq!(count(&sim, "upgrade.held"), 1, "told once");
        assert_eq!(
            count(&sim, "upgrade.restarted"),
            0,
            "a long wait does not look dead"
        );
        assert_eq!(alerts(&sim, ""), 0, "nothing is amiss");
        assert!(sim.run_until(20, |s| count(s, "batch.released") == 1).await);
        let waited = sim.now.duration_since(begin).as_secs();
        assert!((7_300..7_305).contains(&waited), "released after {waited} s");
        sim.run(400).await;
        assert_eq!((sim.status(), sim.running(1)), ("COMPLETED", 20));
        assert_eq!(verify_chain(&sim.events()), Ok(()));
    }
}

#[tokio::test]
async fn while_it_waits_an_operator_is_heeded_within_a_minute() {
    let mut sim = under(LATER).await;
    sim.begin(&Sim::request(1, "")).await.unwrap();
    sim.run(300).await;
    registry::cancel(
        &sim.world,
        &Sim::operator(),
        sim.upgrade_id,
        (Some("no"), None),
        sim.now,
    )
    .await
    .unwrap();
    sim.run(62).await;
    assert!(sim.is_done(), "{}", sim.status());
    assert_eq!(sim.status(), "CANCELLED");
}

#[tokio::test]
async fn what_does_not_fit_into_one_window_goes_on_in_the_next() {
    let windows = "onTooLong: split\nwindows:\n- {name: a, once: {from: {10}, to: {190}}}\n\
                   - {name: b, once: {from: {5000}, to: {7000}}}";
    let mut sim = under(windows).await;
    sim.begin(&Sim::request(1, "")).await.unwrap();
    sim.run(185).await;
    assert_eq!(
        (count(&sim, "batch.released"), waits_for(&sim).as_str()),
        (2, "window-too-short")
    );
    sim.run(4_700).await;
    assert_eq!(
        (count(&sim, "batch.released"), waits_for(&sim).as_str()),
        (2, "window-closed")
    );
    assert_eq!(
        count(&sim, "upgrade.overdue"),
        0,
        "between two windows nothing takes too long"
    );
    assert_eq!(count(&sim, "upgrade.restarted"), 0);
    sim.run(600).await;
    assert_eq!((sim.status(), sim.running(1)), ("COMPLETED", 20));
}

#[tokio::test]
async fn what_can_never_fit_is_refused() {
    for (policy, problem) in [
        (
            "windows: [{name: a, once: {from: {10}, to: {190}}}]",
            "the plan needs 660 s",
        ),
        (
            "onTooLong: split\nwindows: [{name: a, once: {from: {10}, to: {100}}}]",
            "batch 0 needs 130 s",
        ),
        (
            "windows: [{name: a, once: {from: {-90}, to: {-10}}}]",
            "nothing opens",
        ),
        ("emergencyStop: {reason: fire}", "everything is stopped: fire"),
    ] {
        let mut sim = under(policy).await;
        let refused = sim.begin(&Sim::request(1, "")).await.unwrap_err();
        assert_eq!(refused.code, Code::NoWindow, "{policy}");
        assert!(refused.detail.contains(problem), "{policy}: {}", refused.detail);
        assert!(sim.world.state().locks.is_empty());
    }
}

#[tokio::test]
async fn a_freeze_and_a_stop_hold_what_was_planned_before() {
    for (policy, cause) in [
        (
            "freezes: [{name: sale, zone: UTC, dates: [2019-12-01, TODAY, 2030-01-01]}]",
            "freeze",
        ),
        ("emergencyStop: {reason: fire}", "emergency-stop"),
    ] {
        let mut sim = under("{}").await;
        sim.begin(&Sim::request(1, "")).await.unwrap();
        assert!(sim.run_until(100, |s| count(s, "batch.released") == 1).await);
        let today = sim.now.strftime("%Y-%m-%d").to_string();
        set(&sim, &policy.replace("TODAY", &today)).await;
        sim.run(300).await;
        assert_eq!(
            (count(&sim, "batch.released"), waits_for(&sim).as_str()),
            (1, cause)
        );
        // What was released goes on being watched.
        assert_eq!(count(&sim, "batch.passed"), 1);
        set(&sim, "{}").await;
        sim.run(400).await;
        assert_eq!((sim.status(), sim.running(1)), ("COMPLETED", 20), "{cause}");
    }
}

#[tokio::test]
async fn a_batch_that_outlives_its_window_is_treated_as_the_policy_says() {
    for (action, status, alert) in [
        (
            "finish-batch",
            "CANARY_RUNNING",
            "is overdue: batch 0 is under way",
        ),
        ("continue", "CANARY_RUNNING", "is overdue: batch 0 is under way"),
        ("pause", "PAUSED", "paused: the window closed"),
        ("rollback", "ROLLING_BACK", "rolling back: the window closed"),
    ] {
        let policy =
            format!("onWindowEnd: {action}\nwindows: [{{name: a, once: {{from: {{5}}, to: {{705}}}}}}]");
        let mut sim = under(&policy).await;
        sim.begin(&Sim::request(1, "")).await.unwrap();
        assert!(sim.run_until(30, |s| count(s, "batch.released") == 1).await);
        sim.instances.iter_mut().for_each(|i| i.silent = true);
        sim.run(660).await;
        assert_eq!(
            (sim.status(), alerts(&sim, alert)),
            ("CANARY_RUNNING", 0),
            "{action}"
        );
        sim.run(60).await;
        assert_eq!((sim.status(), alerts(&sim, alert)), (status, 1), "{action}");
        // A way back waits for its acknowledgements no longer than it must.
        let silent = action != "rollback";
        sim.instances.iter_mut().for_each(|i| i.silent = silent);
        sim.run(120).await;
        assert_eq!(alerts(&sim, alert), 1, "{action} is told once");
        sim.instances.iter_mut().for_each(|i| i.silent = false);
        if action == "pause" {
            registry::resume(&sim.world, &Sim::operator(), sim.upgrade_id, sim.now)
                .await
                .unwrap();
        }
        sim.run(600).await;
        let (status, moved) = match action {
            "continue" => ("COMPLETED", 20),
            "rollback" => ("ROLLED_BACK", 0),
            // The batch is finished, and the next one has no window any more.
            _ => ("CANARY_MONITORING", 2),
        };
        assert_eq!((sim.status(), sim.running(1)), (status, moved), "{action}");
    }
}

#[tokio::test]
async fn a_dry_run_says_when_and_changes_nothing() {
    let sim = under(LATER).await;
    let before = format!("{:?}", sim.world.state().upgrades);
    let (caller, tenant) = (Sim::operator(), fleet_key().tenant_id);
    let request = Sim::request(1, "");
    let proposal = registry::dry_run(&sim.world, &caller, &tenant, &request, sim.now)
        .await
        .unwrap();
    assert_eq!(proposal.schedule.start_at, later(sim.now, 7_300));
    assert_eq!(proposal.batch_count, 6);
    {
        let state = sim.world.state();
        assert_eq!(format!("{:?}", state.upgrades), before);
        assert!(state.locks.is_empty() && state.plans.is_empty() && state.events.is_empty());
    }
    let mut sim = sim;
    let view = sim.begin(&request).await.unwrap();
    assert_eq!(view.plan_hash, proposal.hash, "what was shown is what is planned");
}
