//! What an instance is told, with what it needs to obey.

use std::time::Duration;

use sluice_contract::check_in::{Artifact, CheckInAnswer, DesiredState};
use sluice_contract::problem::{Code, Problem};
use sluice_core::channel::{self, Channel, Desired, LEASE_MS, Mode, Pace};
use sluice_core::fleet::Instance;
use sluice_core::ids::{FleetKey, VersionId};
use sluice_core::pace::next_check_in_ms;
use sluice_core::units::{Attempt, Epoch};

use super::Seen;
use crate::keys;
use crate::ports::{Blobs, Fleets, Group, Registry, Upgrades};
use crate::{refusal, room};

/// How long a download may take: presigned URLs are made when they are needed.
const DOWNLOAD_VALID: Duration = Duration::from_secs(900);

/// What the channel says; how many are back is read only for one that may have to wait for them.
async fn told(
    table: &(impl Fleets + Upgrades),
    channel: &Channel,
    seen: &Seen<'_>,
    instance: &Instance,
) -> Result<channel::Answer, Problem> {
    let position = seen.position(instance.ordinal);
    let mut moment = channel::Moment {
        now: seen.moment.now,
        acknowledged: 0,
    };
    let told = channel::answer(channel, position, instance, moment);
    if !told.waits() {
        return Ok(told);
    }
    let group = Group {
        upgrade_id: channel.upgrade_id,
        epoch: channel.epoch,
        batch: None,
    };
    let counts = table.counts(group).await.map_err(refusal::port)?;
    // Who is dropped is gone, and nobody waits for the gone.
    let (fleet, within) = (&channel.fleet, 0..channel.frontier.0);
    let gone = room::dropped(table, fleet, &channel.exceptions, within, channel.epoch);
    moment.acknowledged = counts
        .completed
        .saturating_add(gone.await.map_err(refusal::port)?);
    Ok(channel::answer(channel, position, instance, moment))
}

/// The answer to an instance as it is stored now.
pub(super) async fn answer(
    table: &(impl Fleets + Registry + Upgrades),
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
    let next_ms = |pace| {
        let (times, jitter) = (seen.fleet.check_in, seen.moment.jitter);
        next_check_in_ms(times, pace, seen.instances_at(pace), jitter)
    };
    let Some(channel) = seen.channel else {
        return Ok(stay(Epoch(0), Attempt(0), None, next_ms(Pace::Idle)));
    };
    let told = told(table, channel, seen, instance).await?;
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
