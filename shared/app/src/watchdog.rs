//! Comes round every minute: delivers what a lost doorbell left, gives an upgrade whose workflow is gone a fresh one,
//! and tells of what takes too long.

use futures::StreamExt;
use jiff::{SignedDuration, Timestamp};
use serde::Serialize;
use sluice_core::ids::UpgradeId;
use sluice_core::upgrade::Command;
use sluice_core::watchdog::examine;

use crate::error::StepError;
use crate::flow::{self, Loaded};
use crate::places;
use crate::ports::{Alerts, Bus, Outbox, Places, PortErrorKind, Upgrades, Workflows};
use crate::relay::{self, Outlets};

const ACTOR: &str = "system:watchdog";

/// Upgrades that are examined at the same time.
const ABREAST: usize = 8;

/// Findings of one upgrade in one round: something overdue, and a workflow that is gone.
const MAX_FINDINGS: u32 = 3;

/// An event younger than this is left to the stream, in seconds: its relay may be at work.
const RELAY_SECONDS: i64 = 20;

/// What one round did.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
pub struct Round {
    /// Upgrades whose record is not complete.
    pub examined: u64,
    /// Events that the stream had not brought.
    pub delivered: u64,
    /// Upgrades that got a fresh workflow.
    pub restarted: u64,
    /// Things that take too long, told of for the first time.
    pub overdue: u64,
    /// Places that were left behind, given back.
    pub given_back: u64,
    /// Upgrades that could not be examined; the next round tries again.
    pub failed: u64,
}

impl Round {
    fn plus(self, other: Self) -> Self {
        Self {
            examined: self.examined + other.examined,
            delivered: self.delivered + other.delivered,
            restarted: self.restarted + other.restarted,
            overdue: self.overdue + other.overdue,
            given_back: self.given_back + other.given_back,
            failed: self.failed + other.failed,
        }
    }
}

/// Examines every upgrade whose record is not complete. What fails for one keeps none of the others.
///
/// # Errors
/// When the upgrades cannot be listed.
pub async fn run<T, B, A, W>(
    table: &T,
    outlets: &Outlets<B, A, W>,
    now: Timestamp,
) -> Result<Round, StepError>
where
    T: Upgrades + Outbox + Places,
    B: Bus,
    A: Alerts,
    W: Workflows,
{
    let open = table.open().await?;
    let rounds = futures::stream::iter(open).map(|id| async move {
        one(table, outlets, id, now).await.unwrap_or_else(|error| {
            tracing::error!(upgrade_id = %id, error = error.name.as_str(), detail = %error, "an upgrade could not be examined");
            Round {
                failed: 1,
                ..Round::default()
            }
        })
    });
    let rounds = rounds.buffer_unordered(ABREAST);
    let round = rounds
        .fold(Round::default(), async |sum, one| sum.plus(one))
        .await;
    Ok(Round {
        given_back: places::repair(table, now).await?,
        ..round
    })
}

async fn one<T, B, A, W>(
    table: &T,
    outlets: &Outlets<B, A, W>,
    id: UpgradeId,
    now: Timestamp,
) -> Result<Round, StepError>
where
    T: Upgrades + Outbox + Places,
    B: Bus,
    A: Alerts,
    W: Workflows,
{
    let mut round = Round {
        examined: 1,
        ..Round::default()
    };
    // Its record was completed after the list was read.
    let Some(upgrade) = table.upgrade(id).await? else {
        return Ok(round);
    };
    if now.duration_since(upgrade.changed_at) >= SignedDuration::from_secs(RELAY_SECONDS) {
        round.delivered = relay::run(table, outlets, id).await?;
    }
    let plan = table
        .plan(id)
        .await?
        .ok_or_else(|| StepError::not_found(format!("plan of upgrade {id}")))?;
    let last_look = table.look(id).await?.map(|look| look.at);
    let mut loaded = Loaded { upgrade, plan };
    for _ in 0..MAX_FINDINGS {
        let Some(command) = examine(&loaded.upgrade, &loaded.plan, last_look, now) else {
            break;
        };
        let restarts = matches!(command, Command::Restart { .. });
        match flow::change(table, &loaded, command, ACTOR, now).await {
            Ok(upgrade) => loaded.upgrade = upgrade,
            // Somebody is at work after all.
            Err(flow::ChangeError::Port(error)) if error.kind == PortErrorKind::Conflict => break,
            Err(error) => return Err(error.into()),
        }
        if restarts {
            round.restarted += 1;
        } else {
            round.overdue += 1;
        }
    }
    Ok(round)
}
