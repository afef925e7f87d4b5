//! What holds an upgrade or keeps it from moving anything: missing artifacts, missing metrics, a route that is away.

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use serde_json::json;
use sluice_contract::api::{ReleaseView, UpgradeView};
use sluice_core::fleet::InstanceStatus;
use sluice_core::hold::Cause;
use sluice_judge::gate::Missing;
use sluice_tests::stack::{Options, Scenario, throughout};
use uuid::Uuid;

use crate::ENDS;

/// Longer than a batch of these upgrades takes.
const LONGER_THAN_A_BATCH: Duration = Duration::from_secs(5);

fn cause(view: &UpgradeView) -> Option<&Cause> {
    view.hold.as_ref().map(|hold| &hold.hold.cause)
}

fn touched(scenario: &Scenario) -> usize {
    scenario
        .swarm
        .view()
        .iter()
        .filter(|i| i.status != InstanceStatus::Pending)
        .count()
}

#[tokio::test]
async fn a_missing_artifact_is_found_before_anything_moves() -> Result<()> {
    let scenario = Scenario::start(&Options {
        instances: 2,
        ..Options::default()
    })
    .await?;
    let component = scenario.fleet.component_id;
    let registration = scenario
        .signer
        .registration(component, "2.0.0", b"never uploaded")?;
    let tenant = &scenario.fleet.tenant_id;
    let path = format!(
        "/registry/tenants/{tenant}/components/{component}/releases/{}",
        Uuid::new_v4()
    );
    let registered: ReleaseView = scenario.api.put(&path, &registration).await?.expect(200)?;
    let wishes = json!({ "toVersionId": registered.release.version_id });
    let id = scenario.upgrade(&wishes).await?.execution_id;
    let ended = scenario.until_status(id, "FAILED", ENDS).await?;
    let failure = ended.failure.unwrap_or_default();
    assert!(
        failure.starts_with("the check backup-verification failed: the artifact of 2.0.0 "),
        "{failure}"
    );
    let (report, _) = scenario.report(id).await?;
    assert_eq!((report.touched, report.on_previous), (0, 2));
    assert_eq!(scenario.traffic.share("2.0.0"), None, "the route was touched");
    // The component is free again.
    scenario.plan(&json!({})).await?;
    Ok(())
}

#[tokio::test]
async fn without_metrics_nothing_passes() -> Result<()> {
    let scenario = Scenario::start(&Options {
        instances: 4,
        ..Options::default()
    })
    .await?;
    let blind =
        json!({ "checkIn": { "idle_ms": 1_000, "hold_ms": 700, "fast_ms": 500 }, "approval": "never" });
    ensure!(
        scenario.api.put(&scenario.fleet_path(), &blind).await?.status == 200,
        "the fleet is not declared"
    );
    let id = scenario.upgrade(&json!({ "batchSize": 1 })).await?.execution_id;
    let without_source = |view: &UpgradeView| {
        matches!(
            cause(view),
            Some(Cause::Gate {
                waiting_for: Missing::Source
            })
        )
    };
    scenario
        .until(id, "held for a source of metrics", ENDS, without_source)
        .await?;
    throughout(LONGER_THAN_A_BATCH, async || {
        let view = scenario.view(id).await?;
        ensure!(
            without_source(&view) && view.current_batch == 0,
            "it went on: {view:?}"
        );
        ensure!(
            touched(&scenario) == 1,
            "{} instances have begun to move",
            touched(&scenario)
        );
        Ok(())
    })
    .await?;
    scenario.act(id, "rollback").await?;
    scenario.until_status(id, "ROLLED_BACK", ENDS).await?;
    assert_eq!(scenario.running(&scenario.old), 4);
    Ok(())
}

#[tokio::test]
async fn a_route_that_is_away_holds_until_it_is_back() -> Result<()> {
    let scenario = Scenario::start(&Options {
        instances: 2,
        ..Options::default()
    })
    .await?;
    let fleet = scenario
        .api
        .get(&scenario.fleet_path())
        .await?
        .expect::<serde_json::Value>(200)?;
    let declared = |url: String| {
        json!({
            "route": { "kind": "http-edge", "url": url },
            "metrics": fleet["metrics"],
            "checkIn": fleet["check_in"],
            "approval": "never",
        })
    };
    let nowhere = scenario
        .api
        .put(&scenario.fleet_path(), &declared("http://127.0.0.1:9".to_owned()))
        .await?;
    ensure!(nowhere.status == 200, "{}", nowhere.body);
    let id = scenario.upgrade(&json!({ "batchSize": 1 })).await?.execution_id;
    let faulty = |view: &UpgradeView| matches!(cause(view), Some(Cause::OrchestratorFault { .. }));
    let held = scenario.until(id, "held by a fault", ENDS, faulty).await?;
    assert_eq!(
        i64::from(held.traffic_percentage),
        0,
        "a weight that was never set is recorded"
    );
    let sentence = held.hold.context("no hold")?.sentence;
    assert!(sentence.contains("Sluice.Unavailable"), "{sentence}");
    let back = scenario
        .api
        .put(&scenario.fleet_path(), &declared(scenario.traffic.url()))
        .await?;
    ensure!(back.status == 200, "{}", back.body);
    scenario.until_status(id, "COMPLETED", ENDS).await?;
    assert_eq!(scenario.running(&scenario.new), 2);
    Ok(())
}
