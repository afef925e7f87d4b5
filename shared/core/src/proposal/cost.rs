//! What AWS will ask for one upgrade, from the counts that the design bounds.

use serde::{Deserialize, Serialize};

use super::schedule::Slot;
use crate::fleet::CheckInTimes;
use crate::plan::Plan;

/// A count with its price.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Position {
    /// How many.
    pub count: u64,
    /// What they cost, in US dollars.
    pub usd: f64,
}

/// The bill. Prices are list prices of us-east-1 without free tiers; see [`prices`] for their source.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Cost {
    /// Transitions of the state machines.
    pub transitions: Position,
    /// Invocations of functions, check-ins included.
    pub invocations: Position,
    /// Requests through the API's gateway: check-ins.
    pub requests: Position,
    /// Units written to the table.
    pub writes: Position,
    /// Units read from the table.
    pub reads: Position,
    /// Metrics asked of CloudWatch.
    pub metrics: Position,
    /// All together, in US dollars.
    pub total_usd: f64,
}

/// Prices in US dollars: the AWS price lists of us-east-1 for on-demand use, as published in November 2025.
pub mod prices {
    /// A transition of a standard state machine (aws.amazon.com/step-functions/pricing: 0.025 for 1,000).
    pub const TRANSITION: f64 = 0.025 / 1e3;
    /// A request to a function (aws.amazon.com/lambda/pricing: 0.20 for a million).
    pub const INVOCATION: f64 = 0.20 / 1e6;
    /// A gigabyte of memory of a function on arm64 for a second (same page).
    pub const GIGABYTE_SECOND: f64 = 0.000_013_333_4;
    /// A request through an HTTP API (aws.amazon.com/api-gateway/pricing: 1.00 for a million).
    pub const REQUEST: f64 = 1.0 / 1e6;
    /// A write request unit (aws.amazon.com/dynamodb/pricing/on-demand: 0.625 for a million).
    pub const WRITE: f64 = 0.625 / 1e6;
    /// A read request unit (same page: 0.125 for a million).
    pub const READ: f64 = 0.125 / 1e6;
    /// A metric of `GetMetricData` (aws.amazon.com/cloudwatch/pricing: 0.01 for 1,000).
    pub const METRIC: f64 = 0.01 / 1e3;
    /// Memory of a function, in gigabytes, and how long one call takes, in seconds: what the template gives them, and
    /// twice what calls take on a warm function.
    pub const CALL_GIGABYTE_SECONDS: f64 = 0.25 * 0.02;
}

/// Transitions of a batch, and of one look (the budget of the state machines).
const TRANSITIONS_OF_BATCH: u64 = 10;
const TRANSITIONS_OF_LOOK: u64 = 3;

/// Units that an instance writes on its way: four reports, each a transaction of two items, each counted twice.
const WRITES_OF_INSTANCE: u64 = 16;

/// Units of a change of the upgrade: at most four items in a transaction, each counted twice.
const WRITES_OF_CHANGE: u64 = 8;

/// Changes of a batch: released, moved, shifted, passed.
const CHANGES_OF_BATCH: u64 = 4;

/// Reads of a look (its budget), and of a check-in.
const READS_OF_LOOK: u64 = 20;
const READS_OF_CHECK_IN: u64 = 2;

/// Metrics that one look asks for: requests and errors of both versions.
const METRICS_OF_LOOK: u64 = 4;

/// Check-ins a second that a fleet is stretched to at most.
const MOST_CHECK_INS_PER_SECOND: u64 = 2_000;

/// Works the bill out for a plan that runs as scheduled.
#[must_use]
pub fn of(plan: &Plan, slots: &[Slot]) -> Cost {
    let batches = u64::from(plan.batch_count());
    let interval = u64::from(plan.settings.health_check_interval_seconds).max(1);
    let seconds =
        |slot: &Slot| u64::try_from(slot.release_at.duration_until(slot.end_at).as_secs()).unwrap_or(0);
    let looks: u64 = slots.iter().map(|slot| seconds(slot).div_ceil(interval)).sum();
    let check_ins: u64 = (0usize..)
        .zip(slots)
        .map(|(n, slot)| check_ins(plan, n, seconds(slot)))
        .sum();
    let moved = u64::from(plan.moving_instances());

    let calls = looks + 3 * batches + 4 + check_ins;
    let position = |count: u64, price: f64| Position {
        count,
        usd: rounded(count, price),
    };
    let call = prices::INVOCATION + prices::CALL_GIGABYTE_SECONDS * prices::GIGABYTE_SECOND;
    let transitions = position(
        TRANSITIONS_OF_BATCH * (batches + 1) + TRANSITIONS_OF_LOOK * looks,
        prices::TRANSITION,
    );
    let invocations = position(calls, call);
    let requests = position(check_ins, prices::REQUEST);
    let changes = CHANGES_OF_BATCH * batches + 4;
    let writes = position(
        WRITES_OF_INSTANCE * moved + WRITES_OF_CHANGE * changes + looks,
        prices::WRITE,
    );
    let reads = position(
        READS_OF_LOOK * looks + READS_OF_CHECK_IN * check_ins,
        prices::READ,
    );
    let metrics = position(METRICS_OF_LOOK * looks, prices::METRIC);
    let all = [transitions, invocations, requests, writes, reads, metrics];
    let total_usd = round(all.iter().map(|p| p.usd).sum());
    Cost {
        transitions,
        invocations,
        requests,
        writes,
        reads,
        metrics,
        total_usd,
    }
}

/// Check-ins while one batch runs: fast up to the end of the next batch, slow elsewhere.
fn check_ins(plan: &Plan, batch: usize, seconds: u64) -> u64 {
    let times = CheckInTimes::default();
    let next = plan.batches.get(batch + 1).or(plan.batches.get(batch));
    let fast = next.map_or(0, |b| u64::from(b.end.0));
    let slow = u64::from(plan.total_instances) - fast.min(u64::from(plan.total_instances));
    let asked = fast * seconds * 1_000 / times.fast_ms.max(1) + slow * seconds * 1_000 / times.idle_ms.max(1);
    asked.min(MOST_CHECK_INS_PER_SECOND * seconds)
}

#[expect(clippy::cast_precision_loss, reason = "a bill of 2^53 units is none")]
fn rounded(count: u64, price: f64) -> f64 {
    round(count as f64 * price)
}

/// To a hundredth of a cent.
fn round(usd: f64) -> f64 {
    (usd * 1e4).round() / 1e4
}
