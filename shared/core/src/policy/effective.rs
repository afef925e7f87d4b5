//! Layers put together: what holds, and which layer each value is from.

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::Policy;
use super::read::Wrong;
use crate::units::Rev;

mod defaults;

pub use defaults::defaults;

/// Whose policy it is, from the weakest.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum LayerName {
    /// Sluice's own.
    Defaults,
    /// The system's.
    System,
    /// A tenant's.
    Tenant,
    /// A component's.
    Component,
    /// One request's.
    Request,
}

/// One policy with whose it is.
#[derive(Debug, Clone, PartialEq)]
pub struct Layer {
    /// Whose.
    pub name: LayerName,
    /// The file it is from, as the caller calls it.
    pub file: String,
    /// Which revision it is; none where it is not kept.
    pub revision: Option<Rev>,
    /// The policy.
    pub policy: Policy,
}

/// A value and where it is from.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Origin {
    /// The key, such as `rollback.limit`.
    pub key: String,
    /// The value.
    pub value: Value,
    /// Whose: `tenant`, `tenant revision 3`, or `tenant, preset tier-1`; several where values of several layers add up.
    pub from: String,
}

/// What holds.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Effective {
    /// All values put together.
    pub policy: Policy,
    /// Each value with where it is from, by key.
    pub values: Vec<Origin>,
}

/// Values of which a layer has one, and then none of the others of a weaker layer holds.
const CHOICES: [&[&[&str]]; 2] = [
    &[
        &["batches.count"],
        &["batches.percentage"],
        &["batches.ratios"],
        &["rollingUpdate.partition"],
    ],
    &[&["canary.stages"], &["canary.percentage", "canary.secondStage"]],
];

/// Blocks whose other keys depend on their type.
const BLOCKS: [&str; 2] = ["preUpgradeCheck", "postUpgradeVerify"];

/// What a request may not decide for itself.
const NOT_A_REQUESTS: [&str; 3] = ["approval", "limits", "preset"];

type Values = BTreeMap<String, (Value, String)>;

/// Puts layers together, above Sluice's defaults. They come from the weakest to the strongest; two of one name are put
/// together as they come.
///
/// # Errors
/// What a request must not set, and a value that could not be read back.
pub fn effective(layers: &[Layer]) -> Result<Effective, Vec<Wrong>> {
    check_request(layers)?;
    let mut values = Values::new();
    lay(&mut values, &flat(&defaults()), &LayerName::Defaults.to_string());
    for layer in layers {
        if let Some(preset) = layer.policy.preset {
            let name = serde_json::to_value(preset).unwrap_or_default();
            let from = format!("{}, preset {}", from(layer), name.as_str().unwrap_or_default());
            lay(&mut values, &flat(&preset.policy()), &from);
        }
        lay(&mut values, &flat(&layer.policy), &from(layer));
    }
    if values
        .get("rollback.enabled")
        .is_some_and(|(enabled, _)| *enabled == Value::Bool(false))
    {
        let off = values["rollback.enabled"].clone();
        values.insert("rollback.onFailure".to_owned(), off);
    }
    let policy = serde_json::from_value(nested(&values))
        .map_err(|e| vec![Wrong::new("", format!("the layers do not fit together: {e}"), "")])?;
    let values = values
        .into_iter()
        .map(|(key, (value, from))| Origin { key, value, from })
        .collect();
    Ok(Effective { policy, values })
}

fn from(layer: &Layer) -> String {
    match layer.revision {
        Some(revision) => format!("{} revision {revision}", layer.name),
        None => layer.name.to_string(),
    }
}

impl fmt::Display for LayerName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Defaults => "defaults",
            Self::System => "system",
            Self::Tenant => "tenant",
            Self::Component => "component",
            Self::Request => "request",
        })
    }
}

