//! Several people steer one upgrade: an approval, a stop, a promotion, and two who want the same at once.

use anyhow::{Context as _, Result, ensure};
use serde_json::{Value, json};
use sluice_contract::api::UpgradeView;
use sluice_contract::approval::GrantedApproval;
use sluice_contract::problem::Code;
use sluice_contract::stop::StopView;
use sluice_tests::stack::{OPERATOR, Options, Scenario};

use crate::ENDS;

fn few() -> Options {
    Options {
        instances: 4,
        ..Options::default()
    }
}

#[tokio::test]
async fn somebody_else_agrees_before_anything_moves() -> Result<()> {
    let scenario = Scenario::start(&few()).await?;
    let mut declaration: Value = scenario.api.get(&scenario.fleet_path()).await?.expect(200)?;
    let fields = declaration
        .as_object_mut()
        .context("a declaration is an object")?;
    fields.retain(|name, _| ["route", "metrics", "check_in", "switch"].contains(&name.as_str()));
    let times = fields.remove("check_in").context("a fleet has its times")?;
    fields.insert("checkIn".to_owned(), times);
    let declared: Value = scenario
        .api
        .put(&scenario.fleet_path(), &declaration)
        .await?
        .expect(200)?;
    assert!(declared.get("approval").is_none(), "{declared}");

    let planned = scenario.plan(&json!({})).await?;
    let upgrade = format!("/registry/upgrades/{}", planned.execution_id);
    let approve = format!("{upgrade}/approvals/{}/approve", planned.approvals[0].number);
    scenario
        .api
        .act(&format!("{upgrade}/start"))
        .await?
        .refused(Code::ApprovalRequired)?;
    let tenant = scenario.fleet.tenant_id.as_str();
    let scopes = format!("{OPERATOR} upgrade:approve");
    let own = scenario.stack.api("operator", tenant, &scopes).await?;
    own.act(&approve).await?.refused(Code::NotIndependent)?;
    let other = scenario.stack.api("rita", tenant, &scopes).await?;
    let changes = json!({ "batchSize": 1 });
    let edited: UpgradeView = other
        .post(&format!("{upgrade}/edit"), &changes)
        .await?
        .expect(202)?;
    assert_ne!(edited.plan_hash, planned.plan_hash);
    assert_eq!(edited.batches.len(), 4);
    let newest = edited.approvals.last().context("the new plan asks")?;
    let approve = format!("{upgrade}/approvals/{}/approve", newest.number);
    other.act(&approve).await?.refused(Code::NotIndependent)?;
    let third = scenario.stack.api("sam", tenant, &scopes).await?;
    let granted: GrantedApproval = third.act(&approve).await?.expect(200)?;
    assert_eq!(granted.approval.decided_by.as_deref(), Some("user:sam"));
    scenario.act(planned.execution_id, "start").await?;
    scenario
        .until_status(planned.execution_id, "COMPLETED", ENDS)
        .await?;
    assert_eq!(scenario.running(&scenario.new), 4);
    Ok(())
}

#[tokio::test]
async fn a_stopped_component_stands_still_until_the_stop_is_lifted() -> Result<()> {
    let scenario = Scenario::start(&few()).await?;
    let id = scenario
        .upgrade(&json!({ "strategy": "CANARY", "batchDelaySeconds": 3 }))
        .await?
        .execution_id;
    scenario.until_status(id, "CANARY_MONITORING", ENDS).await?;
    let stop = scenario.fleet_path().replace("/fleets/default", "/stop");
    let set: StopView = scenario
        .api
        .act(&format!("{stop}?reason=fire"))
        .await?
        .expect(200)?;
    // A look may have been there before, with the same outcome.
    assert!(set.changed.iter().all(|changed| *changed == id), "{set:?}");
    let view = scenario.until_status(id, "PAUSED", ENDS).await?;
    let sentence = view.hold.map(|h| h.sentence).unwrap_or_default();
    assert!(
        sentence.contains("is stopped by user:operator: fire"),
        "{sentence}"
    );
    let resume = format!("/registry/upgrades/{id}/resume");
    scenario.api.act(&resume).await?.refused(Code::Stopped)?;
    let lifted: StopView = scenario.api.delete(&stop).await?.expect(200)?;
    assert!(lifted.changed.iter().all(|changed| *changed == id), "{lifted:?}");
    scenario.until_status(id, "COMPLETED", ENDS).await?;
    assert_eq!(scenario.running(&scenario.new), 4);
    Ok(())
}

/// The canary waits to be promoted; of two operators who promote it at once, one is told who was before.
#[tokio::test]
async fn of_two_operators_at_once_one_promotes_the_canary() -> Result<()> {
    let scenario = Scenario::start(&few()).await?;
    let manual = json!({ "strategy": "CANARY", "batchDelaySeconds": 1, "canaryPromotion": "manual" });
    let id = scenario.upgrade(&manual).await?.execution_id;
    let waits = |view: &UpgradeView| {
        view.hold
            .as_ref()
            .is_some_and(|h| h.sentence.contains("waits to be promoted"))
    };
    scenario.until(id, "the canary to be good", ENDS, waits).await?;
    let tenant = scenario.fleet.tenant_id.as_str();
    let (ann, bob) = (
        scenario.stack.api("ann", tenant, OPERATOR).await?,
        scenario.stack.api("bob", tenant, OPERATOR).await?,
    );
    let path = format!("/registry/upgrades/{id}/promote-canary");
    let (one, two) = tokio::join!(ann.act(&path), bob.act(&path));
    let (one, two) = (one?, two?);
    ensure!(one.status != two.status, "{} and {}", one.status, two.status);
    let (late, first) = if one.status == 202 {
        (two, "ann")
    } else {
        (one, "bob")
    };
    let problem = late.refused(Code::NotPossibleNow)?;
    assert!(
        problem.detail.contains(&format!("user:{first}")),
        "{}",
        problem.detail
    );
    scenario.until_status(id, "COMPLETED", ENDS).await?;
    assert_eq!(scenario.running(&scenario.new), 4);
    Ok(())
}
