//! Which layer counts.

use super::*;
use LayerName::{Component, Request, System, Tenant};

/// What holds of a key, and where it is from.
fn held(layers: &[Layer], key: &str) -> (String, String) {
    let effective = effective(layers).unwrap_or_else(|e| panic!("{e:?}"));
    let found = effective.values.into_iter().find(|o| o.key == key);
    found.map_or(("absent".to_owned(), "nobody".to_owned()), |o| {
        (o.value.to_string(), o.from)
    })
}

/// Layers, a key, its value, and whose it is.
type Row<'a> = (&'a [(LayerName, &'a str)], &'a str, &'a str, &'a str);

#[test]
fn the_stronger_layer_counts_and_takes_no_protection_away() {
    let rows: &[Row] = &[
        (&[], "batches.count", "5", "defaults"),
        (
            &[(System, "strategy: CANARY")],
            "strategy",
            "\"CANARY\"",
            "system",
        ),
        (
            &[(System, "strategy: CANARY"), (Tenant, "strategy: RECREATE")],
            "strategy",
            "\"RECREATE\"",
            "tenant",
        ),
        (
            &[
                (Tenant, "watch: {interval: 10s}"),
                (Component, "watch: {failureThreshold: 1}"),
            ],
            "watch.interval",
            "\"10s\"",
            "tenant",
        ),
        // One choice replaces another.
        (
            &[(System, "batches: {percentage: 20}")],
            "batches.count",
            "absent",
            "nobody",
        ),
        (
            &[
                (System, "batches: {ratios: [40, 60]}"),
                (Request, "batches: {count: 3}"),
            ],
            "batches.ratios",
            "absent",
            "nobody",
        ),
        (
            &[
                (System, "batches: {count: 3}"),
                (Request, "rollingUpdate: {partition: 2}"),
            ],
            "batches.count",
            "absent",
            "nobody",
        ),
        (
            &[(System, "canary: {stages: [1, 5]}")],
            "canary.percentage",
            "absent",
            "nobody",
        ),
        (
            &[
                (System, "canary: {stages: [1, 5]}"),
                (Tenant, "canary: {percentage: 7}"),
            ],
            "canary.stages",
            "absent",
            "nobody",
        ),
        // Presets stand below their own layer.
        (
            &[(System, "preset: tier-1")],
            "batches.percentage",
            "10",
            "system, preset tier-1",
        ),
        (
            &[(System, "preset: tier-1\nbatches: {percentage: 30}")],
            "batches.percentage",
            "30",
            "system",
        ),
        (
            &[(System, "batches: {percentage: 30}"), (Tenant, "preset: tier-1")],
            "batches.percentage",
            "10",
            "tenant, preset tier-1",
        ),
        // Protections stay.
        (
            &[(System, "paused: {reason: audit}"), (Tenant, "onPause: hold")],
            "paused.reason",
            "\"audit\"",
            "system",
        ),
        (
            &[
                (System, "emergencyStop: {reason: fire}"),
                (Tenant, "approval: never"),
            ],
            "emergencyStop.reason",
            "\"fire\"",
            "system",
        ),
        (
            &[
                (System, "limits: {upgradesPerTenant: 2}"),
                (Tenant, "limits: {upgradesPerTenant: 9}"),
            ],
            "limits.upgradesPerTenant",
            "2",
            "system",
        ),
        (
            &[
                (System, "limits: {upgradesPerTenant: 9}"),
                (Tenant, "limits: {upgradesPerTenant: 2}"),
            ],
            "limits.upgradesPerTenant",
            "2",
            "tenant",
        ),
        // A check of another type is another check.
        (
            &[
                (System, "postUpgradeVerify: {type: exec, command: a}"),
                (Component, "postUpgradeVerify: {type: http, endpoint: /}"),
            ],
            "postUpgradeVerify.command",
            "absent",
            "nobody",
        ),
        (
            &[(Tenant, "rollback: {enabled: false}")],
            "rollback.onFailure",
            "false",
            "tenant",
        ),
    ];
    for (layers, key, value, from) in rows {
        let layers: Vec<_> = layers.iter().map(|(name, text)| layer(*name, text)).collect();
        assert_eq!(
            held(&layers, key),
            ((*value).to_owned(), (*from).to_owned()),
            "{key} of {layers:?}"
        );
    }
}

#[test]
fn freezes_of_all_layers_hold() {
    let freeze = |name: &str| format!("freezes: [{{name: {name}, zone: UTC, dates: [2026-12-24]}}]");
    let layers = [layer(System, &freeze("a")), layer(Component, &freeze("b"))];
    let effective = effective(&layers).unwrap();
    let names: Vec<_> = effective
        .policy
        .freezes
        .unwrap()
        .into_iter()
        .map(|f| f.name)
        .collect();
    assert_eq!(names, ["a", "b"]);
    let origin = effective.values.into_iter().find(|o| o.key == "freezes").unwrap();
    assert_eq!(origin.from, "system, component");
}

#[test]
fn a_request_does_not_decide_what_is_not_its_own() {
    let window = "windows: [{name: w, zone: UTC, cron: \"0 2 * * *\", duration: 1h}]";
    for (layers, refused) in [
        (vec![layer(Request, "approval: never")], Some("approval")),
        (
            vec![layer(Request, "limits: {upgradesPerTenant: 9}")],
            Some("limits.upgradesPerTenant"),
        ),
        (vec![layer(Request, window)], None),
        (
            vec![layer(Tenant, window), layer(Request, window)],
            Some("windows"),
        ),
    ] {
        let found = effective(&layers).err().map(|wrongs| wrongs[0].path.clone());
        assert_eq!(found.as_deref(), refused, "{layers:?}");
    }
}

#[test]
fn every_preset_is_sound() {
    for preset in Preset::ALL {
        let name = serde_json::to_value(preset).unwrap();
        let text = format!("preset: {}", name.as_str().unwrap());
        let held = effective(&[layer(System, &text)]).unwrap();
        let from = format!("system, preset {}", name.as_str().unwrap());
        assert!(held.values.iter().any(|o| o.from == from), "{name} sets nothing");
        assert_eq!(check(&held.policy, &BTreeMap::new()), [], "{name}");
    }
}
