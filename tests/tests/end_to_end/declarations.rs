//! Fleets and releases that make no sense.

use anyhow::{Context, Result};
use serde_json::json;
use sluice_contract::api::ReleaseRegistration;
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
