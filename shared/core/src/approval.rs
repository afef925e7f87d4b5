//! Approvals: what somebody else has to agree to, who may, and how long an agreement lasts.
//!
//! An approval is bound to one upgrade, one action and one plan by its hash. It is asked for, decided once, used once.

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use crate::action::Action;
use crate::credential::{Secret, SecretHash};
use crate::lifecycle::Status;
use crate::plan::Plan;
use crate::policy::Approval as Required;
use crate::settings::Changes;

mod decided;

pub use decided::Refused;
pub(crate) use decided::{Decision, Word};

/// How long an approval may be decided, and how long a granted one may be used, in hours.
const VALID_HOURS: i64 = 24;

/// Most approvals that a record keeps; the oldest that are settled go first. The events keep them all.
const MAX_KEPT: usize = 16;

/// What has become of an approval.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "state", rename_all = "kebab-case")]
pub enum State {
    /// Nobody has decided.
    Asked,
    /// It is granted, and not used.
    Granted {
        /// By whom.
        by: String,
        /// The token that uses it.
        token: SecretHash,
    },
    /// It is refused.
    Denied {
        /// By whom.
        by: String,
        /// Why, in the words of whom.
        remark: String,
    },
    /// What it was for has been done.
    Used {
        /// By whom it was granted; none when it was done in an emergency and agreed to afterwards.
        by: String,
    },
    /// Nobody decided or used it in time.
    Expired,
}

/// Something that somebody else has to agree to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Approval {
    /// Its number within the upgrade: that of the event that asked for it.
    pub number: u64,
    /// What is to be done, or was done in an emergency.
    pub action: Action,
    /// Whether it was done before it was agreed to.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub afterwards: bool,
    /// The plan that it is about.
    pub plan_hash: String,
    /// What is to be changed of it, where that is what is to be done.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub changes: Option<Changes>,
    /// Who asked.
    pub requested_by: String,
    /// When.
    pub requested_at: Timestamp,
    /// Until when it may be decided; once granted, used.
    pub expires_at: Timestamp,
    /// What has become of it.
    #[serde(flatten)]
    pub state: State,
}

/// Whether a plan asks for somebody else's word before an action in this status.
#[must_use]
pub fn is_needed(plan: &Plan, status: Status, action: Action) -> bool {
    let critical = match action {
        Action::Start | Action::ContinueAnyway | Action::Adjust => true,
        Action::Rollback => status == Status::Completed,
        _ => false,
    };
    critical && plan.settings.approval != Required::Never
}

impl Approval {
    /// One that is asked for now.
    #[must_use]
    pub fn asked(number: u64, action: Action, plan_hash: &str, by: &str, now: Timestamp) -> Self {
        Self {
            number,
            action,
            afterwards: false,
            plan_hash: plan_hash.to_owned(),
            changes: None,
            requested_by: by.to_owned(),
            requested_at: now,
            expires_at: later(now),
            state: State::Asked,
        }
    }

    /// Whether it may still be decided or used.
    #[must_use]
    pub fn is_open(&self) -> bool {
        matches!(self.state, State::Asked | State::Granted { .. })
    }

    /// Why it cannot be decided any more.
    fn settled(&self, plan_hash: &str, now: Timestamp) -> Option<String> {
        Some(match &self.state {
            State::Granted { by, .. } | State::Used { by } => format!("{by} has granted it"),
            State::Denied { by, remark } => format!("{by} has denied it: {remark}"),
            State::Expired => format!("it expired at {}", self.expires_at),
            State::Asked if now >= self.expires_at => format!("it expired at {}", self.expires_at),
            State::Asked if self.plan_hash != plan_hash => "the plan was changed since".to_owned(),
            State::Asked => return None,
        })
    }
}

fn later(now: Timestamp) -> Timestamp {
    now.checked_add(SignedDuration::from_hours(VALID_HOURS))
        .unwrap_or(now)
}

/// The approvals of one upgrade.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Approvals(Vec<Approval>);

impl Approvals {
    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// All that are kept, the oldest first.
    #[must_use]
    pub fn all(&self) -> &[Approval] {
        &self.0
    }

    /// The newest one for an action.
    #[must_use]
    pub fn newest(&self, action: Action) -> Option<&Approval> {
        self.0.iter().rev().find(|a| a.action == action)
    }

