//! Looks at the running service: whether it is healthy, and what it has counted.

use tokio::time::Instant;
use tracing::error;

use super::Agent;
use crate::api::Api;
use crate::counters::{Totals, this_minute};
use crate::host::Host;

impl<H: Host, A: Api> Agent<H, A> {
    pub(super) fn probe_is_possible(&self) -> bool {
        !self.probe.is_busy()
            && !self.switch.is_busy()
            && !self.is_interrupted()
            && self.setup.store.running().is_some()
    }

    pub(super) fn look(&mut self) {
        self.next_probe = Instant::now() + self.setup.health_interval;
        let Some(release) = self.setup.store.record().running else {
            return;
        };
        let host = self.setup.host.clone();
        self.probe
            .start(async move { (host.probe(&release).await, host.count().await) });
    }

    pub(super) fn on_probed(&mut self, looked: Result<(bool, Option<Totals>), tokio::task::JoinError>) {
        match looked {
            // During a switch its own verification counts.
            Ok(_) if self.switch.is_busy() => {}
            Ok((healthy, totals)) => {
                self.setup.store.set_healthy(healthy);
                if let (Some(totals), Some(release)) = (totals, self.setup.store.record().running) {
                    self.minutes.fold(this_minute(), &release.version, totals);
                }
            }
            Err(problem) => error!(%problem, "A look at the service was lost"),
        }
    }
}
