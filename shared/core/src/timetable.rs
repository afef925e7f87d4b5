//! When a running upgrade may go on: windows, freezes and stops as the policies of the moment have them.
//!
//! The plan says what moves in which order; the policies that hold at the moment of a release say whether it may be then.
//! So a freeze that is declared today holds an upgrade that was planned yesterday.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};

use crate::forecast::{Forecast, History};
use crate::hold::Cause;
use crate::plan::Plan;
use crate::policy::read::Wrong;
use crate::policy::{Layer, OnTooLong, OnWindowEnd, effective};
use crate::probe::Decision;
use crate::upgrade::{Command, Phase, Upgrade};
use crate::watchdog::Overdue;
use crate::waves::Waves;
use crate::window::{Calendar, Interval};

/// Time between two looks at an upgrade of which nothing runs the new version yet: operators are heeded within it, and
/// the watchdog does not take the workflow for dead.
const LOOK_SECONDS: u32 = 60;

/// What the policies of the moment say about time.
#[derive(Debug, Clone, PartialEq)]
pub struct Timetable {
    calendar: Calendar,
    on_window_end: OnWindowEnd,
    on_too_long: OnTooLong,
}

impl Timetable {
    /// Of the layers that hold.
    ///
    /// # Errors
    /// What does not fit together.
    pub fn of(layers: &[Layer]) -> Result<Self, Vec<Wrong>> {
        let policy = effective(layers)?.policy;
        let windows = policy.windows.as_deref().unwrap_or_default();
        let freezes = policy.freezes.as_deref().unwrap_or_default();
        let calendar = Calendar::new(windows, freezes, policy.emergency_stop.as_ref(), &BTreeMap::new());
        let wrong = |e: crate::window::WindowError| Wrong::new(e.field, e.problem, e.accepted);
        Ok(Self {
            calendar: calendar.map_err(|errors| errors.into_iter().map(wrong).collect::<Vec<_>>())?,
            on_window_end: policy.on_window_end.unwrap_or(OnWindowEnd::FinishBatch),
            on_too_long: policy.on_too_long.unwrap_or(OnTooLong::Refuse),
        })
    }

    /// What a decision comes to at this time: a release waits for its window, and a batch that outlives its window is
    /// treated as the policy says. Harm, failures and operators go before; so does a batch's own end.
    #[must_use]
    pub fn judge(&self, decision: Decision, upgrade: &Upgrade, plan: &Plan, now: Timestamp) -> Decision {
        match asks(&decision, upgrade) {
            None => decision,
            Some(Ask::Overrun) => self.overrun(upgrade, now).unwrap_or(decision),
            // A batch that has begun is finished as its window says; no freeze and no stop lets more of it begin.
            Some(Ask::Extend) => match self.forbidden(now) {
                None => self.overrun(upgrade, now).unwrap_or(decision),
                Some(cause) => wait_for(upgrade, cause),
            },
            Some(Ask::Release) => match self.wait(upgrade, plan, now) {
                None => decision,
                Some(cause) => wait_for(upgrade, cause),
            },
        }
    }

    /// What forbids any release at all; none where nothing does.
    fn forbidden(&self, now: Timestamp) -> Option<Cause> {
        let stopped = self.calendar.stopped().map(|reason| Cause::EmergencyStop {
            reason: reason.to_owned(),
        });
        stopped.or_else(|| {
            let name = self.calendar.freeze(now)?.to_owned();
            Some(Cause::Freeze { name, opens_at: None })
        })
    }

    /// What a release of the current batch has to wait for; none when it may be now.
    fn wait(&self, upgrade: &Upgrade, plan: &Plan, now: Timestamp) -> Option<Cause> {
        let begun = upgrade.batch > 0;
        if let Some(reason) = self.calendar.stopped() {
            return Some(Cause::EmergencyStop {
                reason: reason.to_owned(),
            });
        }
        let freeze = self.calendar.freeze(now).map(str::to_owned);
        if begun && self.on_window_end == OnWindowEnd::Continue && freeze.is_none() {
            return None;
        }
        let needs_seconds = self.needs_seconds(upgrade, plan);
        let fits = |open: &Interval| {
            let left = open.start.duration_until(open.end);
            open.closes().is_none() || u64::try_from(left.as_secs()).is_ok_and(|left| left >= needs_seconds)
        };
        let mut open_now = false;
        let mut opens_at = None;
        for open in self.calendar.openings(now) {
            open_now |= open.start == now;
            if fits(&open) {
                opens_at = Some(open.start);
                break;
            }
        }
        Some(match freeze {
            _ if opens_at == Some(now) => return None,
            Some(name) => Cause::Freeze { name, opens_at },
            None if open_now => Cause::WindowTooShort {
                needs_seconds,
                opens_at,
            },
            None => Cause::WindowClosed { opens_at },
        })
    }

