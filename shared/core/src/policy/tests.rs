use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use super::check::check;
use super::files::{ByWhom, Entry, HealthChecks, UpgradePolicies, UpgradeWindows};
use super::read::place;
use super::*;
use crate::ids::TenantId;

mod layers;
mod refused;
mod schema;

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../infra/policies")
}

fn example(name: &str) -> String {
    std::fs::read_to_string(folder().join(name)).unwrap_or_else(|e| panic!("{name}: {e}"))
}

fn files() -> BTreeMap<String, String> {
    BTreeMap::from([("holidays.ics".to_owned(), example("holidays.ics"))])
}

fn policy(text: &str) -> Policy {
    read("p.yaml", text).unwrap_or_else(|e| panic!("{e}"))
}

fn layer(name: LayerName, text: &str) -> Layer {
    Layer {
        name,
        file: "p.yaml".to_owned(),
        revision: None,
        policy: policy(text),
    }
}

fn by_whom<T: Entry + serde::de::DeserializeOwned>(name: &str) -> ByWhom<T> {
    let read: ByWhom<T> = read(name, &example(name)).unwrap_or_else(|e| panic!("{e}"));
    assert_eq!(read.check(&files()), []);
    read
}

#[test]
fn the_examples_are_accepted() {
    for name in ["system.yaml", "tenant.yaml", "component.yaml"] {
        assert_eq!(check(&policy(&example(name)), &files()), [], "{name}");
    }
    let acme = TenantId::new("acme").unwrap();
    let policies: UpgradePolicies = by_whom("upgrade_policies.yaml");
    let windows: UpgradeWindows = by_whom("upgrade_windows.yaml");
    let health: HealthChecks = by_whom("health_checks.yaml");
    let mut layers = policies.layers("p", Some(&acme), Some("redis"));
    layers.extend(windows.layers("w", Some(&acme), Some("redis")));
    layers.extend(health.layers("h", Some(&acme), Some("redis")));
    layers.sort_by_key(|l| l.name);
    let held = effective(&layers).unwrap().policy;
    assert_eq!(check(&held, &files()), []);
    assert_eq!(held.canary.unwrap().percentage.unwrap().get(), 10);
    assert_eq!(held.windows.unwrap()[0].name, "tuesday");
    assert_eq!(held.gates.unwrap()[0].metric, "redis_up");
    assert_eq!(held.rolling_update.unwrap().partition.unwrap().first(3), 2);
}

#[test]
fn a_policy_is_read_back_as_it_was_written() {
    for name in ["system.yaml", "tenant.yaml", "component.yaml"] {
        let read = policy(&example(name));
        assert_eq!(policy(&serde_json::to_string(&read).unwrap()), read, "{name}");
    }
}
