//! What is open, in order.

use jiff::{SignedDuration, Timestamp};

use super::span::{Interval, Span};

/// How far ahead openings are looked for: ten years hold at least two leap days, the rarest date of a calendar.
pub const HORIZON: SignedDuration = SignedDuration::from_hours(24 * 3_660);

/// How much is worked out at a time: a month holds an opening of most windows.
const CHUNK: SignedDuration = SignedDuration::from_hours(24 * 32);

/// Intervals that are open, in order, none touching the next.
#[derive(Debug)]
pub struct Openings<'a> {
    windows: &'a [Span],
    freezes: &'a [Span],
    /// Where the next chunk begins; none when the horizon is reached.
    at: Option<Timestamp>,
    horizon: Timestamp,
    /// Worked out and not handed over, in reverse.
    ready: Vec<Interval>,
}

impl<'a> Openings<'a> {
    pub(super) fn new(windows: &'a [Span], freezes: &'a [Span], stopped: bool, now: Timestamp) -> Self {
        Self {
            windows,
            freezes,
            at: (!stopped).then_some(now),
            horizon: later(now, HORIZON),
            ready: Vec::new(),
        }
    }

    /// Works the next chunk out; false when there is none.
    fn refill(&mut self) -> bool {
        let Some(start) = self.at.filter(|at| *at < self.horizon) else {
            return false;
        };
        let end = later(start, CHUNK).min(self.horizon);
        self.at = Some(end);
        let all = [Interval::new(start, end)];
        let windows = union(self.windows, start, end);
        let open = if self.windows.is_empty() {
            &all[..]
        } else {
            &windows
        };
        let mut fresh = subtract(open, &union(self.freezes, start, end));
        fresh.reverse();
        self.ready.splice(0..0, fresh);
        true
    }
}

impl Iterator for Openings<'_> {
    type Item = Interval;

    fn next(&mut self) -> Option<Interval> {
        while self.ready.is_empty() {
            if !self.refill() {
                return None;
            }
        }
        let mut open = self.ready.pop()?;
        // What reaches the end of a chunk may go on in the next one.
        while self.at == Some(open.end) && self.ready.is_empty() && self.refill() {
            match self.ready.last() {
                Some(next) if next.start == open.end => {
                    open.end = next.end;
                    self.ready.pop();
                }
                _ => break,
            }
        }
        open.endless = open.end == self.horizon;
        Some(open)
    }
}

fn later(at: Timestamp, by: SignedDuration) -> Timestamp {
    at.checked_add(by).unwrap_or(Timestamp::MAX)
}

/// The intervals of all spans between `start` and `end`, clipped, in order, touching ones made one.
fn union(spans: &[Span], start: Timestamp, end: Timestamp) -> Vec<Interval> {
    let mut all: Vec<_> = spans.iter().flat_map(|s| s.intervals(start, end)).collect();
    all.sort_unstable_by_key(|i| (i.start, i.end));
    let mut union: Vec<Interval> = Vec::new();
    for mut next in all {
        next.start = next.start.max(start);
        next.end = next.end.min(end);
        match union.last_mut() {
            Some(last) if next.start <= last.end => last.end = last.end.max(next.end),
            _ => union.push(next),
        }
    }
    union
}

/// What of `open` is in none of `closed`; both in order.
fn subtract(open: &[Interval], closed: &[Interval]) -> Vec<Interval> {
    let mut left = Vec::new();
    for interval in open {
        let mut start = interval.start;
        for cut in closed
            .iter()
            .filter(|c| c.end > interval.start && c.start < interval.end)
        {
            if start < cut.start {
                left.push(Interval::new(start, cut.start));
            }
            start = start.max(cut.end);
        }
        if start < interval.end {
            left.push(Interval::new(start, interval.end));
        }
    }
    left
}