    /// Asks for one.
    pub(crate) fn ask(&mut self, approval: Approval) {
        if self.0.len() >= MAX_KEPT {
            let place = self.0.iter().position(|a| !a.is_open()).unwrap_or(0);
            self.0.remove(place);
        }
        self.0.push(approval);
    }

    /// One that expired and has not been noted as such.
    #[must_use]
    pub fn overdue(&self, now: Timestamp) -> Option<u64> {
        let overdue = |a: &&Approval| a.is_open() && now >= a.expires_at;
        self.0.iter().find(overdue).map(|a| a.number)
    }

    /// Notes that one has expired.
    pub(crate) fn expire(&mut self, number: u64, now: Timestamp) -> Result<(), Refused> {
        let found = self
            .0
            .iter_mut()
            .find(|a| a.number == number && a.is_open() && now >= a.expires_at);
        found.ok_or(Refused::Unknown(number))?.state = State::Expired;
        Ok(())
    }

    /// Decides one; `parties` are those who have an interest in it, with what makes them one.
    pub(crate) fn decide(
        &mut self,
        number: u64,
        plan_hash: &str,
        parties: &[(&str, &'static str)],
        decision: Decision<'_>,
    ) -> Result<(), Refused> {
        let found = self.0.iter_mut().find(|a| a.number == number);
        let approval = found.ok_or(Refused::Unknown(number))?;
        if let Some(why) = approval.settled(plan_hash, decision.now) {
            return Err(Refused::Settled { number, why });
        }
        let by = decision.by.to_owned();
        let asked = (approval.requested_by.as_str(), "has asked for it");
        let own = [asked].into_iter().chain(parties.iter().copied());
        if let Some((_, why)) = own.into_iter().find(|(who, _)| *who == by) {
            return Err(Refused::NotIndependent { number, by, why });
        }
        approval.state = match decision.verdict {
            Word::Grant(_) if approval.afterwards => State::Used { by },
            Word::Grant(token) => State::Granted {
                by,
                token: token.clone(),
            },
            Word::Deny(remark) => State::Denied {
                by,
                remark: remark.to_owned(),
            },
        };
        approval.expires_at = later(decision.now);
        Ok(())
    }

    /// Uses the granted one for an action.
    pub(crate) fn consume(&mut self, action: Action, plan_hash: &str, now: Timestamp) -> Result<(), Refused> {
        self.holds(action, plan_hash, now)?;
        if let Some(approval) = self.0.iter_mut().rev().find(|a| a.action == action)
            && let State::Granted { by, .. } = &approval.state
        {
            approval.state = State::Used { by: by.clone() };
        }
        Ok(())
    }

    /// Whether the newest one for an action is granted and holds.
    ///
    /// # Errors
    /// [`Refused::Needed`] with what is missing.
    pub fn holds(&self, action: Action, plan_hash: &str, now: Timestamp) -> Result<&SecretHash, Refused> {
        let needed = |why: String| Refused::Needed { action, why };
        let newest = self
            .newest(action)
            .ok_or_else(|| needed("none was asked for".to_owned()))?;
        let number = newest.number;
        match &newest.state {
            _ if newest.plan_hash != plan_hash => Err(needed(format!("{number} is about another plan"))),
            State::Denied { by, remark } => Err(needed(format!("{by} has denied {number}: {remark}"))),
            State::Used { .. } => Err(needed(format!("{number} has been used"))),
            State::Expired => Err(needed(format!("{number} expired at {}", newest.expires_at))),
            _ if now >= newest.expires_at => {
                Err(needed(format!("{number} expired at {}", newest.expires_at)))
            }
            State::Asked => Err(needed(format!("nobody has decided {number} yet"))),
            State::Granted { token, .. } => Ok(token),
        }
    }

    /// Whether a token uses the granted approval for an action.
    ///
    /// # Errors
    /// [`Refused::Needed`] when there is none, [`Refused::Token`] when the token is another's.
    pub fn admits(
        &self,
        action: Action,
        plan_hash: &str,
        token: &Secret,
        now: Timestamp,
    ) -> Result<(), Refused> {
        if self.holds(action, plan_hash, now)?.is_of(token) {
            return Ok(());
        }
        let why = format!("it is not that of the approval for {}", action.name());
        Err(Refused::Token { why })
    }
}

#[cfg(test)]
mod tests;
