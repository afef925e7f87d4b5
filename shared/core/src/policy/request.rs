//! A request for an upgrade: the fields of the API's body, and beside them any key of a policy.

use std::collections::BTreeMap;

use semver::Version;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::Policy;
use super::read::{Refusal, Wrong, place, read};
use crate::ids::{ComponentId, FleetId, TenantId, VersionId};
use crate::proposal::settings::of_wishes;
use crate::settings::Wishes;

/// What a request names. For planning without a registry, versions may be given by their numbers.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct Asked {
    /// Whose fleet.
    pub tenant_id: Option<TenantId>,
    /// What is upgraded.
    pub component_id: Option<ComponentId>,
    /// Its name in policies and catalogs.
    pub component: Option<String>,
    /// Which of the component's fleets.
    pub fleet_id: FleetId,
    /// The version that the fleet runs, by its identity.
    pub from_version_id: Option<VersionId>,
    /// The version that it is to run, by its identity.
    pub to_version_id: Option<VersionId>,
    /// The version that the fleet runs.
    pub from_version: Option<Version>,
    /// The version that it is to run.
    pub to_version: Option<Version>,
    /// How many instances the caller expects.
    pub total_instances: Option<i64>,
    /// Who asks.
    pub initiated_by: Option<String>,
    /// Versions of what the component depends on.
    pub installed_components: BTreeMap<String, Version>,
}

/// The fields of [`Asked`] and of [`Wishes`], as they are written.
const ASKED: [&str; 11] = [
    "tenantId",
    "componentId",
    "component",
    "fleetId",
    "fromVersionId",
    "toVersionId",
    "fromVersion",
    "toVersion",
    "totalInstances",
    "initiatedBy",
    "installedComponents",
];
const WISHES: [&str; 15] = [
    "strategy",
    "canaryPercentage",
    "canarySecondStage",
    "batchSize",
    "batchDelaySeconds",
    "healthCheckIntervalSeconds",
    "healthCheckTimeoutSeconds",
    "maxUnavailablePercentage",
    "maxSurge",
    "autoRollbackEnabled",
    "rollbackMaxUnavailablePercentage",
    "failureThreshold",
    "maxConsecutiveFailures",
    "onBreaker",
    "canaryPromotion",
];

/// Reads a request, and the policy that its own fields and its policy keys come to.
///
/// # Errors
/// Everything that is wrong, with its place: what [`read`] refuses, values out of range, and what is said twice.
pub fn read_request(file: &str, text: &str) -> Result<(Asked, Policy), Vec<Refusal>> {
    let members: Map<String, Value> = read(file, text).map_err(|refusal| vec![refusal])?;
    let mut parts = [Map::new(), Map::new(), Map::new()];
    for (key, value) in members {
        let part = if ASKED.contains(&key.as_str()) {
            0
        } else if WISHES.contains(&key.as_str()) {
            1
        } else {
            2
        };
        parts[part].insert(key, value);
    }
    let [asked, wishes, rest] = parts;
    let placed = |wrongs: Vec<Wrong>| place(file, text, &wrongs);
    let asked: Asked = typed(asked).map_err(|w| placed(vec![w]))?;
    let wishes: Wishes = typed(wishes).map_err(|w| placed(vec![w]))?;
    let policy: Policy = typed(rest).map_err(|w| placed(vec![w]))?;
    let own = of_wishes(&wishes).map_err(&placed)?;
    let both = super::effective::united(&own, &policy).map_err(&placed)?;
    Ok((asked, both))
}

fn typed<T: DeserializeOwned>(members: Map<String, Value>) -> Result<T, Wrong> {
    serde_path_to_error::deserialize(Value::Object(members)).map_err(|error| {
        let path = error.path().to_string();
        let text = error.inner().to_string();
        let (problem, accepted) = super::read::split(&text);
        // An unknown key is told at what it is in; its own name is in the sentence.
        let unknown = problem
            .strip_prefix("unknown field `")
            .and_then(|rest| rest.strip_suffix('`'));
        let path = match (path.as_str(), unknown) {
            (".", Some(key)) => key.to_owned(),
            (_, Some(key)) if !path.ends_with(key) => format!("{path}.{key}"),
            _ => path,
        };
        Wrong::new(path, problem, accepted)
    })
}
