//! nginx behind a proxy under load, upgraded and taken back by Sluice.

use std::path::Path;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use serde_json::json;
use sluice_fleet::edge::{self, EdgeConfig, EdgeHandle};
use sluice_tests::programs::{Counter, INSTANCES, Machine, Place, Programs, Publisher, Recipe};
use sluice_tests::stack::declare;
use tokio::task::JoinSet;

use crate::ENDS;

const CONF: &str = include_str!("../../../clients/agent/examples/nginx/nginx.conf");
const SITE: &str = include_str!("../../../clients/agent/examples/nginx/site.conf");

/// Requests that are under way at a time; each is followed by a pause of 5 ms.
const CALLERS: u32 = 4;

const RECIPE: Recipe = Recipe {
    name: "nginx",
    instances: INSTANCES,
    configuration: include_str!("../../../clients/agent/examples/nginx/agent.toml"),
    programs: &["nginx"],
    prepare,
    replace,
};

fn prepare(place: &Place) -> Result<()> {
    let home = place.home.to_string_lossy();
    let own = CONF
        .replace("127.0.0.1:8080", &format!("127.0.0.1:{}", place.port))
        .replace("/var/lib/sluice-agent", &home);
    std::fs::create_dir(place.home.join("run"))?;
    std::fs::write(place.home.join("nginx.conf"), own)?;
    Ok(())
}

fn replace(place: &Place) -> Vec<(&'static str, String)> {
    let home = place.home.display();
    vec![
        ("/var/lib/nginx", format!("{home}/run")),
        ("/etc/sluice/nginx.conf", format!("{home}/nginx.conf")),
        ("127.0.0.1:8080", format!("127.0.0.1:{}", place.port)),
    ]
}

/// Asks again and again; what is not answered counts for the version that was asked.
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

struct Nginx {
    fleet: Programs,
    edge: EdgeHandle,
    counter: Counter,
    _publisher: Publisher,
    _callers: JoinSet<()>,
}

impl Nginx {
    /// A fleet behind a proxy under load; none where there is no nginx.
    async fn start(contents: &[(&str, &str)]) -> Result<Option<Self>> {
        if !RECIPE.is_possible()? {
            return Ok(None);
        }
        let agent = Path::new(env!("CARGO_BIN_EXE_sluice-agent-for-tests"));
        let request = include_str!("../../../clients/agent/examples/nginx/request.json");
        let fleet = Programs::start(&RECIPE, agent, request, contents).await?;
        let backends = fleet
            .machines
            .iter()
            .map(|m| format!("127.0.0.1:{}", m.port).parse());
        let mut config = EdgeConfig::new(backends.collect::<Result<_, _>>()?);
        config.poll_interval = Duration::from_millis(100);
        let edge = edge::start(config).await?;
        let site = &fleet.site;
        declare(
            &site.api,
            &site.fleet,
            Some(format!("http://{}", edge.control_addr)),
        )
        .await?;
        let (counter, mut callers) = (Counter::default(), JoinSet::new());
        for _ in 0..CALLERS {
            let url = format!("http://{}/", edge.listen_addr);
            callers.spawn(call(site.stack.http().clone(), url, counter.clone()));
        }
        Ok(Some(Self {
            _publisher: counter.publish(&site.stack, &site.fleet),
            fleet,
            edge,
            counter,
            _callers: callers,
        }))
    }

    /// Every instance serves this version.
    async fn check(&self, release: usize) -> Result<()> {
        self.fleet.healthy(release).await?;
        let version = &self
            .fleet
            .releases
            .get(release)
            .context("no such release")?
            .release
            .version;
        for machine in &self.fleet.machines {
            let url = format!("http://127.0.0.1:{}/version", machine.port);
            let found = self.fleet.site.stack.http().get(url).send().await?.text().await?;
            ensure!(found == version.to_string(), "{found} instead of {version}");
        }
        println!("answers: {:?}", self.counter.seen());
        Ok(())
    }

    /// Requests that failed although the version is a good one. An instance that ends may cut one that had just been
    /// sent to it, so that each switch may cost one.
    fn harmed(&self, versions: &[&str], switches: u32) -> Result<()> {
        let seen = self.counter.seen();
        let of = |version: &str| seen.get(version).map_or(0, |s| s.errors);
        let harmed: u32 = versions.iter().map(|v| of(v)).sum::<u32>() + of("nobody");
        ensure!(
            harmed <= switches,
            "{harmed} requests failed in {switches} switches: {seen:?}"
        );
        Ok(())
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nginx_goes_forward_and_back_under_load() -> Result<()> {
    let Some(nginx) = Nginx::start(&[("1.0.0", SITE), ("1.1.0", SITE)]).await? else {
        return Ok(());
    };
    let (fleet, site) = (&nginx.fleet, &nginx.fleet.site);
    let id = site.begin(&fleet.request(0, 1, &json!({}))?).await?.execution_id;
    site.until_status(id, "COMPLETED", ENDS).await?;
    nginx.check(1).await?;

    site.act(id, "rollback").await?;
    site.until_status(id, "ROLLED_BACK", ENDS).await?;
    nginx.check(0).await?;
    nginx.harmed(&["1.0.0", "1.1.0"], 2 * INSTANCES)?;
    nginx.edge.shutdown().await;
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_wrong_site_is_taken_back_wherever_it_shows() -> Result<()> {
    let refused = format!("{SITE}nonsense on;\n");
    let sick = SITE.replace(
        "location = /health { return 200",
        "location = /health { return 503",
    );
    // Healthy, and one request in eight fails: only its traffic tells.
    let flaky = SITE.replace(
        "location / {",
        "location / { if ($request_id ~ \"^[01]\") { return 500; }",
    );
    let contents = [
        ("1.0.0", SITE),
        ("1.1.0", refused.as_str()),
        ("1.2.0", &sick),
        ("1.3.0", &flaky),
    ];
    let Some(nginx) = Nginx::start(&contents).await? else {
        return Ok(());
    };
    let (fleet, site) = (&nginx.fleet, &nginx.fleet.site);
    let short = json!({"postUpgradeVerify": {"type": "http", "endpoint": "/health", "timeout": "2s"}});
    for (release, more, said, is_harmful) in [
        (1, json!({}), "start-failed", false),
        (2, short, "/health answered 503", false),
        (3, json!({}), "The switch has ended", true),
    ] {
        let id = site.begin(&fleet.request(0, release, &more)?).await?.execution_id;
        let ended = site.until_status(id, "ROLLED_BACK", ENDS).await?;
        let told = ended.rollback_info.rollback_reason.unwrap_or_default();
        ensure!(
            told.starts_with("harmful: ") == is_harmful,
            "release {release}: {told}"
        );
        nginx.check(0).await?;
        let logs: String = fleet.machines.iter().map(Machine::log).collect();
        ensure!(
            logs.contains(said),
            "release {release}: nobody said {said}: {}",
            fleet.logs()
        );
        let (report, _) = site.report(id).await?;
        ensure!(report.touched <= 2, "{} instances were touched", report.touched);
    }
    nginx.harmed(&["1.0.0"], 3 * 4)?;
    let seen = nginx.counter.seen();
    ensure!(seen.get("1.3.0").is_some_and(|s| s.errors > 0), "{seen:?}");
    nginx.edge.shutdown().await;
    Ok(())
}
