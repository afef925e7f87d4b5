//! One upgrade of the demo, from the request to the report.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use serde::Serialize;
use serde_json::json;
use sluice_contract::api::UpgradeView;
use sluice_core::plan::Kind;
use sluice_core::release::Release;
use sluice_core::report::{ClocksMs, Report};

use super::api::Api;
use super::instances;
use super::show::Live;

/// How an upgrade is to end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Expected {
    /// Every instance on the new version.
    Completed,
    /// Every instance on the old version, and the new one seen by the canary alone.
    RolledBack,
}

/// An upgrade to be shown.
pub struct Scenario {
    /// Its name in the summary.
    pub name: &'static str,
    /// The release that it leaves, by place.
    pub from: usize,
    /// The release that it brings, by place.
    pub to: usize,
    /// How it is to end.
    pub expected: Expected,
}

/// How an upgrade ended.
#[derive(Debug, Clone, Serialize)]
pub struct Outcome {
    /// The scenario's name.
    pub scenario: &'static str,
    /// The final status.
    pub status: String,
    /// How many instances the plan has.
    pub instances: u32,
    /// How many run the new version.
    pub on_target: u32,
    /// How many run the old one.
    pub on_previous: u32,
    /// How many ever began to move.
    pub touched: u32,
    /// The new version's share of the traffic.
    pub traffic_percentage: u8,
    /// How long it took, in milliseconds.
    pub duration_ms: u64,
    /// The clocks of its way back.
    pub clocks_ms: ClocksMs,
    /// The report for people; the one for machines lies beside it.
    pub report: PathBuf,
    /// Whether it ended as it should.
    pub as_expected: bool,
}

/// Longest time that an upgrade of the demo may take.
const LIMIT: Duration = Duration::from_secs(240);
const LOOK_EVERY: Duration = Duration::from_millis(400);

/// Plans, starts and watches an upgrade, and keeps its report.
///
/// # Errors
/// When the API refuses or the upgrade does not end.
pub async fn run(api: &Api, scenario: &Scenario, releases: &[Release], results: &Path) -> Result<Outcome> {
    let begun = Instant::now();
    let release = |place: usize| releases.get(place).context("there is no such release");
    let (from, to) = (release(scenario.from)?, release(scenario.to)?);
    let request = json!({
        "componentId": api.component,
        "fromVersionId": from.version_id,
        "toVersionId": to.version_id,
        "strategy": "CANARY",
        "canaryPercentage": 10,
        "batchSize": 8,
        "maxUnavailablePercentage": 40,
        "batchDelaySeconds": 6,
        "healthCheckIntervalSeconds": 1,
        "healthCheckTimeoutSeconds": 60,
        "totalInstances": instances(),
        "initiatedBy": "demo",
    });
    let planned: UpgradeView = api
        .post(&format!("/tenants/{}/upgrades", api.tenant), Some(&request))
        .await?;
    let path = format!("/upgrades/{}", planned.execution_id);
    let _: UpgradeView = api.post(&format!("{path}/start"), None::<&()>).await?;
    let ended = watch(api, &path, &planned, begun).await?;
    let report = keep(api, &path, scenario, results).await?;
    Ok(outcome(scenario, &ended, &report.0, report.1, begun))
}

async fn watch(api: &Api, path: &str, planned: &UpgradeView, begun: Instant) -> Result<UpgradeView> {
    let live = Live::new(planned);
    loop {
        let view: UpgradeView = api.get(path).await?;
        live.show(&view);
        if view.report_available && view.ended_at.is_some() {
            live.end(&view);
            return Ok(view);
        }
        if begun.elapsed() > LIMIT {
            let hold = view.hold.map(|h| h.sentence).unwrap_or_default();
            bail!(
                "the upgrade has not ended after {} s: {} ({hold})",
                LIMIT.as_secs(),
                view.status
            );
        }
        tokio::time::sleep(LOOK_EVERY).await;
    }
}

async fn keep(api: &Api, path: &str, scenario: &Scenario, results: &Path) -> Result<(Report, PathBuf)> {
    let text = api.text(&format!("{path}/report?format=json")).await?;
    let people = api.text(&format!("{path}/report?format=md")).await?;
    let file = results.join(format!("report-{}.md", scenario.name));
    fs::write(&file, people).with_context(|| format!("cannot write {}", file.display()))?;
    let machines = file.with_extension("json");
    fs::write(&machines, &text).with_context(|| format!("cannot write {}", machines.display()))?;
    Ok((
        serde_json::from_str(&text).context("cannot read the report")?,
        file,
    ))
}

fn outcome(
    scenario: &Scenario,
    view: &UpgradeView,
    report: &Report,
    file: PathBuf,
    begun: Instant,
) -> Outcome {
    let total = view.total_instances;
    let healthy = report.instances.iter().all(|i| i.healthy);
    let canary = |batch: Option<u32>| {
        batch.is_some_and(|b| {
            report
                .batches
                .iter()
                .any(|x| x.index == b && x.kind == Kind::Canary)
        })
    };
    let only_canary = report.instances.iter().all(|i| !i.touched || canary(i.batch));
    let share = view.traffic_percentage.get();
    let as_expected = healthy
        && report.chain_verified
        && match scenario.expected {
            Expected::Completed => view.status == "COMPLETED" && report.on_target == total && share == 100,
            Expected::RolledBack => {
                view.status == "ROLLED_BACK" && report.on_previous == total && share == 0 && only_canary
            }
        };
    Outcome {
        scenario: scenario.name,
        status: view.status.clone(),
        instances: total,
        on_target: report.on_target,
        on_previous: report.on_previous,
        touched: report.touched,
        traffic_percentage: share,
        duration_ms: u64::try_from(begun.elapsed().as_millis()).unwrap_or(u64::MAX),
        clocks_ms: report.clocks_ms,
        report: file,
        as_expected,
    }
}
