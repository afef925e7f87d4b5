//! The report as a person reads it.

use std::fmt::Write as _;

use jiff::Timestamp;

use super::Report;
use crate::lifecycle::Status;
use detail::detail;

mod detail;

/// Most instances that the table lists; the JSON form has all.
const MAX_ROWS: usize = 200;

/// Renders a report as Markdown.
#[must_use]
pub fn markdown(report: &Report) -> String {
    let mut text = String::new();
    // Writing to a String cannot fail.
    let _ = head(&mut text, report)
        .and_then(|()| batches(&mut text, report))
        .and_then(|()| rollback(&mut text, report))
        .and_then(|()| instances(&mut text, report))
        .and_then(|()| events(&mut text, report));
    text
}

fn head(text: &mut String, report: &Report) -> std::fmt::Result {
    let upgrade = &report.upgrade;
    writeln!(
        text,
        "# Upgrade {} to {}: {}\n",
        upgrade.from.version,
        upgrade.to.version,
        upgrade.status.name()
    )?;
    writeln!(text, "{}\n", outcome(report))?;
    writeln!(text, "| | |\n|---|---|")?;
    let rows = [
        ("Upgrade", upgrade.upgrade_id.to_string()),
        ("Fleet", upgrade.fleet.to_string()),
        ("Strategy", name(&report.plan.settings.strategy)),
        ("Asked for by", upgrade.requested_by.clone()),
        (
            "Named in the request",
            upgrade.initiated_by.clone().unwrap_or_default(),
        ),
        ("Planned", time(Some(upgrade.created_at))),
        ("Started", time(upgrade.started_at)),
        ("Ended", time(upgrade.ended_at)),
        ("Planned canary coverage", report.plan.gray_coverage.to_string()),
        ("Instances on the new version", report.on_target.to_string()),
        ("Instances on the old version", report.on_previous.to_string()),
        ("Instances that ever began to move", report.touched.to_string()),
        ("Left behind, never answered", upgrade.unreachable.to_string()),
        (
            "Dropped by an operator",
            upgrade.exceptions.named_dropped().to_string(),
        ),
        ("Plan", upgrade.plan_hash.clone()),
    ];
    for (label, value) in rows.into_iter().filter(|(_, value)| !value.is_empty()) {
        writeln!(text, "| {label} | {} |", cell(&value))?;
    }
    for warning in &report.plan.warnings {
        writeln!(text, "\n> {warning}")?;
    }
    Ok(())
}

fn outcome(report: &Report) -> String {
    let upgrade = &report.upgrade;
    let total = report.plan.total_instances;
    match (upgrade.status, &upgrade.rollback) {
        (Status::Completed, _) => format!(
            "All batches passed; {} of {total} instances run the new version.",
            report.on_target
        ),
        (Status::RolledBack, Some(rollback)) => {
            format!("Brought back by {}: {}.", rollback.initiated_by, rollback.reason)
        }
        (Status::Cancelled, _) => format!(
            "Cancelled: {} instances run the new version, {} the old one.",
            report.on_target, report.on_previous
        ),
        (Status::Failed, _) => format!(
            "Failed: {}.",
            upgrade.failure.as_deref().unwrap_or("no reason is recorded")
        ),
        _ => "Not ended yet.".to_owned(),
    }
}

fn batches(text: &mut String, report: &Report) -> std::fmt::Result {
    writeln!(text, "\n## Batches\n")?;
    writeln!(
        text,
        "| batch | kind | instances | released | moved | failed | traffic | passed | verdict |"
    )?;
    writeln!(text, "|---:|---|---:|---|---|---:|---:|---|---|")?;
    for batch in &report.batches {
        writeln!(
            text,
            "| {} | {} | {} | {} | {} | {} | {} | {} | {} |",
            batch.index,
            name(&batch.kind),
            batch.size,
            time(batch.released_at),
            time(batch.moved_at),
            batch.failed,
            batch.weight.map(|w| w.to_string()).unwrap_or_default(),
            time(batch.passed_at),
            cell(
                &batch
                    .verdict
                    .as_ref()
                    .map(ToString::to_string)
                    .unwrap_or_default()
            ),
        )?;
    }
    Ok(())
}

