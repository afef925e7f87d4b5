//! `check` and `test`: every check there is, in one order, with one line of verdict each.

use std::path::Path;
use std::process::ExitCode;
use std::time::Instant;

use anyhow::Result;
use tokio::process::Command;
use url::Url;

use crate::cargo::{Workspace, cargo};
use crate::cli::{Part, TestOptions};
use crate::ports::Ports;
use crate::process::{Foreground, Run};
use crate::stack::{Stack, StackOptions};
use crate::{paths, python};

/// Every target, the end-to-end tests too.
const LINTS: &str = "clippy --workspace --features sluice-tests/stack --all-targets -- -D warnings";

/// Two at a time: more ask more of the local stack than it can answer in the time that an upgrade has, and end no sooner.
/// The whole workspace is named because its features are then the same as for the unit tests, and nothing is built twice.
const END_TO_END: &str =
    "test --workspace --features sluice-tests/stack --test end_to_end -- --test-threads=2";

const ORDER: [Part; 5] = [Part::Fmt, Part::Clippy, Part::Lint, Part::Unit, Part::Stack];

/// Without what starts processes, keeps a store or waits for a clock, and without examples in docs, for each of which
/// rustdoc is started once more; `test` runs them all.
const UNIT_QUICK: &str = "test --workspace --features sluice-tests/stack --lib --bins --test commands --test config \
    --test described --test fixtures --test flow --test judge --test manual --test protocol_cases --test refusals \
    --test simulation --test template --test unpack --test watchdog --test windows";
const UNIT: &str = "test --workspace";

/// What the commands may take when everything is built already, with two cores and nothing else to do, in seconds. More
/// than half a minute is too long to run before each commit; 20 minutes leave room in any CI.
const CHECK_BUDGET_SECONDS: f64 = 30.0;
const TEST_BUDGET_SECONDS: f64 = 20.0 * 60.0;

/// How the parts are run.
struct Plan<'a> {
    unit: &'a str,
    endpoint: Option<&'a Url>,
    budget_seconds: f64,
}

/// How one part ended.
struct Verdict {
    part: Part,
    passed: bool,
    seconds: f64,
}

/// Runs the parts that were asked for, all of them by default; a failed part does not keep the next from running.
///
/// # Errors
/// When cargo cannot be started.
pub async fn test(options: &TestOptions) -> Result<ExitCode> {
    let wanted = |part: &Part| options.only.is_empty() || options.only.contains(part);
    let plan = Plan {
        unit: UNIT,
        endpoint: options.place.endpoint.as_ref(),
        budget_seconds: TEST_BUDGET_SECONDS,
    };
    run(ORDER.into_iter().filter(wanted), &plan).await
}

/// Runs `sluice-prove`, optimised: it walks through hundreds of thousands of states.
///
/// # Errors
/// When cargo cannot be started.
pub async fn prove(what: &str, options: &[String]) -> Result<ExitCode> {
    let mut command = cargo(&[
        "run",
        "--quiet",
        "--profile",
        "prove",
        "--package",
        "sluice-prove",
        "--",
        what,
    ]);
    command.args(options);
    let run = Run::begin()?;
    let ended = Foreground::spawn(&run, &mut command)?.wait().await?;
    Ok(if ended.success() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

/// Runs the parts that need nothing but cargo.
///
/// # Errors
/// When cargo cannot be started.
pub async fn check() -> Result<ExitCode> {
    let quick = |part: &Part| !matches!(part, Part::Lint | Part::Stack);
    let plan = Plan {
        unit: UNIT_QUICK,
        endpoint: None,
        budget_seconds: CHECK_BUDGET_SECONDS,
    };
    run(ORDER.into_iter().filter(quick), &plan).await
}

async fn run(parts: impl Iterator<Item = Part>, plan: &Plan<'_>) -> Result<ExitCode> {
    let run = Run::begin()?;
    let begun = Instant::now();
    let mut verdicts = Vec::new();
    for part in parts {
        eprintln!("\n== {} ==", title(part));
        let started = Instant::now();
        let passed = run_part(&run, part, plan).await?;
        let verdict = Verdict {
            part,
            passed,
            seconds: started.elapsed().as_secs_f64(),
        };
        eprintln!("{}", line(&verdict));
        verdicts.push(verdict);
    }
    println!("\nsummary");
    for verdict in &verdicts {
        println!("{}", line(verdict));
    }
    println!("{}", total(begun.elapsed().as_secs_f64(), plan.budget_seconds));
    let passed = verdicts.iter().all(|verdict| verdict.passed);
    Ok(if passed {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

fn title(part: Part) -> &'static str {
    match part {
        Part::Fmt => "format",
        Part::Clippy => "clippy",
        Part::Lint => "lints of the template and the state machines",
        Part::Unit => "unit tests",
        Part::Stack => "end-to-end tests",
    }
}

fn line(verdict: &Verdict) -> String {
    let word = if verdict.passed { "PASS" } else { "FAIL" };
    format!("{word}  {}  ({:.1} s)", title(verdict.part), verdict.seconds)
}

/// The last line. A first run builds everything and is no measure.
fn total(seconds: f64, budget_seconds: f64) -> String {
    let word = if seconds <= budget_seconds {
        "within"
    } else {
        "over"
    };
    format!("in all {seconds:.1} s, {word} the {budget_seconds} s that are meant for it when all is built")
}

async fn run_part(run: &Run, part: Part, plan: &Plan<'_>) -> Result<bool> {
    match part {
        Part::Fmt => succeeds(run, "fmt --all --check", None).await,
        Part::Clippy => succeeds(run, LINTS, None).await,
        Part::Lint => lint(run).await,
        Part::Unit => succeeds(run, plan.unit, None).await,
        Part::Stack => on_a_stack(run, plan.endpoint).await,
    }
}

/// Runs the linters of the template and the state machines, which their script installs and explains.
async fn lint(run: &Run) -> Result<bool> {
    let script = Workspace::locate(run).await?.script("lint/lint.py");
    let mut command = Command::new(python::find_base()?);
    command.arg(script).arg(paths::cache()?);
    Ok(Foreground::spawn(run, &mut command)?.wait().await?.success())
}

/// Runs the end-to-end tests against a stack of their own, which is gone afterwards.
async fn on_a_stack(run: &Run, endpoint: Option<&Url>) -> Result<bool> {
    let options = StackOptions {
        name: "sluice-test".to_owned(),
        endpoint: endpoint.cloned(),
        ..StackOptions::default()
    };
    let stack = match Stack::start(run, &mut Ports::reserve()?, options).await {
        Ok(stack) => stack,
        Err(error) => {
            eprintln!("error: {error:#}");
            return Ok(false);
        }
    };
    let description = stack.description();
    succeeds(run, END_TO_END, Some(&description)).await
}

/// Runs cargo with arguments that have blanks between them.
async fn succeeds(run: &Run, arguments: &str, stack: Option<&Path>) -> Result<bool> {
    let arguments: Vec<_> = arguments.split_whitespace().collect();
    let mut command = cargo(&arguments);
    if let Some(description) = stack {
        command.env("SLUICE_STACK", description);
    }
    Ok(Foreground::spawn(run, &mut command)?.wait().await?.success())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_total_is_compared_with_the_budget() {
        for (seconds, expected) in [
            (30.0, "in all 30.0 s, within the 30 s"),
            (30.1, "in all 30.1 s, over the 30 s"),
        ] {
            let line = total(seconds, CHECK_BUDGET_SECONDS);
            assert!(line.starts_with(expected), "{line}");
        }
    }
}