    /// How long a window has to be open from now on, in seconds: for the batch and the way back from it, and for the
    /// whole plan where it has to fit into one window.
    fn needs_seconds(&self, upgrade: &Upgrade, plan: &Plan) -> u64 {
        let forecast = Forecast::of(plan, &History::default(), Waves::of(plan, 0).size);
        let each = u64::from(forecast.batch.high_seconds) + u64::from(plan.settings.batch_delay_seconds);
        let whole = upgrade.batch == 0 && self.on_too_long == OnTooLong::Refuse;
        let (batches, touched) = match plan.batch(upgrade.batch) {
            Some(batch) if !whole => (1, batch.end.0),
            _ => (u64::from(plan.batch_count()), plan.moving_instances()),
        };
        each * batches + forecast.rollback_seconds(touched)
    }

    /// What becomes of a batch that is under way and whose window has closed; none while it is open, or when that has
    /// been done.
    fn overrun(&self, upgrade: &Upgrade, now: Timestamp) -> Option<Decision> {
        let since = self.calendar.closes_at(upgrade.released_at?)?;
        let what = Overdue::Window {
            batch: upgrade.batch,
            since,
        };
        if since > now || self.calendar.is_open(now) || upgrade.overdue.contains(&what) {
            return None;
        }
        let ended = Cause::WindowEnded {
            batch: upgrade.batch,
            closed_at: since,
        };
        Some(Decision::Apply(match self.on_window_end {
            OnWindowEnd::FinishBatch | OnWindowEnd::Continue => Command::Overdue { what },
            OnWindowEnd::Pause => Command::Pause { cause: ended },
            OnWindowEnd::Rollback => Command::RollBack {
                reason: ended.to_string(),
                automatic: true,
                verdict: None,
            },
        }))
    }
}

/// What is asked of a timetable.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ask {
    /// Whether a batch may be released, or the traffic shifted before it.
    Release,
    /// Whether more of a batch that is under way may be released.
    Extend,
    /// Whether a batch that is under way has outlived its window.
    Overrun,
}

/// What a decision asks of the timetable; none when it is carried out at any time.
#[must_use]
pub fn asks(decision: &Decision, upgrade: &Upgrade) -> Option<Ask> {
    match (decision, upgrade.phase) {
        (Decision::Deploy | Decision::Shift, Phase::Ready { .. }) => Some(Ask::Release),
        (Decision::Apply(Command::Extend { .. }), _) => Some(Ask::Extend),
        (
            Decision::Wait | Decision::Shift | Decision::Apply(Command::Hold { .. }),
            Phase::Moving { .. } | Phase::Shifting { .. } | Phase::Baking { .. },
        ) if upgrade.status.is_moving() => Some(Ask::Overrun),
        _ => None,
    }
}

/// What a decision comes to when the policies cannot be followed: nothing is released, and the looks go on.
#[must_use]
pub fn without(decision: Decision, upgrade: &Upgrade, problem: String) -> Decision {
    match asks(&decision, upgrade) {
        Some(Ask::Release | Ask::Extend) => wait_for(upgrade, Cause::PolicyUnusable { problem }),
        Some(Ask::Overrun) | None => decision,
    }
}

/// Told once, and again when it is another wait by now.
fn wait_for(upgrade: &Upgrade, cause: Cause) -> Decision {
    match &upgrade.hold {
        Some(hold) if hold.cause == cause => Decision::Wait,
        _ => Decision::Apply(Command::Hold { cause }),
    }
}

/// When to look next at an upgrade that waits for its time, in seconds; none when it waits for something else.
#[must_use]
pub fn look_after_seconds(upgrade: &Upgrade, plan: &Plan, now: Timestamp) -> Option<u32> {
    let hold = upgrade.hold.as_ref().filter(|h| h.cause.is_about_time())?;
    let interval = plan.settings.health_check_interval_seconds;
    // Once anything runs the new version it is watched as always.
    let usual = match upgrade.released_at {
        None => interval.max(LOOK_SECONDS),
        Some(_) => interval,
    };
    let left = hold.until.map(|until| {
        let left = now.duration_until(until) + SignedDuration::from_millis(999);
        u32::try_from(left.as_secs().max(1)).unwrap_or(u32::MAX)
    });
    Some(left.map_or(usual, |left| usual.min(left)))
}

#[cfg(test)]
mod tests;
