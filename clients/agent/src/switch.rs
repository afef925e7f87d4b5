//! The switch: drain, stop, link, start, verify, and back by itself when the target fails.
//!
//! Where two releases can run at once, the target starts beside the old one, takes over, and the old one is stopped last.
//!
//! Each boundary is on disk before the step behind it is taken. The future may be dropped at any await: the journal
//! then says what is left, for a newer command or a restarted agent.

use sluice_core::fleet::InstanceStatus::{
    Completed, Draining, Failed, HealthChecking, RolledBack, Upgrading,
};
use sluice_core::fleet::{InstanceError, InstanceStatus};
use sluice_core::release::Release;
use tracing::{error, info, warn};

use crate::failure::{Code, Failure};
use crate::host::Host;
use crate::protocol::{Journal, Recovery};
use crate::store::Store;

/// Where a switch is taken up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Entry {
    /// At its beginning.
    Begin {
        /// Whether the running service is worth draining: it is healthy and not itself half-switched.
        drain: bool,
    },
    /// The target runs already: verify it, and switch only when that fails.
    Verify,
    /// After a restart of the agent.
    Resume(Recovery),
}

/// Carries out the switch that the journal describes. Every end is in the record; nothing is returned.
pub async fn run<H: Host>(host: &H, store: &Store, entry: Entry) {
    let Some(journal) = store.record().switch else {
        return;
    };
    let by = journal.command;
    let upgrade_id = by.upgrade_id.map(|id| id.to_string()).unwrap_or_default();
    info!(
        upgrade_id, epoch = by.epoch.0, attempt = by.attempt.0, version = %journal.target.version,
        revert = journal.revert, entry = ?entry, "The switch begins",
    );
    let way = Way {
        host,
        store,
        journal: &journal,
    };
    match entry {
        Entry::Resume(Recovery::Undo) => way.undo().await,
        Entry::Resume(Recovery::Return(error)) => way.go_back(error).await,
        forward => match way.forward(forward).await {
            Ok(()) => way.complete().await,
            Err(failure) => way.fail(&failure).await,
        },
    }
    let record = store.record();
    info!(
        upgrade_id, epoch = by.epoch.0, attempt = by.attempt.0, status = ?record.status(),
        running = record.running.map(|r| r.version.to_string()), "The switch has ended",
    );
}

struct Way<'a, H> {
    host: &'a H,
    store: &'a Store,
    journal: &'a Journal,
}

