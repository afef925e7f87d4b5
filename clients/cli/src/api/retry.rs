//! Repeats what may work a little later: a bounded number of times, further and further apart, at random moments.

use std::time::Duration;

use crate::failure::Failure;

/// The longest pause after the first try, in milliseconds; it doubles with each further one.
const FIRST_MS: u64 = 200;

/// The longest pause that is chosen here, in milliseconds.
const LONGEST_MS: u64 = 5_000;

/// The longest pause that a server may ask for.
pub const LONGEST_ASKED: Duration = Duration::from_secs(30);

/// A try that brought nothing.
pub struct Missed {
    /// Why.
    pub failure: Failure,
    /// Whether another try may bring more.
    pub again: bool,
    /// The pause that the server asked for.
    pub after: Option<Duration>,
}

impl From<Failure> for Missed {
    fn from(failure: Failure) -> Self {
        Self {
            failure,
            again: false,
            after: None,
        }
    }
}

/// Tries up to `tries` times.
///
/// # Errors
/// The failure of the last try.
pub async fn run<T>(tries: u32, mut attempt: impl AsyncFnMut() -> Result<T, Missed>) -> Result<T, Failure> {
    let mut tried = 0;
    loop {
        tried += 1;
        match attempt().await {
            Ok(done) => return Ok(done),
            Err(missed) if missed.again && tried < tries => {
                let asked = missed.after.map(|pause| pause.min(LONGEST_ASKED));
                tokio::time::sleep(asked.unwrap_or_default().max(pause(tried, rand::random()))).await;
            }
            Err(missed) => return Err(missed.failure),
        }
    }
}

/// The pause after a number of tries; `chance` is from 0 to 1. Never less than half of what it may be at most, and
/// spread over the other half, so that many callers do not come back together.
fn pause(tried: u32, chance: f64) -> Duration {
    let most = FIRST_MS
        .saturating_mul(1 << tried.saturating_sub(1).min(10))
        .min(LONGEST_MS);
    Duration::from_millis(most).mul_f64(0.5 + 0.5 * chance.clamp(0.0, 1.0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_double_up_to_a_limit() {
        let ms = |tried, chance| pause(tried, chance).as_millis();
        assert_eq!([ms(1, 1.0), ms(2, 1.0), ms(3, 1.0)], [200, 400, 800]);
        assert_eq!([ms(1, 0.0), ms(2, 0.0)], [100, 200]);
        assert_eq!([ms(6, 1.0), ms(10, 1.0), ms(u32::MAX, 1.0)], [5_000; 3]);
    }

    fn missed(again: bool) -> Missed {
        let failure = Failure::unexpected("test", "missed");
        Missed {
            again,
            ..Missed::from(failure)
        }
    }

    #[tokio::test]
    async fn only_what_may_work_later_is_tried_again_and_not_for_ever() {
        for (again, tries, expected) in [(true, 3, 3), (true, 1, 1), (false, 3, 1)] {
            let mut count = 0;
            let result: Result<(), _> = run(tries, async || {
                count += 1;
                Err(missed(again))
            })
            .await;
            assert!(result.is_err());
            assert_eq!(count, expected, "again {again}, {tries} tries");
        }
    }
}
