//! What an instance's service counts.

use jiff::Timestamp;
use sluice_core::fleet::MinuteCounts;

use super::fleet::SimInstance;

impl SimInstance {
    /// Its service answers some requests within a second.
    pub(super) fn count(&mut self, now: Timestamp, requests: u64, errors_per_thousand: u64) {
        let (minute, version) = (now.as_second().div_euclid(60), &self.running.version);
        let goes_on = self.minutes.last();
        if goes_on.is_none_or(|m| m.minute != minute || m.version != *version) {
            self.minutes.push(MinuteCounts {
                minute,
                version: version.clone(),
                requests: 0,
                errors: 0,
                slow: None,
            });
        }
        if let Some(counted) = self.minutes.last_mut() {
            counted.requests += requests;
            counted.errors = counted.requests * errors_per_thousand / 1_000;
        }
    }

    /// The newest minutes that are over.
    pub(super) fn told(&self) -> Vec<MinuteCounts> {
        let over = self.minutes.split_last().map_or(&[][..], |(_, over)| over);
        over.iter().rev().take(16).rev().cloned().collect()
    }
}
