//! What a check-in changes about an instance: nothing older replaces anything newer.

use jiff::{SignedDuration, Timestamp};
use sluice_contract::check_in::CheckInRequest;
use sluice_core::channel::{Channel, Mode};
use sluice_core::fleet::{Instance, InstanceReport, InstanceStatus, Running};
use sluice_core::ids::UpgradeId;
use sluice_core::release::VersionRef;
use sluice_core::room::SEEN_EVERY_SECONDS;

/// Longest time between two writes of an instance that reports nothing new: what "seen" is worth.
const SEEN_EVERY: SignedDuration = SignedDuration::from_secs(SEEN_EVERY_SECONDS);

/// An instance after a check-in.
pub(super) struct Merged {
    /// The instance.
    pub instance: Instance,
    /// Whether it is to be written.
    pub changed: bool,
}

/// Merges a check-in into what is stored.
pub(super) fn merge(
    stored: &Instance,
    request: &CheckInRequest,
    channel: Option<&Channel>,
    now: Timestamp,
) -> Merged {
    let before = stored.report.as_ref();
    let report = newer(before, request.report.as_ref(), channel);
    // A claim that is older than what is stored says nothing about what runs now, either.
    let stale = match &request.report {
        Some(given) => report != Some(given),
        // An agent that has lost its state says so; any other one has not forgotten what it reported.
        None => before.is_some() && !request.fresh,
    };
    let running = if stale {
        stored.running.clone()
    } else {
        request.running.clone()
    };
    let instance = Instance {
        instance_id: request.instance_id.clone(),
        ordinal: request.ordinal,
        incarnation: request.incarnation,
        failure_domain: request.failure_domain.clone(),
        left: left(stored, report, channel),
        switches: request.switches.clone(),
        settled_in: stored.settled_in,
        running,
        report: report.cloned(),
        counters: stored
            .counters
            .with(&request.counters, now.as_second().div_euclid(60)),
        seen_at: now,
    };
    // While nothing moves, counters wait for the next write.
    let watched = channel.is_some_and(|c| c.mode != Mode::Revert && c.held_until.is_none());
    let unseen = Instance {
        seen_at: stored.seen_at,
        counters: match watched {
            true => instance.counters.clone(),
            false => stored.counters.clone(),
        },
        ..instance.clone()
    };
    let changed = unseen != *stored || now.duration_since(stored.seen_at) >= SEEN_EVERY;
    Merged { instance, changed }
}

/// The report that holds: the given one, unless it is of an older command, of one that was never given, or would undo
/// what is settled.
fn newer<'a>(
    before: Option<&'a InstanceReport>,
    given: Option<&'a InstanceReport>,
    channel: Option<&Channel>,
) -> Option<&'a InstanceReport> {
    let Some(given) = given else { return before };
    if channel.is_none_or(|c| was_never_given(given, c)) {
        return before;
    }
    let Some(before) = before else { return Some(given) };
    let (old, new) = ((before.epoch, before.attempt), (given.epoch, given.attempt));
    let settled = match before.status {
        // A way forward that ended after its instance had heard of the way back settles nothing there.
        InstanceStatus::Completed => {
            channel.is_none_or(|c| c.mode != Mode::Revert || c.epoch != before.epoch)
        }
        status => matches!(status, InstanceStatus::Failed | InstanceStatus::RolledBack),
    };
    if new < old || (new == old && settled && given.status != before.status) {
        Some(before)
    } else {
        Some(given)
    }
}

/// Whether the channel has never given the command that a report is about: it is newer than the channel's own, or has
/// the channel's epoch and another upgrade.
fn was_never_given(report: &InstanceReport, channel: &Channel) -> bool {
    (report.epoch, report.attempt) > (channel.epoch, channel.attempt)
        || (report.epoch == channel.epoch && report.upgrade_id != channel.upgrade_id)
}

/// Where a revert would bring the instance back to: what it ran when it first reported a move of this upgrade.
fn left(stored: &Instance, report: Option<&InstanceReport>, channel: Option<&Channel>) -> Option<VersionRef> {
    let (channel, report) = (channel?, report?);
    let upgrade_of = |r: &InstanceReport| -> UpgradeId { r.upgrade_id };
    if upgrade_of(report) != channel.upgrade_id || report.status == InstanceStatus::Pending {
        return stored
            .left
            .clone()
            .filter(|_| upgrade_of(report) == channel.upgrade_id);
    }
    let of_this = |r: &InstanceReport| r.upgrade_id == channel.upgrade_id;
    if stored.left.is_some() && stored.report.as_ref().is_some_and(of_this) {
        return stored.left.clone();
    }
    let ran = stored.running.as_ref().map(|r: &Running| r.version.clone());
    Some(
        ran.filter(|v| v.version_id != channel.to.version_id)
            .unwrap_or_else(|| channel.from.clone()),
    )
}
