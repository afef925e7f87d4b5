//! What contradicts itself in a policy.

use std::collections::BTreeMap;

use super::Policy;
use super::read::Wrong;
use crate::settings::Strategy;
use crate::units::{Amount, Percent};
use crate::window::Calendar;

pub mod expected;
pub mod instances;
pub mod partition;

/// Everything in a policy that contradicts itself or could never happen. `files` are the texts of the iCalendar files
/// that its freezes name.
#[must_use]
pub fn check(policy: &Policy, files: &BTreeMap<String, String>) -> Vec<Wrong> {
    let mut wrongs = Vec::new();
    shape(policy, &mut wrongs);
    canary(policy, &mut wrongs);
    movement(policy, &mut wrongs);
    watch(policy, &mut wrongs);
    instances::checks(policy, &mut wrongs);
    texts(policy, &mut wrongs);
    if policy.windows.as_ref().is_some_and(Vec::is_empty) {
        wrongs.push(Wrong::new(
            "windows",
            "are none: nothing would ever be open",
            "at least one window, or no such key",
        ));
    }
    let windows = policy.windows.as_deref().unwrap_or_default();
    let freezes = policy.freezes.as_deref().unwrap_or_default();
    if let Err(errors) = Calendar::new(windows, freezes, None, files) {
        wrongs.extend(
            errors
                .into_iter()
                .map(|e| Wrong::new(e.field, e.problem, e.accepted)),
        );
    }
    wrongs
}

/// Of a finished policy: what it asks of a fleet that the fleet cannot give.
#[must_use]
pub fn check_fleet(policy: &Policy, highest_ordinal: u32) -> Vec<Wrong> {
    let partition = policy
        .rolling_update
        .as_ref()
        .and_then(|r| r.partition)
        .unwrap_or_default();
    let first = partition.first(highest_ordinal.saturating_add(1));
    if first <= highest_ordinal {
        return Vec::new();
    }
    let problem =
        format!("is {first}, and the fleet's highest ordinal is {highest_ordinal}: nothing would move");
    vec![Wrong::new(
        "rollingUpdate.partition",
        problem,
        format!("0 to {highest_ordinal}"),
    )]
}

fn shape(policy: &Policy, wrongs: &mut Vec<Wrong>) {
    let batches = policy.batches.clone().unwrap_or_default();
    let partition = policy
        .rolling_update
        .as_ref()
        .and_then(|r| r.partition)
        .filter(|p| !p.is_all());
    let given: Vec<&str> = [
        ("batches.count", batches.count.is_some()),
        ("batches.percentage", batches.percentage.is_some()),
        ("batches.ratios", batches.ratios.is_some()),
        ("rollingUpdate.partition", partition.is_some()),
    ]
    .into_iter()
    .filter_map(|(name, given)| given.then_some(name))
    .collect();
    if let [_, .., last] = given.as_slice() {
        wrongs.push(Wrong::new(
            *last,
            format!("contradicts: {} are given", given.join(", ")),
            "one of them",
        ));
    }
    if batches.percentage == Some(Percent::ZERO) {
        wrongs.push(Wrong::new(
            "batches.percentage",
            "is 0: no batch could ever move",
            "1 to 100",
        ));
    }
    let Some(ratios) = batches.ratios else { return };
    let sum: u32 = ratios.iter().map(|r| u32::from(r.get())).sum();
    if sum != 100 || ratios.contains(&Percent::ZERO) {
        let problem = match sum {
            100 => "have a 0".to_owned(),
            sum => format!("sum to {sum}"),
        };
        wrongs.push(Wrong::new(
            "batches.ratios",
            problem,
            "percentages of 1 or more that sum to 100",
        ));
    }
}

