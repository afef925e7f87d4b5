//! `demo`: a real fleet, one upgrade that goes well and one that goes back by itself.
//!
//! Twenty agents, each with a service process of its own, behind a weighted proxy under a steady load. The functions,
//! the state machines and the table are those that are deployed; nothing here decides anything.

mod agent;
mod api;
mod fleet;
mod release;
mod show;
mod upgrade;

use std::path::Path;
use std::process::ExitCode;

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
use fleet::{DemoFleet, INSTANCES, LoadReport};
use release::Publisher;
use upgrade::{Expected, Outcome, Scenario};

/// What the demo does, in order: name, versions, and how it is to end.
const SCENARIOS: [Scenario; 2] = [
    Scenario {
        name: "good",
        from: 0,
        to: 1,
        expected: Expected::Completed,
    },
    Scenario {
        name: "bad",
        from: 1,
        to: 2,
        expected: Expected::RolledBack,
    },
];

/// The last line of `--json`.
#[derive(Serialize)]
struct Summary<'a> {
    upgrades: &'a [Outcome],
    requests: &'a LoadReport,
}

/// Runs the demo.
///
/// # Errors
/// When the stack or the fleet does not come up. An upgrade that ends otherwise than it should gives a failing exit.
pub async fn demo(options: DemoOptions) -> Result<ExitCode> {
    let run = Run::begin()?;
    let mut ports = Ports::reserve()?;
    let wanted = StackOptions {
        name: "demo".to_owned(),
        ..StackOptions::default()
    };
    let stack = Stack::start(&run, &mut ports, wanted).await?;
    let workspace = Workspace::locate(&run).await?;
    let results = workspace.target.join("sluice-demo");
    paths::make_private(&results)?;
    let api = Api::new(&stack.info)?;
    let publisher = Publisher::new(&results)?;
    let releases = publisher.publish(&api).await?;
    let mut fleet =
        DemoFleet::start(&run, &mut ports, &stack, &workspace, &api, &publisher, &releases).await?;

    let mut outcomes = Vec::new();
    for scenario in &SCENARIOS {
        let outcome = upgrade::run(&api, scenario, &releases, &results).await?;
        let ended = outcome.as_expected;
        outcomes.push(outcome);
        if !ended {
            break;
        }
    }
    let load = fleet.stop().await?;
    finish(&options, &outcomes, &load, &results)
}

fn finish(
    options: &DemoOptions,
    outcomes: &[Outcome],
    load: &LoadReport,
    results: &Path,
) -> Result<ExitCode> {
    show::summary(outcomes, load, results);
    let good = outcomes.len() == SCENARIOS.len() && outcomes.iter().all(|o| o.as_expected);
    eprintln!(
        "{}",
        if good {
            "the demo went as it should"
        } else {
            "THE DEMO DID NOT GO AS IT SHOULD"
        }
    );
    if options.json {
        let line = serde_json::to_string(&Summary {
            upgrades: outcomes,
            requests: load,
        });
        println!("{}", line.context("cannot write the summary")?);
    }
    Ok(if good {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

/// Waits for something that takes a while, and says what it waits for when it does not come.
async fn wait_for<F>(what: &str, limit: std::time::Duration, mut ready: impl FnMut() -> F) -> Result<()>
where
    F: Future<Output = Result<Option<String>>>,
{
    let progress = Progress::start(what);
    let begun = std::time::Instant::now();
    loop {
        let Some(missing) = ready().await? else {
            progress.done();
            return Ok(());
        };
        progress.detail(&missing);
        if begun.elapsed() > limit {
            anyhow::bail!("{what} took longer than {} s: {missing}", limit.as_secs());
        }
        tokio::time::sleep(std::time::Duration::from_millis(250)).await;
    }
}

/// How many instances the plan has, as the API counts.
fn instances() -> i64 {
    i64::from(INSTANCES)
}
