//! How upgrades go: a good version arrives, a bad one goes back.

use std::collections::BTreeSet;

use anyhow::{Context, Result, ensure};
use serde_json::json;
use sluice_contract::problem::Code;
use sluice_core::fleet::InstanceStatus;
use sluice_core::ids::UpgradeId;
use sluice_core::upgrade::verify_chain;
use sluice_tests::stack::{Listener, Options, Scenario, eventually};

use crate::ENDS;

#[tokio::test]
async fn a_good_version_arrives_everywhere() -> Result<()> {
    let scenario = Scenario::start(&Options {
        instances: 10,
        ..Options::default()
    })
    .await?;
    let listener = Listener::start(&scenario.stack, &scenario.fleet.tenant_id).await?;
    let id = scenario
        .upgrade(&json!({ "strategy": "CANARY" }))
        .await?
        .execution_id;
    let ended = scenario.until_status(id, "COMPLETED", ENDS).await?;
    assert_eq!(i64::from(ended.traffic_percentage), 100);
    assert_eq!(scenario.traffic.share("1.1.0"), Some(100));
    assert_eq!(scenario.traffic.shares("1.1.0"), [0, 10, 20, 60, 100, 100]);
    assert_eq!(scenario.running(&scenario.new), 10);

    let (report, markdown) = scenario.report(id).await?;
    assert_eq!(
        (report.on_target, report.on_previous, report.touched),
        (10, 0, 10)
    );
    assert!(report.chain_verified);
    assert!(
        report
            .instances
            .iter()
            .all(|i| i.status == InstanceStatus::Completed && i.healthy)
    );
    let sizes: Vec<_> = report
        .batches
        .iter()
        .map(|b| (b.size, b.completed, b.failed))
        .collect();
    assert_eq!(sizes, [(1, 1, 0), (1, 1, 0), (4, 4, 0), (4, 4, 0)]);
    ensure!(
        markdown.contains("1.1.0") && markdown.contains(&id.to_string()),
        "the report: {markdown}"
    );

    let events = scenario.events(id).await?;
    assert_eq!(verify_chain(&events), Ok(()));
    let last = events.last().context("no event")?;
    assert_eq!(last.name, "report.written");
    scenario.active().await?.refused(Code::NotFound)?;

    let all_heard = async || {
        let heard = listener.events(id)?;
        Ok(if heard == events {
            Ok(())
        } else {
            Err(format!("{heard:?} of {events:?}"))
        })
    };
    eventually("every event is on the bus", ENDS, all_heard).await?;
    alerted(&listener, id, &["COMPLETED"]).await?;
    executed(&scenario, id, &["batch", "upgrade"]).await?;
    listener.stop().await
}

#[tokio::test]
async fn a_bad_version_touches_only_the_canary_and_goes_back() -> Result<()> {
    let options = Options {
        instances: 10,
        error_rate: 0.08,
        ..Options::default()
    };
    let scenario = Scenario::start(&options).await?;
    let listener = Listener::start(&scenario.stack, &scenario.fleet.tenant_id).await?;
    let id = scenario
        .upgrade(&json!({ "strategy": "CANARY" }))
        .await?
        .execution_id;
    let ended = scenario.until_status(id, "ROLLED_BACK", ENDS).await?;
    assert_eq!(i64::from(ended.traffic_percentage), 0);
    assert_eq!(scenario.traffic.shares("1.1.0"), [0, 10, 0]);
    assert_eq!(scenario.running(&scenario.old), 10);
    let info = &ended.rollback_info;
    assert_eq!(info.rolled_back_instances.len(), 1);
    let reason = info.rollback_reason.as_deref().unwrap_or_default();
    assert!(reason.starts_with("harmful: "), "{reason}");

    let (report, _) = scenario.report(id).await?;
    assert_eq!((report.on_target, report.on_previous, report.touched), (0, 10, 1));
    let clocks = report.clocks_ms;
    let target = |name: &str, clock: Option<i64>, limit_ms: i64| {
        let ms = clock.with_context(|| format!("{name} is not known"))?;
        ensure!((0..limit_ms).contains(&ms), "{name} took {ms} ms");
        println!("{name}: {ms} ms");
        Ok(())
    };
    target("T1 to T2", clocks.t1_to_t2, 60_000)?;
    target("T2 to T3", clocks.t2_to_t3, 60_000)?;
    target("T2 to T4", clocks.t2_to_t4, 60_000)?;
    target("T2 to T5", clocks.t2_to_t5, 180_000)?;
    assert_eq!(verify_chain(&scenario.events(id).await?), Ok(()));
    scenario.active().await?.refused(Code::NotFound)?;

    alerted(&listener, id, &["ROLLING_BACK", "ROLLED_BACK"]).await?;
    executed(&scenario, id, &["batch", "rollback", "upgrade"]).await?;
    listener.stop().await
}

/// Waits until people were told of each status.
async fn alerted(listener: &Listener, id: UpgradeId, statuses: &[&str]) -> Result<()> {
    eventually("somebody is told", ENDS, async || {
        let subjects = listener.alerts(id);
        let told = |status: &&str| {
            subjects
                .iter()
                .any(|s| s.starts_with(&format!("Sluice {status} ")))
        };
        Ok(if statuses.iter().all(told) {
            Ok(())
        } else {
            Err(format!("{subjects:?}"))
        })
    })
    .await
}

/// Waits until all executions for an upgrade have ended, each of them well, and compares which machines they were of.
async fn executed(scenario: &Scenario, id: UpgradeId, machines: &[&str]) -> Result<()> {
    let executions = eventually("all executions have ended", ENDS, async || {
        let executions = scenario.stack.executions(id).await?;
        let running = executions.iter().any(|e| e.status == "RUNNING");
        Ok(if running {
            Err(format!("{executions:?}"))
        } else {
            Ok(executions)
        })
    });
    let executions = executions.await?;
    assert!(
        executions.iter().all(|e| e.status == "SUCCEEDED"),
        "{executions:?}"
    );
    let of: BTreeSet<_> = executions.iter().map(|e| e.machine).collect();
    assert_eq!(of, machines.iter().copied().collect());
    Ok(())
}
