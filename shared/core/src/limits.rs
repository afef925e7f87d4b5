//! How much may happen at a time: whether one more upgrade or batch is admitted, with the numbers.

use serde::{Deserialize, Serialize};

use crate::policy::Limits;

/// What happens now.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct Usage {
    /// Upgrades that run in the whole system.
    pub upgrades_in_system: u64,
    /// Upgrades that run for the tenant.
    pub upgrades_of_tenant: u64,
    /// Batches that move in the whole system.
    pub batches_in_system: u64,
    /// Batches that move for the tenant.
    pub batches_of_tenant: u64,
    /// Minutes that the tenant's instances ran a version that had not passed, added up over the last day.
    pub instance_minutes_today: u64,
}

/// What is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ask {
    /// To begin an upgrade that is expected to expose so many instance-minutes.
    Upgrade {
        /// The exposure that is expected.
        instance_minutes: u64,
    },
    /// To release a batch.
    Batch,
}

/// One limit with its numbers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Line {
    /// The limit, as the policy calls it.
    pub limit: String,
    /// What is allowed.
    pub allowed: u64,
    /// What is used already.
    pub used: u64,
    /// What is asked for.
    pub asked: u64,
    /// Whether both together are within what is allowed.
    pub admitted: bool,
}

/// Whether something is admitted.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Admission {
    /// Every limit that is set for it.
    pub limits: Vec<Line>,
}

impl Admission {
    /// Whether it is admitted: by every limit.
    #[must_use]
    pub fn is_admitted(&self) -> bool {
        self.limits.iter().all(|l| l.admitted)
    }

    /// Why it is not, in words.
    #[must_use]
    pub fn refusals(&self) -> Vec<String> {
        let refused = self.limits.iter().filter(|l| !l.admitted);
        let told = refused.map(|l| {
            let Line {
                limit,
                allowed,
                used,
                asked,
                ..
            } = l;
            format!("limits.{limit} allows {allowed}: {used} used and {asked} more asked for")
        });
        told.collect()
    }
}

/// Decides. What no limit is set for is admitted.
#[must_use]
pub fn admit(limits: &Limits, usage: &Usage, ask: Ask) -> Admission {
    let count = |limit: Option<crate::units::Count>| limit.map(|c| u64::from(c.get()));
    let rows = match ask {
        Ask::Upgrade { instance_minutes } => vec![
            (
                "upgradesPerSystem",
                count(limits.upgrades_per_system),
                usage.upgrades_in_system,
                1,
            ),
            (
                "upgradesPerTenant",
                count(limits.upgrades_per_tenant),
                usage.upgrades_of_tenant,
                1,
            ),
            (
                "instanceMinutesPerDay",
                limits.instance_minutes_per_day,
                usage.instance_minutes_today,
                instance_minutes,
            ),
        ],
        Ask::Batch => vec![
            (
                "batchesPerSystem",
                count(limits.batches_per_system),
                usage.batches_in_system,
                1,
            ),
            (
                "batchesPerTenant",
                count(limits.batches_per_tenant),
                usage.batches_of_tenant,
                1,
            ),
        ],
    };
    let line = |(limit, allowed, used, asked): (&str, Option<u64>, u64, u64)| {
        allowed.map(|allowed| Line {
            limit: limit.to_owned(),
            allowed,
            used,
            asked,
            admitted: used.saturating_add(asked) <= allowed,
        })
    };
    Admission {
        limits: rows.into_iter().filter_map(line).collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_left_is_given_and_no_more() {
        let usage = Usage {
            upgrades_in_system: 10,
            upgrades_of_tenant: 2,
            batches_in_system: 7,
            batches_of_tenant: 1,
            instance_minutes_today: 900,
        };
        let upgrade = |instance_minutes| Ask::Upgrade { instance_minutes };
        for (limits, ask, refused) in [
            ("{}", upgrade(u64::MAX), None),
            (r#"{"upgradesPerSystem":11}"#, upgrade(1), None),
            (
                r#"{"upgradesPerSystem":10}"#,
                upgrade(1),
                Some("limits.upgradesPerSystem allows 10: 10 used and 1 more asked for"),
            ),
            (
                r#"{"upgradesPerTenant":2}"#,
                upgrade(1),
                Some("limits.upgradesPerTenant allows 2: 2 used and 1 more asked for"),
            ),
            (r#"{"upgradesPerTenant":1}"#, Ask::Batch, None),
            (r#"{"instanceMinutesPerDay":1000}"#, upgrade(100), None),
            (
                r#"{"instanceMinutesPerDay":1000}"#,
                upgrade(101),
                Some("limits.instanceMinutesPerDay allows 1000: 900 used and 101 more asked for"),
            ),
            (r#"{"batchesPerSystem":8,"batchesPerTenant":2}"#, Ask::Batch, None),
            (
                r#"{"batchesPerSystem":8,"batchesPerTenant":1}"#,
                Ask::Batch,
                Some("limits.batchesPerTenant allows 1: 1 used and 1 more asked for"),
            ),
        ] {
            let admission = admit(&serde_json::from_str(limits).unwrap(), &usage, ask);
            assert_eq!(admission.is_admitted(), refused.is_none(), "{limits}");
            assert_eq!(
                admission.refusals().first().map(String::as_str),
                refused,
                "{limits}"
            );
        }
    }
}
