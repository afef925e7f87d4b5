//! What happens to the fleet while an upgrade runs.

use std::fs;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use serde_json::Value;
use sluice_contract::api::{InstanceList, UpgradeView};
use sluice_core::release::Release;

use super::api::Api;
use super::fleet::DemoFleet;
use super::scenario::Trouble;

/// A switch takes half a second.
const WATCH_EVERY: Duration = Duration::from_millis(20);
const ASK_EVERY: Duration = Duration::from_millis(200);
/// What a service manager waits before it starts a program again.
const RESTART_AFTER: Duration = Duration::from_secs(1);
/// Share of the fleet that has moved when the release turns bad, in percent.
pub const LATE_PERCENTAGE: u32 = 60;
const LIMIT: Duration = Duration::from_secs(120);

/// What came of it.
#[derive(Debug, Clone, Copy, Default)]
pub struct Aftermath {
    /// From the kill until the instance ran the new release, as the registry knows it.
    pub recovery_ms: Option<u64>,
    /// Instances that had moved when the release turned bad.
    pub moved: Option<u32>,
}

/// Makes the trouble, and waits for what comes of it.
///
/// # Errors
/// When there was no occasion for it, or the fleet does not recover.
pub async fn make(
    trouble: Trouble,
    api: &Api,
    fleet: &mut DemoFleet<'_>,
    path: &str,
    to: &Release,
) -> Result<Aftermath> {
    match trouble {
        Trouble::None => Ok(Aftermath::default()),
        Trouble::KilledAgent => kill_agent(api, fleet, to).await,
        Trouble::TurnsBad => turn_bad(api, fleet, path).await,
    }
}

async fn kill_agent(api: &Api, fleet: &mut DemoFleet<'_>, to: &Release) -> Result<Aftermath> {
    let victim = in_mid_switch(fleet).await?;
    let killed = Instant::now();
    fleet.kill_agent(victim)?;
    tokio::time::sleep(RESTART_AFTER).await;
    fleet.start_agent(victim)?;
    while killed.elapsed() < LIMIT {
        let list: InstanceList = api.get(&api.below_component("/fleets/default/instances")).await?;
        let recovered = list.instances.iter().any(|instance| {
            usize::try_from(instance.ordinal.0) == Ok(victim)
                && instance
                    .running
                    .as_ref()
                    .is_some_and(|running| running.healthy && running.version.version_id == to.version_id)
        });
        if recovered {
            let recovery_ms = u64::try_from(killed.elapsed().as_millis()).ok();
            return Ok(Aftermath {
                recovery_ms,
                moved: None,
            });
        }
        tokio::time::sleep(ASK_EVERY).await;
    }
    bail!(
        "the instance {victim}, whose agent was killed, does not run the new release after {} s",
        LIMIT.as_secs()
    )
}

/// Waits for an agent whose notes on disk tell of a switch that has begun and not ended.
async fn in_mid_switch(fleet: &DemoFleet<'_>) -> Result<usize> {
    let began = Instant::now();
    while began.elapsed() < LIMIT {
        for ordinal in 0..fleet.homes.len() {
            if switches(fleet, ordinal)? {
                return Ok(ordinal);
            }
        }
        tokio::time::sleep(WATCH_EVERY).await;
    }
    bail!("no agent was in mid-switch within {} s", LIMIT.as_secs())
}

fn switches(fleet: &DemoFleet<'_>, ordinal: usize) -> Result<bool> {
    let home = fleet.homes.get(ordinal).context("there is no such instance")?;
    let notes = fs::read(home.join("state.json")).context("an agent keeps no notes")?;
    let notes: Value = serde_json::from_slice(&notes).context("an agent's notes cannot be read")?;
    Ok(!notes["switch"].is_null())
}

async fn turn_bad(api: &Api, fleet: &DemoFleet<'_>, path: &str) -> Result<Aftermath> {
    let began = Instant::now();
    while began.elapsed() < LIMIT {
        let view: UpgradeView = api.get(path).await?;
        let moved: u32 = view.batches.iter().map(|batch| batch.completed).sum();
        if moved * 100 >= view.total_instances * LATE_PERCENTAGE {
            fs::write(&fleet.sign, "").context("the release cannot be turned bad")?;
            return Ok(Aftermath {
                recovery_ms: None,
                moved: Some(moved),
            });
        }
        tokio::time::sleep(ASK_EVERY).await;
    }
    bail!(
        "{LATE_PERCENTAGE}% of the fleet had not moved after {} s",
        LIMIT.as_secs()
    )
}
