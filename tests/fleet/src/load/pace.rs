//! When requests are due. The clock is given.

use std::time::Duration;

/// What is due since the last look.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Due {
    /// To be sent now.
    pub send: u64,
    /// Not to be sent: the sender itself was held up, and a burst to catch up would be no steady load.
    pub skip: u64,
}

/// A steady rate.
#[derive(Debug)]
pub struct Pace {
    rate_per_s: u32,
    burst: u64,
    issued: u64,
}

impl Pace {
    /// `rate_per_s` requests a second, with at most a tenth of a second's worth (and at least one) at once.
    #[must_use]
    pub fn new(rate_per_s: u32) -> Self {
        Self {
            rate_per_s,
            burst: u64::from(rate_per_s / 10).max(1),
            issued: 0,
        }
    }

    /// What is due at this time since the start.
    pub fn due(&mut self, elapsed: Duration) -> Due {
        let by_now = elapsed.as_nanos().saturating_mul(u128::from(self.rate_per_s)) / 1_000_000_000;
        let by_now = u64::try_from(by_now).unwrap_or(u64::MAX);
        let due = by_now.saturating_sub(self.issued);
        self.issued += due;
        let send = due.min(self.burst);
        Due {
            send,
            skip: due - send,
        }
    }

    /// How often to look: often enough for an even stream, seldom enough to cost little.
    #[must_use]
    pub fn tick(&self) -> Duration {
        Duration::from_micros((1_000_000 / u64::from(self.rate_per_s.max(1))).clamp(5_000, 50_000))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_rate_is_kept_exactly_whatever_the_ticks() {
        let mut pace = Pace::new(400);
        let sent: u64 = (0..=1_000)
            .map(|n| pace.due(Duration::from_millis(n * 7)).send)
            .sum();
        assert_eq!(sent, 2_800);
    }

    #[test]
    fn a_sender_that_was_held_up_skips_instead_of_bursting() {
        let mut pace = Pace::new(400);
        assert_eq!(pace.due(Duration::from_secs(2)), Due { send: 40, skip: 760 });
        assert_eq!(pace.due(Duration::from_millis(2_005)), Due { send: 2, skip: 0 });
        assert_eq!(Pace::new(1).due(Duration::from_secs(1)), Due { send: 1, skip: 0 });
    }
}