fn canary(policy: &Policy, wrongs: &mut Vec<Wrong>) {
    let recreate = policy.strategy == Some(Strategy::Recreate);
    let batches = policy.batches.clone().unwrap_or_default();
    let parts = [
        ("canary", policy.canary.is_some()),
        ("batches.count", batches.count.is_some()),
        ("batches.percentage", batches.percentage.is_some()),
        ("batches.ratios", batches.ratios.is_some()),
    ];
    if let Some((field, _)) = parts.iter().find(|(_, given)| recreate && *given) {
        let problem = "does not go with RECREATE, which moves everything at once";
        wrongs.push(Wrong::new(*field, problem, "absent"));
    }
    let Some(canary) = &policy.canary else { return };
    let Some(stages) = &canary.stages else { return };
    if canary.percentage.is_some() || canary.second_stage.is_some() {
        let problem = "stand beside percentage or secondStage, which they replace";
        wrongs.push(Wrong::new(
            "canary.stages",
            problem,
            "stages, or percentage and secondStage",
        ));
    }
    let grows = stages.windows(2).all(|w| w[0] < w[1]);
    if stages.is_empty() || !grows || stages.contains(&Percent::ZERO) {
        wrongs.push(Wrong::new(
            "canary.stages",
            "do not grow",
            "percentages from 1 to 100, each above the one before",
        ));
    }
}

fn movement(policy: &Policy, wrongs: &mut Vec<Wrong>) {
    if let Some(update) = &policy.rolling_update {
        let nothing = matches!(
            update.max_unavailable,
            Some(Amount::Count(0) | Amount::Percent(Percent::ZERO))
        );
        if nothing && update.max_surge == Some(0) && policy.strategy != Some(Strategy::Recreate) {
            let problem = "is 0 while maxSurge is 0 too: no instance could ever move";
            wrongs.push(Wrong::new(
                "rollingUpdate.maxUnavailable",
                problem,
                "1 or more, or maxSurge of 1 or more",
            ));
        }
        if update.timeout.is_some_and(|t| !(1..=86_400).contains(&t.get())) {
            wrongs.push(Wrong::new("rollingUpdate.timeout", "is out of range", "1s to 1d"));
        }
    }
    if let Some(rollback) = &policy.rollback {
        if rollback.enabled == Some(false) && rollback.on_failure == Some(true) {
            let problem = "is true while enabled is false: the fleet may not go back at all";
            wrongs.push(Wrong::new(
                "rollback.onFailure",
                problem,
                "false, or enabled true",
            ));
        }
        if matches!(
            rollback.max_unavailable,
            Some(Amount::Count(0) | Amount::Percent(Percent::ZERO))
        ) {
            wrongs.push(Wrong::new(
                "rollback.maxUnavailable",
                "is 0: no instance could go back",
                "1 or more",
            ));
        }
    }
    if policy
        .batches
        .as_ref()
        .and_then(|b| b.delay)
        .is_some_and(|d| d.get() > 86_400)
    {
        wrongs.push(Wrong::new("batches.delay", "is out of range", "0 to 1d"));
    }
}

fn watch(policy: &Policy, wrongs: &mut Vec<Wrong>) {
    let Some(watch) = &policy.watch else { return };
    if watch.interval.is_some_and(|i| !(1..=3_600).contains(&i.get())) {
        wrongs.push(Wrong::new("watch.interval", "is out of range", "1s to 1h"));
    }
    let Some(missing) = &watch.missing_data else {
        return;
    };
    let (Some(alert), Some(act)) = (missing.alert_after, missing.act_after) else {
        return;
    };
    if act < alert {
        let problem = format!("is {act}, before the alert after {alert}");
        let accepted = format!("{alert} or more");
        wrongs.push(Wrong::new("watch.missingData.actAfter", problem, accepted));
    }
}

fn texts(policy: &Policy, wrongs: &mut Vec<Wrong>) {
    for (index, gate) in policy.gates.iter().flatten().enumerate() {
        if gate.metric.trim().is_empty() {
            wrongs.push(Wrong::new(
                format!("gates[{index}].metric"),
                "is empty",
                "the metric's name",
            ));
        }
    }
    for (index, notice) in policy.notify.iter().flatten().enumerate() {
        if notice.to.trim().is_empty() {
            wrongs.push(Wrong::new(
                format!("notify[{index}].to"),
                "is empty",
                "an ARN, a name, a URL or an address",
            ));
        }
    }
}
