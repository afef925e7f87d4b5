//! Policies: set, refused, put together, and followed by what is planned.

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use jiff::{SignedDuration, Timestamp};
use reqwest::Method;
use serde_json::{Value, json};
use sluice_contract::policy::{EffectivePolicy, PolicyVersionList, PolicyView};
use sluice_contract::problem::Code;
use sluice_core::units::Rev;
use sluice_tests::stack::{Answer, Api, Options, Scenario, eventually};

use crate::ENDS;

/// Sets a policy in place of a revision, 0 for none.
pub async fn put(api: &Api, path: &str, replaces: u64, text: &str) -> Result<Answer> {
    let (header, value) = match replaces {
        0 => ("if-none-match", "*".to_owned()),
        revision => ("if-match", format!("\"{revision}\"")),
    };
    let text = text.to_owned();
    api.send(Method::PUT, path, |request| {
        let request = request.header(header, value);
        request.header("content-type", "application/yaml").body(text)
    })
    .await
}

/// The policy of the scenario's component.
pub fn of_component(scenario: &Scenario) -> String {
    scenario.fleet_path().replace("/fleets/default", "/policy")
}

fn of_tenant(scenario: &Scenario) -> String {
    format!("/registry/tenants/{}/policy", scenario.fleet.tenant_id)
}

#[tokio::test]
async fn what_is_set_is_what_is_planned() -> Result<()> {
    let scenario = Scenario::start(&Options::default()).await?;
    let (tenant, component) = (of_tenant(&scenario), of_component(&scenario));
    let api = &scenario.api;
    api.get(&component).await?.refused(Code::NotFound)?;

    let text = "# Slow and careful.\nstrategy: CANARY\nbatches: {percentage: 25, delay: 7s}\n";
    let set: PolicyView = put(api, &tenant, 0, text).await?.expect(200)?;
    ensure!(
        (set.summary.revision, set.text.as_str()) == (Rev(1), text),
        "{set:?}"
    );
    put(api, &tenant, 0, "order: index")
        .await?
        .refused(Code::RevisionDiffers)?;
    let unconditional = api.send(Method::PUT, &tenant, |r| r.body("order: index")).await?;
    unconditional.refused(Code::RevisionMissing)?;
    let again: PolicyView = put(api, &tenant, 1, &text.replace("7s", "9s"))
        .await?
        .expect(200)?;
    ensure!(again.summary.revision == Rev(2), "{again:?}");
    put(api, &component, 0, "watch: {interval: 3s}\n")
        .await?
        .expect::<PolicyView>(200)?;

    let first: PolicyView = api.get(&format!("{tenant}?revision=1")).await?.expect(200)?;
    ensure!(first == set, "{first:?}");
    let list: PolicyVersionList = api.get(&format!("{tenant}/versions")).await?.expect(200)?;
    ensure!(list.versions.iter().map(|v| v.revision.0).eq([2, 1]), "{list:?}");
    let held: EffectivePolicy = api.get(&format!("{component}/effective")).await?.expect(200)?;
    for (key, value, from) in [
        ("batches.delay", json!("9s"), "tenant revision 2"),
        ("watch.interval", json!("3s"), "component revision 1"),
        ("rollingUpdate.timeout", json!("300s"), "defaults"),
    ] {
        let origin = held.values.iter().find(|o| o.key == key).context(key)?;
        ensure!(
            (&origin.value, origin.from.as_str()) == (&value, from),
            "{origin:?}"
        );
    }

    let mut request = scenario.request(&json!({ "healthCheckIntervalSeconds": 5 }));
    for field in ["batchSize", "batchDelaySeconds"] {
        request.as_object_mut().context("an object")?.remove(field);
    }
    let planned: Value = api.post(&scenario.upgrades_path(), &request).await?.expect(201)?;
    ensure!(planned["strategy"] == "CANARY", "{planned}");
    let sizes: Vec<_> = planned["batches"]
        .as_array()
        .context("batches")?
        .iter()
        .map(|b| b["size"].clone())
        .collect();
    ensure!(
        sizes == [json!(1), json!(1), json!(2), json!(2), json!(2)],
        "{sizes:?}"
    );
    let rests: Vec<_> = planned["policies"]
        .as_array()
        .context("policies")?
        .iter()
        .map(|p| json!([p["layer"], p["revision"]]))
        .collect();
    ensure!(
        rests.ends_with(&[json!(["tenant", 2]), json!(["component", 1])]),
        "{rests:?}"
    );
    Ok(())
}

