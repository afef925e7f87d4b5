//! What earlier upgrades taught.

use serde::{Deserialize, Serialize};

use crate::plan::{Kind, Plan};
use crate::version::Step;

/// Something learnt.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct Learning {
    /// In short.
    pub title: String,
    /// What kind, such as `best_practice`.
    pub category: String,
    /// In full.
    pub content: String,
    /// What it is about.
    pub tags: Vec<String>,
}

/// Most learnings that a plan shows: more would not be read.
const MOST: usize = 10;

/// Tags that a plan has by itself.
pub(super) fn tags(plan: &Plan, step: Step) -> Vec<String> {
    let word = |value: serde_json::Value| {
        value
            .as_str()
            .unwrap_or_default()
            .to_lowercase()
            .replace('_', "-")
    };
    let strategy = word(serde_json::to_value(plan.settings.strategy).unwrap_or_default());
    let mut tags = vec![
        format!("{strategy}-upgrade"),
        strategy,
        word(serde_json::to_value(step).unwrap_or_default()),
        plan.fleet.component_id.to_string(),
    ];
    if plan.batches.iter().any(|b| b.kind == Kind::Rolling) {
        // Whatever the strategy, the batches after the canary are a rolling upgrade.
        tags.push("rolling-upgrade".to_owned());
    }
    tags
}

/// Those that share a tag with the plan, the most alike first.
#[must_use]
pub fn matching(learnings: &[Learning], tags: &[String]) -> Vec<Learning> {
    let shared = |learning: &Learning| {
        let is_shared = |tag: &&String| tags.iter().any(|t| t.eq_ignore_ascii_case(tag));
        learning.tags.iter().filter(is_shared).count()
    };
    let mut found: Vec<_> = learnings
        .iter()
        .map(|l| (shared(l), l))
        .filter(|(n, _)| *n > 0)
        .collect();
    // Stable: of two alike ones, the one that was written first.
    found.sort_by_key(|(n, _)| std::cmp::Reverse(*n));
    found.into_iter().take(MOST).map(|(_, l)| l.clone()).collect()
}
