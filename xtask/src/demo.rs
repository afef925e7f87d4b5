//! `demo`: a real fleet, upgrades that go well, and some that go back by themselves.
//!
//! Twenty agents, each with a service process of its own, behind a weighted proxy under a steady load. The functions,
//! the state machines and the table are those that are deployed; nothing here decides anything.

mod agent;
mod api;
mod busy;
mod fleet;
mod release;
mod scenario;
mod show;
mod trouble;
mod upgrade;

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use serde::Serialize;

use crate::cargo::Workspace;
use crate::cli::DemoOptions;
use crate::paths;
use crate::ports::Ports;
use crate::process::Run;
use crate::progress::Progress;
use crate::stack::{Stack, StackOptions};
use api::Api;
use busy::Busy;
use fleet::{DemoFleet, INSTANCES, LoadReport};
use release::Publisher;
use scenario::{Expected, SCENARIOS, Scenario};
use upgrade::Outcome;

/// What came of one demo; the last line of `--json`.
#[derive(Serialize)]
struct Summary {
    /// From the command to the first upgrade.
    startup_ms: u64,
    upgrades: Vec<Outcome>,
    requests: LoadReport,
    #[serde(skip)]
    results: PathBuf,
    /// Whether everything went as it should.
    as_expected: bool,
}

/// Runs the demo, as often as is asked for.
///
/// # Errors
/// When the stack or the fleet does not come up. An upgrade that ends otherwise than it should gives a failing exit.
pub async fn demo(options: DemoOptions) -> Result<ExitCode> {
    let _busy = Busy::start(options.load);
    let mut good = 0;
    for number in 1..=options.repeat {
        if options.repeat > 1 {
            eprintln!("\n== demo {number} of {} ==", options.repeat);
        }
        match once(&options).await {
            Ok(summary) => {
                good += u32::from(summary.as_expected);
                finish(&options, &summary)?;
            }
            Err(error) if options.repeat > 1 => eprintln!("error: {error:#}"),
            Err(error) => return Err(error),
        }
    }
    if options.repeat > 1 {
        eprintln!("\n{good} of {} demos went as they should", options.repeat);
    }
    Ok(if good == options.repeat {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

async fn once(options: &DemoOptions) -> Result<Summary> {
    let begun = Instant::now();
    let run = Run::begin()?;
    let mut ports = Ports::reserve()?;
    let wanted = StackOptions {
        name: "demo".to_owned(),
        endpoint: options.place.endpoint.clone(),
        ..StackOptions::default()
    };
    let stack = Stack::start(&run, &mut ports, wanted).await?;
    let workspace = Workspace::locate(&run).await?;
    let results = workspace.target.join("sluice-demo");
    paths::make_private(&results)?;
    let api = Api::new(&stack.info)?;
    let publisher = Publisher::new(&run.folder().join("releases"))?;
    let releases = publisher.publish(&api).await?;
    let mut fleet = DemoFleet::start(&run, &mut ports, &stack, &api, &publisher, &releases).await?;
    let startup_ms = u64::try_from(begun.elapsed().as_millis()).unwrap_or(u64::MAX);
    eprintln!("started in {:.1} s", begun.elapsed().as_secs_f64());

    let mut outcomes = Vec::new();
    let mut from = releases.first().context("there is no release")?;
    let wanted = |scenario: &&Scenario| options.only.is_empty() || options.only.contains(&scenario.show);
    let chosen: Vec<_> = SCENARIOS.iter().filter(wanted).collect();
    for scenario in &chosen {
        let to = releases.get(scenario.to).context("there is no such release")?;
        let outcome = upgrade::run(&api, scenario, (from, to), &mut fleet, &results).await?;
        let ended = outcome.as_expected;
        outcomes.push(outcome);
        if !ended {
            break;
        }
        if scenario.expected == Expected::Completed {
            from = to;
        }
    }
    let requests = fleet.stop().await?;
    let as_expected =
        outcomes.len() == chosen.len() && outcomes.iter().all(|o| o.as_expected) && requests.unanswered == 0;
    Ok(Summary {
        startup_ms,
        upgrades: outcomes,
        requests,
        results,
        as_expected,
    })
}

fn finish(options: &DemoOptions, summary: &Summary) -> Result<()> {
    show::summary(&summary.upgrades, &summary.requests, &summary.results);
    eprintln!(
        "{}",
        if summary.as_expected {
            "the demo went as it should"
        } else {
            "THE DEMO DID NOT GO AS IT SHOULD"
        }
    );
    if options.json {
        println!(
            "{}",
            serde_json::to_string(summary).context("cannot write the summary")?
        );
    }
    Ok(())
}

/// Waits for something that takes a while, and says what it waits for when it does not come.
async fn wait_for<F>(what: &str, limit: Duration, mut ready: impl FnMut() -> F) -> Result<()>
where
    F: Future<Output = Result<Option<String>>>,
{
    let progress = Progress::start(what);
    let begun = Instant::now();
    loop {
        let Some(missing) = ready().await? else {
            progress.done();
            return Ok(());
        };
        progress.detail(&missing);
        if begun.elapsed() > limit {
            anyhow::bail!("{what} took longer than {} s: {missing}", limit.as_secs());
        }
        tokio::time::sleep(Duration::from_millis(250)).await;
    }
}

/// How many instances the plan has, as the API counts.
fn instances() -> i64 {
    i64::from(INSTANCES)
}