impl<H: Host> Way<'_, H> {
    async fn forward(&self, entry: Entry) -> Result<(), Failure> {
        let target = &self.journal.target;
        match entry {
            Entry::Verify => {
                self.mark(HealthChecking)?;
                if self.verify().await.is_ok() {
                    return Ok(());
                }
                self.replace().await
            }
            Entry::Resume(Recovery::Finish) => {
                self.store.note(|r| r.linked(Some(target.clone())));
                self.mark(Upgrading)?;
                if self.host.overlaps() && self.host.serves(target) {
                    self.verify().await?;
                    return self.lead_here().await;
                }
                // What ran when the agent ended may be half-started: begin from nothing.
                self.host.stop().await?;
                self.start_and_verify().await
            }
            Entry::Begin { .. } | Entry::Resume(_) if self.host.overlaps() && self.host.serves(target) => {
                self.settle(target).await?;
                self.verify().await
            }
            Entry::Begin { .. } | Entry::Resume(_) if self.was_never_stopped() => {
                match self.overlap().await {
                    // The old version is wanted, if need be without a working one for a while.
                    Err(failure) if self.journal.revert => {
                        warn!(code = %failure.code, message = failure.message, "The way back goes on in place");
                        self.replace().await
                    }
                    other => other,
                }
            }
            Entry::Begin { drain: true } => {
                self.mark(Draining)?;
                self.host.fail_over().await?;
                self.host.drain().await?;
                self.replace().await
            }
            Entry::Begin { drain: false } | Entry::Resume(_) => self.replace().await,
        }
    }

    async fn replace(&self) -> Result<(), Failure> {
        self.mark(Upgrading)?;
        self.store.set_healthy(false);
        self.host.stop().await?;
        self.link(Some(&self.journal.target)).await?;
        self.start_and_verify().await
    }

    /// The target starts beside what serves, which is touched only once the target was verified.
    async fn overlap(&self) -> Result<(), Failure> {
        let target = &self.journal.target;
        if let Some(from) = self
            .journal
            .from
            .as_ref()
            .filter(|f| self.host.linked().as_ref() != Some(*f))
        {
            self.settle(from).await?;
        }
        self.mark(Upgrading)?;
        self.host.start_beside(target).await?;
        self.mark(HealthChecking)?;
        self.host
            .verify_beside(target, self.journal.confirm.as_ref())
            .await?;
        self.host.fail_over().await?;
        self.link(Some(target)).await?;
        self.host.take_over(true).await?;
        if let Err(failure) = self.host.drain().await {
            warn!(code = %failure.code, message = failure.message, "What served is stopped without having drained");
        }
        self.host.retire().await
    }

    /// Whether the release to return to serves all the time, with the target at most beside it.
    fn was_never_stopped(&self) -> bool {
        let from = self.journal.from.as_ref();
        self.host.overlaps() && from.is_some_and(|from| self.host.serves(from))
    }

    /// Leads everything to `release`, which serves, and ends what is beside it.
    async fn settle(&self, release: &Release) -> Result<(), Failure> {
        self.link(Some(release)).await?;
        self.host.take_over(false).await?;
        self.host.leave_beside().await
    }

    async fn start_and_verify(&self) -> Result<(), Failure> {
        self.store.set_healthy(false);
        self.host.start(&self.journal.target).await?;
        self.mark(HealthChecking)?;
        self.verify().await?;
        self.lead_here().await
    }

    /// Where there are two places, requests may still be led to the other one.
    async fn lead_here(&self) -> Result<(), Failure> {
        match self.host.overlaps() {
            true => self.host.take_over(false).await,
            false => Ok(()),
        }
    }

    async fn verify(&self) -> Result<(), Failure> {
        let target = &self.journal.target;
        self.host.verify(target).await?;
        match &self.journal.confirm {
            Some(check) => self.host.confirm(target, check).await,
            None => Ok(()),
        }
    }

    async fn complete(&self) {
        self.host.keep(&self.journal.target).await;
        self.store.set_healthy(true);
        let status = if self.journal.revert {
            RolledBack
        } else {
            Completed
        };
        self.store.note(|r| r.end(status, None));
        let needed: Vec<_> = self.store.record().needed().cloned().collect();
        self.host.tidy(&needed).await;
    }

    async fn fail(&self, failure: &Failure) {
        warn!(code = %failure.code, message = failure.message, "The switch failed");
        if self.journal.revert {
            // There is nothing better to go to: stay, and keep starting the version that is wanted.
            self.store.note(|r| r.end(Failed, Some(failure.to_report())));
            self.host.keep(&self.journal.target).await;
        } else {
            self.go_back(failure.to_report()).await;
        }
    }

    async fn go_back(&self, mut error: InstanceError) {
        self.store.note(|r| r.turn_back(error.clone()));
        if !self.was_never_stopped() {
            self.store.set_healthy(false);
        }
        if let Err(second) = self.restore().await {
            error!(code = %second.code, message = second.message, "The way back failed too");
            let both = format!("{}; going back failed too: {second}", error.message);
            error.message = Failure::new(Code::VerifyFailed, both).message;
        } else {
            self.store.set_healthy(self.journal.from.is_some());
        }
        if let Some(from) = &self.journal.from {
            self.host.keep(from).await;
        }
        self.store.note(|r| r.end(Failed, Some(error)));
    }

    async fn restore(&self) -> Result<(), Failure> {
        if let Some(from) = self.journal.from.as_ref().filter(|_| self.was_never_stopped()) {
            self.settle(from).await?;
            return self.host.verify(from).await;
        }
        let stopped = self.host.stop().await;
        self.link(self.journal.from.as_ref()).await?;
        stopped?;
        let Some(from) = &self.journal.from else {
            return Ok(());
        };
        self.host.start(from).await?;
        self.host.verify(from).await?;
        self.lead_here().await
    }

    async fn undo(&self) {
        self.store.set_healthy(false);
        let healthy = match self.restore().await {
            Ok(()) => self.journal.from.is_some(),
            Err(failure) => {
                warn!(code = %failure.code, message = failure.message, "The release in use did not come up again");
                false
            }
        };
        if let Some(from) = &self.journal.from {
            self.host.keep(from).await;
        }
        self.store.set_healthy(healthy);
        self.store.note(super::protocol::Record::undone);
    }

    async fn link(&self, release: Option<&Release>) -> Result<(), Failure> {
        self.host.link(release).await?;
        self.store.note(|r| r.linked(release.cloned()));
        Ok(())
    }

    fn mark(&self, status: InstanceStatus) -> Result<(), Failure> {
        self.store
            .update(|r| r.advance(status))
            .map_err(|e| Failure::new(Code::StorageFailed, format!("{e}: {}", e.source)))
    }
}
