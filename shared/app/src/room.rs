//! What a look sees of the instances themselves: who is down, and who has not reported in time. Neither is read instance by
//! instance for the whole fleet, whatever its size.

use std::collections::{HashMap, HashSet};
use std::ops::Range;

use jiff::Timestamp;
use sluice_core::exception::Exceptions;
use sluice_core::ids::FleetKey;
use sluice_core::named::Named;
use sluice_core::plan::{Positions, Published};
use sluice_core::probe::{Counts, is_late};
use sluice_core::room::{Placed, Room, Standing, Trouble, Troubled, room, silent_before};
use sluice_core::units::{Epoch, Ordinal, Position};
use sluice_core::upgrade::Phase;

use crate::flow::Loaded;
use crate::keys;
use crate::ports::{Blobs, Fleets, PortError, PortErrorKind, PortResult};

/// Among how many instances those are looked for that have not reported: more would be more reads than a look has.
const LOOKED_AMONG: usize = 500;

/// What was seen.
#[derive(Debug, Clone, PartialEq, Default)]
pub(crate) struct Sight {
    /// How far the current batch may be released; none where all of it is, or nothing is to be.
    pub room: Option<Room>,
    /// How many of those who are released are dropped and have not reported.
    pub dropped: u32,
    /// Who has not reported in time; none where nobody is late.
    pub silent: Option<Named>,
}

/// Sees what the phase asks for: nothing at all in most looks.
pub(crate) async fn see<T: Fleets, B: Blobs>(
    table: &T,
    blobs: &B,
    loaded: &Loaded,
    counts: Counts,
    now: Timestamp,
) -> PortResult<Sight> {
    let (upgrade, plan) = (&loaded.upgrade, &loaded.plan);
    let batch = plan.batch(upgrade.batch).filter(|_| upgrade.status.is_moving());
    let (batch, released, reported) = match (upgrade.phase, batch) {
        (Phase::Ready { .. }, Some(batch)) => (Some(batch), batch.begin, 0),
        (Phase::Moving { released, .. }, Some(batch)) => (Some(batch), released, counts.reported()),
        _ => (None, Position(0), 0),
    };
    let asked = match (upgrade.phase, plan.batch(upgrade.batch)) {
        (Phase::Moving { released, .. }, Some(batch)) => batch.begin.0..released.0,
        (Phase::Reverting { frontier, .. }, _) => 0..frontier.0,
        _ => 0..0,
    };
    // After the counters, so that nobody is both among them and among these.
    let exceptions = &upgrade.exceptions;
    let dropped = dropped(table, &upgrade.fleet, exceptions, asked.clone(), upgrade.epoch).await?;
    let mut sight = Sight {
        dropped,
        ..Sight::default()
    };
    if let Some(batch) = batch.filter(|b| released < b.end) {
        let mut list = table.troubled(&upgrade.fleet, silent_before(plan, now)).await?;
        // Who is gone takes nobody's room.
        let gone = |t: &Troubled| t.trouble == Trouble::Silent && exceptions.is_dropped(t.ordinal);
        list.instances.retain(|t| !gone(t));
        let troubled = match list.instances.is_empty() {
            true => Vec::new(),
            false => placed(&positions(blobs, &upgrade.plan_hash).await?, list.instances),
        };
        sight.room = Some(room(&Standing {
            plan,
            batch,
            epoch: upgrade.epoch,
            released,
            reported: reported.saturating_add(dropped),
            troubled: &troubled,
            complete: list.complete,
        }));
    }
    let answered = counts.reported().saturating_add(dropped);
    if asked.len() > answered as usize && is_late(upgrade, plan, now) {
        let asked = asked.start as usize..asked.end as usize;
        let positions = positions(blobs, &upgrade.plan_hash).await?;
        let ordinals = positions.0.get(asked).unwrap_or_default();
        let waited = ordinals.iter().filter(|o| !exceptions.is_dropped(**o));
        let among: Vec<_> = waited.copied().take(LOOKED_AMONG).collect();
        sight.silent = Some(silent(table, &upgrade.fleet, &among, upgrade.epoch).await?);
    }
    Ok(sight)
}

/// How many of the dropped ones in a range of positions have not settled an epoch: those that have are among the
/// counters of it. Counters have to be read before.
pub(crate) async fn dropped(
    table: &impl Fleets,
    fleet: &FleetKey,
    exceptions: &Exceptions,
    within: Range<u32>,
    epoch: Epoch,
) -> PortResult<u32> {
    let dropped = exceptions.dropped().filter(|e| within.contains(&e.position.0));
    let dropped: Vec<_> = dropped.map(|e| e.ordinal).collect();
    if dropped.is_empty() {
        return Ok(0);
    }
    let known = table.some_instances(fleet, &dropped).await?;
    let settled = known.iter().filter(|i| i.settled_in == Some(epoch)).count();
    Ok(u32::try_from(dropped.len().saturating_sub(settled)).unwrap_or(u32::MAX))
}

/// Who of these has not settled an epoch.
async fn silent(table: &impl Fleets, fleet: &FleetKey, among: &[Ordinal], epoch: Epoch) -> PortResult<Named> {
    let known = table.some_instances(fleet, among).await?;
    let settled = known.iter().filter(|i| i.settled_in == Some(epoch));
    let settled: HashSet<_> = settled.map(|i| i.ordinal).collect();
    Ok(Named::of(among.iter().filter(|o| !settled.contains(o)).copied()))
}

fn placed(positions: &Positions, troubled: Vec<Troubled>) -> Vec<Placed> {
    let mut by_ordinal: HashMap<_, _> = troubled.into_iter().map(|t| (t.ordinal, (None, t))).collect();
    for (position, ordinal) in (0..).map(Position).zip(&positions.0) {
        if let Some(known) = by_ordinal.get_mut(ordinal) {
            known.0 = Some(position);
        }
    }
    by_ordinal.into_values().collect()
}

/// The plan's positions, which are read only when somebody has to be found in them.
pub(crate) async fn positions(blobs: &impl Blobs, plan_hash: &str) -> PortResult<Positions> {
    let lost = || {
        PortError::new(
            PortErrorKind::Unavailable,
            "reading positions",
            "they are not there",
        )
    };
    let bytes = blobs.get(&keys::positions(plan_hash)).await?.ok_or_else(lost)?;
    let published: Published = serde_json::from_slice(&bytes).map_err(|_| lost())?;
    Ok(published.ordinals)
}
