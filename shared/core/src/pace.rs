//! When instances check in.

use crate::channel::Pace;
use crate::fleet::CheckInTimes;

/// Most check-ins of one fleet in a second, on average: what the functions and one partition of each 1,000 instances
/// take with room to spare.
pub const MAX_CHECK_INS_PER_SECOND: u64 = 2_000;

/// How far check-ins are spread, in thousandths of the mean either way, so that a fleet does not come all at once.
const SPREAD: u64 = 100;

/// The mean time between two check-ins, in milliseconds, when `instances` have this pace.
#[must_use]
pub fn mean_ms(times: CheckInTimes, pace: Pace, instances: u32) -> u64 {
    let wanted_ms = match pace {
        Pace::Idle => times.idle_ms,
        Pace::Held => times.hold_ms,
        Pace::Fast => times.fast_ms,
    };
    wanted_ms.max(u64::from(instances).saturating_mul(1_000) / MAX_CHECK_INS_PER_SECOND)
}

/// The time until an instance's next check-in, in milliseconds; `jitter` is a random number from 0 to 1.
#[must_use]
#[expect(
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "times of minutes, spread by a fraction"
)]
pub fn next_check_in_ms(times: CheckInTimes, pace: Pace, instances: u32, jitter: f64) -> u64 {
    let mean_ms = mean_ms(times, pace, instances);
    let spread_ms = mean_ms as f64 * SPREAD as f64 / 1_000.0;
    (mean_ms as f64 + spread_ms * (2.0 * jitter.clamp(0.0, 1.0) - 1.0)).round() as u64
}

/// The longest time that an idle instance sleeps, in seconds.
#[must_use]
pub fn longest_idle_seconds(times: CheckInTimes, instances: u32) -> u32 {
    let longest_ms = mean_ms(times, Pace::Idle, instances).saturating_mul(1_000 + SPREAD) / 1_000;
    u32::try_from(longest_ms.div_ceil(1_000)).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn large_fleets_come_less_often() {
        let times = CheckInTimes::default();
        for (pace, instances, expected) in [
            (Pace::Fast, 20, 10_000),
            (Pace::Fast, 20_000, 10_000),
            (Pace::Fast, 20_002, 10_001),
            (Pace::Held, 1_000_000, 500_000),
            (Pace::Idle, 600_000, 300_000),
            (Pace::Idle, 1_000_000, 500_000),
        ] {
            assert_eq!(mean_ms(times, pace, instances), expected, "{pace:?} {instances}");
        }
    }

    #[test]
    fn nobody_sleeps_longer_than_is_said() {
        for instances in [0, 20, 1_000_000] {
            let times = CheckInTimes::default();
            let longest = next_check_in_ms(times, Pace::Idle, instances, 1.0);
            assert!(longest <= u64::from(longest_idle_seconds(times, instances)) * 1_000);
        }
    }
}
