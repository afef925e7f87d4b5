//! Outcomes by second, and the bounded queue of those that are not published yet.

use std::collections::{BTreeMap, VecDeque};

use super::super::counts::{Tallies, Tally, add};

/// Seconds that are kept while publishing fails; older ones are given up.
pub const KEPT_SECONDS: u64 = 600;

/// Counts of the seconds that the publisher has not taken yet.
#[derive(Debug, Default)]
pub struct Buckets(BTreeMap<u64, Tallies>);

/// What one version did in one second.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Datapoint {
    /// The second, in Unix time.
    pub second: u64,
    /// Which version.
    pub version: String,
    /// What it did; `requests` is at least 1.
    pub tally: Tally,
}

impl Buckets {
    /// Counts one request that ended in `second`.
    pub fn record(&mut self, second: u64, version: &str, is_error: bool) {
        add(self.0.entry(second).or_default(), version, is_error);
        // A publisher that hangs must not cost memory.
        while self.0.len() as u64 > KEPT_SECONDS {
            self.0.pop_first();
        }
    }

    /// Takes the seconds before `now`, oldest first: they are complete, so that each is published once. (Should the
    /// clock go back, a second can come twice; the metric's sum stays right.)
    pub fn take_before(&mut self, now: u64) -> Vec<Datapoint> {
        let open = self.0.split_off(&now);
        let complete = std::mem::replace(&mut self.0, open);
        let flat = |(second, tallies): (u64, Tallies)| {
            tallies.into_iter().map(move |(version, tally)| Datapoint {
                second,
                version,
                tally,
            })
        };
        complete.into_iter().flat_map(flat).collect()
    }
}

/// Datapoints that wait to be published, oldest first.
#[derive(Debug, Default)]
pub struct Pending(VecDeque<Datapoint>);

impl Pending {
    /// Adds datapoints and gives up those older than [`KEPT_SECONDS`]; returns how many were given up.
    pub fn extend(&mut self, datapoints: Vec<Datapoint>, now: u64) -> usize {
        self.0.extend(datapoints);
        let before = self.0.len();
        let oldest = now.saturating_sub(KEPT_SECONDS);
        self.0.retain(|datapoint| datapoint.second >= oldest);
        before - self.0.len()
    }

    /// The oldest `limit` datapoints.
    #[must_use]
    pub fn first(&self, limit: usize) -> Vec<Datapoint> {
        self.0.iter().take(limit).cloned().collect()
    }

    /// Removes the oldest `count`, which were published.
    pub fn published(&mut self, count: usize) {
        self.0.drain(..count.min(self.0.len()));
    }

    /// How many wait.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether none waits.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn point(second: u64, version: &str, requests: u64, errors: u64) -> Datapoint {
        Datapoint {
            second,
            version: version.to_owned(),
            tally: Tally { requests, errors },
        }
    }

    #[test]
    fn a_second_is_given_once_and_only_when_it_is_complete() {
        let mut buckets = Buckets::default();
        for (second, version, is_error) in [
            (11, "2", true),
            (10, "1", false),
            (10, "1", true),
            (10, "2", false),
            (12, "1", false),
        ] {
            buckets.record(second, version, is_error);
        }
        let taken = buckets.take_before(12);
        assert_eq!(
            taken,
            [point(10, "1", 2, 1), point(10, "2", 1, 0), point(11, "2", 1, 1)]
        );
        assert_eq!(buckets.take_before(12), []);
        buckets.record(12, "1", true);
        assert_eq!(buckets.take_before(13), [point(12, "1", 2, 1)]);
    }

    #[test]
    fn an_untaken_second_is_given_up_when_there_are_too_many() {
        let mut buckets = Buckets::default();
        for second in 0..=KEPT_SECONDS {
            buckets.record(second, "1", false);
        }
        let taken = buckets.take_before(u64::MAX);
        assert_eq!((taken.len() as u64, taken[0].second), (KEPT_SECONDS, 1));
    }

    #[test]
    fn what_could_not_be_published_waits_with_its_second_until_it_is_too_old() {
        let mut pending = Pending::default();
        assert_eq!(
            pending.extend(vec![point(10, "1", 1, 0), point(11, "1", 2, 0)], 12),
            0
        );
        assert_eq!(pending.extend(vec![point(12, "1", 3, 0)], 10 + KEPT_SECONDS), 0);
        assert_eq!(pending.first(2), [point(10, "1", 1, 0), point(11, "1", 2, 0)]);
        assert_eq!(pending.extend(Vec::new(), 11 + KEPT_SECONDS), 1);
        pending.published(1);
        assert_eq!(pending.first(9), [point(12, "1", 3, 0)]);
        pending.published(9);
        assert!(pending.is_empty());
    }
}
