//! A fleet whose releases start side by side: no instance is ever missing, forward and back.

use std::net::TcpListener;
use std::path::Path;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};
use sluice_contract::problem::Code;
use sluice_core::fleet::Switch;
use sluice_fleet::edge::{self, EdgeConfig, EdgeHandle};
use sluice_tests::programs::{Counter, Place, Programs, Recipe};
use sluice_tests::stack::{declare_switching, eventually};
use tokio::task::JoinSet;

use crate::ENDS;

const FLEET: u32 = 4;

const RELEASE: &str = "version = \"@VERSION@\"\n";

/// Where a machine keeps the second of its ports.
const BESIDE: &str = "beside";

/// Requests that are under way at a time; each is followed by a pause of 5 ms.
const CALLERS: u32 = 4;

const RECIPE: Recipe = Recipe {
    name: "overlap",
    instances: FLEET,
    configuration: include_str!("../../../clients/agent/examples/overlap/agent.toml"),
    programs: &[],
    prepare,
    replace,
};

fn prepare(place: &Place) -> Result<()> {
    let port = TcpListener::bind(("127.0.0.1", 0))?.local_addr()?.port();
    std::fs::write(place.home.join(BESIDE), port.to_string())?;
    Ok(())
}

fn beside(home: &Path) -> Result<u16> {
    Ok(std::fs::read_to_string(home.join(BESIDE))?.parse()?)
}

fn replace(place: &Place) -> Vec<(&'static str, String)> {
    let beside = beside(place.home).unwrap_or_default();
    vec![
        (
            "/usr/local/bin/web",
            env!("CARGO_BIN_EXE_demo-service-for-tests").to_owned(),
        ),
        ("[8080, 8081]", format!("[{}, {beside}]", place.port)),
    ]
}

async fn call(http: reqwest::Client, url: String, counter: Counter) {
    loop {
        match http.get(&url).send().await {
            Ok(answer) => {
                let version = answer.headers().get("x-backend-version");
                let version = version.and_then(|v| v.to_str().ok()).unwrap_or("nobody");
                counter.count(version, answer.status().is_server_error());
            }
            Err(_) => counter.count("nobody", true),
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

/// A proxy before both ports of each instance.
async fn edge(fleet: &Programs) -> Result<EdgeHandle> {
    let mut ports = Vec::new();
    for machine in &fleet.machines {
        ports.extend([machine.port, beside(machine.home())?]);
    }
    let backends = ports.iter().map(|port| format!("127.0.0.1:{port}").parse());
    let mut config = EdgeConfig::new(backends.collect::<Result<_, _>>()?);
    config.poll_interval = Duration::from_millis(100);
    Ok(edge::start(config).await?)
}

/// How many were in rotation since the fleet was whole, at the least and at the most.
async fn rotation(fleet: &Programs, edge: &EdgeHandle) -> Result<(u64, u64)> {
    let url = format!("http://{}/rotation", edge.control_addr);
    let seen: Value = fleet.site.stack.http().get(url).send().await?.json().await?;
    let changes = seen["changes"].as_array().context("there are no changes")?;
    let counts = changes.iter().filter_map(|c| c["in_rotation"].as_u64());
    let since: Vec<_> = counts.skip_while(|n| *n < u64::from(FLEET)).collect();
    let least = since.iter().min().context("the fleet was never whole")?;
    Ok((*least, since.iter().max().copied().unwrap_or_default()))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn overlapping_releases_leave_no_instance_missing() -> Result<()> {
    let agent = Path::new(env!("CARGO_BIN_EXE_sluice-agent-for-tests"));
    let request = include_str!("../../../clients/agent/examples/overlap/request.json");
    let fleet = Programs::start(&RECIPE, agent, request, &[("1.0.0", RELEASE), ("1.1.0", RELEASE)]).await?;
    let (site, edge) = (&fleet.site, edge(&fleet).await?);
    let route = format!("http://{}", edge.control_addr);

    // Declared as usual it could not be moved so.
    let wishes = fleet.request(0, 1, &json!({}))?;
    let refused = site.api.post(&site.upgrades_path(), &wishes).await?;
    let refused = refused.refused(Code::InvalidRequest)?;
    ensure!(refused.detail.contains("switches in place"), "{}", refused.detail);
    declare_switching(&site.api, &site.fleet, Some(route), Switch::Overlap).await?;

    let (counter, mut callers) = (Counter::default(), JoinSet::new());
    let _publisher = counter.publish(&site.stack, &site.fleet);
    eventually("all are in rotation", ENDS, async || {
        Ok(rotation(&fleet, &edge)
            .await
            .map(|_| ())
            .map_err(|e| e.to_string()))
    })
    .await?;
    for _ in 0..CALLERS {
        let url = format!("http://{}/work", edge.listen_addr);
        callers.spawn(call(site.stack.http().clone(), url, counter.clone()));
    }
    let upgrade = site.begin(&wishes).await?;
    ensure!(
        upgrade.warnings.iter().any(|w| w.contains("side by side")),
        "{:?}",
        upgrade.warnings
    );
    let id = upgrade.execution_id;
    site.until_status(id, "COMPLETED", ENDS)
        .await
        .with_context(|| fleet.logs())?;
    fleet.healthy(1).await?;
    site.act(id, "rollback").await?;
    site.until_status(id, "ROLLED_BACK", ENDS)
        .await
        .with_context(|| fleet.logs())?;
    fleet.healthy(0).await?;

    let (least, most) = rotation(&fleet, &edge).await?;
    let seen = counter.seen();
    println!("in rotation: {least} to {most} of {FLEET}; answers: {seen:?}");
    ensure!(
        least >= u64::from(FLEET),
        "only {least} instances were in rotation"
    );
    ensure!(most > u64::from(FLEET), "none ran beside another one");
    ensure!(seen.values().all(|s| s.errors == 0), "{seen:?}");
    ensure!(
        ["1.0.0", "1.1.0"].iter().all(|v| seen.contains_key(*v)),
        "{seen:?}"
    );
    drop(callers);
    edge.shutdown().await;
    Ok(())
}
