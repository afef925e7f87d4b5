//! How the record changes. Each function is total and has no other effect.

use sluice_core::fleet::{InstanceError, InstanceReport, InstanceStatus};
use sluice_core::release::Release;
use sluice_core::units::{Attempt, Epoch};

use super::order::Order;
use super::record::{Command, Done, Journal, Record};

impl Record {
    /// Remembers the newest command and the last word about it.
    pub fn told(&mut self, seen: Command, report: Option<InstanceReport>) {
        self.seen = Some(seen);
        self.report = report;
    }

    /// Begins the move of `order`: from here on it is finished or undone, whatever happens to the agent. A switch that
    /// was under way is replaced; the release that verified last stays the one to return to.
    pub fn begin(&mut self, order: &Order) {
        let from = match self.switch.take() {
            Some(journal) => journal.from,
            None => self.running.clone(),
        };
        self.switch = Some(Journal {
            command: order.command,
            target: order.artifact.release.clone(),
            from,
            revert: order.revert,
            confirm: order.checks.post_upgrade.clone(),
            returning: None,
        });
        self.advance(InstanceStatus::Draining);
    }

    /// Says how far the switch under way is. Silent when the newest command is another upgrade's.
    pub fn advance(&mut self, status: InstanceStatus) {
        self.say(status, None);
    }

    /// The target failed: from here on the instance goes back by itself.
    pub fn turn_back(&mut self, error: InstanceError) {
        if let Some(journal) = &mut self.switch {
            journal.returning = Some(error);
        }
    }

    /// `current` names another release.
    pub fn linked(&mut self, release: Option<Release>) {
        self.running = release;
    }

    /// The switch has ended with `status`.
    ///
    /// A way forward that failed after a newer epoch was seen is not a failure of the newer command: it counts as not
    /// begun under that one.
    pub fn end(&mut self, status: InstanceStatus, error: Option<InstanceError>) {
        let Some(journal) = self.switch.take() else { return };
        let mut by = journal.command;
        if let Some(report) = self
            .report
            .as_ref()
            .filter(|r| Some(r.upgrade_id) == by.upgrade_id)
        {
            (by.epoch, by.attempt) = (report.epoch, report.attempt);
        }
        if status == InstanceStatus::Failed && !journal.revert && by.epoch > journal.command.epoch {
            return self.say_of(&journal, InstanceStatus::Pending, None);
        }
        self.done = Some(done((by.epoch, by.attempt), &journal.target, journal.revert));
        if status != InstanceStatus::Failed {
            let left = journal.from.clone().filter(|f| !self.runs(f));
            self.previous = left.or(self.previous.take());
        }
        self.say_of(&journal, status, error);
    }

    /// The move of `order` failed before it began: what runs was not touched.
    pub fn refuse(&mut self, order: &Order, error: InstanceError) {
        let Some(upgrade_id) = order.command.upgrade_id else {
            return;
        };
        let (epoch, attempt) = order.command.key();
        self.done = Some(done((epoch, attempt), &order.artifact.release, order.revert));
        let status = InstanceStatus::Failed;
        self.report = Some(InstanceReport {
            upgrade_id,
            epoch,
            attempt,
            status,
            error: Some(error),
        });
    }

    /// The switch under way was undone before it had changed what runs: it counts as not begun.
    pub fn undone(&mut self) {
        if let Some(journal) = self.switch.take() {
            self.say_of(&journal, InstanceStatus::Pending, None);
        }
    }

    fn say(&mut self, status: InstanceStatus, error: Option<InstanceError>) {
        if let Some(journal) = self.switch.take() {
            self.say_of(&journal, status, error);
            self.switch = Some(journal);
        }
    }

    fn say_of(&mut self, journal: &Journal, status: InstanceStatus, error: Option<InstanceError>) {
        let Some(upgrade_id) = journal.command.upgrade_id else {
            return;
        };
        match (&mut self.report, self.seen) {
            (Some(report), _) if report.upgrade_id == upgrade_id => {
                report.status = status;
                report.error = error;
            }
            (_, Some(seen)) if seen.upgrade_id != Some(upgrade_id) => {}
            _ => {
                let (epoch, attempt) = journal.command.key();
                self.report = Some(InstanceReport {
                    upgrade_id,
                    epoch,
                    attempt,
                    status,
                    error,
                });
            }
        }
    }
}

fn done((epoch, attempt): (Epoch, Attempt), release: &Release, revert: bool) -> Done {
    Done {
        epoch,
        attempt,
        version_id: release.version_id,
        revert,
    }
}
