//! What is not as in the plan before.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::plan::Plan;

/// One value that changed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Change {
    /// Which one.
    pub key: String,
    /// What it was; absent when there was none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub before: Option<Value>,
    /// What it is; absent when there is none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after: Option<Value>,
}

/// The values of two plans that differ, by key; the batches by their number and sizes.
#[must_use]
pub fn between(before: &Plan, after: &Plan) -> Vec<Change> {
    let (mut before, mut after) = (values(before), values(after));
    let mut keys: Vec<_> = before.keys().chain(after.keys()).cloned().collect();
    keys.sort_unstable();
    keys.dedup();
    let changes = keys.into_iter().map(|key| Change {
        before: before.remove(&key),
        after: after.remove(&key),
        key,
    });
    changes.filter(|c| c.before != c.after).collect()
}

fn values(plan: &Plan) -> BTreeMap<String, Value> {
    let mut values = BTreeMap::new();
    let mut plain = serde_json::to_value(plan).unwrap_or_default();
    if let Some(members) = plain.as_object_mut() {
        // The positions follow from the fleet; batches are told in short.
        members.remove("positions_digest");
        members.remove("batches");
    }
    walk("", plain, &mut values);
    let sizes: Vec<Value> = plan.batches.iter().map(|b| b.size().into()).collect();
    values.insert("batch_count".to_owned(), plan.batch_count().into());
    values.insert("batch_sizes".to_owned(), sizes.into());
    values
}

fn walk(path: &str, value: Value, values: &mut BTreeMap<String, Value>) {
    match value {
        Value::Object(members) => {
            for (key, below) in members {
                let path = if path.is_empty() {
                    key
                } else {
                    format!("{path}.{key}")
                };
                walk(&path, below, values);
            }
        }
        other => {
            values.insert(path.to_owned(), other);
        }
    }
}
