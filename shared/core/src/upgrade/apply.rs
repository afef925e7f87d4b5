//! What each command does to the record and to the channel.

use super::*;
use crate::approval::Word;

mod adjust;
mod agree;
mod back;
mod except;
mod promotion;
mod release;

pub use adjust::{agreed, kept};
use back::{clocks, roll_back};
pub(crate) use promotion::awaits_promotion;
use promotion::ends_the_canary;
use release::{extend, moved, release};

/// Changes `next` and `channel` as the command says.
pub(super) fn apply(
    next: &mut Upgrade,
    channel: &mut Option<Channel>,
    command: &Command,
    context: &Context<'_>,
) -> Result<(), Refusal> {
    let now = context.now;
    fits(next, command, context.plan)?;
    match command {
        // It is refused above: only `Upgrade::create` makes a first event.
        Command::Create => {}
        Command::Start => {
            agree::consume(next, Action::Start, context)?;
            next.status = next.status.after(Step::Start)?;
            next.started_at = Some(now);
        }
        Command::Validate { before, .. } => {
            *channel = Some(validate(next, context)?);
            next.before.clone_from(before);
        }
        Command::Release { to } => release(next, owned(channel)?, *to, context)?,
        Command::Extend { to } => extend(next, owned(channel)?, *to, context)?,
        Command::Moved {
            failed,
            unreachable,
            named,
            dropped,
            failures_in_a_row,
            ..
        } => {
            moved(next, (*failed, *unreachable, *dropped), now)?;
            next.unreachable = next.unreachable.and(named);
            next.failures_in_a_row = *failures_in_a_row;
        }
        Command::Shifted { weight } => shifted(next, *weight, context)?,
        Command::Pass { .. } => pass(next, context)?,
        Command::Complete => {
            next.status = next.status.after(Step::Complete)?;
            let held = SignedDuration::from_secs(context.plan.settings.hold_seconds.into());
            owned(channel)?.held_until = now.checked_add(held).ok();
        }
        Command::Pause { cause } => {
            next.status = next.status.after(Step::Pause)?;
            next.hold = since(cause, now);
            if let Cause::WindowEnded { batch, closed_at } = *cause {
                let since = closed_at;
                next.overdue.push(Overdue::Window { batch, since });
            }
            owned(channel)?.mode = Mode::Hold;
            let asks = next.asks_for_decision();
            if asks && approval::is_needed(context.plan, next.status, Action::ContinueAnyway) {
                next.ask_for_approval(Action::ContinueAnyway, context.actor, now);
            }
        }
        Command::Resume => resume(next, owned(channel)?, now)?,
        Command::Promote => next.promoted_by = Some(context.actor.to_owned()),
        Command::ContinueAnyway => {
            agree::consume(next, Action::ContinueAnyway, context)?;
            resume(next, owned(channel)?, now)?;
            next.breaker_reset_at = Some(now);
            next.failures_in_a_row = 0;
        }
        Command::Drop { ordinal, position } => except::drop(next, owned(channel)?, (*ordinal, *position))?,
        Command::Cancel { reason } => {
            next.status = next.status.after(Step::Cancel)?;
            next.failure = Some(reason.clone());
            stop(channel, now);
        }
        Command::AskApproval { action, changes } => agree::ask(next, *action, changes.as_ref(), context)?,
        Command::Grant { number, token, .. } => agree::decide(next, *number, Word::Grant(token), context)?,
        Command::Deny { number, remark } => agree::decide(next, *number, Word::Deny(remark), context)?,
        Command::Expire { number } => next.approvals.expire(*number, now)?,
        Command::Edit { plan_hash, .. } => agree::edit(next, plan_hash, context),
        Command::Adjust { plan_hash, changes } => {
            adjust::adjust(next, owned(channel)?, (plan_hash, changes), context)?;
        }
        Command::Unhold => next.hold = None,
        Command::Hold { cause } => next.hold = since(cause, now),
        Command::RollBack {
            reason,
            automatic,
            verdict,
        } => {
            let before = next.status;
            roll_back(next, channel, context)?;
            agree::afterwards(next, before, context);
            next.clocks = clocks(verdict.as_ref(), now);
            next.rollback = Some(Rollback {
                reason: reason.clone(),
                initiated_at: now,
                initiated_by: context.actor.to_owned(),
                automatic: *automatic,
                verdict: verdict.clone(),
            });
        }
        Command::RolledBack { .. } => {
            next.status = next.status.after(Step::RolledBack)?;
            next.clocks.t4_instances_back = Some(now);
        }
        Command::Fail { reason, .. } => {
            next.status = next.status.after(Step::Fail)?;
            next.failure = Some(reason.clone());
            stop(channel, now);
        }
        Command::Restart { .. } => next.attempt = next.attempt.next(),
        Command::Overdue { what } => next.overdue.push(*what),
        Command::Report { .. } => next.clocks.t5_record_complete = Some(now),
    }
    if next.status.is_terminal() && next.ended_at.is_none() {
        next.hold = None;
        next.ended_at = Some(now);
    }
    Ok(())
}