fn check_request(layers: &[Layer]) -> Result<(), Vec<Wrong>> {
    let has_windows = |l: &Layer| l.name < LayerName::Request && l.policy.windows.is_some();
    let windows = layers.iter().find(|l| has_windows(l));
    let mut wrongs = Vec::new();
    for layer in layers.iter().filter(|l| l.name == LayerName::Request) {
        let asked = flat(&layer.policy);
        for key in asked
            .keys()
            .filter(|k| NOT_A_REQUESTS.iter().any(|n| is_below(k, n)))
        {
            let problem = "is not a request's to decide";
            wrongs.push(Wrong::new(
                key.as_str(),
                problem,
                "a policy of the system, tenant or component",
            ));
        }
        if let (Some(_), Some(set)) = (&layer.policy.windows, windows) {
            let problem = format!("are set by the {} already", from(set));
            wrongs.push(Wrong::new("windows", problem, "absent in the request"));
        }
    }
    if wrongs.is_empty() { Ok(()) } else { Err(wrongs) }
}

fn is_below(key: &str, block: &str) -> bool {
    key.strip_prefix(block)
        .is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
}

/// A policy's values by key: lists whole, blocks by their members.
pub(super) fn flat(policy: &Policy) -> BTreeMap<String, Value> {
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
    let mut values = BTreeMap::new();
    walk("", serde_json::to_value(policy).unwrap_or_default(), &mut values);
    values.remove("preset");
    values
}

/// Two policies of one layer put together.
///
/// # Errors
/// What both say.
pub(super) fn united(one: &Policy, other: &Policy) -> Result<Policy, Vec<Wrong>> {
    let (mut values, others) = (flat(one), flat(other));
    let twice: Vec<Wrong> = others
        .keys()
        .filter(|key| values.contains_key(*key))
        .map(|key| {
            Wrong::new(
                key.as_str(),
                "is said twice: by the request's own field and as a policy's key",
                "one of them",
            )
        })
        .collect();
    if !twice.is_empty() {
        return Err(twice);
    }
    values.extend(others);
    let values = values
        .into_iter()
        .map(|(key, value)| (key, (value, String::new())))
        .collect();
    let mut policy: Policy = serde_json::from_value(nested(&values))
        .map_err(|e| vec![Wrong::new("", format!("the keys do not fit together: {e}"), "")])?;
    policy.preset = other.preset;
    Ok(policy)
}

fn lay(values: &mut Values, fresh: &BTreeMap<String, Value>, from: &str) {
    for group in CHOICES {
        let chosen = |keys: &[&str]| keys.iter().any(|k| fresh.contains_key(*k));
        if group.iter().any(|keys| chosen(keys)) {
            for key in group
                .iter()
                .filter(|keys| !chosen(keys))
                .flat_map(|keys| keys.iter())
            {
                values.remove(*key);
            }
        }
    }
    if fresh.get("strategy").is_some_and(|s| s == "RECREATE") {
        // It moves everything at once: what weaker layers say of parts is about other strategies.
        let parts = |key: &str| {
            is_below(key, "canary") || (is_below(key, "batches") && !is_below(key, "batches.delay"))
        };
        values.retain(|key, _| !parts(key));
    }
    for block in BLOCKS {
        if fresh.contains_key(&format!("{block}.type")) {
            values.retain(|key, _| !is_below(key, block));
        }
    }
    for (key, value) in fresh {
        let entry = (value.clone(), from.to_owned());
        let laid = match values.get(key) {
            Some(weaker) if key == "freezes" => added(weaker, &entry),
            Some(weaker) if is_below(key, "limits") && weaker.0.as_u64() <= value.as_u64() => weaker.clone(),
            _ => entry,
        };
        values.insert(key.clone(), laid);
    }
}

fn added(weaker: &(Value, String), stronger: &(Value, String)) -> (Value, String) {
    let lists = [&weaker.0, &stronger.0].into_iter().filter_map(Value::as_array);
    let all: Vec<_> = lists.flatten().cloned().collect();
    (Value::Array(all), format!("{}, {}", weaker.1, stronger.1))
}

fn nested(values: &Values) -> Value {
    let mut root = Map::new();
    for (key, (value, _)) in values {
        let mut at = &mut root;
        let mut steps: Vec<_> = key.split('.').collect();
        let last = steps.pop().unwrap_or_default();
        for step in steps {
            let below = at.entry(step).or_insert_with(|| Value::Object(Map::new()));
            let Value::Object(members) = below else {
                return Value::Null;
            };
            at = members;
        }
        at.insert(last.to_owned(), value.clone());
    }
    Value::Object(root)
}
