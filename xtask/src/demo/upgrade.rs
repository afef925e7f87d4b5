//! One upgrade of the demo, from the request to the report.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use jiff::Timestamp;
use serde::Serialize;
use serde_json::{Value, json};
use sluice_contract::api::UpgradeView;
use sluice_core::plan::Kind;
use sluice_core::release::Release;
use sluice_core::report::{ClocksMs, Report};

use super::api::Api;
use super::fleet::{Change, DemoFleet};
use super::instances;
use super::scenario::{Expected, Scenario};
use super::show::Live;
use super::trouble::{self, LATE_PERCENTAGE};

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
    /// Instances that were in rotation at the worst moment, as the proxy saw it.
    pub worst_in_rotation: u32,
    /// Instances that may be out of rotation at a time.
    pub cap: u32,
    /// From the kill of an agent until its instance ran the new version.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub recovery_ms: Option<u64>,
    /// Instances that had moved when the release turned bad.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub moved_before_bad: Option<u32>,
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
pub async fn run(
    api: &Api,
    scenario: &Scenario,
    (from, to): (&Release, &Release),
    fleet: &mut DemoFleet<'_>,
    results: &Path,
) -> Result<Outcome> {
    let (begun, since) = (Instant::now(), Timestamp::now());
    let request = request(api, scenario, from, to);
    let planned: UpgradeView = api
        .post(&format!("/tenants/{}/upgrades", api.tenant), Some(&request))
        .await?;
    let path = format!("/upgrades/{}", planned.execution_id);
    let _: UpgradeView = api.post(&format!("{path}/start"), None::<&()>).await?;
    let (ended, aftermath) = {
        let trouble = trouble::make(scenario.trouble, api, fleet, &path, to);
        // Whichever fails first is what went wrong.
        tokio::try_join!(watch(api, &path, &planned, begun), trouble)?
    };
    let (report, file) = keep(api, &path, scenario, results).await?;
    let worst = worst(&fleet.rotation().await?, since);
    let cap = scenario.cap(ended.total_instances);
    Ok(Outcome {
        scenario: scenario.name,
        status: ended.status.clone(),
        instances: ended.total_instances,
        on_target: report.on_target,
        on_previous: report.on_previous,
        touched: report.touched,
        traffic_percentage: ended.traffic_percentage.get(),
        duration_ms: u64::try_from(begun.elapsed().as_millis()).unwrap_or(u64::MAX),
        clocks_ms: report.clocks_ms,
        report: file,
        worst_in_rotation: worst,
        cap,
        recovery_ms: aftermath.recovery_ms,
        moved_before_bad: aftermath.moved,
        as_expected: is_as_expected(scenario, &ended, &report)
            && (scenario.expected != Expected::BackUnderCap || worst + cap >= ended.total_instances),
    })
}

fn request(api: &Api, scenario: &Scenario, from: &Release, to: &Release) -> Value {
    let mut request = json!({
        "componentId": api.component,
        "fromVersionId": from.version_id,
        "toVersionId": to.version_id,
        "maxUnavailablePercentage": scenario.max_unavailable_percentage,
        "healthCheckIntervalSeconds": 1,
        "healthCheckTimeoutSeconds": 60,
        "totalInstances": instances(),
        "initiatedBy": "demo",
    });
    if let (Some(fields), Value::Object(more)) = (request.as_object_mut(), scenario.settings()) {
        fields.extend(more);
    }
    request
}

/// The fewest instances in rotation at any moment since `since`.
fn worst(changes: &[Change], since: Timestamp) -> u32 {
    let since = u64::try_from(since.as_millisecond()).unwrap_or_default();
    let begin = changes
        .partition_point(|change| change.at_ms <= since)
        .saturating_sub(1);
    let seen = changes.iter().skip(begin).map(|change| change.in_rotation);
    seen.min().unwrap_or_default()
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

fn is_as_expected(scenario: &Scenario, view: &UpgradeView, report: &Report) -> bool {
    let (total, share) = (view.total_instances, view.traffic_percentage.get());
    let in_canary = |batch: u32| {
        report
            .batches
            .iter()
            .any(|b| b.index == batch && b.kind == Kind::Canary)
    };
    let only_canary = || {
        report
            .instances
            .iter()
            .all(|i| !i.touched || i.batch.is_some_and(in_canary))
    };
    let came_back = || view.status == "ROLLED_BACK" && report.on_previous == total && share == 0;
    report.chain_verified
        && report.instances.iter().all(|i| i.healthy)
        && match scenario.expected {
            Expected::Completed => view.status == "COMPLETED" && report.on_target == total && share == 100,
            Expected::BackFromCanary => came_back() && only_canary(),
            Expected::BackUnderCap => came_back() && report.touched * 100 >= total * LATE_PERCENTAGE,
        }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_worst_moment_counts_what_was_so_when_it_began() {
        let changes =
            [(10, 3), (20, 20), (30, 14), (40, 20)].map(|(at_ms, in_rotation)| Change { at_ms, in_rotation });
        for (since, expected) in [(5, 3), (15, 3), (20, 14), (25, 14), (35, 14), (45, 20)] {
            assert_eq!(
                worst(&changes, Timestamp::from_millisecond(since).unwrap()),
                expected,
                "since {since}"
            );
        }
    }
}