fn rollback(text: &mut String, report: &Report) -> std::fmt::Result {
    let Some(rollback) = &report.upgrade.rollback else {
        return Ok(());
    };
    writeln!(text, "\n## Rollback\n")?;
    let kind = if rollback.automatic {
        "automatically"
    } else {
        "by hand"
    };
    writeln!(
        text,
        "Begun {kind} by {} at {}: {}.\n",
        rollback.initiated_by, rollback.initiated_at, rollback.reason
    )?;
    let (clocks, ms) = (&report.upgrade.clocks, &report.clocks_ms);
    writeln!(text, "| clock | time | after the verdict |\n|---|---|---:|")?;
    let rows = [
        (
            "T1 first datapoint that shows the fault",
            clocks.t1_first_datapoint,
            ms.t1_to_t2.map(|ms| -ms),
        ),
        ("T2 verdict", clocks.t2_verdict, Some(0)),
        (
            "T3 traffic back on the old version",
            clocks.t3_traffic_back,
            ms.t2_to_t3,
        ),
        (
            "T4 all instances back on the old version",
            clocks.t4_instances_back,
            ms.t2_to_t4,
        ),
        ("T5 record complete", clocks.t5_record_complete, ms.t2_to_t5),
    ];
    for (label, at, after_ms) in rows {
        let after = after_ms.map(|ms| format!("{ms} ms")).unwrap_or_default();
        writeln!(
            text,
            "| {label} | {} | {after} |",
            if at.is_some() {
                time(at)
            } else {
                "unknown".to_owned()
            }
        )?;
    }
    Ok(())
}

fn instances(text: &mut String, report: &Report) -> std::fmt::Result {
    writeln!(text, "\n## Instances\n")?;
    writeln!(
        text,
        "| instance | batch | status | runs | healthy | error |\n|---|---:|---|---|---|---|"
    )?;
    for entry in report.instances.iter().take(MAX_ROWS) {
        writeln!(
            text,
            "| {} | {} | {} | {} | {} | {} |",
            entry.instance_id,
            entry.batch.map(|b| b.to_string()).unwrap_or_default(),
            name(&entry.status),
            entry.version.as_deref().unwrap_or("nothing"),
            if entry.healthy { "yes" } else { "no" },
            cell(
                &entry
                    .error
                    .as_ref()
                    .map(|e| format!("{}: {}", e.code, e.message))
                    .unwrap_or_default()
            ),
        )?;
    }
    if report.instances.len() > MAX_ROWS {
        writeln!(
            text,
            "\n{} more are in the JSON form.",
            report.instances.len() - MAX_ROWS
        )?;
    }
    Ok(())
}

fn events(text: &mut String, report: &Report) -> std::fmt::Result {
    let chain = if report.chain_verified {
        "holds"
    } else {
        "DOES NOT HOLD"
    };
    writeln!(
        text,
        "\n## Events\n\nThe chain of hashes over these {} events {chain}.\n",
        report.events.len()
    )?;
    writeln!(
        text,
        "| # | time | event | batch | status after it | by | |\n|---:|---|---|---:|---|---|---|"
    )?;
    for event in &report.events {
        writeln!(
            text,
            "| {} | {} | {} | {} | {} | {} | {} |",
            event.seq,
            event.at,
            event.name,
            event.batch,
            event.status.name(),
            cell(&event.actor),
            cell(&detail(&event.command)),
        )?;
    }
    Ok(())
}

/// The name that a value has on the wire.
fn name(value: &impl serde::Serialize) -> String {
    serde_json::to_value(value)
        .ok()
        .and_then(|v| v.as_str().map(str::to_owned))
        .unwrap_or_default()
}

fn time(at: Option<Timestamp>) -> String {
    at.map(|at| at.to_string()).unwrap_or_default()
}

/// Text from outside, made harmless for a table.
fn cell(text: &str) -> String {
    text.replace('|', "\\|")
        .replace(['\n', '\r'], " ")
        .replace('<', "&lt;")
}
