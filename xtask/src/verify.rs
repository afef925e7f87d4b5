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

/// They mostly wait for the stack, so that more of them than there are cores run at a time. The whole workspace is
/// named because its features are then the same as for the unit tests, and nothing is built twice.
const END_TO_END: &str =
    "test --workspace --features sluice-tests/stack --test end_to_end -- --test-threads=8";

const ORDER: [Part; 5] = [Part::Fmt, Part::Clippy, Part::Lint, Part::Unit, Part::Stack];

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
    run(ORDER.into_iter().filter(wanted), options.place.endpoint.as_ref()).await
}

/// Runs the parts that need nothing but cargo.
///
/// # Errors
/// When cargo cannot be started.
pub async fn check() -> Result<ExitCode> {
    let quick = |part: &Part| !matches!(part, Part::Lint | Part::Stack);
    run(ORDER.into_iter().filter(quick), None).await
}

async fn run(parts: impl Iterator<Item = Part>, endpoint: Option<&Url>) -> Result<ExitCode> {
    let run = Run::begin()?;
    let mut verdicts = Vec::new();
    for part in parts {
        eprintln!("\n== {} ==", title(part));
        let started = Instant::now();
        let passed = run_part(&run, part, endpoint).await?;
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

async fn run_part(run: &Run, part: Part, endpoint: Option<&Url>) -> Result<bool> {
    match part {
        Part::Fmt => succeeds(run, "fmt --all --check", None).await,
        Part::Clippy => succeeds(run, LINTS, None).await,
        Part::Lint => lint(run).await,
        Part::Unit => succeeds(run, "test --workspace", None).await,
        Part::Stack => on_a_stack(run, endpoint).await,
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
    let arguments: Vec<_> = arguments.split(' ').collect();
    let mut command = cargo(&arguments);
    if let Some(description) = stack {
        command.env("SLUICE_STACK", description);
    }
    Ok(Foreground::spawn(run, &mut command)?.wait().await?.success())
}
