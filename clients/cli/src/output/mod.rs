//! Tables for people, the API's own documents for machines.

use std::io::{self, Write as _};

use jiff::{SignedDuration, Timestamp};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::api::Answer;
use crate::failure::Failure;

pub mod table;

pub use table::Table;

/// Where answers and failures go.
#[derive(Debug, Clone, Copy)]
pub struct Output {
    json: bool,
}

impl Output {
    /// For machines or for people.
    #[must_use]
    pub fn new(json: bool) -> Self {
        Self { json }
    }

    /// Whether a machine reads it.
    #[must_use]
    pub fn is_json(self) -> bool {
        self.json
    }

    /// Prints an answer: as it came, or as `show` tells it.
    ///
    /// # Errors
    /// [`Failure::Unexpected`] when the answer is not understood, or cannot be written.
    pub fn answer<T: DeserializeOwned>(
        self,
        answer: &Answer,
        show: impl FnOnce(&T) -> String,
    ) -> Result<(), Failure> {
        if self.json {
            return self.print(answer.raw());
        }
        self.print(show(&answer.parse()?).as_bytes())
    }

    /// Prints bytes, and a line's end when they have none.
    ///
    /// # Errors
    /// [`Failure::Unexpected`] when standard output cannot be written. A reader that left early is none.
    pub fn print(self, bytes: &[u8]) -> Result<(), Failure> {
        let mut stdout = io::stdout().lock();
        let end: &[u8] = if bytes.ends_with(b"\n") { b"" } else { b"\n" };
        let written = stdout
            .write_all(bytes)
            .and_then(|()| stdout.write_all(end))
            .and_then(|()| stdout.flush());
        match written {
            Err(e) if e.kind() != io::ErrorKind::BrokenPipe => {
                Err(Failure::unexpected("standard output cannot be written", e))
            }
            _ => Ok(()),
        }
    }

    /// Tells something beside the answer, on standard error.
    pub fn note(self, text: &str) {
        // There is nowhere left to tell when standard error is gone.
        let _ = writeln!(io::stderr(), "note: {}", plain(text));
    }

    /// Tells of a failure: on standard error, a refusal's document for machines on standard output.
    pub fn failure(self, failure: &Failure) {
        let told = match failure {
            Failure::Refused(refusal) if self.json => match self.print(refusal.document.as_bytes()) {
                Ok(()) => return,
                Err(failure) => failure.to_string(),
            },
            Failure::Refused(refusal) => refusal.told(),
            other => other.to_string(),
        };
        let lines: Vec<_> = told.lines().map(plain).collect();
        // There is nowhere left to tell when standard error is gone.
        let _ = writeln!(io::stderr(), "error: {}", lines.join("\n"));
    }
}

/// A text without characters that would steer a terminal: some texts come from others than the reader.
#[must_use]
pub fn plain(text: &str) -> String {
    text.chars()
        .map(|c| if c.is_control() { ' ' } else { c })
        .collect()
}

/// A value's name on the wire; nothing for what is no name.
#[must_use]
pub fn name(value: &impl Serialize) -> String {
    let value = serde_json::to_value(value).unwrap_or_default();
    value.as_str().unwrap_or_default().to_owned()
}

/// A moment, to the second.
#[must_use]
pub fn moment(at: Timestamp) -> String {
    format!("{at:.0}")
}

/// A moment and how far it is from `now`.
#[must_use]
pub fn moment_and_distance(at: Timestamp, now: Timestamp) -> String {
    let distance = |from: Timestamp, to: Timestamp| {
        let seconds = from.duration_until(to).as_secs();
        format!("{:#}", SignedDuration::from_secs(seconds))
    };
    let away = match at > now {
        true => format!("in {}", distance(now, at)),
        false => format!("{} ago", distance(at, now)),
    };
    format!("{} ({away})", moment(at))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_are_told_with_their_distance() {
        let at = |text: &str| text.parse::<Timestamp>().unwrap();
        let now = at("2026-03-01T12:00:00Z");
        for (moment, expected) in [
            ("2026-03-01T12:01:30Z", "2026-03-01T12:01:30Z (in 1m 30s)"),
            ("2026-03-01T10:59:59Z", "2026-03-01T10:59:59Z (1h 1s ago)"),
            ("2026-03-01T12:00:00.4Z", "2026-03-01T12:00:00Z (in 0s)"),
        ] {
            assert_eq!(moment_and_distance(at(moment), now), expected);
        }
    }

    #[test]
    fn nothing_steers_the_terminal() {
        assert_eq!(plain("a\u{1b}[2Jb\nc"), "a [2Jb c");
    }
}
