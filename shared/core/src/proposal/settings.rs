//! What of a policy is part of the plan.

use crate::fleet::Switch;
use crate::policy::Policy;
use crate::policy::check::{check_fleet, instances::wishes, partition::Partition};
use crate::policy::read::Wrong;
use crate::settings::{Settings, Shape, Wishes};
use crate::units::{Amount, Percent};

/// The settings of a finished policy for a fleet of `total` instances, with ordinals up to `highest`, that switch so.
///
/// # Errors
/// What cannot be followed, by the policy's keys.
pub fn of(policy: &Policy, total: u32, highest: u32, switch: Switch) -> Result<Settings, Vec<Wrong>> {
    let wrongs = check_fleet(policy, highest);
    if !wrongs.is_empty() {
        return Err(wrongs);
    }
    let canary = policy.canary.clone().unwrap_or_default();
    let batches = policy.batches.clone().unwrap_or_default();
    let update = policy.rolling_update.clone().unwrap_or_default();
    let watch = policy.watch.clone().unwrap_or_default();
    let rollback = policy.rollback.clone().unwrap_or_default();
    let seconds = |s: crate::seconds::Seconds| i64::from(s.get());
    let (pre_upgrade_check, post_upgrade_verify) = wishes(policy);
    let wishes = Wishes {
        pre_upgrade_check,
        post_upgrade_verify,
        strategy: policy.strategy,
        canary_percentage: canary.percentage.map(i64::from),
        canary_second_stage: canary.second_stage,
        batch_size: batches.count.map(i64::from),
        batch_delay_seconds: batches.delay.map(seconds),
        health_check_interval_seconds: watch.interval.map(seconds),
        health_check_timeout_seconds: update.timeout.map(seconds),
        max_unavailable_percentage: update.max_unavailable.map(|amount| share(amount, total)),
        max_surge: update.max_surge.map(i64::from),
        switch,
        auto_rollback_enabled: rollback
            .enabled
            .zip(rollback.on_failure)
            .map(|(may, does)| may && does),
        rollback_max_unavailable_percentage: rollback.max_unavailable.map(|amount| share(amount, total)),
        // A proposal knows no instance by its silence: it waits for each.
        unreachable_limit: None,
        failure_threshold: watch.failure_threshold.map(i64::from),
    };
    let mut settings = Settings::resolve(&wishes).map_err(|errors| {
        let named = errors
            .into_iter()
            .map(|e| Wrong::new(key(&e.field), e.problem, e.accepted));
        named.collect::<Vec<_>>()
    })?;
    settings.order = policy.order.unwrap_or_default();
    settings.canary_stages = canary.stages.unwrap_or_default();
    settings.max_unavailable = match update.max_unavailable {
        Some(Amount::Count(count)) => Some(count),
        _ => None,
    };
    let partition: Partition = update.partition.unwrap_or_default();
    settings.shape = match (batches.percentage, batches.ratios) {
        (Some(percentage), _) => Shape::Percentage(percentage),
        (_, Some(ratios)) => Shape::Ratios(ratios),
        _ if !partition.is_all() => Shape::Partition(partition.first(highest.saturating_add(1))),
        _ => Shape::Count,
    };
    Ok(settings)
}

/// A number of instances as the share that the plan's rules are written in: at least 1% when it is any.
fn share(amount: Amount, total: u32) -> i64 {
    match amount {
        Amount::Percent(percent) => i64::from(percent),
        Amount::Count(0) => 0,
        Amount::Count(count) => i64::from(Percent::ratio(count, total)).max(1),
    }
}

/// A field of a request as the policy calls it.
fn key(field: &str) -> &str {
    match field {
        "strategy" => "strategy",
        "canaryPercentage" => "canary.percentage",
        "canarySecondStage" => "canary.secondStage",
        "batchSize" => "batches.count",
        "batchDelaySeconds" => "batches.delay",
        "healthCheckIntervalSeconds" => "watch.interval",
        "healthCheckTimeoutSeconds" => "rollingUpdate.timeout",
        "maxUnavailablePercentage" => "rollingUpdate.maxUnavailable",
        "maxSurge" => "rollingUpdate.maxSurge",
        "autoRollbackEnabled" => "rollback.onFailure",
        "rollbackMaxUnavailablePercentage" => "rollback.maxUnavailable",
        "failureThreshold" => "watch.failureThreshold",
        other => other,
    }
}

/// What a request's own fields come to as a policy.
///
/// # Errors
/// Every field whose value is out of range, by the request's names.
pub fn of_wishes(wishes: &Wishes) -> Result<Policy, Vec<Wrong>> {
    // What a request may ask for depends on its fleet, which the plan knows.
    let switch = match wishes.max_unavailable_percentage {
        Some(0) if wishes.max_surge != Some(0) => Switch::Overlap,
        _ => wishes.switch,
    };
    let asked = Wishes {
        switch,
        ..wishes.clone()
    };
    Settings::resolve(&asked).map_err(|errors| {
        let named = errors
            .into_iter()
            .map(|e| Wrong::new(e.field, e.problem, e.accepted));
        named.collect::<Vec<_>>()
    })?;
    let mut policy = serde_json::Map::new();
    let value = serde_json::to_value(wishes).unwrap_or_default();
    for (field, value) in value
        .as_object()
        .into_iter()
        .flatten()
        .filter(|(_, v)| !v.is_null())
    {
        let value = match field.as_str() {
            "maxUnavailablePercentage" | "rollbackMaxUnavailablePercentage" => format!("{value}%").into(),
            _ => value.clone(),
        };
        match key(field).split_once('.') {
            None => policy.insert(field.clone(), value),
            Some((block, member)) => {
                let block = policy
                    .entry(block)
                    .or_insert_with(|| serde_json::Map::new().into());
                block
                    .as_object_mut()
                    .and_then(|block| block.insert(member.to_owned(), value))
            }
        };
    }
    serde_json::from_value(policy.into()).map_err(|e| vec![Wrong::new("", e.to_string(), "")])
}

/// Failures in a row that trip the breaker.
#[must_use]
pub fn max_consecutive_failures(policy: &Policy) -> u32 {
    let said = policy.watch.as_ref().and_then(|w| w.max_consecutive_failures);
    said.map_or(2, crate::units::Count::get)
}
