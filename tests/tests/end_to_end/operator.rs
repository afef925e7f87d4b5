//! What operators do while an upgrade runs, and after it.

use std::time::Duration;

use anyhow::{Result, ensure};
use serde_json::json;
use sluice_contract::problem::Code;
use sluice_core::fleet::InstanceStatus;
use sluice_tests::stack::{Options, Scenario, throughout};

use crate::ENDS;

/// Longer than a batch of these upgrades takes, from its release to the next one's.
const LONGER_THAN_A_BATCH: Duration = Duration::from_secs(6);

#[tokio::test]
async fn a_paused_upgrade_stands_still_and_goes_on() -> Result<()> {
    let scenario = Scenario::start(&Options::default()).await?;
    let quick = json!({ "strategy": "CANARY", "batchDelaySeconds": 3 });
    let id = scenario.upgrade(&quick).await?.execution_id;
    scenario.until_status(id, "CANARY_MONITORING", ENDS).await?;
    let paused = scenario
        .act(id, "pause?reason=a%20look%20at%20the%20logs")
        .await?;
    assert_eq!(paused.status, "PAUSED");
    let sentence = paused.hold.map(|hold| hold.sentence).unwrap_or_default();
    assert!(
        sentence.contains("a look at the logs") && sentence.contains("user:operator"),
        "{sentence}"
    );

    throughout(LONGER_THAN_A_BATCH, async || {
        let view = scenario.view(id).await?;
        ensure!(
            view.status == "PAUSED" && view.current_batch == 0,
            "it went on: {view:?}"
        );
        let touched = scenario
            .swarm
            .view()
            .iter()
            .filter(|i| i.status != InstanceStatus::Pending)
            .count();
        ensure!(touched == 1, "{touched} instances have begun to move");
        Ok(())
    })
    .await?;
    let again = scenario
        .api
        .act(&format!("/registry/upgrades/{id}/pause"))
        .await?;
    again.refused(Code::NotPossibleNow)?;

    let resumed = scenario.act(id, "resume").await?;
    assert_eq!(resumed.status, "CANARY_MONITORING");
    scenario.until_status(id, "COMPLETED", ENDS).await?;
    assert_eq!(scenario.running(&scenario.new), 8);
    Ok(())
}

#[tokio::test]
async fn a_paused_upgrade_is_watched() -> Result<()> {
    let scenario = Scenario::start(&Options::default()).await?;
    let quick = json!({ "strategy": "CANARY", "batchDelaySeconds": 30 });
    let id = scenario.upgrade(&quick).await?.execution_id;
    scenario.until_status(id, "CANARY_MONITORING", ENDS).await?;
    scenario
        .until(id, "traffic at the canary", ENDS, |view| {
            i64::from(view.traffic_percentage) > 0
        })
        .await?;
    assert_eq!(scenario.act(id, "pause").await?.status, "PAUSED");
    scenario.traffic.set_error_rate("1.1.0", 0.1);
    let ended = scenario.until_status(id, "ROLLED_BACK", ENDS).await?;
    assert_eq!(
        ended.rollback_info.rollback_initiated_by.as_deref(),
        Some("system:health-probe")
    );
    assert_eq!(scenario.running(&scenario.old), 8);
    Ok(())
}

#[tokio::test]
async fn an_operator_sends_half_a_fleet_back() -> Result<()> {
    let scenario = Scenario::start(&Options::default()).await?;
    let id = scenario.upgrade(&json!({ "batchSize": 2 })).await?.execution_id;
    let half = |view: &sluice_contract::api::UpgradeView| view.current_batch >= 1;
    assert_eq!(
        scenario.until(id, "the second batch", ENDS, half).await?.status,
        "IN_PROGRESS"
    );
    let going = scenario.act(id, "rollback?reason=wrong%20customer").await?;
    assert_eq!(going.status, "ROLLING_BACK");
    let info = going.rollback_info;
    assert_eq!(info.rollback_reason.as_deref(), Some("wrong customer"));
    assert_eq!(info.rollback_initiated_by.as_deref(), Some("user:operator"));

    let ended = scenario.until_status(id, "ROLLED_BACK", ENDS).await?;
    let back = ended.rollback_info.rolled_back_instances.len();
    assert!((2..8).contains(&back), "{back} instances were brought back");
    assert_eq!(scenario.running(&scenario.old), 8);
    assert_eq!(scenario.traffic.share("1.1.0"), Some(0));
    let again = scenario
        .api
        .act(&format!("/registry/upgrades/{id}/rollback"))
        .await?;
    again.refused(Code::NotPossibleNow)?;
    Ok(())
}

#[tokio::test]
async fn a_completed_upgrade_goes_back_and_comes_again() -> Result<()> {
    let scenario = Scenario::start(&Options::default()).await?;
    let id = scenario
        .upgrade(&json!({ "strategy": "RECREATE", "batchSize": null }))
        .await?
        .execution_id;
    scenario.until_status(id, "COMPLETED", ENDS).await?;
    assert_eq!(scenario.running(&scenario.new), 8);
    scenario.report(id).await?;

    assert_eq!(scenario.act(id, "rollback").await?.status, "ROLLING_BACK");
    let second = scenario
        .api
        .post(&scenario.upgrades_path(), &scenario.request(&json!({})))
        .await?;
    second.refused(Code::UpgradeActive)?;
    let ended = scenario.until_status(id, "ROLLED_BACK", ENDS).await?;
    assert_eq!(ended.rollback_info.rolled_back_instances.len(), 8);
    assert_eq!(scenario.running(&scenario.old), 8);
    assert_eq!(scenario.traffic.share("1.1.0"), Some(0));
    scenario.active().await?.refused(Code::NotFound)?;
    let (report, _) = scenario.report(id).await?;
    assert_eq!(
        (report.on_previous, report.upgrade.status.name()),
        (8, "ROLLED_BACK")
    );
    // What went back may come again.
    let again = scenario
        .upgrade(&json!({ "strategy": "RECREATE", "batchSize": null }))
        .await?
        .execution_id;
    scenario.until_status(again, "COMPLETED", ENDS).await?;
    assert_eq!(scenario.running(&scenario.new), 8);
    Ok(())
}
