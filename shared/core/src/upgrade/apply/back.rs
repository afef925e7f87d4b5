//! How a way back begins.

use super::*;
use crate::upgrade::act::is_held;
use crate::waves::Waves;

/// The clocks of a way back at its begin.
pub(super) fn clocks(verdict: Option<&Verdict>, now: Timestamp) -> Clocks {
    Clocks {
        t1_first_datapoint: first_error(verdict),
        t2_verdict: Some(now),
        ..Clocks::default()
    }
}

/// Turns the channel, and takes the lock again where it was given back.
pub(super) fn roll_back(
    next: &mut Upgrade,
    channel: &mut Option<Channel>,
    context: &Context<'_>,
) -> Result<(), Refusal> {
    let now = context.now;
    let held = channel.as_mut().filter(|c| is_held(next.status, c, now));
    let channel = held.ok_or_else(|| next.channel_lost())?;
    next.status = next.status.after(Step::RollBack)?;
    channel.mode = Mode::Revert;
    channel.epoch = channel.epoch.next();
    channel.attempt = Attempt(0);
    channel.held_until = None;
    channel.reverted_at = Some(now);
    channel.waves = Some(Waves::of(context.plan, next.failures));
    next.epoch = channel.epoch;
    next.phase = Phase::Reverting {
        since: now,
        frontier: channel.frontier,
    };
    next.hold = None;
    next.ended_at = None;
    Ok(())
}

fn first_error(verdict: Option<&Verdict>) -> Option<Timestamp> {
    verdict?
        .numbers()
        .first_error_at_ms
        .and_then(|ms| Timestamp::from_millisecond(ms).ok())
}
