//! When upgrades may move: maintenance windows, freezes and the emergency stop, on the clock of a zone.
//!
//! | module | is about |
//! |---|---|
//! | [`spec`] | windows and freezes as they are written |
//! | [`zone`] | the clock on the wall, and the instants that it shows |
//! | [`recurrence`], [`rrule`] | at which times on that clock something begins |
//! | [`ical`] | holidays from iCalendar files |
//! | [`span`] | one window or freeze: its intervals in real time |
//! | [`Calendar`] | all of them together: what is open when |
//!
//! **Nights on which the clock changes.** A beginning that the clock skips is the first instant after the skip. A
//! beginning that the clock shows twice is the first of the two. A window's length is elapsed time, so it is as long on
//! such a night as on any other. A freeze errs to the longer side: where its end is shown twice, it is the second one.
//! (A window that ends by the clock, as a single one does, ends at the first.)

pub mod ical;
mod once;
mod openings;
pub mod recurrence;
pub mod rrule;
pub mod span;
pub mod spec;
pub mod zone;

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

pub use openings::{HORIZON, Openings};
pub use span::{Interval, Span};
pub use spec::{FreezeSpec, Stop, WindowSpec};

/// A window or freeze that cannot be accepted: where in its list, and why.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{field}: {problem}; accepted: {accepted}")]
pub struct WindowError {
    /// The field, below the window or freeze; empty for the whole.
    pub field: String,
    /// What is wrong.
    pub problem: String,
    /// What would be accepted.
    pub accepted: String,
}

impl WindowError {
    pub(crate) fn new(field: &str, problem: impl Into<String>, accepted: impl Into<String>) -> Self {
        Self {
            field: field.to_owned(),
            problem: problem.into(),
            accepted: accepted.into(),
        }
    }
}

/// Windows, freezes and the emergency stop of one upgrade. Without any window it is always open.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Calendar {
    windows: Vec<Span>,
    freezes: Vec<Span>,
    stop: Option<Stop>,
}

/// What holds at an instant.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "state", rename_all = "kebab-case")]
pub enum State {
    /// Batches may be released.
    Open {
        /// When it closes; absent when it does not within the horizon.
        until: Option<Timestamp>,
    },
    /// No window is open, or a freeze is on.
    Closed {
        /// What keeps it closed, in words.
        because: String,
        /// When it opens; absent when it does not within the horizon.
        until: Option<Timestamp>,
    },
    /// Somebody stopped everything.
    Stopped {
        /// Their reason.
        reason: String,
    },
}

impl Calendar {
    /// Puts windows and freezes together; `files` are the texts of the iCalendar files that freezes name.
    ///
    /// # Errors
    /// The path of what cannot be accepted, for example `windows[0].cron`, and why.
    pub fn new(
        windows: &[WindowSpec],
        freezes: &[FreezeSpec],
        stop: Option<&Stop>,
        files: &BTreeMap<String, String>,
    ) -> Result<Self, Vec<WindowError>> {
        let mut errors = Vec::new();
        let mut calendar = Self {
            stop: stop.cloned(),
            ..Self::default()
        };
        let mut within = |list: &str, index: usize, error: WindowError| {
            let dot = if error.field.is_empty() { "" } else { "." };
            errors.push(WindowError {
                field: format!("{list}[{index}]{dot}{}", error.field),
                ..error
            });
        };
        for (index, window) in windows.iter().enumerate() {
            match window.span() {
                Ok(span) => calendar.windows.push(span),
                Err(error) => within("windows", index, error),
            }
        }
        for (index, freeze) in freezes.iter().enumerate() {
            match freeze.spans(files) {
                Ok(spans) => calendar.freezes.extend(spans),
                Err(error) => within("freezes", index, error),
            }
        }
        if errors.is_empty() {
            Ok(calendar)
        } else {
            Err(errors)
        }
    }

    /// Whether batches may be released at `now`.
    #[must_use]
    pub fn is_open(&self, now: Timestamp) -> bool {
        self.openings(now).next().is_some_and(|open| open.start == now)
    }

    /// `now` when it is open, else when it opens next; none within the horizon, or while stopped.
    #[must_use]
    pub fn next_open(&self, now: Timestamp) -> Option<Timestamp> {
        self.openings(now).next().map(|open| open.start)
    }

    /// When what is open at `now` closes; none when nothing is open or nothing closes it within the horizon.
    #[must_use]
    pub fn closes_at(&self, now: Timestamp) -> Option<Timestamp> {
        let open = self.openings(now).next().filter(|open| open.start == now)?;
        open.closes()
    }

    /// Whether something that begins at `now` and takes `length` ends before what is open closes.
    #[must_use]
    pub fn fits(&self, now: Timestamp, length: SignedDuration) -> bool {
        self.openings(now)
            .next()
            .is_some_and(|open| open.start == now && now.checked_add(length).is_ok_and(|end| end <= open.end))
    }

    /// What holds at `now`, with its reason.
    #[must_use]
    pub fn state(&self, now: Timestamp) -> State {
        if let Some(stop) = &self.stop {
            return State::Stopped {
                reason: stop.reason.clone(),
            };
        }
        match self.openings(now).next() {
            Some(open) if open.start == now => State::Open { until: open.closes() },
            next => State::Closed {
                because: self.because(now),
                until: next.map(|open| open.start),
            },
        }
    }

    /// Why everything is stopped; none while it is not.
    #[must_use]
    pub fn stopped(&self) -> Option<&str> {
        self.stop.as_ref().map(|stop| stop.reason.as_str())
    }

    /// The name of a freeze that is on at `now`.
    #[must_use]
    pub fn freeze(&self, now: Timestamp) -> Option<&str> {
        let after = now.checked_add(SignedDuration::from_nanos(1)).unwrap_or(now);
        let frozen = self.freezes.iter().find(|f| !f.intervals(now, after).is_empty());
        frozen.map(|freeze| freeze.name.as_str())
    }

    fn because(&self, now: Timestamp) -> String {
        match self.freeze(now) {
            Some(freeze) => format!("the freeze {freeze:?} is on"),
            None => "no window is open".to_owned(),
        }
    }

    /// What is open from `now` on, in order, each without a gap; nothing while stopped. It ends [`HORIZON`] after `now`.
    #[must_use]
    pub fn openings(&self, now: Timestamp) -> Openings<'_> {
        Openings::new(&self.windows, &self.freezes, self.stop.is_some(), now)
    }
}
