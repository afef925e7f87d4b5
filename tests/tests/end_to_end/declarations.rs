//! Fleets and releases that make no sense.

use anyhow::{Context, Result};
use serde_json::json;
use sluice_contract::api::{ReleaseRegistration, ReleaseView};
use sluice_contract::problem::Code;
use sluice_tests::stack::{Options, Scenario};
use uuid::Uuid;

use crate::input::names;

#[tokio::test]
async fn bad_declarations_are_refused_by_field() -> Result<()> {
    let scenario = Scenario::start(&Options {
        instances: 0,
        ..Options::default()
    })
    .await?;
    let fleet = scenario.fleet_path();
    let source = json!({ "namespace": "n", "period_seconds": 7 });
    for (body, field) in [
        (
            json!({ "route": { "kind": "http-edge", "url": "ftp://x" } }),
            "route.url",
        ),
        (json!({ "metrics": source }), "metrics.period_seconds"),
        (json!({ "checkIn": { "idle_ms": 1 } }), "checkIn.idle_ms"),
        (json!({ "approval": "stages" }), "approval"),
        (json!({ "colour": "red" }), "colour"),
    ] {
        let answer = scenario.api.put(&fleet, &body).await?;
        names(&answer.refused(Code::InvalidRequest)?, field).with_context(|| body.to_string())?;
    }
    let good = scenario
        .signer
        .registration(scenario.fleet.component_id, "2.0.0", b"bytes")?;
    let unsigned = ReleaseRegistration {
        size: 6,
        ..good.clone()
    };
    let unknown = ReleaseRegistration {
        key_id: "stranger".parse()?,
        ..good.clone()
    };
    let unnumbered = ReleaseRegistration {
        version: "two".to_owned(),
        ..good.clone()
    };
    let undigested = ReleaseRegistration {
        digest: "sha256:00".to_owned(),
        ..good
    };
    let releases = fleet.replace("/fleets/default", "/releases");
    for (release, field) in [
        (unsigned, "signature"),
        (unknown, "keyId"),
        (unnumbered, "version"),
        (undigested, "digest"),
    ] {
        let answer = scenario
            .api
            .put(&format!("{releases}/{}", Uuid::new_v4()), &release)
            .await?;
        names(&answer.refused(Code::InvalidRequest)?, field).context(field)?;
    }
    let taken = format!("{releases}/{}", scenario.old.release.version_id);
    let other = scenario
        .signer
        .registration(scenario.fleet.component_id, "3.0.0", b"bytes")?;
    scenario
        .api
        .put(&taken, &other)
        .await?
        .refused(Code::AlreadyRegistered)?;
    Ok(())
}

#[tokio::test]
async fn a_version_that_needs_what_is_not_there_is_refused() -> Result<()> {
    let scenario = Scenario::start(&Options {
        instances: 2,
        ..Options::default()
    })
    .await?;
    let needs = json!({ "upgradesFrom": ">=1.0", "requires": { "postgresql": ">=15" } });
    let release = ReleaseRegistration {
        dependencies: serde_json::from_value(needs)?,
        ..scenario
            .signer
            .registration(scenario.fleet.component_id, "2.0.0", b"bytes")?
    };
    let id = Uuid::new_v4();
    let path = scenario.fleet_path().replace("/fleets/default", "/releases");
    let made: ReleaseView = scenario
        .api
        .put(&format!("{path}/{id}"), &release)
        .await?
        .expect(200)?;
    assert_eq!(made.release.dependencies, release.dependencies);
    let old = json!({ "postgresql": "14.2.0" });
    let request = scenario.request(&json!({ "toVersionId": id, "installedComponents": old }));
    let answer = scenario.api.post(&scenario.upgrades_path(), &request).await?;
    let problem = answer.refused(Code::Incompatible)?;
    assert!(
        problem
            .detail
            .contains("needs postgresql >=15, and 14.2.0 is installed"),
        "{problem:?}"
    );
    scenario.active().await?.refused(Code::NotFound)?;
    Ok(())
}
