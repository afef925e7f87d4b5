//! What somebody else has to agree to, in memory: who may, what a token is worth, and what a change of the plan does.

#![cfg(test)]

use jiff::SignedDuration;
use sluice_app::caller::Caller;
use sluice_app::registry::{self, Shown};
use sluice_contract::approval::ApprovalState;
use sluice_contract::problem::{Code, Problem};
use sluice_core::policy::Approval;
use sluice_core::settings::Changes;
use sluice_core::upgrade::verify_chain;
use sluice_tests::sim::{Behaviour, Sim, fleet_key, version_id};

fn user(name: &str) -> Caller {
    Caller {
        subject: name.to_owned(),
        ..Sim::operator()
    }
}

/// A fleet whose upgrades somebody else has to agree to, and one that `ann` has planned.
async fn planned(more: &str) -> Sim {
    let mut sim = Sim::new(20, Behaviour::default());
    let fleet = fleet_key();
    sim.world.state().fleets.get_mut(&fleet).unwrap().approval = Approval::Always;
    for _ in 0..3 {
        sim.second().await;
    }
    let request = Sim::request(1, more);
    let (ann, id) = (user("ann"), sim.upgrade_id);
    let view = registry::create(
        &sim.world,
        &sim.world,
        &ann,
        &fleet.tenant_id,
        id,
        &request,
        sim.now,
    )
    .await
    .unwrap();
    assert_eq!(view.approvals.len(), 1, "{view:?}");
    sim
}

async fn start(sim: &Sim, who: &str, token: Option<&str>) -> Result<String, Problem> {
    let shown = Shown {
        token,
        break_glass: false,
    };
    let started = registry::start(&sim.world, &user(who), sim.upgrade_id, shown, sim.now).await;
    started.map(|view| view.status)
}

async fn grant(sim: &Sim, who: &str, number: u64) -> Result<String, Problem> {
    let which = (sim.upgrade_id, number);
    let made = (Some("go"), [u8::try_from(number).unwrap(); 32]);
    let granted = registry::grant(&sim.world, &user(who), which, made, sim.now).await?;
    assert_eq!(granted.approval.state, ApprovalState::Granted);
    Ok(granted.token.reveal().to_owned())
}

fn refused<T: std::fmt::Debug>(result: Result<T, Problem>, code: Code, says: &str) {
    let problem = result.unwrap_err();
    assert_eq!(problem.code, code, "{problem}");
    assert!(problem.detail.contains(says), "{problem}");
}

fn seq(sim: &Sim) -> u64 {
    sim.world.state().upgrades[&sim.upgrade_id].seq.0
}

/// Nothing moves before somebody else has agreed; whoever asked is not somebody else; the approval is used once.
#[tokio::test]
async fn nothing_moves_before_somebody_else_has_agreed() {
    let mut sim = planned("").await;
    let before = seq(&sim);
    refused(
        start(&sim, "ann", None).await,
        Code::ApprovalRequired,
        "nobody has decided 1 yet",
    );
    refused(
        grant(&sim, "ann", 1).await,
        Code::NotIndependent,
        "somebody else has to",
    );
    refused(grant(&sim, "bob", 9).await, Code::NotFound, "no approval 9");
    let no_scope = Caller {
        scopes: ["upgrade:read".to_owned()].into(),
        ..user("bob")
    };
    let asked = registry::grant(
        &sim.world,
        &no_scope,
        (sim.upgrade_id, 1),
        (None, [0; 32]),
        sim.now,
    )
    .await;
    refused(asked, Code::MissingScope, "upgrade:approve");
    let why = registry::get(&sim.world, &user("ann"), sim.upgrade_id)
        .await
        .unwrap()
        .hold
        .unwrap();
    assert_eq!(why.sentence, "waiting for approval 1, asked for by user:ann");
    assert!(why.hold.until.is_some());
    assert_eq!(seq(&sim), before, "refusals change nothing");

    let token = grant(&sim, "bob", 1).await.unwrap();
    refused(
        grant(&sim, "eve", 1).await,
        Code::NotPossibleNow,
        "user:bob has granted it",
    );
    let shown = Some("sluice-approval-of-another-upgrade");
    refused(
        start(&sim, "ann", shown).await,
        Code::ApprovalInvalid,
        "not that of the approval for start",
    );
    assert_eq!(start(&sim, "ann", Some(&token)).await.unwrap(), "VALIDATING");
    refused(
        start(&sim, "ann", Some(&token)).await,
        Code::NotPossibleNow,
        "started already",
    );
    sim.run(400).await;
    assert_eq!((sim.status(), sim.running(1)), ("COMPLETED", 20));
    assert_eq!(verify_chain(&sim.events()), Ok(()));
    let kept = serde_json::to_string(&sim.events()).unwrap();
    assert!(!kept.contains(&token), "no event holds a token");
}

