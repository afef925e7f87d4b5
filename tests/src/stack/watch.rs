//! Waiting for an upgrade, with a message that tells where it stands.

use std::time::Duration;

use anyhow::{Result, bail};
use sluice_contract::api::UpgradeView;
use sluice_core::ids::UpgradeId;

use super::{Site, eventually};

impl Site {
    /// Waits until an upgrade is as it should be; one that has ended otherwise is not waited for.
    ///
    /// # Errors
    /// With status, hold, gate and last events, when it does not get there.
    pub async fn until(
        &self,
        id: UpgradeId,
        what: &str,
        limit: Duration,
        fits: impl Fn(&UpgradeView) -> bool,
    ) -> Result<UpgradeView> {
        let begun_ended = self.view(id).await?.ended_at;
        let found = eventually(what, limit, async || {
            let view = self.view(id).await?;
            if fits(&view) {
                return Ok(Ok(view));
            }
            if view.ended_at.is_some() && begun_ended.is_none() {
                bail!("never {what}: the upgrade has ended; {}", told(&view));
            }
            Ok(Err(told(&view)))
        });
        match found.await {
            Ok(view) => Ok(view),
            Err(error) => Err(error.context(self.last_events(id).await)),
        }
    }

    async fn last_events(&self, id: UpgradeId) -> String {
        let events = self.events(id).await.unwrap_or_default();
        let last = events.iter().rev().take(6).rev();
        let names: Vec<_> = last
            .map(|e| format!("{} {} ({})", e.at, e.name, e.actor))
            .collect();
        format!(
            "upgrade {id} of {}; last events: {}",
            self.fleet,
            names.join(", ")
        )
    }

    /// Waits until an upgrade has this status.
    ///
    /// # Errors
    /// See [`Self::until`].
    pub async fn until_status(&self, id: UpgradeId, status: &str, limit: Duration) -> Result<UpgradeView> {
        self.until(id, status, limit, |view| view.status == status).await
    }
}

fn told(view: &UpgradeView) -> String {
    let hold = view.hold.as_ref().map_or("no hold", |h| h.sentence.as_str());
    format!(
        "status {}, batch {}, traffic {}, {hold}, gate: {}, failure: {}, rollback: {}",
        view.status,
        view.current_batch,
        view.traffic_percentage,
        view.gate.as_deref().unwrap_or("none"),
        view.failure.as_deref().unwrap_or("none"),
        view.rollback_info.rollback_reason.as_deref().unwrap_or("none"),
    )
}
