//! What approvals do to the record.

use super::*;
use crate::approval::{Approval, Decision, Refused};
use crate::settings::Changes;

impl Upgrade {
    /// Asks for an approval, by the number of the event that is being made.
    pub(in crate::upgrade) fn ask_for_approval(&mut self, action: Action, by: &str, now: Timestamp) {
        let number = self.seq.next().0;
        let asked = Approval::asked(number, action, &self.plan_hash, by, now);
        self.approvals.ask(asked);
    }
}

/// An operator asks for one.
pub(super) fn ask(
    next: &mut Upgrade,
    action: Action,
    changes: Option<&Changes>,
    context: &Context<'_>,
) -> Result<(), Refusal> {
    next.may(action)?;
    let refused = |why: String| Refused::Needed {
        action,
        why: format!("and none can be asked for: {why}"),
    };
    if !approval::is_needed(context.plan, next.status, action) {
        return Err(refused("nobody has to agree".to_owned()).into());
    }
    let open = next
        .approvals
        .newest(action)
        .filter(|a| a.is_open() && a.plan_hash == next.plan_hash && a.changes.as_ref() == changes);
    if let Some(open) = open.filter(|a| context.now < a.expires_at) {
        return Err(refused(format!("{} is open", open.number)).into());
    }
    if changes.is_some() != (action == Action::Adjust) {
        return Err(refused("it does not say what is to be changed".to_owned()).into());
    }
    let number = next.seq.next().0;
    next.approvals.ask(Approval {
        changes: changes.cloned(),
        ..Approval::asked(number, action, &next.plan_hash, context.actor, context.now)
    });
    Ok(())
}

/// Uses the approval of an action that needs one.
pub(super) fn consume(next: &mut Upgrade, action: Action, context: &Context<'_>) -> Result<(), Refusal> {
    if approval::is_needed(context.plan, next.status, action) {
        next.approvals.consume(action, &next.plan_hash, context.now)?;
    }
    Ok(())
}

/// A way back waits for nobody: where nobody had agreed, somebody is asked afterwards.
pub(super) fn afterwards(next: &mut Upgrade, before: Status, context: &Context<'_>) {
    let action = Action::Rollback;
    let needed = approval::is_needed(context.plan, before, action);
    if !needed
        || next
            .approvals
            .consume(action, &next.plan_hash, context.now)
            .is_ok()
    {
        return;
    }
    let number = next.seq.next().0;
    let asked = Approval::asked(number, action, &next.plan_hash, context.actor, context.now);
    next.approvals.ask(Approval {
        afterwards: true,
        ..asked
    });
}

/// Whoever asked for the upgrade, or changed its plan, does not agree to it; a rollback is whoever's who did it.
pub(super) fn decide(
    next: &mut Upgrade,
    number: u64,
    verdict: Word<'_>,
    context: &Context<'_>,
) -> Result<(), Refusal> {
    let own = next.approvals.all().iter().find(|a| a.number == number);
    let forward = own.is_some_and(|a| a.action != Action::Rollback);
    let requester = next.requested_by.clone();
    let editor = next.edited_by.clone();
    let parties: Vec<_> = [
        (Some(&requester), "has asked for the upgrade"),
        (editor.as_ref(), "has changed the plan"),
    ]
    .into_iter()
    .filter_map(|(who, why)| Some((who?.as_str(), why)))
    .filter(|_| forward)
    .collect();
    let decision = Decision {
        by: context.actor,
        now: context.now,
        verdict,
    };
    Ok(next
        .approvals
        .decide(number, &next.plan_hash, &parties, decision)?)
}

/// Another plan: what was agreed to before is about the old one.
pub(super) fn edit(next: &mut Upgrade, plan_hash: &str, context: &Context<'_>) {
    plan_hash.clone_into(&mut next.plan_hash);
    next.edited_by = Some(context.actor.to_owned());
    if approval::is_needed(context.plan, next.status, Action::Start) {
        next.ask_for_approval(Action::Start, context.actor, context.now);
    }
}