/// Refuses what comes at the wrong time, as far as the status alone does not tell.
fn fits(next: &Upgrade, command: &Command, plan: &Plan) -> Result<(), Refusal> {
    let phase = next.phase;
    let ready = matches!(phase, Phase::Ready { .. });
    let fits = match command {
        Command::Create => false,
        Command::Release { to } => {
            let fits = plan
                .batch(next.batch)
                .is_some_and(|b| b.begin < *to && *to <= b.end);
            next.status.is_moving() && ready && fits
        }
        Command::Extend { to } => {
            let end = plan.batch(next.batch).map_or(Position(0), |b| b.end);
            next.status.is_moving()
                && matches!(phase, Phase::Moving { released, .. } if released < *to && *to <= end)
        }
        // What is not released yet has not moved either.
        Command::Moved { .. } => {
            let end = plan.batch(next.batch).map(|b| b.end);
            next.status.is_moving()
                && matches!(phase, Phase::Moving { released, .. } if Some(released) == end)
        }
        Command::Shifted { .. } => next.status.is_moving() || next.status == Status::RollingBack,
        Command::Pass { .. } => next.status.is_moving() && matches!(phase, Phase::Baking { .. }),
        Command::Complete => ready && next.batch >= plan.batch_count(),
        Command::Edit { plan_hash, .. } => next.status == Status::Pending && *plan_hash == plan.hash(),
        Command::Adjust { plan_hash, .. } => *plan_hash == plan.hash() && adjust::fits(next, plan),
        // A pause keeps its own explanation, and with it the moment from which its clocks stand still.
        Command::Hold { .. } => !next.status.is_terminal() && !next.status.is_paused(),
        Command::Unhold => next.hold.is_some() && !next.status.is_terminal() && !next.status.is_paused(),
        Command::Drop { ordinal, position } => {
            position.0 < plan.total_instances && !next.exceptions.is_dropped(*ordinal)
        }
        Command::RolledBack {
            acknowledged,
            dropped,
        } => next.clocks.t3_traffic_back.is_some() && covers(phase, acknowledged.saturating_add(*dropped)),
        Command::Restart { .. } => next.status != Status::Pending && next.clocks.t5_record_complete.is_none(),
        Command::Overdue { what } => !next.status.is_terminal() && !next.overdue.contains(what),
        Command::Report { .. } => next.status.is_terminal() && next.clocks.t5_record_complete.is_none(),
        _ => true,
    };
    let command = command.event_name();
    fits.then_some(()).ok_or(Refusal::Phase { command, phase })
}

/// Whether every instance that was ever released has acknowledged the way back, or is not waited for.
fn covers(phase: Phase, acknowledged: u32) -> bool {
    matches!(phase, Phase::Reverting { frontier, .. } if acknowledged >= frontier.0)
}

fn since(cause: &Cause, now: Timestamp) -> Option<Hold> {
    Some(Hold {
        cause: cause.clone(),
        since: now,
        until: cause.until(),
    })
}

