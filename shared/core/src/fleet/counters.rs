//! What instances' services count, minute by minute, as it comes with their check-ins.

use std::collections::BTreeMap;

use semver::Version;
use serde::{Deserialize, Serialize};

/// Minutes that are kept of each instance, beginning with the newest one: two quarters of an hour, at which tests begin
/// anew.
pub const KEPT_MINUTES: i64 = 30;

/// Minutes that a check-in may bring along.
pub const MOST_MINUTES: usize = 32;

/// What the service of an instance counted in one whole minute.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MinuteCounts {
    /// Which minute, in minutes since 1970.
    pub minute: i64,
    /// The version that served then. A minute in which it changed is told for each.
    pub version: Version,
    /// Requests.
    pub requests: u64,
    /// Those that failed.
    pub errors: u64,
    /// Those that were slow; absent where the service does not count them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub slow: Option<u64>,
}

impl MinuteCounts {
    /// Whether the numbers do not contradict each other, and the minute is over and not long past.
    #[must_use]
    pub fn is_sound(&self, now_minute: i64) -> bool {
        let within = self.errors <= self.requests && self.slow.is_none_or(|slow| slow <= self.requests);
        // Clocks of instances may be a minute ahead.
        within && self.minute <= now_minute && self.minute > now_minute.saturating_sub(KEPT_MINUTES)
    }
}

/// Minute, requests, errors and slow requests: short, because each instance's item holds many of them.
type Row = (i64, u64, u64, Option<u64>);

/// The newest minutes of one instance, by version.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Minutes(BTreeMap<Version, Vec<Row>>);

impl Minutes {
    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// With what a check-in brought. What contradicts itself, or is of no minute that is kept, is left out: the gate
    /// then misses it, and a check-in must not be refused for it. The first word about a minute holds, so that a
    /// repeated or contradicting one changes nothing.
    #[must_use]
    pub fn with(&self, brought: &[MinuteCounts], now_minute: i64) -> Self {
        let mut next = self.clone();
        let sound = brought
            .iter()
            .take(MOST_MINUTES)
            .filter(|m| m.is_sound(now_minute));
        for m in sound {
            let rows = next.0.entry(m.version.clone()).or_default();
            if let Err(place) = rows.binary_search_by_key(&m.minute, |row| row.0) {
                rows.insert(place, (m.minute, m.requests, m.errors, m.slow));
            }
        }
        for rows in next.0.values_mut() {
            rows.retain(|row| row.0 > now_minute.saturating_sub(KEPT_MINUTES));
        }
        next.0.retain(|_, rows| !rows.is_empty());
        next
    }

    /// The minutes that a version served, oldest first.
    pub fn of<'a>(&'a self, version: &'a Version) -> impl Iterator<Item = MinuteCounts> + 'a {
        let rows = self.0.get(version).into_iter().flatten();
        rows.map(|(minute, requests, errors, slow)| MinuteCounts {
            minute: *minute,
            version: version.clone(),
            requests: *requests,
            errors: *errors,
            slow: *slow,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn counted(minute: i64, requests: u64, errors: u64) -> MinuteCounts {
        MinuteCounts {
            minute,
            version: Version::new(1, 0, 0),
            requests,
            errors,
            slow: None,
        }
    }

    fn kept(minutes: &Minutes) -> Vec<(i64, u64, u64)> {
        let version = Version::new(1, 0, 0);
        let of = minutes.of(&version);
        of.map(|m| (m.minute, m.requests, m.errors)).collect()
    }

    #[test]
    fn minutes_are_kept_in_order_once_and_for_half_an_hour() {
        let brought = [
            counted(99, 5, 0),
            counted(97, 7, 1),
            counted(98, 0, 0),
            counted(97, 9, 9),
        ];
        let minutes = Minutes::default().with(&brought, 100);
        assert_eq!(kept(&minutes), [(97, 7, 1), (98, 0, 0), (99, 5, 0)]);
        assert_eq!(
            minutes.with(&brought, 100),
            minutes,
            "a repeated word changes nothing"
        );
        let later = minutes.with(&[counted(127, 1, 1)], 128);
        assert_eq!(kept(&later), [(99, 5, 0), (127, 1, 1)]);
        assert!(minutes.with(&[], 1_000).is_empty());
    }

    /// Rows: what cannot be, and is left out.
    #[test]
    fn what_contradicts_itself_is_left_out() {
        let slow = MinuteCounts {
            slow: Some(9),
            ..counted(99, 5, 0)
        };
        for bad in [counted(99, 5, 6), slow, counted(101, 5, 0), counted(70, 5, 0)] {
            assert!(
                Minutes::default()
                    .with(std::slice::from_ref(&bad), 100)
                    .is_empty(),
                "{bad:?}"
            );
        }
        let many: Vec<_> = (0..200)
            .map(|_| counted(99, 1, 0))
            .chain([counted(98, 1, 0)])
            .collect();
        assert_eq!(kept(&Minutes::default().with(&many, 100)), [(99, 1, 0)]);
    }

    #[test]
    fn versions_are_kept_apart() {
        let new = MinuteCounts {
            version: Version::new(1, 1, 0),
            ..counted(99, 3, 2)
        };
        let minutes = Minutes::default().with(&[counted(99, 4, 0), new], 100);
        assert_eq!(kept(&minutes), [(99, 4, 0)]);
        assert_eq!(minutes.of(&Version::new(1, 1, 0)).next().unwrap().errors, 2);
        let again: Minutes = serde_json::from_str(&serde_json::to_string(&minutes).unwrap()).unwrap();
        assert_eq!(again, minutes);
    }
}
