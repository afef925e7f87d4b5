//! What operators do to an upgrade, in memory: what is possible, what is not, and what follows.

#![cfg(test)]

use sluice_app::caller::Caller;
use sluice_app::fakes::World;
use sluice_app::flow;
use sluice_app::ports::{Fence, PortErrorKind, Routes as _, Weights};
use sluice_app::registry::{self, Shown};
use sluice_contract::api::UpgradeView;
use sluice_contract::problem::{Code, Problem};
use sluice_core::action::Action;
use sluice_core::lifecycle::{Active, Status};
use sluice_core::plan::Batch;
use sluice_core::units::Ordinal;
use sluice_core::upgrade::{Command, Phase, kept, verify_chain};
use sluice_judge::gate::Verdict;
use sluice_tests::sim::{Behaviour, Sim, fleet_key, version_id};

async fn began(behaviour: Behaviour, more: &str) -> Sim {
    let mut sim = Sim::new(20, behaviour);
    for _ in 0..3 {
        sim.second().await;
    }
    sim.begin(&Sim::request(1, more)).await.unwrap();
    sim
}

fn operator(name: &str) -> Caller {
    Caller {
        subject: name.to_owned(),
        ..Sim::operator()
    }
}

async fn act(sim: &Sim, world: &World, who: &str, action: Action) -> Result<UpgradeView, Problem> {
    let (caller, id, now) = (&operator(who), sim.upgrade_id, sim.now);
    match action {
        Action::Start => registry::start(world, caller, id, Shown::default(), now).await,
        Action::Pause => registry::pause(world, caller, id, None, now).await,
        Action::Resume => registry::resume(world, caller, id, now).await,
        Action::PromoteCanary => registry::promote_canary(world, caller, id, now).await,
        Action::ContinueAnyway => {
            registry::decide(
                world,
                caller,
                id,
                (Some("continue_anyway"), None),
                Shown::default(),
                now,
            )
            .await
        }
        Action::DropInstance => registry::drop_instance(world, world, caller, (id, Ordinal(7)), now).await,
        Action::Adjust => adjust(sim, world, who, r#"{"failureThreshold":1}"#, None).await,
        Action::Cancel => registry::cancel(world, caller, id, (None, None), now).await,
        Action::Rollback => registry::roll_back(world, caller, id, (None, Shown::default()), now).await,
    }
}

async fn adjust(
    sim: &Sim,
    world: &World,
    who: &str,
    changes: &str,
    token: Option<&str>,
) -> Result<UpgradeView, Problem> {
    let shown = Shown {
        token,
        break_glass: false,
    };
    let changes = &serde_json::from_str(changes).unwrap();
    let asked = (changes, shown);
    registry::adjust(world, world, &operator(who), sim.upgrade_id, asked, sim.now).await
}

fn hold(sim: &Sim) -> String {
    let state = sim.world.state();
    let hold = state.upgrades[&sim.upgrade_id].hold.as_ref();
    hold.map(|h| h.cause.to_string()).unwrap_or_default()
}

const STATUSES: [Status; 13] = [
    Status::Pending,
    Status::Validating,
    Status::CanaryRunning,
    Status::CanaryMonitoring,
    Status::InProgress,
    Status::Paused {
        paused_from: Active::CanaryRunning,
    },
    Status::Paused {
        paused_from: Active::CanaryMonitoring,
    },
    Status::Paused {
        paused_from: Active::InProgress,
    },
    Status::RollingBack,
    Status::RolledBack,
    Status::Completed,
    Status::Failed,
    Status::Cancelled,
];

/// 409 with the status, why, and what would be possible; and nothing has changed.
#[tokio::test]
async fn what_a_status_does_not_allow_is_refused_with_what_it_does() {
    let sim = began(Behaviour::default(), "").await;
    let mut refused = 0;
    for status in STATUSES {
        for action in Action::ALL {
            let Err(impossible) = status.act(action) else {
                continue;
            };
            let world = World::new();
            *world.state() = sim.world.state().clone();
            world.state().upgrades.get_mut(&sim.upgrade_id).unwrap().status = status;
            let before = world.state().upgrades.clone();
            let problem = act(&sim, &world, "ann", action).await.unwrap_err();
            let said = format!("{status:?} {action:?}: {problem}");
            assert_eq!(
                (problem.status, problem.code),
                (409, Code::NotPossibleNow),
                "{said}"
            );
            let tells = [status.name(), action.name(), impossible.why.as_str()];
            assert!(tells.iter().all(|t| problem.detail.contains(t)), "{said}");
            let possible: Vec<_> = problem.possible.iter().map(String::as_str).collect();
            // Without a tripped breaker there is nothing to go on from anyway.
            let expected: Vec<_> = status
                .possible()
                .filter(|a| *a != Action::ContinueAnyway)
                .map(Action::name)
                .collect();
            assert_eq!(possible, expected, "{said}");
            assert_eq!(world.state().upgrades, before, "{said}");
            refused += 1;
        }
    }
    assert_eq!(refused, 75, "pairs of status and action");
}

/// Of two operators who want the same at once exactly one wins, and the other is told who and when.
#[tokio::test]
async fn the_second_operator_is_told_who_was_before() {
    let mut sim = began(Behaviour::default(), "").await;
    assert!(sim.run_until(200, |s| s.status() == "CANARY_MONITORING").await);
    for (action, status) in [(Action::Pause, "PAUSED"), (Action::Resume, "CANARY_MONITORING")] {
        let (one, two) = tokio::join!(
            act(&sim, &sim.world, "ann", action),
            act(&sim, &sim.world, "bob", action)
        );
        let problem = [one, two]
            .into_iter()
            .find_map(Result::err)
            .expect("one comes too late");
        let now = sim.now;
        let told = format!("(last changed by user:ann at {now})");
        assert!(problem.detail.ends_with(&told), "{problem}");
        assert!(
            problem.detail.contains(&format!("is not possible in {status}")),
            "{problem}"
        );
        assert_eq!(sim.status(), status);
    }
}

#[tokio::test]
async fn a_canary_waits_for_an_operators_word_where_the_plan_says() {
    let mut sim = began(Behaviour::default(), r#","canaryPromotion":"manual""#).await;
    sim.run(300).await;
    assert_eq!((sim.status(), sim.running(1)), ("CANARY_MONITORING", 4));
    assert_eq!(
        hold(&sim),
        "the canary is good after batch 1, and waits to be promoted"
    );
    act(&sim, &sim.world, "ann", Action::PromoteCanary).await.unwrap();
    let again = act(&sim, &sim.world, "bob", Action::PromoteCanary)
        .await
        .unwrap_err();
    assert!(
        again.detail.contains("user:ann has promoted it already"),
        "{again}"
    );
    sim.run(300).await;
    assert_eq!((sim.status(), sim.running(1)), ("COMPLETED", 20));
}

/// Two failures in a row trip the breaker; what an operator says then is done.
#[tokio::test]
async fn after_the_breaker_an_operator_decides() {
    for (decision, status, on_new) in [
        ("continue_anyway", "COMPLETED", 17),
        ("rollback_completed_batches", "ROLLED_BACK", 0),
        ("abort", "CANCELLED", 4),
    ] {
        // The three that move last but one: the canary is good.
        let behaviour = Behaviour::default();
        let mut sim = began(behaviour, r#","onBreaker":"ask","failureThreshold":9"#).await;
        assert!(sim.run_until(200, |s| s.status() == "IN_PROGRESS").await);
        let old: Vec<_> = (0..20)
            .filter(|n| !sim.instances[*n].runs(version_id(1)))
            .collect();
        sim.behave(|b| b.failing = old[..3].iter().map(|n| u32::try_from(*n).unwrap()).collect());
        assert!(
            sim.run_until(300, |s| s.status() == "PAUSED").await,
            "{}",
            sim.status()
        );
        let tripped = "max_consecutive_failures (2) exceeded";
        assert!(hold(&sim).starts_with(tripped), "{}", hold(&sim));
        let resumed = act(&sim, &sim.world, "ann", Action::Resume).await.unwrap_err();
        assert!(resumed.detail.contains("asks for a decision"), "{resumed}");
        let (caller, now) = (operator("ann"), sim.now);
        for unknown in [None, Some("perhaps")] {
            let problem = registry::decide(
                &sim.world,
                &caller,
                sim.upgrade_id,
                (unknown, None),
                Shown::default(),
                now,
            )
            .await
            .unwrap_err();
            assert_eq!(
                (problem.status, problem.errors[0].field.as_str()),
                (400, "decision")
            );
        }
        registry::decide(
            &sim.world,
            &caller,
            sim.upgrade_id,
            (Some(decision), None),
            Shown::default(),
            now,
        )
        .await
        .unwrap();
        let late = registry::decide(
            &sim.world,
            &caller,
            sim.upgrade_id,
            (Some(decision), None),
            Shown::default(),
            now,
        );
        assert_eq!(late.await.unwrap_err().status, 409, "{decision}");
        sim.run(600).await;
        assert_eq!(sim.status(), status, "{decision}");
        assert!(sim.running(1) >= on_new, "{decision}: {}", sim.running(1));
        assert!(status != "ROLLED_BACK" || sim.running(0) == 20, "{decision}");
    }
}

/// With automatic rollback on, the breaker brings the fleet back by itself.
#[tokio::test]
async fn the_breaker_brings_the_fleet_back() {
    let mut sim = began(Behaviour::default(), r#","failureThreshold":9"#).await;
    assert!(sim.run_until(200, |s| s.status() == "IN_PROGRESS").await);
    sim.behave(|b| b.failing = (0..20).collect());
    sim.run(300).await;
    assert_eq!((sim.status(), sim.running(0)), ("ROLLED_BACK", 20));
}

#[tokio::test]
async fn a_cancel_may_bring_the_fleet_back() {
    for (until, status) in [("VALIDATING", "CANCELLED"), ("IN_PROGRESS", "ROLLED_BACK")] {
        let mut sim = began(Behaviour::default(), "").await;
        assert!(sim.run_until(200, |s| s.status() == until).await, "{until}");
        let asked = (Some("no more"), Some("true"));
        registry::cancel(&sim.world, &operator("ann"), sim.upgrade_id, asked, sim.now)
            .await
            .unwrap();
        sim.run(200).await;
        assert_eq!((sim.status(), sim.running(0)), (status, 20), "{until}");
        let again = registry::cancel(&sim.world, &operator("ann"), sim.upgrade_id, asked, sim.now).await;
        assert_eq!(again.unwrap_err().status, 409, "{until}");
    }
    let sim = began(Behaviour::default(), "").await;
    let asked = (None, Some("perhaps"));
    let refused = registry::cancel(&sim.world, &operator("ann"), sim.upgrade_id, asked, sim.now).await;
    assert_eq!(refused.unwrap_err().errors[0].field, "rollback");
}

/// A function that was given up sets its share long after: what the record says by then has gone before, and stays.
#[tokio::test]
async fn a_late_share_never_comes_after_what_follows_it() {
    let mut sim = began(Behaviour::default(), "").await;
    assert!(sim.run_until(200, |s| s.status() == "IN_PROGRESS").await);
    let (late, route) = {
        let state = sim.world.state();
        let upgrade = &state.upgrades[&sim.upgrade_id];
        let fence = Fence {
            epoch: upgrade.epoch,
            seq: upgrade.seq,
        };
        (
            fence,
            state.fleets.values().find_map(|f| f.route.clone()).unwrap(),
        )
    };
    act(&sim, &sim.world, "ann", Action::Rollback).await.unwrap();
    sim.run(200).await;
    assert_eq!((sim.status(), sim.running(0)), ("ROLLED_BACK", 20));
    let back = sim.world.state().weights.clone().unwrap();
    assert_eq!(back.weights["1.1.0"], 0);
    let forward = Weights {
        weights: [("1.1.0".to_owned(), 50), ("1.0.0".to_owned(), 50)].into(),
        ..back.clone()
    };
    let set = sim.world.set(&route, &forward, late).await;
    assert_eq!(set.unwrap_err().kind, PortErrorKind::Conflict);
    assert_eq!(sim.world.state().weights, Some(back));
}

/// What is released keeps its batch and its positions; the rest goes by the new size, and the limits hold from now on.
#[tokio::test]
async fn a_running_upgrade_is_changed_for_what_is_not_released() {
    for status in ["CANARY_RUNNING", "CANARY_MONITORING", "IN_PROGRESS", "PAUSED"] {
        let mut sim = began(Behaviour::default(), "").await;
        if status == "PAUSED" {
            assert!(sim.run_until(200, |s| s.status() == "IN_PROGRESS").await);
            act(&sim, &sim.world, "ann", Action::Pause).await.unwrap();
        }
        assert!(sim.run_until(200, |s| s.status() == status).await, "{status}");
        let stored = |sim: &Sim| {
            let state = sim.world.state();
            (
                state.upgrades[&sim.upgrade_id].clone(),
                state.plans[&sim.upgrade_id].clone(),
                state.channels[&fleet_key()].clone(),
            )
        };
        let (upgrade, plan, channel) = stored(&sim);
        let changes = r#"{"batchSize":2,"batchDelaySeconds":1,"healthCheckIntervalSeconds":1,"maxConsecutiveFailures":1}"#;
        let view = adjust(&sim, &sim.world, "ann", changes, None).await.unwrap();
        let (after, changed, turned) = stored(&sim);
        assert_eq!(
            (view.status.as_str(), &view.plan_hash),
            (status, &after.plan_hash)
        );
        assert_ne!(after.plan_hash, upgrade.plan_hash);
        assert_eq!(
            (&turned.plan_hash, turned.frontier, turned.epoch),
            (&after.plan_hash, channel.frontier, channel.epoch)
        );
        let kept = kept(&upgrade) as usize;
        assert_eq!(changed.batches[..kept], plan.batches[..kept], "{status}");
        assert_eq!(changed.positions_digest, plan.positions_digest);
        let rest: Vec<_> = changed.batches[kept..].iter().map(Batch::size).collect();
        assert!(rest.iter().all(|size| *size <= 2), "{status}: {rest:?}");
        if status == "PAUSED" {
            act(&sim, &sim.world, "ann", Action::Resume).await.unwrap();
        }
        sim.run(600).await;
        assert_eq!((sim.status(), sim.running(1)), ("COMPLETED", 20), "{status}");
        let events = sim.events();
        assert_eq!(verify_chain(&events), Ok(()), "{status}");
        let released = events.iter().filter(|e| e.name == "batch.released").count();
        assert_eq!(released, changed.batches.len(), "{status}");
        // Every instance went once, by its position.
        let moved: u32 = events
            .iter()
            .filter_map(|e| match e.command {
                Command::Moved { completed, .. } => Some(completed),
                _ => None,
            })
            .sum();
        assert_eq!(moved, 20, "{status}");
    }
}

/// A limit that is set lower counts for what has failed already.
#[tokio::test]
async fn a_lower_limit_holds_at_the_next_look() {
    let failing = Behaviour {
        failing: vec![5],
        ..Behaviour::default()
    };
    let mut sim = began(failing, "").await;
    let failed = |s: &Sim| s.world.state().upgrades[&s.upgrade_id].failures == 1;
    assert!(sim.run_until(300, failed).await, "{}", sim.status());
    adjust(&sim, &sim.world, "ann", r#"{"failureThreshold":1}"#, None)
        .await
        .unwrap();
    sim.run(200).await;
    assert_eq!((sim.status(), sim.running(1)), ("ROLLED_BACK", 0));
}

#[tokio::test]
async fn changes_that_cannot_be_are_refused() {
    let mut sim = began(Behaviour::default(), "").await;
    assert!(sim.run_until(200, |s| s.status() == "IN_PROGRESS").await);
    let before = sim.world.state().upgrades.clone();
    for (changes, field) in [
        ("{}", "changes"),
        (r#"{"batchSize":0}"#, "batchSize"),
        (r#"{"batchSize":5}"#, "changes"),
        (r#"{"batchSize":2,"batchPercentage":10}"#, "batchPercentage"),
        (
            r#"{"healthCheckIntervalSeconds":0}"#,
            "healthCheckIntervalSeconds",
        ),
    ] {
        let problem = adjust(&sim, &sim.world, "ann", changes, None).await.unwrap_err();
        assert_eq!(problem.code, Code::InvalidRequest, "{problem}");
        let fields: Vec<_> = problem.errors.iter().map(|e| e.field.as_str()).collect();
        assert_eq!(fields, [field], "{changes}");
    }
    assert_eq!(sim.world.state().upgrades, before);
}

/// Of a look that passes a batch and a change of the plan at the same time the second one has to see the first.
#[tokio::test]
async fn a_change_and_a_look_at_once_do_not_mix() {
    let mut sim = began(Behaviour::default(), "").await;
    let bakes = |s: &Sim| {
        let state = s.world.state();
        let upgrade = &state.upgrades[&s.upgrade_id];
        upgrade.status == Status::InProgress && matches!(upgrade.phase, Phase::Baking { .. })
    };
    assert!(sim.run_until(200, bakes).await);
    let loaded = flow::load(&sim.world, &fleet_key().tenant_id, sim.upgrade_id)
        .await
        .unwrap();
    adjust(&sim, &sim.world, "ann", r#"{"batchSize":2}"#, None)
        .await
        .unwrap();
    // The step had read record and plan before.
    let verdict = Verdict::Harmless {
        numbers: Box::default(),
    };
    let late = flow::change(
        &sim.world,
        &loaded,
        Command::Pass { verdict },
        "system:health-probe",
        sim.now,
    )
    .await;
    let Err(flow::ChangeError::Port(error)) = late else {
        panic!("{late:?}")
    };
    assert_eq!(error.kind, PortErrorKind::Conflict);
    sim.run(600).await;
    assert_eq!((sim.status(), sim.running(1)), ("COMPLETED", 20));
}
