//! What the service counts: read as running totals, told minute by minute.

use std::collections::VecDeque;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use semver::Version;
use sluice_core::fleet::MinuteCounts;

use crate::config::CountersConfig;
use crate::prescribed::sum;
use crate::process;

/// Minutes that each check-in brings along: three times the longest pause between two of them, so that a lost one loses
/// nothing.
const TOLD_MINUTES: usize = 16;

/// The longest that one reading may take.
const READING: Duration = Duration::from_secs(2);

/// The largest file of totals, in bytes.
const MAX_FILE: u64 = 4 << 20;

/// Minutes since 1970, by the machine's clock.
#[must_use]
pub fn this_minute() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_secs() / 60).unwrap_or(i64::MAX)
}

/// Running totals of a service.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Totals {
    /// Requests.
    pub requests: u64,
    /// Those that failed.
    pub errors: u64,
    /// Those that were slow, where they are counted.
    pub slow: Option<u64>,
}

impl Totals {
    /// What was counted since an earlier reading. A total that went backwards belongs to a service that was started anew,
    /// whose totals began at 0.
    #[must_use]
    pub fn since(self, earlier: Self) -> Self {
        let slow = |t: Self| t.slow.unwrap_or(0);
        let anew = self.requests < earlier.requests
            || self.errors < earlier.errors
            || (self.slow.is_some() && slow(self) < slow(earlier));
        if anew {
            return self;
        }
        Self {
            requests: self.requests - earlier.requests,
            errors: self.errors - earlier.errors,
            slow: self.slow.map(|now| now.saturating_sub(slow(earlier))),
        }
    }

    fn plus(self, more: Self) -> Self {
        Self {
            requests: self.requests.saturating_add(more.requests),
            errors: self.errors.saturating_add(more.errors),
            // One reading without slow requests leaves the minute without them.
            slow: self.slow.zip(more.slow).map(|(a, b)| a.saturating_add(b)),
        }
    }
}

/// The newest minutes of the service.
#[derive(Debug, Clone, Default)]
pub struct Minutes {
    last: Option<Totals>,
    current: Option<(i64, Version, Totals)>,
    done: VecDeque<MinuteCounts>,
}

impl Minutes {
    /// Takes a reading in, of a version that serves, in a minute since 1970. The first reading is what later ones are
    /// counted from.
    pub fn fold(&mut self, minute: i64, version: &Version, totals: Totals) {
        let Some(last) = self.last.replace(totals) else {
            self.begin(minute, version);
            return;
        };
        let more = totals.since(last);
        if self
            .current
            .as_ref()
            .is_none_or(|(m, v, _)| *m != minute || v != version)
        {
            self.begin(minute, version);
        }
        if let Some((.., sum)) = &mut self.current {
            *sum = sum.plus(more);
        }
    }

    fn begin(&mut self, minute: i64, version: &Version) {
        let nothing = Totals {
            slow: Some(0),
            ..Totals::default()
        };
        let ended = self.current.replace((minute, version.clone(), nothing));
        let Some((minute, version, sum)) = ended else {
            return;
        };
        self.done.push_back(MinuteCounts {
            minute,
            version,
            requests: sum.requests,
            errors: sum.errors,
            slow: sum.slow,
        });
        if self.done.len() > TOLD_MINUTES {
            self.done.pop_front();
        }
    }

    /// The minutes that are over, oldest first.
    #[must_use]
    pub fn told(&self) -> Vec<MinuteCounts> {
        let ended = |m: &&MinuteCounts| m.requests > 0 && m.errors <= m.requests;
        self.done.iter().filter(ended).cloned().collect()
    }
}

/// Where the service's totals are.
#[derive(Debug, Clone)]
pub struct Source {
    config: CountersConfig,
    checks: process::Checks,
}

impl Source {
    /// Reads by the client of the agent's own checks.
    #[must_use]
    pub fn new(config: CountersConfig, checks: process::Checks) -> Self {
        Self { config, checks }
    }

    /// The totals of this moment.
    ///
    /// # Errors
    /// One sentence when they cannot be read.
    pub async fn read(&self) -> Result<Totals, String> {
        let text = match (&self.config.url, &self.config.file) {
            (Some(url), _) => self.checks.page(url, READING).await?,
            (None, Some(file)) => {
                let unreadable = |e: std::io::Error| format!("{} cannot be read: {e}", file.display());
                let length = tokio::fs::metadata(file).await.map_err(unreadable)?.len();
                if length > MAX_FILE {
                    return Err(format!(
                        "{} has {length} bytes; accepted: {MAX_FILE}",
                        file.display()
                    ));
                }
                tokio::fs::read_to_string(file).await.map_err(unreadable)?
            }
            (None, None) => return Err("neither `counters.url` nor `counters.file` is set".to_owned()),
        };
        self.totals(&text)
    }

    fn totals(&self, text: &str) -> Result<Totals, String> {
        let names = &self.config;
        Ok(Totals {
            requests: sum(text, &names.requests)?,
            errors: sum(text, &names.errors)?,
            slow: names.slow.as_ref().map(|name| sum(text, name)).transpose()?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn totals(requests: u64, errors: u64) -> Totals {
        Totals {
            requests,
            errors,
            slow: None,
        }
    }

    /// Rows: minute, version, totals, and at the end what is told.
    #[test]
    fn readings_become_minutes() {
        type Row = (i64, u64, u64, u64);
        let rows: &[(&str, &[Row], &[Row])] = &[
            (
                "what was before the first reading is not counted",
                &[(1, 0, 900, 9), (2, 0, 900, 9)],
                &[],
            ),
            (
                "a minute is told when it is over",
                &[(1, 0, 10, 0), (1, 0, 15, 1), (1, 0, 30, 1), (2, 0, 31, 1)],
                &[(1, 0, 20, 1)],
            ),
            (
                "a restart counts from nothing",
                &[(1, 0, 100, 5), (1, 0, 110, 5), (1, 0, 7, 1), (2, 0, 7, 1)],
                &[(1, 0, 17, 1)],
            ),
            (
                "a minute with two versions is told for each",
                &[(1, 0, 100, 5), (1, 0, 110, 5), (1, 1, 4, 2), (2, 1, 4, 2)],
                &[(1, 0, 10, 0), (1, 1, 4, 2)],
            ),
            (
                "a quiet minute is none",
                &[(1, 0, 5, 0), (2, 0, 5, 0), (3, 0, 9, 0), (4, 0, 9, 0)],
                &[(3, 0, 4, 0)],
            ),
            (
                "errors ahead of their requests are left out",
                &[(1, 0, 5, 0), (1, 0, 6, 4), (2, 0, 9, 4)],
                &[],
            ),
        ];
        for (name, readings, told) in rows {
            let mut minutes = Minutes::default();
            for (minute, version, requests, errors) in *readings {
                minutes.fold(*minute, &Version::new(1, *version, 0), totals(*requests, *errors));
            }
            let found: Vec<Row> = minutes
                .told()
                .iter()
                .map(|m| (m.minute, m.version.minor, m.requests, m.errors))
                .collect();
            assert_eq!(found, *told, "{name}");
        }
    }

    #[test]
    fn only_so_many_minutes_are_told() {
        let mut minutes = Minutes::default();
        for minute in 0..100u8 {
            minutes.fold(
                minute.into(),
                &Version::new(1, 0, 0),
                totals(u64::from(minute) * 10, 0),
            );
        }
        let told = minutes.told();
        assert_eq!((told.len(), told[0].minute, told[15].minute), (16, 83, 98));
    }
}
