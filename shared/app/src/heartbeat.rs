//! An instance's check-in: its report is stored and counted, and it is told what the channel asks of it.

use jiff::Timestamp;
use sluice_contract::check_in::{CheckInAnswer, CheckInRequest};
use sluice_contract::problem::{Code, Problem};
use sluice_core::channel::{self, Channel, Mode, Outcome, Pace};
use sluice_core::checks::Checks;
use sluice_core::credential::Secret;
use sluice_core::fleet::{Fleet, Instance};
use sluice_core::ids::FleetKey;
use sluice_core::probe::Failed;
use sluice_core::room;
use sluice_core::settings::MOST_IN_A_ROW;
use sluice_core::units::{Ordinal, Position};

use crate::ports::{
    Blobs, Counted, Fleets, Group, InstanceWrite, PortErrorKind, Registry, StoredInstance, Upgrades,
};
use crate::refusal;

mod answer;
mod merge;
mod positions;
mod recent;
mod standing;
#[cfg(test)]
pub(crate) mod tests;

use positions::Placed;
pub use recent::Cache;
pub(crate) use standing::invalid;

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

/// Handles a check-in by whoever shows the credential of an enrolment.
///
/// # Errors
/// A problem, when the caller may not speak for the instance, the fleet does not exist, or a port fails.
pub async fn run<T, B>(
    table: &T,
    blobs: &B,
    cache: &Cache,
    shown: &Secret,
    request: &CheckInRequest,
    moment: Moment,
) -> Result<CheckInAnswer, Problem>
where
    T: Upgrades + Fleets + Registry,
    B: Blobs,
{
    check_contract(request.contract)?;
    let key = FleetKey {
        tenant_id: request.tenant_id.clone(),
        component_id: request.component_id,
        fleet_id: request.fleet_id.clone(),
    };
    for attempt in 0..MAX_TRIES {
        let stored = table
            .instance(&key, request.ordinal)
            .await
            .map_err(refusal::port)?;
        let stored = standing::enrolled(stored, shown, request)?;
        let fleet = fleet(table, cache, &key, moment.now).await?;
        let newest = request.fresh || attempt > 0;
        let channel = channel(table, cache, &key, moment.now, newest).await?;
        let placed = match &channel {
            Some(channel) => Some(cache.positions.get(blobs, &channel.plan_hash).await?),
            None => None,
        };
        let seen = Seen {
            fleet: &fleet,
            channel: channel.as_ref(),
            placed: placed.as_deref(),
            moment,
        };
        if let Some(instance) = store(table, &seen, stored, request).await? {
            return answer::answer(table, blobs, &seen, &instance).await;
        }
    }
    Err(Problem::new(
        Code::Conflict,
        "another check-in of this instance is being handled; try again",
    ))
}

async fn fleet(table: &impl Fleets, cache: &Cache, key: &FleetKey, now: Timestamp) -> Result<Fleet, Problem> {
    if let Some(fleet) = cache.fleets.get(key, now) {
        return Ok(fleet);
    }
    let read = table.fleet(key).await.map_err(refusal::port)?;
    let fleet = read.ok_or_else(|| Problem::new(Code::NotFound, format!("there is no fleet {key}")))?;
    cache.fleets.put(key, now, fleet.clone());
    Ok(fleet)
}

/// The fleet's channel, at most a second old, or the newest.
async fn channel(
    table: &impl Upgrades,
    cache: &Cache,
    key: &FleetKey,
    now: Timestamp,
    newest: bool,
) -> Result<Option<Channel>, Problem> {
    if let Some(channel) = cache.channels.get(key, now).filter(|_| !newest) {
        return Ok(channel);
    }
    let channel = table.channel(key).await.map_err(refusal::port)?;
    cache.channels.put(key, now, channel.clone());
    Ok(channel)
}

/// What a check-in is handled against.
struct Seen<'a> {
    fleet: &'a Fleet,
    channel: Option<&'a Channel>,
    placed: Option<&'a Placed>,
    moment: Moment,
}

impl Seen<'_> {
    /// How many instances have a pace: the fleet's check-ins are kept below a limit by it.
    fn instances_at(&self, pace: Pace) -> u32 {
        let all = self.placed.map_or(0, |p| p.published.ordinals.0.len());
        let all = u32::try_from(all).unwrap_or(u32::MAX);
        match (pace, self.channel) {
            (Pace::Fast, Some(channel)) => channel.next_frontier.max(channel.frontier).0.min(all),
            _ => all,
        }
    }

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
    table: &(impl Fleets + Upgrades),
    seen: &Seen<'_>,
    stored: StoredInstance,
    request: &CheckInRequest,
) -> Result<Option<Instance>, Problem> {
    let key = &seen.fleet.key;
    let merged = merge::merge(&stored.instance, request, seen.channel, seen.moment.now);
    let count = match count(seen, &merged.instance) {
        None => None,
        Some((group, outcome)) => {
            let ordinal = merged.instance.ordinal;
            Some((group, counted(table, seen, ordinal, (group, outcome)).await?))
        }
    };
    let mut instance = merged.instance;
    if let Some((group, _)) = count {
        instance.settled_in = Some(group.epoch);
    } else if !merged.changed {
        return Ok(Some(instance));
    }
    let write = InstanceWrite {
        instance: instance.clone(),
        replaces: Some(stored.rev),
        count,
        credentials: stored.credentials,
        trouble: room::trouble(&instance, seen.fleet.switch),
    };
    match table.put_instance(key, &write).await {
        Ok(()) => Ok(Some(instance)),
        Err(error) if error.kind == PortErrorKind::Conflict => Ok(None),
        Err(error) => Err(refusal::port(error)),
    }
}

/// How an outcome is counted. A failure keeps its place among those that arrived: what fails in a row trips the breaker.
async fn counted(
    table: &impl Upgrades,
    seen: &Seen<'_>,
    ordinal: Ordinal,
    (group, outcome): (Group, Outcome),
) -> Result<Counted, Problem> {
    if outcome == Outcome::Arrived {
        return Ok(Counted::Completed);
    }
    let counts = table.counts(group).await.map_err(refusal::port)?;
    let failed = Failed {
        at: seen.moment.now,
        ordinal,
        arrived: counts.completed,
    };
    Ok(Counted::Failed((counts.failed < MOST_IN_A_ROW).then_some(failed)))
}

/// What a report adds to the counters: an instance settles an epoch once.
fn count(seen: &Seen<'_>, instance: &Instance) -> Option<(Group, Outcome)> {
    let channel = seen.channel.filter(|c| instance.settled_in != Some(c.epoch))?;
    let position = seen.position(instance.ordinal);
    let outcome = channel::outcome(channel, position, instance)?;
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
        outcome,
    ))
}
