//! Instances on which the new version does not get healthy.

use std::collections::BTreeSet;

use anyhow::{Context, Result};
use serde_json::json;
use sluice_core::fleet::InstanceStatus;
use sluice_core::units::Ordinal;
use sluice_tests::stack::{Options, Scenario};

use crate::ENDS;

fn failing(ordinals: impl IntoIterator<Item = u32>) -> Options {
    Options {
        failing: BTreeSet::from_iter(ordinals.into_iter().map(Ordinal)),
        ..Options::default()
    }
}

/// Below the threshold, too: nothing would be left to watch.
#[tokio::test]
async fn a_batch_that_fails_whole_sends_the_fleet_back() -> Result<()> {
    let scenario = Scenario::start(&failing(0..8)).await?;
    let id = scenario
        .upgrade(&json!({ "failureThreshold": 9, "maxConsecutiveFailures": 9 }))
        .await?
        .execution_id;
    let ended = scenario.until_status(id, "ROLLED_BACK", ENDS).await?;
    let reason = ended.rollback_info.rollback_reason.unwrap_or_default();
    assert_eq!(reason, "all 4 instances of the batch failed");
    assert_eq!(scenario.running(&scenario.old), 8);
    let (report, _) = scenario.report(id).await?;
    assert_eq!((report.on_target, report.on_previous, report.touched), (0, 8, 4));
    Ok(())
}

#[tokio::test]
async fn a_single_failure_is_told_and_tolerated() -> Result<()> {
    let scenario = Scenario::start(&failing([5])).await?;
    let id = scenario
        .upgrade(&json!({ "failureThreshold": 2 }))
        .await?
        .execution_id;
    scenario.until_status(id, "COMPLETED", ENDS).await?;
    assert_eq!(
        (scenario.running(&scenario.new), scenario.running(&scenario.old)),
        (7, 1)
    );
    let (report, markdown) = scenario.report(id).await?;
    assert_eq!((report.on_target, report.on_previous, report.touched), (7, 1, 8));
    assert_eq!(report.batches.iter().map(|b| b.failed).sum::<u32>(), 1);
    let failed = report
        .instances
        .iter()
        .find(|i| i.ordinal == Ordinal(5))
        .context("instance 5 is missing")?;
    let code = failed.error.as_ref().map(|e| e.code.as_str());
    assert_eq!(
        (failed.status, code),
        (InstanceStatus::Failed, Some("verify-failed"))
    );
    assert!(
        markdown.contains("i-00005") && markdown.contains("verify-failed"),
        "{markdown}"
    );
    Ok(())
}
