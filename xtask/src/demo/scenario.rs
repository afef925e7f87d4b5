//! What the demo shows.

use serde_json::{Value, json};

use crate::cli::Show;

/// How an upgrade is to end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Expected {
    /// Every instance on the new version.
    Completed,
    /// Every instance on the old version, and the new one seen by the canary alone.
    BackFromCanary,
    /// Every instance on the old version, after at least 60% of them had moved, and never more down than the cap.
    BackUnderCap,
}

/// What happens meanwhile.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Trouble {
    /// Nothing.
    None,
    /// An agent is killed in mid-switch, and started again as a service manager would.
    KilledAgent,
    /// The new release turns bad once 60% of the fleet runs it.
    TurnsBad,
}

/// An upgrade to be shown.
pub struct Scenario {
    pub show: Show,
    /// Its name in the summary.
    pub name: &'static str,
    /// The release that it brings, by place.
    pub to: usize,
    pub expected: Expected,
    pub trouble: Trouble,
    /// Instances that may be down at a time, in percent of the fleet.
    pub max_unavailable_percentage: u32,
}

/// All of them, in order.
pub const SCENARIOS: [Scenario; 4] = [
    Scenario {
        show: Show::Good,
        name: "good",
        to: 1,
        expected: Expected::Completed,
        trouble: Trouble::None,
        max_unavailable_percentage: 40,
    },
    Scenario {
        show: Show::Bad,
        name: "bad",
        to: 2,
        expected: Expected::BackFromCanary,
        trouble: Trouble::None,
        max_unavailable_percentage: 40,
    },
    Scenario {
        show: Show::Killed,
        name: "killed",
        to: 3,
        expected: Expected::Completed,
        trouble: Trouble::KilledAgent,
        max_unavailable_percentage: 40,
    },
    Scenario {
        show: Show::Late,
        name: "late",
        to: 4,
        expected: Expected::BackUnderCap,
        trouble: Trouble::TurnsBad,
        max_unavailable_percentage: 30,
    },
];

impl Scenario {
    /// How it moves: with a canary, or in batches alone, which is quicker.
    pub fn settings(&self) -> Value {
        let rolling = |batch_size: u32| json!({ "strategy": "ROLLING", "batchSize": batch_size, "batchDelaySeconds": 2 });
        match self.trouble {
            Trouble::None => {
                json!({ "strategy": "CANARY", "canaryPercentage": 10, "batchSize": 8, "batchDelaySeconds": 6 })
            }
            Trouble::KilledAgent => rolling(8),
            Trouble::TurnsBad => rolling(6),
        }
    }

    /// How many of so many instances may be down at a time.
    pub fn cap(&self, instances: u32) -> u32 {
        instances * self.max_unavailable_percentage / 100
    }
}
