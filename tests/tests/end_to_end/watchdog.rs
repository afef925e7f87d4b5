//! A workflow that dies is replaced.

use std::time::Duration;

use anyhow::{Result, ensure};
use serde_json::json;
use sluice_tests::stack::{Options, Scenario, eventually};

use crate::ENDS;

/// The time without a look after which a workflow is taken for dead, the watchdog's minute, and some patience.
const RESTARTED: Duration = Duration::from_secs(240);

#[tokio::test]
async fn an_upgrade_whose_executions_died_goes_on() -> Result<()> {
    let scenario = Scenario::start(&Options::default()).await?;
    let wishes = json!({ "strategy": "CANARY", "batchDelaySeconds": 20 });
    let id = scenario.upgrade(&wishes).await?.execution_id;
    scenario.until_status(id, "CANARY_MONITORING", ENDS).await?;
    ensure!(scenario.stack.stop_executions(id).await? > 0, "nothing ran");
    let restarted = async || {
        let events = scenario.events(id).await?;
        Ok(if events.iter().any(|e| e.name == "upgrade.restarted") {
            Ok(())
        } else {
            Err(format!("{} events", events.len()))
        })
    };
    eventually("a fresh workflow takes over", RESTARTED, restarted).await?;
    let ended = scenario.until_status(id, "COMPLETED", ENDS).await?;
    ensure!(ended.clocks.t2_verdict.is_none(), "it went back meanwhile");
    let (report, _) = scenario.report(id).await?;
    ensure!(
        report.chain_verified && report.on_target == report.plan.total_instances,
        "{report:?}"
    );
    Ok(())
}
