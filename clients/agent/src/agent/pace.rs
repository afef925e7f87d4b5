//! When to ask again.

use std::time::Duration;

/// Bounds of what the server may ask for, in milliseconds: a wrong number neither floods the server nor loses the
/// instance for longer than a person's patience.
const BOUNDS_MS: (u64, u64) = (100, 600_000);

/// The longest pause while a move is being made or waits, in milliseconds: a revert must reach it.
const BUSY_MS: u64 = 10_000;

/// First and longest pause after an error, in milliseconds.
const BACK_OFF_MS: (u64, u64) = (500, 30_000);

/// The pause until the next check-in.
#[derive(Debug, Clone, Copy, Default)]
pub struct Pace {
    failures: u32,
}

impl Pace {
    /// After an answer.
    pub fn answered(&mut self, next_check_in_ms: u64, busy: bool) -> Duration {
        self.failures = 0;
        let most = if busy { BUSY_MS } else { BOUNDS_MS.1 };
        Duration::from_millis(next_check_in_ms.clamp(BOUNDS_MS.0, most))
    }

    /// After an error: twice as long each time, up to 30 s. `jitter` of 0 to 1 takes away up to half of it, so that a
    /// fleet does not come back in step.
    pub fn failed(&mut self, jitter: f64) -> Duration {
        let pause = (BACK_OFF_MS.0 << self.failures.min(6)).min(BACK_OFF_MS.1);
        self.failures = self.failures.saturating_add(1);
        Duration::from_millis(pause).mul_f64(1.0 - 0.5 * jitter.clamp(0.0, 1.0))
    }

    /// How many check-ins in a row brought no answer.
    #[must_use]
    pub fn failures(self) -> u32 {
        self.failures
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_are_bounded() {
        let mut pace = Pace::default();
        for (asked, busy, expected) in [
            (0, false, 100),
            (10_000, false, 10_000),
            (u64::MAX, false, 600_000),
            (300_000, true, 10_000),
        ] {
            assert_eq!(pace.answered(asked, busy).as_millis(), expected, "{asked} {busy}");
        }
    }

    #[test]
    fn errors_wait_longer_each_time_until_an_answer() {
        let mut pace = Pace::default();
        let waits: Vec<_> = (0..9).map(|_| pace.failed(0.0).as_millis()).collect();
        assert_eq!(waits, [500, 1000, 2000, 4000, 8000, 16000, 30000, 30000, 30000]);
        assert_eq!(pace.failed(1.0).as_millis(), 15_000);
        pace.answered(1000, false);
        assert_eq!(pace.failed(0.0).as_millis(), 500);
    }
}