/// A start needs no token: its plan was agreed to, whoever starts it. An approval lasts for a day.
#[tokio::test]
async fn an_approval_is_worth_something_for_a_day() {
    let mut sim = planned("").await;
    sim.now += SignedDuration::from_hours(24);
    refused(grant(&sim, "bob", 1).await, Code::NotPossibleNow, "expired");
    let asked =
        registry::ask_approval(&sim.world, &user("ann"), sim.upgrade_id, Some("start"), sim.now).await;
    let number = asked.unwrap().approvals.last().unwrap().number;
    let again =
        registry::ask_approval(&sim.world, &user("ann"), sim.upgrade_id, Some("start"), sim.now).await;
    refused(again, Code::ApprovalRequired, "is open");
    grant(&sim, "bob", number).await.unwrap();
    sim.now += SignedDuration::from_hours(24);
    refused(start(&sim, "ann", None).await, Code::ApprovalRequired, "expired");
    // The watchdog notes it, and says so.
    for _ in 0..70 {
        sim.second().await;
    }
    let view = registry::get(&sim.world, &user("ann"), sim.upgrade_id)
        .await
        .unwrap();
    assert!(
        view.approvals.iter().all(|a| a.state == ApprovalState::Expired),
        "{:?}",
        view.approvals
    );
    assert!(view.hold.unwrap().sentence.contains("expired"));
    assert!(
        sim.world
            .state()
            .alerts
            .iter()
            .any(|a| a.body.contains("has expired"))
    );
    for unknown in [None, Some("pause")] {
        let asked = registry::ask_approval(&sim.world, &user("ann"), sim.upgrade_id, unknown, sim.now).await;
        refused(asked, Code::InvalidRequest, "start, continue-anyway or rollback");
    }
}

/// A change makes another plan, which has to be agreed to anew, and not by whoever changed it.
#[tokio::test]
async fn a_changed_plan_is_agreed_to_anew() {
    let mut sim = planned("").await;
    grant(&sim, "bob", 1).await.unwrap();
    let before = registry::get(&sim.world, &user("ann"), sim.upgrade_id)
        .await
        .unwrap();
    let changes = Changes {
        batch_percentage: Some(10),
        max_consecutive_failures: Some(1),
        ..Changes::default()
    };
    let edited = registry::edit(
        &sim.world,
        &sim.world,
        &user("bob"),
        sim.upgrade_id,
        &changes,
        sim.now,
    )
    .await
    .unwrap();
    assert_ne!(edited.plan_hash, before.plan_hash);
    assert!(
        edited.batches.len() > before.batches.len(),
        "{:?}",
        edited.batches
    );
    let number = edited.approvals.last().unwrap().number;
    refused(
        start(&sim, "ann", None).await,
        Code::ApprovalRequired,
        "nobody has decided",
    );
    refused(
        grant(&sim, "bob", number).await,
        Code::NotIndependent,
        "somebody else has to",
    );
    refused(
        grant(&sim, "ann", number).await,
        Code::NotIndependent,
        "somebody else has to",
    );
    let nothing = Changes::default();
    let unchanged = registry::edit(
        &sim.world,
        &sim.world,
        &user("eve"),
        sim.upgrade_id,
        &nothing,
        sim.now,
    )
    .await;
    refused(unchanged, Code::InvalidRequest, "changes");
    grant(&sim, "eve", number).await.unwrap();
    start(&sim, "ann", None).await.unwrap();
    let late = registry::edit(
        &sim.world,
        &sim.world,
        &user("bob"),
        sim.upgrade_id,
        &changes,
        sim.now,
    )
    .await;
    refused(late, Code::NotPossibleNow, "started already");
    sim.run(800).await;
    assert_eq!((sim.status(), sim.running(1)), ("COMPLETED", 20));
    let released = sim.events().iter().filter(|e| e.name == "batch.released").count();
    assert_eq!(released, edited.batches.len());
}

