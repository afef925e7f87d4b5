//! What an execution did, held against what always holds.

use sluice_core::lifecycle::Status;
use sluice_core::settings::Promotion;
use sluice_core::upgrade::Command;

use super::Lab;
use super::state::{Broken, State};
use super::works::{Outcome, Written};
use super::world::{Data, Function};

impl Lab {
    pub(super) fn judge_read(&self, s: &mut State, outcome: &Outcome) {
        let upgrade = self.upgrades.get(s.upgrade);
        let sees_harm = outcome.function == Some(Function::HealthProbe)
            && outcome.look.data == Data::Bad
            && upgrade.status.is_active()
            && upgrade.released_at.is_some();
        let acts = outcome
            .changes
            .iter()
            .any(|c| matches!(c.command, Command::RollBack { .. }));
        if sees_harm && !acts {
            s.witness.broken = Some(Broken::HarmIgnored);
        }
        if outcome.repeated {
            s.witness.broken = Some(Broken::SecondRunWrote);
        }
    }

    /// What the design says about a change, whatever the code thinks of it.
    pub(super) fn judge_change(&self, s: &mut State, outcome: &Outcome, change: &Written, forked: bool) {
        let (before, after) = (self.upgrades.get(s.upgrade), self.upgrades.get(change.upgrade));
        let old = s.channel.map(|c| self.channels.get(c));
        let new = change.channel.map(|c| self.channels.get(c));
        let witness = &mut s.witness;
        let plan = &self.base.plan;
        let mut wrong = |broken: Broken, is: bool| {
            if is {
                witness.broken = Some(broken);
            }
        };
        wrong(Broken::Forked, forked);
        let ours = outcome.function.is_none()
            || matches!(outcome.function, Some(Function::Planning | Function::Report));
        wrong(
            Broken::SupersededWrote,
            !ours && outcome.epoch != Some(before.epoch),
        );
        if let (Some(old), Some(new)) = (&old, &new) {
            wrong(
                Broken::FrontierLowered,
                old.epoch == new.epoch && new.frontier < old.frontier,
            );
            wrong(
                Broken::ChannelTaken,
                old.upgrade_id != new.upgrade_id && before.epoch.0 > 0,
            );
        }
        match &change.command {
            Command::Release { .. } | Command::Extend { .. } => {
                let early = !before.status.is_moving() || before.batch != witness.passed;
                if early {
                    witness.broken = Some(Broken::ReleasedTooSoon);
                }
                witness.released = witness.released.max(new.map_or(0, |c| c.frontier.0));
            }
            Command::Pass { .. } => {
                if outcome.look.data != Data::Good {
                    witness.broken = Some(Broken::PassedWithoutData);
                }
                witness.passed += 1;
                let manual = plan.settings.canary_promotion == Promotion::Manual;
                if manual && after.status == Status::InProgress && after.promoted_by.is_none() {
                    witness.broken = Some(Broken::PassedUnpromoted);
                }
            }
            Command::Moved { .. } if after.failures >= plan.settings.failure_threshold => {
                witness.broken = Some(Broken::FailuresIgnored);
            }
            Command::Pause { .. } => witness.paused_from = Some(before.status),
            Command::Resume if witness.paused_from.take() != Some(after.status) => {
                witness.broken = Some(Broken::ResumedElsewhere);
            }
            _ => {}
        }
        if !after.status.is_paused() {
            witness.paused_from = None;
        }
    }
}
