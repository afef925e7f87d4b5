//! What of a policy is part of the plan.

use std::collections::BTreeMap;

use crate::fleet::Switch;
use crate::plan::Slot;
use crate::policy::check::{check, check_fleet, instances::wishes, partition::Partition};
use crate::policy::read::Wrong;
use crate::policy::{Approval, Effective, Layer, LayerName, Policy, effective};
use crate::settings::{FieldError, Settings, Shape, Wishes};
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
        max_consecutive_failures: watch.max_consecutive_failures.map(i64::from),
        on_breaker: watch.on_breaker,
        canary_promotion: canary.promotion,
        approval: policy.approval.or(Some(Approval::Always)),
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

/// The same for a fleet's instances, that switch so.
///
/// # Errors
/// As [`of`].
pub fn of_slots(policy: &Policy, slots: &[Slot], switch: Switch) -> Result<Settings, Vec<Wrong>> {
    let (total, highest) = numbers(slots);
    of(policy, total, highest, switch)
}

/// How many instances there are, and the highest ordinal.
fn numbers(slots: &[Slot]) -> (u32, u32) {
    let highest = slots.iter().map(|s| s.ordinal.0).max().unwrap_or(0);
    (u32::try_from(slots.len()).unwrap_or(u32::MAX), highest)
}

/// A number of instances as the share that the plan's rules are written in: at least 1% when it is any.
fn share(amount: Amount, total: u32) -> i64 {
    match amount {
        Amount::Percent(percent) => i64::from(percent),
        Amount::Count(0) => 0,
        Amount::Count(count) => i64::from(Percent::ratio(count, total)).max(1),
    }
}

/// The fields of a request that a policy has as well, with the policy's name for each.
const FIELDS: [(&str, &str); 17] = [
    ("strategy", "strategy"),
    ("canaryPercentage", "canary.percentage"),
    ("canarySecondStage", "canary.secondStage"),
    ("batchSize", "batches.count"),
    ("batchDelaySeconds", "batches.delay"),
    ("healthCheckIntervalSeconds", "watch.interval"),
    ("healthCheckTimeoutSeconds", "rollingUpdate.timeout"),
    ("maxUnavailablePercentage", "rollingUpdate.maxUnavailable"),
    ("maxSurge", "rollingUpdate.maxSurge"),
    ("autoRollbackEnabled", "rollback.onFailure"),
    ("rollbackMaxUnavailablePercentage", "rollback.maxUnavailable"),
    ("failureThreshold", "watch.failureThreshold"),
    ("maxConsecutiveFailures", "watch.maxConsecutiveFailures"),
    ("onBreaker", "watch.onBreaker"),
    ("canaryPromotion", "canary.promotion"),
    ("preUpgradeCheck", "preUpgradeCheck"),
    ("postUpgradeVerify", "postUpgradeVerify"),
];

/// A field of a request as the policy calls it.
fn key(field: &str) -> &str {
    FIELDS
        .iter()
        .find(|(of_request, _)| *of_request == field)
        .map_or(field, |(_, key)| key)
}

/// What a request's own fields come to as a policy.
///
/// # Errors
/// Every field whose value is out of range, by the request's names.
pub fn of_wishes(wishes: &Wishes) -> Result<Policy, Vec<Wrong>> {
    Settings::check_fields(wishes).map_err(named)?;
    let mut policy = serde_json::Map::new();
    let value = serde_json::to_value(wishes).unwrap_or_default();
    for (field, key) in FIELDS {
        let Some(value) = value.get(field).filter(|value| !value.is_null()) else {
            continue;
        };
        let value = match field {
            "maxUnavailablePercentage" | "rollbackMaxUnavailablePercentage" => format!("{value}%").into(),
            _ => value.clone(),
        };
        match key.split_once('.') {
            None => policy.insert(key.to_owned(), value),
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

fn named(errors: Vec<FieldError>) -> Vec<Wrong> {
    let wrong = |e: FieldError| Wrong::new(e.field, e.problem, e.accepted);
    errors.into_iter().map(wrong).collect()
}

/// Why nothing holds for a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Unfit {
    /// The policies do not fit together, whatever is asked.
    Policies(Vec<Wrong>),
    /// The request does not fit to them, or is wrong by itself.
    Request(Vec<Wrong>),
}

/// Layers put together, and checked as a whole.
///
/// # Errors
/// What does not fit together, with whose word it is.
pub fn fitting(layers: &[Layer]) -> Result<Effective, Vec<Wrong>> {
    let held = effective(layers)?;
    let wrongs = check(&held.policy, &BTreeMap::new());
    match wrongs.is_empty() {
        true => Ok(held),
        false => Err(whose(&held, wrongs)),
    }
}

/// What holds for a request: the kept policies with the request's own fields above them.
///
/// # Errors
/// See [`Unfit`]; what is wrong with the request is told by its own names.
pub fn held(mut layers: Vec<Layer>, wishes: &Wishes) -> Result<Effective, Unfit> {
    let policy = of_wishes(wishes).map_err(Unfit::Request)?;
    fitting(&layers).map_err(Unfit::Policies)?;
    layers.push(Layer {
        name: LayerName::Request,
        file: "request".to_owned(),
        revision: None,
        policy,
    });
    fitting(&layers).map_err(Unfit::Request)
}

/// The settings of what holds for a request.
///
/// # Errors
/// What cannot be followed for this fleet, with whose word it is.
pub fn of_held(held: &Effective, wishes: &Wishes, slots: &[Slot]) -> Result<Settings, Vec<Wrong>> {
    let mut settings = of_slots(&held.policy, slots, wishes.switch).map_err(|wrongs| whose(held, wrongs))?;
    // No policy's to say: it is about this fleet at this moment.
    if let Some(limit) = wishes.unreachable_limit {
        settings.unreachable_limit = u32::try_from(limit).unwrap_or(0);
    }
    // Where no policy says who has to agree, the fleet's declaration does.
    let said = held
        .values
        .iter()
        .any(|o| o.key == "approval" && o.from != "defaults");
    if !said {
        settings.approval = wishes.approval.unwrap_or_default();
    }
    Ok(settings)
}

/// Names what is wrong as whoever said it does: a request by its fields, a policy by its keys and its own name.
fn whose(held: &Effective, wrongs: Vec<Wrong>) -> Vec<Wrong> {
    let told = |wrong: Wrong| {
        let origin = held.values.iter().find(|o| o.key.starts_with(&wrong.path));
        let field = FIELDS.iter().find(|(_, key)| *key == wrong.path);
        match (origin.map(|o| o.from.as_str()), field) {
            (Some("request"), Some((field, _))) => Wrong {
                path: (*field).to_owned(),
                ..wrong
            },
            (Some("request" | "defaults") | None, _) => wrong,
            (Some(from), _) => Wrong {
                problem: format!("{} ({from})", wrong.problem),
                ..wrong
            },
        }
    };
    wrongs.into_iter().map(told).collect()
}

/// Failures in a row that trip the breaker.
#[must_use]
pub fn max_consecutive_failures(policy: &Policy) -> u32 {
    let said = policy.watch.as_ref().and_then(|w| w.max_consecutive_failures);
    said.map_or(2, crate::units::Count::get)
}