#[tokio::test]
async fn what_is_denied_is_not_started() {
    let sim = planned("").await;
    let deny =
        async |remark| registry::deny(&sim.world, &user("bob"), (sim.upgrade_id, 1), remark, sim.now).await;
    refused(deny(None).await, Code::InvalidRequest, "remark");
    deny(Some("not today")).await.unwrap();
    refused(
        deny(Some("really")).await,
        Code::NotPossibleNow,
        "user:bob has denied it",
    );
    refused(
        start(&sim, "ann", None).await,
        Code::ApprovalRequired,
        "user:bob has denied 1: not today",
    );
    let tenant = fleet_key().tenant_id;
    let page = registry::approvals(&sim.world, &user("ann"), &tenant, (None, None))
        .await
        .unwrap();
    let found: Vec<_> = page
        .approvals
        .iter()
        .map(|a| (a.state, a.remark.as_deref()))
        .collect();
    assert_eq!(found, [(ApprovalState::Denied, Some("not today"))]);
}

/// After completion a rollback needs a token, or breaks the glass and is agreed to afterwards.
#[tokio::test]
async fn a_rollback_after_completion_needs_somebody_else() {
    for by_token in [true, false] {
        let mut sim = planned("").await;
        grant(&sim, "bob", 1).await.unwrap();
        start(&sim, "ann", None).await.unwrap();
        sim.run(400).await;
        assert_eq!(sim.status(), "COMPLETED");
        let (ann, id) = (user("ann"), sim.upgrade_id);
        let none = registry::roll_back(&sim.world, &ann, id, (None, Shown::default()), sim.now).await;
        refused(none, Code::ApprovalRequired, "Sluice-Approval");
        if by_token {
            let asked = registry::ask_approval(&sim.world, &ann, id, Some("rollback"), sim.now).await;
            let number = asked.unwrap().approvals.last().unwrap().number;
            let token = grant(&sim, "bob", number).await.unwrap();
            let shown = Shown {
                token: Some(&token),
                break_glass: false,
            };
            registry::roll_back(&sim.world, &ann, id, (None, shown), sim.now)
                .await
                .unwrap();
        } else {
            let shown = Shown {
                token: None,
                break_glass: true,
            };
            let view = registry::roll_back(&sim.world, &ann, id, (None, shown), sim.now)
                .await
                .unwrap();
            let asked = view.approvals.last().unwrap();
            assert!(
                asked.afterwards && asked.state == ApprovalState::Asked,
                "{asked:?}"
            );
            refused(
                grant(&sim, "ann", asked.number).await,
                Code::NotIndependent,
                "has asked for it",
            );
            let which = (id, asked.number);
            let agreed = registry::grant(&sim.world, &user("bob"), which, (None, [1; 32]), sim.now).await;
            assert_eq!(agreed.unwrap().approval.state, ApprovalState::Used);
        }
        sim.run(200).await;
        assert_eq!((sim.status(), sim.running(0)), ("ROLLED_BACK", 20), "{by_token}");
    }
}

