//! Policies and plans for people.

use std::fmt::Write as _;

use sluice_core::policy::Origin;
use sluice_core::proposal::Proposal;

use crate::output::{Table, moment, name};

/// Each value with whose word it is.
#[must_use]
pub fn values(values: &[Origin]) -> String {
    let mut table = Table::new(["KEY", "VALUE", "FROM"]);
    for origin in values {
        let value = origin
            .value
            .as_str()
            .map_or_else(|| origin.value.to_string(), str::to_owned);
        table.row([&origin.key, &value, &origin.from]);
    }
    table.to_string()
}

/// A plan with what whoever agrees to it wants to know.
#[must_use]
pub fn proposal(proposal: &Proposal) -> String {
    let Proposal {
        plan,
        schedule,
        exposure,
        cost,
        ..
    } = proposal;
    let mut rows = Table::default();
    rows.row(["plan", &proposal.hash]);
    rows.row(["from", &plan.from.version.to_string()]);
    rows.row([
        "to",
        &format!("{} ({})", plan.to.version, name(&proposal.version.step)),
    ]);
    rows.row([
        "instances",
        &format!("{} in {} batches", plan.moving_instances(), proposal.batch_count),
    ]);
    rows.row(["begins", &moment(schedule.start_at)]);
    rows.row([
        "ends",
        &format!(
            "{} likely, {} at worst",
            moment(schedule.likely_end_at),
            moment(schedule.end_at)
        ),
    ]);
    rows.row([
        "way back",
        &format!("{} s from the whole fleet", schedule.rollback_seconds),
    ]);
    let samples = proposal.forecast.batch.samples;
    let basis = match samples {
        0 => "the limits of the policy".to_owned(),
        n => format!("{n} earlier batches"),
    };
    rows.row(["rests on", &basis]);
    let exposed = format!(
        "{} instance-minutes, {} of the canary",
        exposure.instance_minutes, exposure.canary_instance_minutes
    );
    rows.row(["exposes", &exposed]);
    rows.row(["costs", &format!("{:.4} USD", cost.total_usd)]);
    let mut text = rows.to_string() + "\n" + &batches(proposal);
    for needed in &proposal.approvals {
        let _ = write!(
            text,
            "\napproval before batch {}: {}",
            needed.before_batch, needed.reason
        );
    }
    for change in proposal.difference.iter().flatten() {
        let value =
            |v: &Option<serde_json::Value>| v.as_ref().map_or("nothing".to_owned(), ToString::to_string);
        let _ = write!(
            text,
            "\ndiffers: {} was {}, is {}",
            change.key,
            value(&change.before),
            value(&change.after)
        );
    }
    for learning in &proposal.learnings {
        let _ = write!(text, "\nlearnt: {}: {}", learning.title, learning.content);
    }
    for warning in &proposal.warnings {
        let _ = write!(text, "\nwarning: {warning}");
    }
    text.push('\n');
    text
}

fn batches(proposal: &Proposal) -> String {
    let mut table = Table::new([
        "BATCH",
        "KIND",
        "SIZE",
        "RELEASED AT",
        "ENDS BY",
        "WAY BACK BY",
        "WINDOW CLOSES",
        "INSTANCES",
    ]);
    for batch in &proposal.batches {
        let slot = &batch.slot;
        table.row([
            batch.index.to_string(),
            name(&batch.kind),
            batch.size.to_string(),
            moment(slot.release_at),
            moment(slot.end_at),
            moment(slot.rollback_end_at),
            slot.window_closes_at.map(moment).unwrap_or_default(),
            batch
                .instance_ids
                .as_ref()
                .map(|ids| ids.join(" "))
                .unwrap_or_default(),
        ]);
    }
    table.to_string()
}
