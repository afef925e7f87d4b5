//! What the loop does about moves: prepare, begin, and note their end.

use std::time::Duration;

use sluice_contract::check_in::Artifact;
use tokio::task::JoinError;
use tokio::time::Instant;
use tracing::{error, info, warn};

use super::{Agent, Key};
use crate::api::Api;
use crate::failure::{Code, Failure};
use crate::host::Host;
use crate::protocol::{Order, Readiness};
use crate::switch::Entry;

/// The shortest time between two check-ins for a new lease.
const RENEWAL_GAP: Duration = Duration::from_secs(1);

impl<H: Host, A: Api> Agent<H, A> {
    /// Prepares and begins the pending order, or forgets it.
    pub(super) async fn advance_order(&mut self) {
        let Some(order) = &self.pending else { return };
        match order.readiness(&self.setup.store.record(), self.setup.clock.now()) {
            Readiness::Superseded => self.forget_order(),
            Readiness::Expired => self.renew(),
            readiness => {
                if self.prepared.as_ref() != Some(&order.artifact.release) {
                    let artifact = order.artifact.clone();
                    if self.preparing.as_ref() != Some(&artifact.release) {
                        self.start_preparing(artifact);
                    }
                } else if readiness == Readiness::Begin && self.needs_admission(order) {
                    self.start_admission(order.clone());
                } else if readiness == Readiness::Begin
                    && let Some(order) = self.pending.take()
                {
                    self.begin(order).await;
                }
            }
        }
    }

    /// Whether the upgrade prescribes checks that were not made for this command, or are being made.
    fn needs_admission(&self, order: &Order) -> bool {
        !order.checks.is_empty() && self.admitted != Some(order.command.key())
    }

    fn start_admission(&mut self, order: Order) {
        if self.admit.is_busy() {
            return;
        }
        let (key, host) = (order.command.key(), self.setup.host.clone());
        info!(version = %order.artifact.release.version, "What the upgrade prescribes before the move is checked");
        self.admit
            .start(async move { (key, host.admit(&order.checks).await) });
    }

    /// Check-ins go on while the checks are made, so that the order's lease is a fresh one when they have passed.
    pub(super) fn on_admitted(&mut self, admitted: Result<(Key, Result<(), Failure>), JoinError>) {
        let (key, result) = match admitted {
            Ok(admitted) => admitted,
            Err(problem) => return error!(%problem, "Checks before a move were lost; they are made again"),
        };
        match result {
            Ok(()) => self.admitted = Some(key),
            Err(failure) => match self.pending.take_if(|p| p.command.key() == key) {
                Some(_) if self.switch.is_busy() => {
                    warn!(code = %failure.code, message = failure.message, "The switch cannot turn to this release");
                }
                Some(order) => self.refuse(&order, &failure),
                None => info!(code = %failure.code, "Checks of a move that is no longer wanted failed"),
            },
        }
    }

    /// Nothing is to begin any more; what was checked for it may not hold when it is commanded again.
    pub(super) fn forget_order(&mut self) {
        self.pending = None;
        self.admitted = None;
        self.admit.give_up();
    }

    /// The lease ran out before the move could begin: the server is asked whether it still holds.
    fn renew(&mut self) {
        let Some(order) = self.pending.take() else { return };
        info!(version = %order.artifact.release.version, "A move's lease ran out before it could begin");
        if self.pace.failures() == 0 {
            let wait = Duration::from_millis(order.not_before.since_ms(self.setup.clock.now()));
            let earliest = (Instant::now() + wait).max(self.asked_at + RENEWAL_GAP);
            self.next_check_in = self.next_check_in.min(earliest);
        }
    }

    /// Starts the move on disk, then in fact. The lease was looked at just before.
    async fn begin(&mut self, order: Order) {
        self.admitted = None;
        self.admit.give_up();
        let store = self.setup.store.clone();
        let interrupts = self.switch.is_busy();
        if interrupts {
            info!(version = %order.artifact.release.version, revert = order.revert, "The switch turns around");
            self.switch.ended().await;
            store.note(|r| r.begin(&order));
            self.start_switch(Entry::Begin { drain: false });
            return;
        }
        let before = store.record();
        let entry = if before.runs(&order.artifact.release) && store.is_healthy() {
            Entry::Verify
        } else {
            // A service that does not work has nothing to drain, and on the way back every second counts.
            Entry::Begin {
                drain: before.running.is_some() && (store.is_healthy() || !order.revert),
            }
        };
        match store.update(|r| r.begin(&order)) {
            Ok(()) => self.start_switch(entry),
            Err(problem) => {
                let message = format!("{problem}: {}", problem.source);
                self.refuse(&order, &Failure::new(Code::StorageFailed, message));
            }
        }
    }

    fn refuse(&mut self, order: &Order, failure: &Failure) {
        let version = &order.artifact.release.version;
        warn!(%version, code = %failure.code, message = failure.message, "A move is refused; what runs is untouched");
        self.setup.store.note(|r| r.refuse(order, failure.to_report()));
    }

    pub(super) fn start_preparing(&mut self, artifact: Artifact) {
        self.preparing = Some(artifact.release.clone());
        let host = self.setup.host.clone();
        self.prepare.start(async move {
            let result = host.prepare(&artifact).await;
            (artifact, result)
        });
    }

    pub(super) fn on_prepared(&mut self, artifact: &Artifact, result: Result<(), Failure>) {
        self.preparing = None;
        let release = &artifact.release;
        match result {
            Ok(()) => {
                self.prefetch_failures = 0;
                self.prepared = Some(release.clone());
            }
            Err(failure) => match self.pending.take_if(|p| p.artifact.release == *release) {
                // The order is repeated with each answer until the switch under way has ended.
                Some(_) if self.switch.is_busy() => {
                    warn!(version = %release.version, code = %failure.code, message = failure.message, "The switch cannot turn to this release");
                }
                Some(order) => self.refuse(&order, &failure),
                None => {
                    self.prefetch_failures += 1;
                    warn!(version = %release.version, code = %failure.code, message = failure.message, "A release could not be fetched ahead");
                }
            },
        }
    }

    pub(super) fn on_lost_preparation(&mut self, problem: &JoinError) {
        error!(%problem, "Preparing a release was lost");
        self.preparing = None;
        self.pending = None;
    }

    pub(super) fn on_switched(&mut self, ended: Result<(), JoinError>) {
        if let Err(problem) = ended {
            error!(%problem, "A switch was lost; it is taken up again after the next look");
        }
        // Cleaning up behind the switch may have taken it away; asking for it again is cheap.
        self.prepared = None;
        self.next_probe = Instant::now() + self.setup.health_interval;
    }
}
