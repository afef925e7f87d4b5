//! Whole upgrades in memory: the real state machines and use cases, simulated time, made-up faults.

#![cfg(test)]

use sluice_app::keys;
use sluice_app::registry::{self, Shown};
use sluice_core::channel::Mode;
use sluice_core::fleet::{Switch, Switches};
use sluice_core::plan::Published;
use sluice_core::units::Ordinal;
use sluice_core::upgrade::verify_chain;
use sluice_tests::sim::{Behaviour, Sim, fleet_key, version_id};

async fn began(count: u32, behaviour: Behaviour, minor: u64, more: &str) -> Sim {
    let mut sim = Sim::new(count, behaviour);
    for _ in 0..3 {
        sim.second().await;
    }
    sim.begin(&Sim::request(minor, more)).await.unwrap();
    sim
}

/// What must hold at the end of every upgrade, however it went.
fn check_record(sim: &Sim) {
    let events = sim.events();
    assert_eq!(verify_chain(&events), Ok(()), "the chain holds");
    let state = sim.world.state();
    let upgrade = &state.upgrades[&sim.upgrade_id];
    assert_eq!(upgrade.seq.0, events.len() as u64, "one event for each change");
    assert_eq!(
        state.published.len(),
        events.len(),
        "every event is delivered once"
    );
    assert!(state.locks.is_empty(), "the lock is given back");
    assert!(
        state
            .blobs
            .contains_key(&format!("reports/{}.md", sim.upgrade_id)),
        "the report is written"
    );
}

#[tokio::test]
async fn a_good_version_reaches_every_instance() {
    let mut sim = began(20, Behaviour::default(), 1, "").await;
    sim.run(400).await;
    assert_eq!((sim.status(), sim.running(1)), ("COMPLETED", 20));
    check_record(&sim);
    let state = sim.world.state();
    assert_eq!(state.weights.as_ref().unwrap().weights["1.1.0"], 100);
    let released = state
        .published
        .iter()
        .filter(|e| e.name == "batch.released")
        .count();
    assert_eq!(released, 6);
}

#[tokio::test]
async fn a_bad_version_never_leaves_the_canary() {
    let mut sim = began(20, Behaviour::default(), 2, "").await;
    sim.run(400).await;
    assert_eq!((sim.status(), sim.running(0)), ("ROLLED_BACK", 20));
    check_record(&sim);
    let touched = sim
        .instances
        .iter()
        .filter(|i| i.history.contains(&version_id(2)))
        .count();
    assert_eq!(touched, 2, "the first canary stage");
    let state = sim.world.state();
    assert_eq!(state.weights.as_ref().unwrap().weights["1.2.0"], 0);
    let clocks = state.upgrades[&sim.upgrade_id].clocks;
    let seconds = |a: Option<jiff::Timestamp>, b: Option<jiff::Timestamp>| {
        b.unwrap().duration_since(a.unwrap()).as_secs()
    };
    assert!(
        seconds(clocks.t2_verdict, clocks.t3_traffic_back) < 60,
        "{clocks:?}"
    );
    assert!(
        seconds(clocks.t2_verdict, clocks.t4_instances_back) < 60,
        "{clocks:?}"
    );
    assert!(
        seconds(clocks.t2_verdict, clocks.t5_record_complete) < 180,
        "{clocks:?}"
    );
}

