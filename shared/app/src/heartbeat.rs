//! An instance's check-in: its report is stored and counted, and it is told what the channel asks of it.

use std::time::Duration;

use jiff::Timestamp;
use sluice_contract::check_in::{Artifact, CheckInAnswer, CheckInRequest, DesiredState};
use sluice_contract::problem::{Code, Problem};
use sluice_core::channel::{self, Channel, Desired, LEASE_MS, Mode, Outcome, Pace};
use sluice_core::checks::Checks;
use sluice_core::fleet::{CheckInTimes, Fleet, Instance};
use sluice_core::ids::{FleetKey, VersionId};
use sluice_core::units::{Attempt, Epoch, Ordinal, Position};

use crate::keys;
use crate::ports::{
    Blobs, Counted, Fleets, Group, InstanceWrite, PortErrorKind, Registry, StoredInstance, Upgrades,
};
use crate::refusal;

mod merge;
mod positions;
mod speaker;
#[cfg(test)]
pub(crate) mod tests;

use positions::Placed;
pub use positions::PositionsCache;
pub use speaker::Speaker;
pub(crate) use speaker::invalid;

/// How long a download may take: presigned URLs are made when they are needed.
const DOWNLOAD_VALID: Duration = Duration::from_secs(900);

/// What a check-in is answered with.
#[derive(Debug, Clone, Copy)]
pub struct Moment {
    /// The server's time.
    pub now: Timestamp,
    /// A random number, 0 to 1, by which check-ins are kept apart.
    pub jitter: f64,
}

/// Tries of one check-in to write against another one of the same instance.
const MAX_TRIES: u32 = 3;

/// Handles a check-in.
///
/// # Errors
/// A problem, when the caller may not speak for the instance, the fleet does not exist, or a port fails.
pub async fn run<T, B>(
    table: &T,
    blobs: &B,
    cache: &PositionsCache,
    speaker: &Speaker,
    request: &CheckInRequest,
    moment: Moment,
) -> Result<CheckInAnswer, Problem>
where
    T: Upgrades + Fleets + Registry,
    B: Blobs,
{
    check_contract(request.contract)?;
    speaker.check_request(request)?;
    let key = FleetKey {
        tenant_id: request.tenant_id.clone(),
        component_id: request.component_id,
        fleet_id: request.fleet_id.clone(),
    };
    for _ in 0..MAX_TRIES {
        let stored = table
            .instance(&key, request.ordinal)
            .await
            .map_err(refusal::port)?;
        speaker.check_stored(stored.as_ref(), request)?;
        let fleet = table.fleet(&key).await.map_err(refusal::port)?;
        let fleet = fleet.ok_or_else(|| Problem::new(Code::NotFound, format!("there is no fleet {key}")))?;
        let channel = table.channel(&key).await.map_err(refusal::port)?;
        let placed = match &channel {
            Some(channel) => Some(cache.get(blobs, &channel.plan_hash).await?),
            None => None,
        };
        let seen = Seen {
            fleet: &fleet,
            channel: channel.as_ref(),
            placed: placed.as_deref(),
            moment,
        };
        if let Some(instance) = store(table, &seen, stored, request).await? {
            return answer(table, blobs, &seen, &instance).await;
        }
    }
    Err(Problem::new(
        Code::Conflict,
        "another check-in of this instance is being handled; try again",
    ))
}

/// What a check-in is handled against.
struct Seen<'a> {
    fleet: &'a Fleet,
    channel: Option<&'a Channel>,
    placed: Option<&'a Placed>,
    moment: Moment,
}

impl Seen<'_> {
    fn position(&self, ordinal: Ordinal) -> Option<Position> {
        self.placed?.position(ordinal)
    }

    /// The plan's checks are about its new version: nothing that a request says keeps an instance from going back.
    fn checks(&self, forward: bool) -> Checks {
        let placed = self.placed.filter(|_| forward);
        placed.map(|p| p.published.checks.clone()).unwrap_or_default()
    }
}

/// Refuses what another version of the contract says.
pub(crate) fn check_contract(given: u32) -> Result<(), Problem> {
    if given == sluice_contract::VERSION {
        return Ok(());
    }
    let detail = format!("contract: is {given}; accepted: {}", sluice_contract::VERSION);
    Err(Problem::new(Code::InvalidRequest, detail))
}