/// After the breaker, going on needs somebody else's word; going back does not.
#[tokio::test]
async fn going_on_after_the_breaker_needs_somebody_else() {
    let mut sim = planned(r#","onBreaker":"ask","failureThreshold":9"#).await;
    grant(&sim, "bob", 1).await.unwrap();
    start(&sim, "ann", None).await.unwrap();
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
    let view = registry::get(&sim.world, &user("ann"), sim.upgrade_id)
        .await
        .unwrap();
    let number = view.approvals.last().unwrap().number;
    let go_on = (Some("continue_anyway"), None);
    let decide =
        async |shown| registry::decide(&sim.world, &user("ann"), sim.upgrade_id, go_on, shown, sim.now).await;
    refused(
        decide(Shown::default()).await,
        Code::ApprovalRequired,
        "Sluice-Approval",
    );
    refused(
        grant(&sim, "ann", number).await,
        Code::NotIndependent,
        "has asked for the upgrade",
    );
    let token = grant(&sim, "bob", number).await.unwrap();
    let wrong = Shown {
        token: Some("sluice-approval-wrong"),
        break_glass: true,
    };
    refused(decide(wrong).await, Code::ApprovalInvalid, "continue-anyway");
    let shown = Shown {
        token: Some(&token),
        break_glass: false,
    };
    assert_eq!(decide(shown).await.unwrap().status, "IN_PROGRESS");
}

/// A running upgrade is changed once somebody else has agreed to exactly these changes, and by their token only.
#[tokio::test]
async fn a_change_of_a_running_upgrade_needs_somebody_else() {
    let mut sim = planned("").await;
    grant(&sim, "bob", 1).await.unwrap();
    start(&sim, "ann", None).await.unwrap();
    assert!(sim.run_until(200, |s| s.status() == "CANARY_MONITORING").await);
    let before = sim.world.state().upgrades[&sim.upgrade_id].plan_hash.clone();
    let small = Changes {
        batch_size: Some(2),
        ..Changes::default()
    };
    let adjust = async |sim: &Sim, changes: &Changes, token: Option<&str>| {
        let shown = Shown {
            token,
            break_glass: false,
        };
        let asked = (changes, shown);
        registry::adjust(
            &sim.world,
            &sim.world,
            &user("ann"),
            sim.upgrade_id,
            asked,
            sim.now,
        )
        .await
    };
    let asked = adjust(&sim, &small, None).await.unwrap();
    assert_eq!(asked.plan_hash, before, "nothing has changed yet");
    let approval = asked.approvals.last().unwrap();
    assert_eq!(
        (approval.state, approval.changes.as_ref()),
        (ApprovalState::Asked, Some(&small))
    );
    let number = approval.number;
    refused(
        adjust(&sim, &small, None).await,
        Code::ApprovalRequired,
        "is open",
    );
    refused(
        grant(&sim, "ann", number).await,
        Code::NotIndependent,
        "somebody else has to",
    );
    let token = grant(&sim, "bob", number).await.unwrap();
    let other = Changes {
        batch_size: Some(5),
        failure_threshold: Some(9),
        ..Changes::default()
    };
    refused(
        adjust(&sim, &other, Some(&token)).await,
        Code::ApprovalRequired,
        "is about other changes",
    );
    refused(
        adjust(&sim, &small, Some("sluice-approval-wrong")).await,
        Code::ApprovalInvalid,
        "adjust",
    );
    // The upgrade goes on meanwhile, and what has moved by then keeps its place.
    assert!(sim.run_until(200, |s| s.status() == "IN_PROGRESS").await);
    let adjusted = adjust(&sim, &small, Some(&token)).await.unwrap();
    assert_ne!(adjusted.plan_hash, before);
    refused(
        adjust(&sim, &small, Some(&token)).await,
        Code::InvalidRequest,
        "changes",
    );
    sim.run(600).await;
    assert_eq!((sim.status(), sim.running(1)), ("COMPLETED", 20));
    assert_eq!(verify_chain(&sim.events()), Ok(()));
    let released = sim.events().iter().filter(|e| e.name == "batch.released").count();
    assert_eq!(released, adjusted.batches.len());
}