#[tokio::test]
async fn without_automatic_rollback_harm_pauses() {
    let mut sim = began(20, Behaviour::default(), 2, r#","autoRollbackEnabled":false"#).await;
    assert!(sim.run_until(200, |s| s.status() == "PAUSED").await);
    sim.run(60).await;
    assert_eq!((sim.status(), sim.running(2)), ("PAUSED", 2));
    registry::roll_back(
        &sim.world,
        &Sim::operator(),
        sim.upgrade_id,
        (Some("seen enough"), Shown::default()),
        sim.now,
    )
    .await
    .unwrap();
    sim.run(100).await;
    assert_eq!((sim.status(), sim.running(0)), ("ROLLED_BACK", 20));
    check_record(&sim);
}

#[tokio::test]
async fn a_pause_holds_until_resumed() {
    let mut sim = began(20, Behaviour::default(), 1, "").await;
    assert!(sim.run_until(100, |s| s.status() == "CANARY_MONITORING").await);
    registry::pause(
        &sim.world,
        &Sim::operator(),
        sim.upgrade_id,
        Some("lunch"),
        sim.now,
    )
    .await
    .unwrap();
    sim.run(120).await;
    assert_eq!((sim.status(), sim.running(1)), ("PAUSED", 2));
    assert_eq!(sim.world.state().channels[&fleet_key()].mode, Mode::Hold);
    registry::resume(&sim.world, &Sim::operator(), sim.upgrade_id, sim.now)
        .await
        .unwrap();
    sim.run(400).await;
    assert_eq!((sim.status(), sim.running(1)), ("COMPLETED", 20));
    check_record(&sim);
}

/// A pause of more looks than one execution makes: fresh executions take over.
#[tokio::test]
async fn a_long_pause_is_handed_over() {
    let mut sim = began(4, Behaviour::default(), 1, "").await;
    assert!(sim.run_until(100, |s| s.status() == "CANARY_MONITORING").await);
    registry::pause(&sim.world, &Sim::operator(), sim.upgrade_id, None, sim.now)
        .await
        .unwrap();
    sim.run(2_500).await;
    assert_eq!(sim.status(), "PAUSED");
    registry::resume(&sim.world, &Sim::operator(), sim.upgrade_id, sim.now)
        .await
        .unwrap();
    sim.run(400).await;
    assert_eq!((sim.status(), sim.running(1)), ("COMPLETED", 4));
    check_record(&sim);
}

#[tokio::test]
async fn a_completed_upgrade_cannot_be_taken_back_under_another_one() {
    let mut sim = began(4, Behaviour::default(), 1, "").await;
    sim.run(400).await;
    let first = sim.upgrade_id;
    sim.upgrade_id = sluice_core::ids::UpgradeId(uuid::Uuid::from_u128(43));
    let next = sluice_contract::api::UpgradeRequest {
        from_version_id: version_id(1),
        to_version_id: version_id(2),
        ..Sim::request(2, "")
    };
    sim.begin(&next).await.unwrap();
    let refused = registry::roll_back(
        &sim.world,
        &Sim::operator(),
        first,
        (None, Shown::default()),
        sim.now,
    )
    .await
    .unwrap_err();
    assert_eq!(refused.code, sluice_contract::problem::Code::UpgradeActive);
}

#[tokio::test]
async fn harm_acts_while_paused() {
    let slow = Behaviour {
        requests_per_second: 20,
        ..Behaviour::default()
    };
    let mut sim = began(20, slow, 2, "").await;
    assert!(sim.run_until(100, |s| s.status() == "CANARY_MONITORING").await);
    registry::pause(&sim.world, &Sim::operator(), sim.upgrade_id, None, sim.now)
        .await
        .unwrap();
    sim.behave(|b| b.requests_per_second = 1_000);
    sim.run(100).await;
    assert_eq!((sim.status(), sim.running(0)), ("ROLLED_BACK", 20));
    check_record(&sim);
}

#[tokio::test]
async fn a_completed_upgrade_can_be_taken_back_while_it_is_held() {
    let mut sim = began(20, Behaviour::default(), 1, "").await;
    sim.run(400).await;
    assert_eq!(sim.status(), "COMPLETED");
    registry::roll_back(
        &sim.world,
        &Sim::operator(),
        sim.upgrade_id,
        (None, Shown::default()),
        sim.now,
    )
    .await
    .unwrap();
    assert_eq!(sim.world.state().locks.len(), 1, "the lock is taken again");
    sim.run(200).await;
    assert_eq!((sim.status(), sim.running(0)), ("ROLLED_BACK", 20));
    check_record(&sim);
}

#[tokio::test]
async fn no_data_is_never_a_pass() {
    let blind = Behaviour {
        metrics: false,
        ..Behaviour::default()
    };
    let mut sim = began(20, blind, 1, "").await;
    sim.run(600).await;
    assert_eq!((sim.status(), sim.running(1)), ("CANARY_MONITORING", 2));
    let view = registry::get(&sim.world, &Sim::operator(), sim.upgrade_id)
        .await
        .unwrap();
    let hold = view.hold.unwrap();
    assert!(
        hold.sentence.contains("waiting for the first requests"),
        "{}",
        hold.sentence
    );
}

#[tokio::test]
async fn failing_instances_bring_the_fleet_back() {
    let failing = Behaviour {
        failing: (0..20).collect(),
        ..Behaviour::default()
    };
    let mut sim = began(20, failing, 1, r#","failureThreshold":2"#).await;
    sim.run(200).await;
    assert_eq!((sim.status(), sim.running(0)), ("ROLLED_BACK", 20));
    check_record(&sim);
    let reason = sim.world.state().upgrades[&sim.upgrade_id]
        .rollback
        .clone()
        .unwrap()
        .reason;
    assert_eq!(reason, "all 2 instances of the batch failed");
}

#[tokio::test]
async fn a_failure_below_the_threshold_does_not_stop() {
    let failing = Behaviour {
        failing: vec![7],
        ..Behaviour::default()
    };
    let mut sim = began(20, failing, 1, "").await;
    sim.run(400).await;
    assert_eq!((sim.status(), sim.running(1)), ("COMPLETED", 19));
    check_record(&sim);
}

#[tokio::test]
async fn silent_instances_hold() {
    let mut sim = began(20, Behaviour::default(), 1, "").await;
    sim.instances.iter_mut().for_each(|i| i.silent = true);
    sim.run(300).await;
    assert_eq!(sim.status(), "CANARY_RUNNING");
    let mut named = positions(&sim)[..2].to_vec();
    named.sort_unstable();
    assert_eq!(
        waits_for(&sim).await,
        format!(
            "2 instances of batch 0 have not reported in time: {}, {}",
            named[0], named[1]
        )
    );
    sim.instances.iter_mut().for_each(|i| i.silent = false);
    sim.run(400).await;
    assert_eq!((sim.status(), sim.running(1)), ("COMPLETED", 20));
}

/// What failed half-way can be brought back as long as nobody else has the fleet.
#[tokio::test]
async fn a_failed_upgrade_can_be_taken_back() {
    let failing = Behaviour {
        failing: (0..2).collect(),
        ..Behaviour::default()
    };
    let mut sim = began(
        20,
        failing,
        1,
        r#","failureThreshold":2,"autoRollbackEnabled":false"#,
    )
    .await;
    sim.run(200).await;
    assert_eq!(sim.status(), "FAILED");
    registry::roll_back(
        &sim.world,
        &Sim::operator(),
        sim.upgrade_id,
        (None, Shown::default()),
        sim.now,
    )
    .await
    .unwrap();
    sim.run(200).await;
    assert_eq!((sim.status(), sim.running(0)), ("ROLLED_BACK", 20));
    check_record(&sim);
}

/// An instance that never answers keeps neither the component's lock nor the report for ever, and goes back when it
/// returns.
#[tokio::test]
async fn a_dead_instance_does_not_hold_the_way_back_for_ever() {
    let mut sim = began(20, Behaviour::default(), 1, "").await;
    assert!(sim.run_until(200, |s| s.status() == "IN_PROGRESS").await);
    let dead = sim.instances.iter().position(|i| i.runs(version_id(1))).unwrap();
    sim.instances[dead].silent = true;
    registry::roll_back(
        &sim.world,
        &Sim::operator(),
        sim.upgrade_id,
        (None, Shown::default()),
        sim.now,
    )
    .await
    .unwrap();
    sim.run(200).await;
    assert_eq!((sim.status(), sim.running(0)), ("FAILED", 19));
    check_record(&sim);
    let failure = sim.world.state().upgrades[&sim.upgrade_id]
        .failure
        .clone()
        .unwrap();
    assert!(
        failure.ends_with(&format!(
            "0 could not be brought back and 1 did not answer: {dead}"
        )),
        "{failure}"
    );
    sim.instances[dead].silent = false;
    for _ in 0..20 {
        sim.second().await;
    }
    assert_eq!(sim.running(0), 20);
}

/// At 60% of the fleet, and from a completed one: never more are away than the cap allows, and all come back.
#[tokio::test]
async fn a_way_back_never_takes_more_than_the_cap() {
    for (count, until) in [(20, 12), (20, 20), (40, 24), (7, 5)] {
        let mut sim = began(count, Behaviour::default(), 1, "").await;
        let cap = (count / 4).max(1) as usize;
        let reached = |s: &Sim| s.running(1) >= until || s.status() == "COMPLETED";
        assert!(sim.run_until(900, reached).await, "{count} {until}");
        registry::roll_back(
            &sim.world,
            &Sim::operator(),
            sim.upgrade_id,
            (None, Shown::default()),
            sim.now,
        )
        .await
        .unwrap();
        let mut most = 0;
        for _ in 0..400 {
            sim.second().await;
            let away = sim.instances.iter().filter(|i| i.is_away()).count();
            assert!(away <= cap, "{away} of {cap} are away");
            most = most.max(away);
            if sim.is_done() {
                break;
            }
        }
        assert_eq!((sim.status(), sim.running(0)), ("ROLLED_BACK", count as usize));
        assert!(most > 0);
        check_record(&sim);
    }
}

/// A fleet of `count` that switches by overlap, as all but `unable` of its instances can.
async fn overlapping(count: u32, unable: &[usize], more: &str) -> Sim {
    let mut sim = Sim::new(count, Behaviour::default());
    for fleet in sim.world.state().fleets.values_mut() {
        fleet.switch = Switch::Overlap;
    }
    for (ordinal, instance) in sim.instances.iter_mut().enumerate() {
        if !unable.contains(&ordinal) {
            instance.switches = Switches::of(Switch::Overlap);
        }
    }
    for _ in 0..3 {
        sim.second().await;
    }
    sim.begin(&Sim::request(1, more)).await.unwrap();
    sim
}

/// The ordinals in the order of the upgrade's positions.
fn positions(sim: &Sim) -> Vec<usize> {
    let state = sim.world.state();
    let hash = &state.upgrades[&sim.upgrade_id].plan_hash;
    let published: Published = serde_json::from_slice(&state.blobs[&keys::positions(hash)]).unwrap();
    published.ordinals.0.iter().map(|o| o.0 as usize).collect()
}

async fn waits_for(sim: &Sim) -> String {
    let view = registry::get(&sim.world, &Sim::operator(), sim.upgrade_id)
        .await
        .unwrap();
    view.hold.map_or_else(String::new, |h| h.sentence)
}

/// Instances that are down elsewhere leave so much less room: batches are released in parts.
#[tokio::test]
async fn a_batch_takes_what_those_that_are_down_leave() {
    for twice in [false, true] {
        let mut sim = began(20, Behaviour::default(), 1, "").await;
        sim.twice = twice;
        assert!(sim.run_until(100, |s| s.status() == "CANARY_MONITORING").await);
        for ordinal in &positions(&sim)[17..] {
            sim.instances[*ordinal].sick = true;
        }
        let mut most = 0;
        while !sim.is_done() {
            sim.second().await;
            let unavailable = sim.instances.iter().filter(|i| i.is_away() || i.sick).count();
            assert!(unavailable <= 5, "{unavailable} of 5 are unavailable");
            most = most.max(unavailable);
        }
        assert_eq!((sim.status(), sim.running(1), most), ("COMPLETED", 20, 5));
        assert!(sim.events().iter().any(|e| e.name == "batch.extended"));
        check_record(&sim);
    }
}

/// Where as many are down as may be unavailable nothing moves, who they are is told, and it goes on by itself.
#[tokio::test]
async fn no_room_holds_by_name_until_there_is_room() {
    let mut sim = began(20, Behaviour::default(), 1, "").await;
    assert!(sim.run_until(100, |s| s.status() == "CANARY_MONITORING").await);
    let mut down = positions(&sim)[15..].to_vec();
    down.sort_unstable();
    down.iter().for_each(|o| sim.instances[*o].sick = true);
    sim.run(300).await;
    assert_eq!(sim.running(1), 2, "no more than the first canary");
    let named = down.iter().map(usize::to_string).collect::<Vec<_>>().join(", ");
    assert_eq!(
        waits_for(&sim).await,
        format!("batch 1 has no room: 5 instances are down, and no more than 5 may be unavailable: {named}")
    );
    sim.instances[down[0]].sick = false;
    assert!(
        sim.run_until(60, |s| s.running(1) > 2).await,
        "there is room for one"
    );
    down.iter().for_each(|o| sim.instances[*o].sick = false);
    sim.run(400).await;
    assert_eq!((sim.status(), sim.running(1)), ("COMPLETED", 20));
    check_record(&sim);
}

/// Who died silently takes room too, once it has been silent for longer than any instance sleeps.
#[tokio::test]
async fn the_silent_take_room() {
    let mut sim = began(20, Behaviour::default(), 1, "").await;
    assert!(sim.run_until(100, |s| s.status() == "CANARY_MONITORING").await);
    let dead = positions(&sim)[15..].to_vec();
    dead.iter().for_each(|o| sim.instances[*o].silent = true);
    let operator = Sim::operator();
    registry::pause(&sim.world, &operator, sim.upgrade_id, None, sim.now)
        .await
        .unwrap();
    sim.run(400).await;
    registry::resume(&sim.world, &operator, sim.upgrade_id, sim.now)
        .await
        .unwrap();
    sim.run(300).await;
    assert_eq!(sim.running(1), 2, "no more than the first canary");
    let told = waits_for(&sim).await;
    assert!(
        told.starts_with("batch 1 has no room: 5 instances are down"),
        "{told}"
    );
    dead.iter().for_each(|o| sim.instances[*o].silent = false);
    sim.run(600).await;
    assert_eq!((sim.status(), sim.running(1)), ("COMPLETED", 20));
}

/// Who cannot switch as its fleet does is not taken down: its batch waits for it by name.
#[tokio::test]
async fn who_cannot_overlap_holds_its_batch_by_name() {
    let mut sim = overlapping(8, &[3], r#","maxUnavailablePercentage":0,"batchSize":4"#).await;
    sim.run(200).await;
    let moved = sim.running(1);
    assert!(moved < 8 && sim.instances.iter().all(|i| !i.is_away()), "{moved}");
    let told = waits_for(&sim).await;
    assert!(told.ends_with("cannot switch by overlap: 3"), "{told}");
    sim.instances[3].switches = Switches::of(Switch::Overlap);
    sim.run(400).await;
    assert_eq!((sim.status(), sim.running(1)), ("COMPLETED", 8));
    check_record(&sim);
}

/// None is ever away, and no more run side by side than the surge allows, forward and back.
#[tokio::test]
async fn an_overlap_leaves_nobody_away() {
    for (count, surge) in [(4, 1), (4, 4), (20, 3)] {
        let more = format!(r#","maxUnavailablePercentage":0,"maxSurge":{surge}"#);
        let mut sim = overlapping(count, &[], &more).await;
        let mut double = 0;
        while sim.status() != "COMPLETED" {
            sim.second().await;
            assert!(sim.instances.iter().all(|i| !i.is_away()));
            double = double.max(sim.instances.iter().filter(|i| i.is_double()).count());
        }
        assert!((1..=surge).contains(&double), "{double} of {surge} side by side");
        sim.run(10).await;
        assert_eq!(sim.running(1), count as usize);
        registry::roll_back(
            &sim.world,
            &Sim::operator(),
            sim.upgrade_id,
            (None, Shown::default()),
            sim.now,
        )
        .await
        .unwrap();
        while sim.status() != "ROLLED_BACK" {
            sim.second().await;
            assert!(sim.instances.iter().all(|i| !i.is_away()));
        }
        sim.run(10).await;
        assert_eq!(sim.running(0), count as usize);
        check_record(&sim);
    }
}

/// Who joins meanwhile runs the old version until the upgrade is complete, and follows then.
#[tokio::test]
async fn who_joins_follows_at_the_end() {
    let mut sim = began(20, Behaviour::default(), 1, "").await;
    assert!(sim.run_until(100, |s| s.status() == "CANARY_MONITORING").await);
    sim.join(20);
    let mut moved_early = false;
    while !sim.is_done() {
        sim.second().await;
        moved_early |= sim.status() != "COMPLETED" && sim.instances[20].history.len() > 1;
    }
    assert!(!moved_early);
    for _ in 0..20 {
        sim.second().await;
    }
    assert_eq!((sim.status(), sim.running(1)), ("COMPLETED", 21));
    check_record(&sim);
}

/// A machine that is replaced in mid-upgrade is brought along, and its ordinal is counted once; going back, it is
/// brought back like any other.
#[tokio::test]
async fn a_replacement_is_brought_along_and_back() {
    let mut sim = began(20, Behaviour::default(), 1, "").await;
    assert!(sim.run_until(200, |s| s.status() == "IN_PROGRESS").await);
    let moved = sim.instances.iter().position(|i| i.runs(version_id(1))).unwrap();
    sim.instances[moved].replace(sluice_tests::sim::release(0));
    sim.run(400).await;
    assert_eq!((sim.status(), sim.running(1)), ("COMPLETED", 20));
    {
        let state = sim.world.state();
        let plan = &state.plans[&sim.upgrade_id];
        for (group, counts) in &state.counts {
            let size = group
                .batch
                .and_then(|b| plan.batch(b))
                .map_or(0, sluice_core::plan::Batch::size);
            assert_eq!(counts.completed, size, "{group:?}");
        }
    }
    sim.instances[3].replace(sluice_tests::sim::release(1));
    registry::roll_back(
        &sim.world,
        &Sim::operator(),
        sim.upgrade_id,
        (None, Shown::default()),
        sim.now,
    )
    .await
    .unwrap();
    sim.instances[4].replace(sluice_tests::sim::release(0));
    sim.run(400).await;
    assert_eq!((sim.status(), sim.running(0)), ("ROLLED_BACK", 20));
    check_record(&sim);
}

/// Who left for good holds the upgrade up to the limit no longer than its time; it comes along when it returns.
#[tokio::test]
async fn an_instance_that_left_may_be_left_behind() {
    let mut sim = began(20, Behaviour::default(), 1, r#","unreachableLimit":1"#).await;
    sim.instances[7].silent = true;
    sim.run(600).await;
    assert_eq!((sim.status(), sim.running(1)), ("COMPLETED", 19));
    check_record(&sim);
    let view = registry::get(&sim.world, &Sim::operator(), sim.upgrade_id)
        .await
        .unwrap();
    let left: u32 = view.batches.iter().map(|b| b.unreachable).sum();
    let arrived: u32 = view.batches.iter().map(|b| b.completed).sum();
    assert_eq!((left, arrived), (1, 19));
    assert_eq!(view.unreachable_instances.ordinals(), [Ordinal(7)]);
    sim.instances[7].silent = false;
    for _ in 0..20 {
        sim.second().await;
    }
    assert_eq!(sim.running(1), 20);
}

/// Whatever an upgrade before it left behind, the route is set before anything moves.
#[tokio::test]
async fn a_route_that_was_left_half_way_is_set_first() {
    let mut sim = began(20, Behaviour::default(), 1, "").await;
    let left = [("1.0.0".to_owned(), 70), ("1.1.0".to_owned(), 30)].into();
    sim.world.state().weights = Some(sluice_app::ports::Weights {
        weights: left,
        fallback: None,
    });
    assert!(
        sim.run_until(60, |s| s.events().iter().any(|e| e.name == "batch.released"))
            .await
    );
    assert_eq!(sim.world.state().weights.as_ref().unwrap().weights["1.1.0"], 0);
}

/// An instance that an upgrade left behind comes along with the next one.
#[tokio::test]
async fn a_straggler_comes_along_with_the_next_upgrade() {
    let failing = Behaviour {
        failing: vec![7],
        errors_per_thousand: [].into(),
        ..Behaviour::default()
    };
    let mut sim = began(20, failing, 1, "").await;
    sim.run(400).await;
    assert_eq!((sim.status(), sim.running(0)), ("COMPLETED", 1));
    sim.behave(|b| b.failing.clear());
    sim.upgrade_id = sluice_core::ids::UpgradeId(uuid::Uuid::from_u128(43));
    let next = sluice_contract::api::UpgradeRequest {
        from_version_id: version_id(1),
        to_version_id: version_id(2),
        ..Sim::request(2, "")
    };
    sim.begin(&next).await.unwrap();
    sim.run(400).await;
    assert_eq!((sim.status(), sim.running(2)), ("COMPLETED", 20));
}

#[tokio::test]
async fn what_is_cancelled_stays_where_it_is_and_can_be_taken_back() {
    let mut sim = began(20, Behaviour::default(), 1, "").await;
    assert!(sim.run_until(200, |s| s.status() == "IN_PROGRESS").await);
    let moved = sim.running(1);
    registry::cancel(
        &sim.world,
        &Sim::operator(),
        sim.upgrade_id,
        (Some("wrong day"), None),
        sim.now,
    )
    .await
    .unwrap();
    sim.run(100).await;
    assert_eq!((sim.status(), sim.running(1)), ("CANCELLED", moved));
    check_record(&sim);
    registry::roll_back(
        &sim.world,
        &Sim::operator(),
        sim.upgrade_id,
        (None, Shown::default()),
        sim.now,
    )
    .await
    .unwrap();
    sim.run(100).await;
    assert_eq!((sim.status(), sim.running(0)), ("ROLLED_BACK", 20));
    check_record(&sim);
}

#[tokio::test]
async fn a_plan_that_nobody_wants_gives_its_lock_back() {
    let mut sim = Sim::new(4, Behaviour::default());
    for _ in 0..3 {
        sim.second().await;
    }
    let (world, caller) = (sim.world.clone(), Sim::operator());
    let tenant = fleet_key().tenant_id;
    let request = Sim::request(1, "");
    registry::create(
        &world,
        &world,
        &caller,
        &tenant,
        sim.upgrade_id,
        &request,
        sim.now,
    )
    .await
    .unwrap();
    registry::cancel(&world, &caller, sim.upgrade_id, (None, None), sim.now)
        .await
        .unwrap();
    sim.run(20).await;
    assert_eq!(sim.status(), "CANCELLED");
    check_record(&sim);
}

/// A fault of Sluice itself is told while it lasts, and no longer.
#[tokio::test]
async fn a_fault_of_our_own_is_forgotten_when_it_is_over() {
    let mut sim = began(20, Behaviour::default(), 1, "").await;
    assert!(sim.run_until(100, |s| s.status() == "CANARY_MONITORING").await);
    sim.world.state().metrics_fail = true;
    sim.run(20).await;
    let hold = |sim: &Sim| sim.world.state().upgrades[&sim.upgrade_id].hold.clone();
    assert!(hold(&sim).is_some_and(|h| h.cause.to_string().starts_with("Sluice itself failed")));
    sim.world.state().metrics_fail = false;
    sim.run(4).await;
    assert_eq!(hold(&sim), None);
    sim.run(400).await;
    assert_eq!((sim.status(), sim.running(1)), ("COMPLETED", 20));
    let held = sim.events().iter().filter(|e| e.name == "upgrade.held").count();
    assert_eq!(held, 1, "told once, not at every look");
    check_record(&sim);
}

#[tokio::test]
async fn two_upgrades_of_one_component_are_one_too_many() {
    let mut sim = began(20, Behaviour::default(), 1, "").await;
    sim.upgrade_id = sluice_core::ids::UpgradeId(uuid::Uuid::from_u128(43));
    let refused = sim.begin(&Sim::request(2, "")).await.unwrap_err();
    assert_eq!(refused.code, sluice_contract::problem::Code::UpgradeActive);
}

/// Every step may run twice.
#[tokio::test]
async fn running_every_step_twice_changes_nothing() {
    for (minor, status) in [(1, "COMPLETED"), (2, "ROLLED_BACK")] {
        let mut once = began(20, Behaviour::default(), minor, "").await;
        once.run(400).await;
        let mut twice = began(20, Behaviour::default(), minor, "").await;
        twice.twice = true;
        twice.run(400).await;
        let names = |sim: &Sim| {
            sim.events()
                .into_iter()
                .map(|e| (e.name, e.batch))
                .collect::<Vec<_>>()
        };
        assert_eq!((once.status(), twice.status()), (status, status));
        assert_eq!(names(&once), names(&twice));
        check_record(&twice);
    }
}

/// Calls of ports, evenly over the whole run, fail once, before their effect and after it, and the upgrade still ends
/// as it should. Two tests, so that they run at the same time: they are the longest by far.
mod any_single_failure_is_survived {
    use super::*;

    #[tokio::test]
    async fn by_an_upgrade_that_goes_well() {
        survived(1, "COMPLETED").await;
    }

    #[tokio::test]
    async fn by_one_that_goes_back() {
        survived(2, "ROLLED_BACK").await;
    }

    async fn survived(minor: u64, status: &str) {
        let mut sim = began(8, Behaviour::default(), minor, "").await;
        let first = sim.world.state().calls + 1;
        sim.run(400).await;
        let last = sim.world.state().calls;
        for call in (first..last).step_by(17) {
            for after in [false, true] {
                let mut sim = began(8, Behaviour::default(), minor, "").await;
                {
                    let mut state = sim.world.state();
                    state.fail_at = Some(call);
                    state.fail_after_effect = after;
                }
                sim.run(600).await;
                assert_eq!(
                    sim.status(),
                    status,
                    "call {call} failed, after its effect: {after}"
                );
                assert_eq!(verify_chain(&sim.events()), Ok(()));
            }
        }
    }
}
