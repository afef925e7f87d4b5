//! What operators may do, as far as the whole record tells.

use super::{Refusal, Upgrade};
use crate::action::{Action, Impossible};
use crate::channel::Channel;
use crate::hold::Cause;
use crate::lifecycle::Status;

impl Upgrade {
    /// Checks an operator's action against status and record.
    ///
    /// # Errors
    /// [`Impossible`] with what the record would allow.
    pub fn may(&self, action: Action) -> Result<(), Impossible> {
        let refused = match self.status.act(action) {
            Ok(_) => match self.forbids(action) {
                None => return Ok(()),
                Some(why) => Impossible::now(self.status, action, why),
            },
            Err(impossible) => impossible,
        };
        Err(Impossible {
            possible: self.possible(),
            ..refused
        })
    }

    /// What operators can do now. Whether the channel of an ended upgrade is still held is not in the record.
    #[must_use]
    pub fn possible(&self) -> Vec<Action> {
        let fits = |action: &Action| self.forbids(*action).is_none();
        self.status.possible().filter(fits).collect()
    }

    /// A rollback whose channel is another upgrade's, or is not held any more.
    pub(super) fn channel_lost(&self) -> Refusal {
        let why = "the fleet's channel is not held by this upgrade any more";
        let mut lost = Impossible::now(self.status, Action::Rollback, why);
        lost.possible.retain(|a| self.forbids(*a).is_none());
        Refusal::Impossible(lost)
    }

    /// Why the record forbids what its status alone would allow.
    fn forbids(&self, action: Action) -> Option<String> {
        let asks = self.asks_for_decision();
        match action {
            Action::Resume if asks => Some("the breaker has tripped and asks for a decision".to_owned()),
            Action::ContinueAnyway if !asks => Some("no decision is asked for".to_owned()),
            Action::PromoteCanary => {
                let by = self.promoted_by.as_ref()?;
                Some(format!("{by} has promoted it already"))
            }
            _ => None,
        }
    }

    /// Whether a stop has paused it, and not an operator or the gate.
    #[must_use]
    pub fn is_stopped(&self) -> bool {
        let stop = |hold: &crate::hold::Hold| matches!(hold.cause, Cause::Stopped { .. });
        self.status.is_paused() && self.hold.as_ref().is_some_and(stop)
    }

    /// Whether the breaker has paused it and an operator has to say how it goes on.
    #[must_use]
    pub fn asks_for_decision(&self) -> bool {
        let breaker = |hold: &crate::hold::Hold| matches!(hold.cause, Cause::Breaker { .. });
        self.status.is_paused() && self.hold.as_ref().is_some_and(breaker)
    }
}

/// Whether a completed upgrade's channel is still kept for its return.
pub(super) fn is_held(status: Status, channel: &Channel, now: jiff::Timestamp) -> bool {
    status != Status::Completed || channel.held_until.is_some_and(|until| until > now)
}
