//! Whole periods.

use sluice_app::ports::{PortResult, Window};

use super::merge::READING;
use crate::error::unavailable;

/// A time of whole periods, in seconds since 1970.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Span {
    /// Its begin.
    pub from_second: i64,
    /// Its end.
    pub until_second: i64,
    /// Length of a period.
    pub period_seconds: i64,
}

impl Span {
    /// The smallest span of whole periods around a window. Without this, the first period would be cut and its counts
    /// would be too small.
    pub(super) fn aligned(window: Window, period_seconds: u32) -> PortResult<Self> {
        let period_seconds = i64::from(period_seconds);
        if period_seconds == 0 || window.until <= window.from {
            return Err(unavailable(READING, "the time to read is empty"));
        }
        let until_ms = window.until.as_millisecond();
        let period_ms = period_seconds.saturating_mul(1_000);
        let periods = until_ms.div_euclid(period_ms) + i64::from(until_ms.rem_euclid(period_ms) > 0);
        Ok(Self {
            from_second: window
                .from
                .as_second()
                .div_euclid(period_seconds)
                .saturating_mul(period_seconds),
            until_second: periods.saturating_mul(period_seconds),
            period_seconds,
        })
    }
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;

    use super::*;

    fn window(from_ms: i64, until_ms: i64) -> Window {
        let at = |ms| Timestamp::from_millisecond(ms).unwrap();
        Window {
            from: at(from_ms),
            until: at(until_ms),
        }
    }

    #[test]
    fn spans_are_whole_periods() {
        for (from_ms, until_ms, period, expected) in [
            (60_000, 120_000, 60, (60, 120)),
            (60_001, 119_999, 60, (60, 120)),
            (119_999, 120_001, 60, (60, 180)),
            (1_500, 2_500, 1, (1, 3)),
            (1_500, 2_000, 5, (0, 5)),
        ] {
            let span = Span::aligned(window(from_ms, until_ms), period).unwrap();
            assert_eq!(
                (span.from_second, span.until_second),
                expected,
                "{from_ms} {until_ms} {period}"
            );
        }
    }

    #[test]
    fn nothing_is_no_span() {
        assert!(Span::aligned(window(1_000, 1_000), 1).is_err());
        assert!(Span::aligned(window(2_000, 1_000), 1).is_err());
        assert!(Span::aligned(window(1_000, 2_000), 0).is_err());
    }
}