/// The window opens a few seconds after the start.
#[tokio::test]
async fn a_batch_waits_for_its_window() -> Result<()> {
    let scenario = Scenario::start(&Options::default()).await?;
    let opens = Timestamp::now() + SignedDuration::from_secs(20);
    let closes = opens + SignedDuration::from_hours(2);
    let window = format!("windows: [{{name: soon, once: {{from: {opens}, to: {closes}}}}}]\n");
    put(&scenario.api, &of_component(&scenario), 0, &window)
        .await?
        .expect::<PolicyView>(200)?;

    let dry = format!("{}?dryRun=true", scenario.upgrades_path());
    let proposal: Value = scenario
        .api
        .post(&dry, &scenario.request(&json!({})))
        .await?
        .expect(200)?;
    let begins: Timestamp = serde_json::from_value(proposal["schedule"]["start_at"].clone())?;
    ensure!(begins == opens, "{proposal}");
    scenario.active().await?.refused(Code::NotFound)?;
    let unclear = dry.replace("true", "yes");
    let answer = scenario.api.post(&unclear, &scenario.request(&json!({}))).await?;
    answer.refused(Code::InvalidRequest)?;

    let view = scenario.upgrade(&json!({})).await?;
    ensure!(proposal["hash"] == json!(view.plan_hash), "{proposal}");
    let held = eventually("it waits for its window", Duration::from_secs(18), async || {
        let view = scenario.view(view.execution_id).await?;
        let cause = view
            .hold
            .as_ref()
            .map(serde_json::to_value)
            .transpose()?
            .unwrap_or_default();
        Ok(if cause["cause"] == "window-closed" {
            Ok(cause)
        } else {
            Err(cause.to_string())
        })
    })
    .await?;
    let until: Timestamp = serde_json::from_value(held["until"].clone())?;
    ensure!(until == opens, "{held}");
    let ended = scenario
        .until_status(view.execution_id, "COMPLETED", ENDS)
        .await?;
    ensure!(ended.status == "COMPLETED", "{ended:?}");
    let events = scenario.events(view.execution_id).await?;
    let released = events
        .iter()
        .find(|e| e.name == "batch.released")
        .context("released")?;
    ensure!(
        (opens..opens + SignedDuration::from_secs(30)).contains(&released.at),
        "{released:?}"
    );
    Ok(())
}

#[tokio::test]
async fn an_upgrade_waits_until_another_one_has_ended() -> Result<()> {
    let scenario = Scenario::start(&Options {
        instances: 2,
        ..Options::default()
    })
    .await?;
    let limit = "limits: {upgradesPerTenant: 1}";
    put(&scenario.api, &of_tenant(&scenario), 0, limit)
        .await?
        .expect::<PolicyView>(200)?;
    let first = scenario.plan(&json!({})).await?;
    let (path, request) = (scenario.upgrades_path(), scenario.request(&json!({})));
    scenario
        .api
        .post(&path, &request)
        .await?
        .refused(Code::LimitReached)?;
    scenario.act(first.execution_id, "cancel").await?;
    eventually("the place is given back", Duration::from_secs(30), async || {
        let answer = scenario.api.post(&path, &request).await?;
        Ok(if answer.status == 201 {
            Ok(())
        } else {
            Err(answer.body)
        })
    })
    .await
}

#[tokio::test]
async fn what_cannot_be_followed_is_not_kept() -> Result<()> {
    let scenario = Scenario::start(&Options {
        instances: 0,
        ..Options::default()
    })
    .await?;
    let path = of_component(&scenario);
    for (text, field, line) in [
        ("colour: red", "colour", 1),
        (
            "order: spread\nbatches:\n  ratios: [10, 20]\n",
            "batches.ratios",
            3,
        ),
        ("\napproval: stages", "approval", 2),
        (
            "windows:\n  - {name: n, zone: Europe/Nowhere, weekly: {days: [sun], start: '02:30'}, duration: 1h}",
            "windows[0].zone",
            2,
        ),
    ] {
        let problem = put(&scenario.api, &path, 0, text)
            .await?
            .refused(Code::InvalidRequest)?;
        let error = problem.errors.first().context("no field")?;
        ensure!(
            (error.field.as_str(), error.line) == (field, Some(line)),
            "{text}: {problem:?}"
        );
    }
    let large = "#".repeat(300 * 1024);
    put(&scenario.api, &path, 0, &large)
        .await?
        .refused(Code::InvalidRequest)?;
    scenario.api.get(&path).await?.refused(Code::NotFound)?;
    Ok(())
}

/// All tests share the system, so what is set here changes nothing for the others.
#[tokio::test]
async fn the_system_has_a_policy_that_no_tenant_sets() -> Result<()> {
    let scenario = Scenario::start(&Options {
        instances: 0,
        ..Options::default()
    })
    .await?;
    let stored = scenario.api.get("/registry/policy").await?;
    let revision = match stored.status {
        404 => 0,
        _ => stored.expect::<PolicyView>(200)?.summary.revision.0,
    };
    let tenants = scenario
        .stack
        .api(
            "tenants",
            scenario.fleet.tenant_id.as_str(),
            "admin:policy upgrade:read",
        )
        .await?;
    put(&tenants, "/registry/policy", revision, "onPause: hold")
        .await?
        .refused(Code::MissingScope)?;
    let set: PolicyView = put(&scenario.api, "/registry/policy", revision, "onPause: hold\n")
        .await?
        .expect(200)?;
    let held: EffectivePolicy = tenants
        .get(&format!("{}/effective", of_tenant(&scenario)))
        .await?
        .expect(200)?;
    let origin = held
        .values
        .iter()
        .find(|o| o.key == "onPause")
        .context("onPause")?;
    ensure!(
        origin.from == format!("system revision {}", set.summary.revision),
        "{origin:?}"
    );
    Ok(())
}
