//! Upgrades for people.

use jiff::Timestamp;
use sluice_contract::api::{EventList, HoldView, UpgradeList, UpgradeView};

use crate::output::{Table, moment, moment_and_distance, name, plain};

/// Everything that counts about an upgrade.
pub fn upgrade(view: &UpgradeView, now: Timestamp) -> String {
    let mut facts = Table::default();
    facts.row(["upgrade", &view.execution_id.to_string()]);
    let of = format!("{} of {}", view.fleet_id, view.component_id);
    facts.row(["fleet", &of]);
    let versions = format!("{} -> {}", view.from_version, view.to_version);
    facts.row(["versions", &versions]);
    facts.row(["status", &status(view)]);
    if let Some(hold) = &view.hold {
        facts.row(["waits", &sentence(hold, now)]);
        facts.row(["released by", &hold.released_by]);
    }
    for (what, text) in [("gate", &view.gate), ("failure", &view.failure)] {
        if let Some(text) = text {
            facts.row([what, text]);
        }
    }
    let rollback = &view.rollback_info;
    if let Some(reason) = &rollback.rollback_reason {
        let by = rollback.rollback_initiated_by.as_deref().unwrap_or("unknown");
        facts.row(["rollback", &format!("{reason} (by {by})")]);
    }
    let failures = format!(
        "{} of at most {}, automatic rollback {}",
        rollback.current_failures,
        rollback.failure_threshold,
        if rollback.auto_rollback_enabled {
            "on"
        } else {
            "off"
        }
    );
    facts.row(["failures", &failures]);
    let unreachable: u32 = view.batches.iter().map(|b| b.unreachable).sum();
    if unreachable > 0 {
        let named = view.unreachable_instances.of_all(unreachable);
        facts.row([
            "left behind",
            &format!("{unreachable} instances that never answered{named}"),
        ]);
    }
    if !view.dropped_instances.is_empty() {
        facts.row(["dropped", &format!("instances {}", view.dropped_instances)]);
    }
    facts.row(["planned", &times(view, now)]);
    for warning in &view.warnings {
        facts.row(["warning", warning]);
    }
    format!("{facts}\n{}", batches(view))
}

/// Status, batch and traffic in one line.
pub fn status(view: &UpgradeView) -> String {
    let (current, all) = (view.current_batch as usize, view.batches.len());
    let batch = match current < all {
        true => format!("batch {current} (last: {})", all - 1),
        false => format!("all {all} batches passed"),
    };
    format!("{}, {batch}, traffic {}", view.status, view.traffic_percentage)
}

fn sentence(hold: &HoldView, now: Timestamp) -> String {
    match hold.hold.until {
        Some(until) => format!("{}; until {}", hold.sentence, moment_and_distance(until, now)),
        None => hold.sentence.clone(),
    }
}

fn times(view: &UpgradeView, now: Timestamp) -> String {
    let mut text = format!(
        "{} by {}",
        moment_and_distance(view.created_at, now),
        view.requested_by
    );
    if let Some(started) = view.started_at {
        text += &format!(", started {}", moment(started));
    }
    match view.ended_at {
        Some(ended) => text += &format!(", ended {}", moment(ended)),
        None => text += &format!(", estimated to take up to {} s", view.estimated_total_seconds),
    }
    text
}

fn batches(view: &UpgradeView) -> Table {
    let mut table = Table::new(["BATCH", "KIND", "PHASE", "SIZE", "COMPLETED", "FAILED"]);
    for batch in &view.batches {
        table.row([
            batch.index.to_string(),
            name(&batch.kind),
            name(&batch.phase),
            batch.size.to_string(),
            batch.completed.to_string(),
            batch.failed.to_string(),
        ]);
    }
    table
}

/// What an upgrade waits for.
pub fn why(view: &UpgradeView, now: Timestamp) -> String {
    let Some(hold) = &view.hold else {
        return match view.ended_at {
            Some(ended) => {
                let ended = moment_and_distance(ended, now);
                format!("It waits for nothing: {} since {ended}", plain(&view.status))
            }
            None => format!("It waits for nothing: {}", plain(&view.status)),
        };
    };
    let mut table = Table::default();
    table.row(["waits", &hold.sentence]);
    table.row(["since", &moment_and_distance(hold.hold.since, now)]);
    let until = match hold.hold.until {
        Some(until) => moment_and_distance(until, now),
        None => hold.deadline.clone(),
    };
    table.row(["until", &until]);
    table.row(["released by", &hold.released_by]);
    table.row(["command", &hold.command]);
    table.to_string()
}

/// A page of upgrades, and how to get the next one.
pub fn list(list: &UpgradeList) -> String {
    let mut table = Table::new([
        "UPGRADE",
        "STATUS",
        "VERSIONS",
        "FLEET",
        "COMPONENT",
        "PLANNED",
        "ENDED",
    ]);
    for upgrade in &list.upgrades {
        table.row([
            upgrade.execution_id.to_string(),
            upgrade.status.clone(),
            format!("{} -> {}", upgrade.from_version, upgrade.to_version),
            upgrade.fleet_id.to_string(),
            upgrade.component_id.to_string(),
            moment(upgrade.created_at),
            upgrade.ended_at.map(moment).unwrap_or_default(),
        ]);
    }
    match &list.next_cursor {
        Some(cursor) => format!("{table}\nmore: --cursor {}\n", plain(cursor)),
        None => table.to_string(),
    }
}

/// What happened.
pub fn events(list: &EventList) -> String {
    let mut table = Table::new(["SEQ", "AT", "EVENT", "BATCH", "STATUS", "ACTOR"]);
    for event in &list.events {
        table.row([
            event.seq.to_string(),
            moment(event.at),
            event.name.clone(),
            event.batch.to_string(),
            event.status.name().to_owned(),
            event.actor.clone(),
        ]);
    }
    table.to_string()
}
