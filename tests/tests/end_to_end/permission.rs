//! Who may do what: tokens, scopes and tenants.

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use reqwest::Method;
use serde_json::json;
use sluice_contract::problem::Code;
use sluice_tests::stack::{Answer, OPERATOR, Options, Scenario, Stack, eventually};
use uuid::Uuid;

/// How long after its end a token may still be taken: clocks differ.
const LEEWAY: Duration = Duration::from_secs(90);

/// The gateway's own refusal, before any function is asked.
fn unauthorized(answer: &Answer) -> Result<()> {
    ensure!(
        answer.status == 401,
        "{} was answered {}: {}",
        answer.request,
        answer.status,
        answer.body
    );
    ensure!(answer.body.contains("Unauthorized"), "{}", answer.body);
    Ok(())
}

#[tokio::test]
async fn nobody_comes_in_without_a_good_token() -> Result<()> {
    let stack = Stack::open()?;
    let tenant = format!("t-{}", Uuid::new_v4().simple());
    let path = format!("/registry/tenants/{tenant}/upgrades");
    let good = stack.token_for("operator", &tenant, OPERATOR, 600).await?;
    assert_eq!(stack.api_with(Some(good.clone())).get(&path).await?.status, 200);

    let (signed, signature) = good.rsplit_once('.').context("a token has three parts")?;
    let flipped: String = signature.chars().rev().collect();
    let forged = format!("{signed}.{flipped}");
    for token in [
        None,
        Some("no-token".to_owned()),
        Some("a.b.c".to_owned()),
        Some(forged),
    ] {
        unauthorized(&stack.api_with(token.clone()).get(&path).await?)?;
        unauthorized(&stack.api_with(token).post(&path, &json!({})).await?)?;
    }
    let short = stack.token_for("operator", &tenant, OPERATOR, 1).await?;
    let api = stack.api_with(Some(short));
    eventually("a token expires", LEEWAY, async || {
        let answer = api.get(&path).await?;
        Ok(if answer.status == 401 {
            Ok(())
        } else {
            Err(answer.status)
        })
    })
    .await
}

#[tokio::test]
async fn every_deed_needs_its_scope() -> Result<()> {
    let scenario = Scenario::start(&Options {
        instances: 0,
        ..Options::default()
    })
    .await?;
    let tenant = &scenario.fleet.tenant_id;
    let upgrade = format!("/registry/upgrades/{}", Uuid::new_v4());
    let component = format!(
        "/registry/tenants/{tenant}/components/{}",
        scenario.fleet.component_id
    );
    let rows = [
        (Method::POST, scenario.upgrades_path(), "upgrade:plan"),
        (Method::GET, scenario.upgrades_path(), "upgrade:read"),
        (Method::GET, upgrade.clone(), "upgrade:read"),
        (Method::GET, format!("{upgrade}/events"), "upgrade:read"),
        (Method::GET, format!("{upgrade}/report"), "upgrade:read"),
        (
            Method::GET,
            format!("{component}/upgrades/active"),
            "upgrade:read",
        ),
        (Method::POST, format!("{upgrade}/start"), "upgrade:execute"),
        (Method::POST, format!("{upgrade}/pause"), "upgrade:control"),
        (Method::POST, format!("{upgrade}/resume"), "upgrade:control"),
        (Method::POST, format!("{upgrade}/cancel"), "upgrade:control"),
        (Method::POST, format!("{upgrade}/rollback"), "upgrade:control"),
        (
            Method::POST,
            format!("{upgrade}/promote-canary"),
            "upgrade:control",
        ),
        (
            Method::POST,
            format!("{upgrade}/decide?decision=abort"),
            "upgrade:control",
        ),
        (Method::POST, format!("{upgrade}/adjust"), "upgrade:control"),
        (Method::POST, format!("{upgrade}/edit"), "upgrade:approve"),
        (
            Method::POST,
            format!("{upgrade}/approvals/1/approve"),
            "upgrade:approve",
        ),
        (
            Method::POST,
            format!("{upgrade}/approvals/1/deny?remark=no"),
            "upgrade:approve",
        ),
        (Method::POST, format!("{component}/stop"), "upgrade:control"),
        (Method::DELETE, format!("{component}/stop"), "upgrade:control"),
        (Method::POST, "/registry/stop".to_owned(), "admin:system"),
        (Method::GET, format!("{component}/fleets/default"), "upgrade:read"),
        (
            Method::GET,
            format!("{component}/fleets/default/instances"),
            "upgrade:read",
        ),
        (Method::GET, format!("{component}/releases"), "upgrade:read"),
        (Method::PUT, format!("{component}/fleets/default"), "admin:policy"),
        (
            Method::PUT,
            format!("{component}/releases/{}", Uuid::new_v4()),
            "admin:policy",
        ),
        (
            Method::PUT,
            format!("/registry/tenants/{tenant}/signing-keys/k"),
            "admin:policy",
        ),
        (Method::PUT, format!("{component}/policy"), "admin:policy"),
        (
            Method::GET,
            format!("{component}/policy/versions"),
            "upgrade:read",
        ),
        (
            Method::GET,
            format!("{component}/policy/effective"),
            "upgrade:read",
        ),
        (Method::PUT, "/registry/policy".to_owned(), "admin:system"),
        (Method::GET, "/registry/policy".to_owned(), "upgrade:read"),
    ];
    for (method, path, scope) in rows {
        let others: Vec<_> = OPERATOR.split(' ').filter(|s| *s != scope).collect();
        let api = scenario
            .stack
            .api("operator", tenant.as_str(), &others.join(" "))
            .await?;
        let body = body(&scenario, &path);
        let answer = api.send(method, &path, |request| request.json(&body)).await?;
        let problem = answer.refused(Code::MissingScope)?;
        assert!(problem.detail.contains(scope), "{path}: {}", problem.detail);
    }
    Ok(())
}