/// Who has begun finishes, who has not stays; a fleet on its way back goes on going back.
fn stop(channel: &mut Option<Channel>, now: Timestamp) {
    if let Some(channel) = channel.as_mut().filter(|c| c.mode != Mode::Revert) {
        channel.mode = Mode::Hold;
        channel.held_until = Some(now);
    }
}

fn owned(channel: &mut Option<Channel>) -> Result<&mut Channel, Refusal> {
    channel.as_mut().ok_or(Refusal::ChannelLost)
}

/// Takes the channel from whoever had it: the lock has made sure that no other upgrade is active.
fn validate(next: &mut Upgrade, context: &Context<'_>) -> Result<Channel, Refusal> {
    let canary = context
        .plan
        .batches
        .first()
        .is_some_and(|b| b.kind == Kind::Canary);
    next.status = next.status.after(if canary {
        Step::BeginCanary
    } else {
        Step::BeginRolling
    })?;
    next.epoch = context.channel.map_or(Epoch(0), |c| c.epoch).next();
    next.phase = Phase::Ready { since: context.now };
    Ok(Channel {
        fleet: next.fleet.clone(),
        upgrade_id: next.upgrade_id,
        plan_hash: next.plan_hash.clone(),
        from: next.from.clone(),
        to: next.to.clone(),
        frontier: Position(0),
        next_frontier: context.plan.batches.first().map_or(Position(0), |b| b.end),
        mode: Mode::Run,
        epoch: next.epoch,
        attempt: Attempt(0),
        held_until: None,
        reverted_at: None,
        waves: None,
        switch: context.plan.settings.switch,
        exceptions: Exceptions::default(),
        rev: context.channel.map_or(Rev(0), |c| c.rev),
    })
}

fn shifted(next: &mut Upgrade, weight: Percent, context: &Context<'_>) -> Result<(), Refusal> {
    let refused = Refusal::Phase {
        command: "traffic.shifted",
        phase: next.phase,
    };
    let batch = context.plan.batch(next.batch);
    let (allowed, after) = match (next.phase, batch) {
        (Phase::Ready { .. }, Some(batch)) => (batch.weight_before, next.phase),
        (Phase::Shifting { .. }, Some(batch)) => (batch.weight_after, Phase::Baking { since: context.now }),
        // On the way back any lower share is allowed.
        (Phase::Reverting { .. }, _) => (weight.min(next.weight), next.phase),
        _ => return Err(refused),
    };
    if weight != allowed {
        return Err(Refusal::Weight {
            given: weight,
            allowed,
        });
    }
    next.weight = weight;
    next.route_verified = true;
    next.phase = after;
    next.hold = None;
    if matches!(next.phase, Phase::Reverting { .. }) && weight == Percent::ZERO {
        next.clocks.t3_traffic_back.get_or_insert(context.now);
    }
    Ok(())
}

fn pass(next: &mut Upgrade, context: &Context<'_>) -> Result<(), Refusal> {
    if awaits_promotion(next, context.plan) {
        return Err(Refusal::Phase {
            command: "batch.passed",
            phase: next.phase,
        });
    }
    if ends_the_canary(next, context.plan) {
        next.status = next.status.after(Step::Promote)?;
    }
    next.batch = next.batch.saturating_add(1);
    next.phase = Phase::Ready { since: context.now };
    next.hold = None;
    Ok(())
}

/// Goes on where it stopped; the bake has not gone on meanwhile.
fn resume(next: &mut Upgrade, channel: &mut Channel, now: Timestamp) -> Result<(), Refusal> {
    let paused_at = next.hold.as_ref().map_or(now, |h| h.since);
    next.status = next.status.after(Step::Resume)?;
    next.hold = None;
    channel.mode = Mode::Run;
    let paused = now.duration_since(paused_at);
    if let Phase::Baking { since } | Phase::Moving { since, .. } = &mut next.phase {
        *since = since.checked_add(paused).unwrap_or(now).min(now);
    }
    Ok(())
}