/// Stores what is new in a report; none when another check-in of the instance wrote first.
async fn store(
    table: &impl Fleets,
    seen: &Seen<'_>,
    stored: Option<StoredInstance>,
    request: &CheckInRequest,
) -> Result<Option<Instance>, Problem> {
    let key = &seen.fleet.key;
    let merged = merge::merge(
        stored.as_ref().map(|s| &s.instance),
        request,
        seen.channel,
        seen.moment.now,
    )?;
    let count = count(seen, &merged.instance);
    let mut instance = merged.instance;
    if let Some((group, _)) = count {
        instance.settled_in = Some(group.epoch);
    } else if !merged.changed {
        return Ok(Some(instance));
    }
    let write = InstanceWrite {
        instance: instance.clone(),
        replaces: stored.as_ref().map(|s| s.rev),
        count,
        credentials: stored.and_then(|s| s.credentials),
    };
    match table.put_instance(key, &write).await {
        Ok(()) => Ok(Some(instance)),
        Err(error) if error.kind == PortErrorKind::Conflict => Ok(None),
        Err(error) => Err(refusal::port(error)),
    }
}

/// What a report adds to the counters: an instance settles an epoch once.
fn count(seen: &Seen<'_>, instance: &Instance) -> Option<(Group, Counted)> {
    let channel = seen.channel.filter(|c| instance.settled_in != Some(c.epoch))?;
    let position = seen.position(instance.ordinal);
    let counted = match channel::outcome(channel, position, instance)? {
        Outcome::Arrived => Counted::Completed,
        Outcome::Failed => Counted::Failed,
    };
    let batch = match channel.mode {
        Mode::Revert => None,
        Mode::Run | Mode::Hold => Some(seen.placed?.published.batch_of(position?)?),
    };
    Some((
        Group {
            upgrade_id: channel.upgrade_id,
            epoch: channel.epoch,
            batch,
        },
        counted,
    ))
}

async fn answer(
    table: &impl Registry,
    blobs: &impl Blobs,
    seen: &Seen<'_>,
    instance: &Instance,
) -> Result<CheckInAnswer, Problem> {
    let stay = |epoch, attempt, upgrade_id, next_check_in_ms| CheckInAnswer {
        contract: sluice_contract::VERSION,
        upgrade_id,
        epoch,
        attempt,
        desired: DesiredState::Stay,
        lease_ms: LEASE_MS,
        prefetch: None,
        next_check_in_ms,
    };
    let next_ms = |pace| next_check_in_ms(&seen.fleet.check_in, pace, seen.moment.jitter);
    let Some(channel) = seen.channel else {
        return Ok(stay(Epoch(0), Attempt(0), None, next_ms(Pace::Idle)));
    };
    let told = channel::answer(channel, seen.position(instance.ordinal), instance);
    let mut answer = stay(
        channel.epoch,
        channel.attempt,
        Some(channel.upgrade_id),
        next_ms(told.pace),
    );
    if told.prefetch {
        answer.prefetch = Some(artifact(table, blobs, &channel.fleet, channel.to.version_id).await?);
    }
    if let Desired::Move {
        version,
        not_before_ms,
    } = told.desired
    {
        let artifact = artifact(table, blobs, &channel.fleet, version.version_id).await?;
        let revert = channel.mode == Mode::Revert;
        answer.desired = DesiredState::Move {
            artifact,
            not_before_ms,
            revert,
            checks: seen.checks(version.version_id == channel.to.version_id && !revert),
        };
    }
    Ok(answer)
}

async fn artifact(
    table: &impl Registry,
    blobs: &impl Blobs,
    fleet: &FleetKey,
    version: VersionId,
) -> Result<Artifact, Problem> {
    let release = table
        .release(&fleet.tenant_id, fleet.component_id, version)
        .await
        .map_err(refusal::port)?;
    let lost = || {
        Problem::new(
            Code::Unavailable,
            format!("the release of version {version} cannot be read"),
        )
    };
    let release = release.ok_or_else(lost)?;
    let key = keys::artifact(&fleet.tenant_id, &release);
    let url = blobs
        .download_url(&key, DOWNLOAD_VALID)
        .await
        .map_err(refusal::port)?;
    Ok(Artifact { release, url })
}

/// The pace in milliseconds, spread by a fifth so that a fleet does not come all at once.
#[expect(
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "times of minutes, spread by a fraction"
)]
fn next_check_in_ms(times: &CheckInTimes, pace: Pace, jitter: f64) -> u64 {
    let base_ms = match pace {
        Pace::Idle => times.idle_ms,
        Pace::Held => times.hold_ms,
        Pace::Fast => times.fast_ms,
    };
    (base_ms as f64 * (0.9 + 0.2 * jitter.clamp(0.0, 1.0))).round() as u64
}