/// A body that is a good one, so that the scope is all that is missing.
fn body(scenario: &Scenario, path: &str) -> serde_json::Value {
    let key = scenario.signer.public_pem().unwrap_or_default();
    match path {
        path if path.ends_with("/upgrades") => scenario.request(&json!({})),
        path if path.contains("/signing-keys/") => json!({ "publicKeyPem": key }),
        path if path.contains("/releases/") => {
            let good = scenario
                .signer
                .registration(scenario.fleet.component_id, "2.0.0", b"bytes");
            good.map_or(json!({}), |registration| json!(registration))
        }
        _ => json!({}),
    }
}

#[tokio::test]
async fn a_tenant_sees_and_touches_only_its_own() -> Result<()> {
    let scenario = Scenario::start(&Options {
        instances: 1,
        ..Options::default()
    })
    .await?;
    let id = scenario.plan(&json!({})).await?.execution_id;
    let stranger = scenario.stack.api("operator", "t-stranger", OPERATOR).await?;
    let upgrade = format!("/registry/upgrades/{id}");
    let component = scenario.fleet_path().replace("/fleets/default", "");
    for path in [
        upgrade.clone(),
        format!("{upgrade}/events"),
        format!("{upgrade}/report"),
        scenario.upgrades_path(),
        format!("{component}/upgrades/active"),
        format!("{component}/fleets/default"),
        format!("{component}/fleets/default/instances"),
        format!("{component}/releases"),
        format!("{component}/releases/{}", scenario.old.release.version_id),
    ] {
        stranger.get(&path).await?.refused(Code::NotFound)?;
    }
    for action in ["start", "pause", "resume", "cancel", "rollback"] {
        stranger
            .act(&format!("{upgrade}/{action}"))
            .await?
            .refused(Code::NotFound)?;
    }
    let request = scenario.request(&json!({}));
    stranger
        .post(&scenario.upgrades_path(), &request)
        .await?
        .refused(Code::NotFound)?;
    stranger
        .put(&format!("{component}/fleets/default"), &json!({}))
        .await?
        .refused(Code::NotFound)?;
    // Its own upgrade of somebody else's release names nothing that exists for it.
    let own = stranger
        .post("/registry/tenants/t-stranger/upgrades", &request)
        .await?;
    own.refused(Code::NotFound)?;
    let events = scenario.events(id).await?;
    assert_eq!(
        events.iter().map(|e| e.name.as_str()).collect::<Vec<_>>(),
        ["upgrade.created"]
    );
    Ok(())
}
