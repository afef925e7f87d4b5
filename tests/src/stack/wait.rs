//! Waiting for a condition, with a limit and a message that tells what was seen last.

use std::fmt::Display;
use std::time::{Duration, Instant};

use anyhow::{Result, bail};

/// Time between two looks.
const INTERVAL: Duration = Duration::from_millis(150);

/// Looks until it gets a value; a look that does not says what it saw instead.
///
/// # Errors
/// After `limit`, with what the last look saw; a look's own error at once.
pub async fn eventually<T, S: Display>(
    what: &str,
    limit: Duration,
    mut look: impl AsyncFnMut() -> Result<std::result::Result<T, S>>,
) -> Result<T> {
    let begin = Instant::now();
    loop {
        match look().await? {
            Ok(value) => return Ok(value),
            Err(seen) if begin.elapsed() >= limit => {
                bail!("not within {} s: {what}; last seen: {seen}", limit.as_secs())
            }
            Err(_) => tokio::time::sleep(INTERVAL).await,
        }
    }
}

/// Looks again and again for a time; every look must succeed.
///
/// # Errors
/// That of the first look that fails.
pub async fn throughout(time: Duration, mut look: impl AsyncFnMut() -> Result<()>) -> Result<()> {
    let begin = Instant::now();
    while begin.elapsed() < time {
        look().await?;
        tokio::time::sleep(INTERVAL).await;
    }
    look().await
}
