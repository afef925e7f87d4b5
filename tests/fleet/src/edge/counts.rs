//! Outcomes by version, since the start and second by second.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// Bounds the tables, should backends tell ever new versions; what comes later is counted under [`OTHER`].
const MAX_VERSIONS: usize = 64;

/// The name under which versions beyond the limit are counted.
const OTHER: &str = "other";

/// Requests that one version answered or failed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tally {
    /// Answered, or failed on the way.
    pub requests: u64,
    /// Those with a 5xx answer, without an answer, or with one that broke off.
    pub errors: u64,
}

/// Tallies by version.
pub type Tallies = BTreeMap<String, Tally>;

/// Outcomes since the start.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Counts {
    /// By the version that answered.
    pub versions: Tallies,
    /// Requests for which there was no healthy backend; they were answered 503 and are in no version's tally.
    pub unrouted: u64,
    /// Requests that say nothing of a version, so that no tally holds them: their caller left before the answer, or
    /// they could not be sent on as they were.
    pub abandoned: u64,
}

/// Adds one request to a version's tally.
pub fn add(tallies: &mut Tallies, version: &str, is_error: bool) {
    let known = tallies.len() < MAX_VERSIONS || tallies.contains_key(version);
    let tally = tallies
        .entry(if known { version } else { OTHER }.to_owned())
        .or_default();
    tally.requests += 1;
    tally.errors += u64::from(is_error);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ever_new_versions_do_not_grow_the_table() {
        let mut tallies = Tallies::new();
        for n in 0..200 {
            add(&mut tallies, &n.to_string(), n % 2 == 0);
        }
        add(&mut tallies, "0", false);
        assert_eq!(tallies.len(), MAX_VERSIONS + 1);
        assert_eq!(
            tallies["0"],
            Tally {
                requests: 2,
                errors: 1
            }
        );
        assert_eq!(
            tallies[OTHER],
            Tally {
                requests: 136,
                errors: 68
            }
        );
    }
}
