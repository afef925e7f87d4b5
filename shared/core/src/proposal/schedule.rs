//! In which window each batch is released.
//!
//! A batch is released where its own time and the way back from it end before the window closes, nine times of ten. With
//! `onTooLong: refuse` the whole plan has to fit into one window like that; with `split` each batch has to, and what does
//! not fit any more goes on in the next window.

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use crate::forecast::Forecast;
use crate::plan::{Batch, Plan};
use crate::policy::OnTooLong;
use crate::window::{Calendar, HORIZON, Interval};

/// When a batch moves.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Slot {
    /// When it is released, nine times of ten at the latest.
    pub release_at: Timestamp,
    /// When it has passed, half of the time.
    pub likely_end_at: Timestamp,
    /// When it has passed, nine times of ten.
    pub end_at: Timestamp,
    /// When a way back from it, begun at `end_at`, is over.
    pub rollback_end_at: Timestamp,
    /// When its window opens, or `now` where it is open then.
    pub window_opens_at: Timestamp,
    /// When its window closes; absent when nothing closes it within the horizon.
    pub window_closes_at: Option<Timestamp>,
}

/// When all of it happens.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Summary {
    /// When the first batch is released, if it is approved until then.
    pub start_at: Timestamp,
    /// When the last batch has passed, half of the time.
    pub likely_end_at: Timestamp,
    /// When the last batch has passed, nine times of ten.
    pub end_at: Timestamp,
    /// How long the way back takes from the whole fleet, in seconds, nine times of ten.
    pub rollback_seconds: u64,
    /// In how many windows it runs.
    pub windows: u32,
    /// The longest time that it waits between two windows, in seconds.
    pub longest_wait_seconds: u64,
}

/// Why it fits into no window.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NoWindow {
    /// Nothing opens.
    #[error("nothing opens within ten years of {now}: {because}")]
    NeverOpen {
        /// The moment of planning.
        now: Timestamp,
        /// What keeps it closed.
        because: String,
    },
    /// The windows are too short.
    #[error(
        "{what} needs {needs_seconds} s with the way back ({rollback_seconds} s of them), and the longest window has \
         {longest_seconds} s; accepted: a longer window, larger batches{or_split}"
    )]
    TooShort {
        /// What does not fit: the plan, or a batch.
        what: String,
        /// The time that it needs.
        needs_seconds: u64,
        /// How much of that is the way back.
        rollback_seconds: u64,
        /// The longest time that there is.
        longest_seconds: u64,
        /// What else would help.
        or_split: &'static str,
    },
}

/// Places every batch.
///
/// # Errors
/// [`NoWindow`] when one, or with `refuse` all of them together, fit into none.
pub fn schedule(
    plan: &Plan,
    forecast: &Forecast,
    calendar: &Calendar,
    on_too_long: OnTooLong,
    now: Timestamp,
) -> Result<(Vec<Slot>, Summary), NoWindow> {
    let mut openings = calendar.openings(now);
    let mut open = openings.next().ok_or_else(|| never(calendar, now))?;
    let mut at = open.start;
    if on_too_long == OnTooLong::Refuse {
        let all: u64 = plan.batches.iter().map(|_| high(plan, forecast)).sum();
        let need = Need::new(
            "the plan",
            all,
            forecast.rollback_seconds(plan.moving_instances()),
            ", or onTooLong: split",
        );
        open = need.first_fit(open, &mut openings, at)?;
        at = at.max(open.start);
    }
    let mut slots: Vec<Slot> = Vec::with_capacity(plan.batches.len());
    let mut likely = at;
    for batch in &plan.batches {
        if on_too_long == OnTooLong::Split {
            let what = format!("batch {}", batch.index);
            let need = Need::new(
                &what,
                high(plan, forecast),
                forecast.rollback_seconds(batch.end.0),
                "",
            );
            open = need.first_fit(open, &mut openings, at)?;
            at = at.max(open.start);
        }
        // What is sooner than expected in one window does not bring the next window forward.
        let moved_on = slots
            .last()
            .is_some_and(|last| last.window_opens_at != open.start);
        let slot = slot(
            plan,
            forecast,
            batch,
            open,
            [at, if moved_on { at } else { likely }],
        );
        (at, likely) = (slot.end_at, slot.likely_end_at);
        slots.push(slot);
    }
    let summary = summary(plan, forecast, &slots, now);
    Ok((slots, summary))
}

fn never(calendar: &Calendar, now: Timestamp) -> NoWindow {
    let because = match calendar.state(now) {
        crate::window::State::Stopped { reason } => format!("everything is stopped: {reason}"),
        crate::window::State::Closed { because, .. } => because,
        crate::window::State::Open { .. } => String::new(),
    };
    NoWindow::NeverOpen { now, because }
}

/// A batch's time to report and its delay, nine times of ten, in seconds.
fn high(plan: &Plan, forecast: &Forecast) -> u64 {
    u64::from(forecast.batch.high_seconds) + u64::from(plan.settings.batch_delay_seconds)
}

/// Time that is needed in one piece.
struct Need<'a> {
    what: &'a str,
    forward: u64,
    back: u64,
    or_split: &'static str,
}

impl<'a> Need<'a> {
    fn new(what: &'a str, forward: u64, back: u64, or_split: &'static str) -> Self {
        Self {
            what,
            forward,
            back,
            or_split,
        }
    }

    /// The first opening from `open` on that holds it, begun at `at` or when it opens.
    fn first_fit(
        &self,
        open: Interval,
        openings: &mut impl Iterator<Item = Interval>,
        at: Timestamp,
    ) -> Result<Interval, NoWindow> {
        let needs = self.forward + self.back;
        let mut longest = 0;
        for open in std::iter::once(open).chain(openings) {
            let start = at.max(open.start);
            let left = u64::try_from(start.duration_until(open.end).as_secs()).unwrap_or(0);
            if left >= needs || open.closes().is_none() {
                return Ok(open);
            }
            longest = longest.max(left);
        }
        Err(NoWindow::TooShort {
            what: self.what.to_owned(),
            needs_seconds: needs,
            rollback_seconds: self.back,
            longest_seconds: longest,
            or_split: self.or_split,
        })
    }
}

/// A batch that is released at the first of two moments at the latest, and at the second one likely.
fn slot(
    plan: &Plan,
    forecast: &Forecast,
    batch: &Batch,
    open: Interval,
    [at, likely]: [Timestamp; 2],
) -> Slot {
    let delay = u64::from(plan.settings.batch_delay_seconds);
    let end_at = after(at, high(plan, forecast));
    Slot {
        release_at: at,
        likely_end_at: after(likely, u64::from(forecast.batch.likely_seconds) + delay),
        end_at,
        rollback_end_at: after(end_at, forecast.rollback_seconds(batch.end.0)),
        window_opens_at: open.start,
        window_closes_at: open.closes(),
    }
}

fn after(at: Timestamp, seconds: u64) -> Timestamp {
    let by = SignedDuration::from_secs(i64::try_from(seconds).unwrap_or(i64::MAX));
    at.checked_add(by).unwrap_or(Timestamp::MAX)
}

fn summary(plan: &Plan, forecast: &Forecast, slots: &[Slot], now: Timestamp) -> Summary {
    let (first, last) = (slots.first(), slots.last());
    let waits = slots
        .windows(2)
        .map(|w| w[0].end_at.duration_until(w[1].release_at).as_secs());
    let changes = slots
        .windows(2)
        .filter(|w| w[0].window_opens_at != w[1].window_opens_at);
    let start_at = first.map_or(now, |s| s.release_at);
    Summary {
        start_at,
        likely_end_at: last.map_or(start_at, |s| s.likely_end_at),
        end_at: last.map_or(start_at, |s| s.end_at),
        rollback_seconds: forecast.rollback_seconds(plan.moving_instances()),
        windows: u32::try_from(1 + changes.count()).unwrap_or(u32::MAX),
        longest_wait_seconds: waits.max().and_then(|w| u64::try_from(w).ok()).unwrap_or(0),
    }
}

/// The horizon in words is ten years; this fails to compile should it become another.
const _: () = assert!(HORIZON.as_hours() == 24 * 3_660);
