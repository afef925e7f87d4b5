//! What the gates decide, and how fast.

use std::process::ExitCode;

use anyhow::{Result, bail};
use serde_json::json;
use sluice_bench::judge::table::markdown;
use sluice_bench::judge::{Options, measure};

use crate::cli::BenchJudgeOptions;

/// Measures the gates; fails when a target is missed.
pub fn judge(options: &BenchJudgeOptions) -> Result<ExitCode> {
    if options.runs == 0 {
        bail!("--runs is 0; accepted: 1 or more");
    }
    let mut rows = Vec::new();
    let chosen = Options {
        runs: options.runs,
        ..Options::default()
    };
    measure(chosen, |row| {
        eprintln!(
            "{}",
            markdown(std::slice::from_ref(&row))
                .lines()
                .last()
                .unwrap_or_default()
        );
        rows.push(row);
    });
    if !options.json {
        print!("{}", markdown(&rows));
    }
    let missed = rows.iter().filter(|r| r.ok == Some(false)).count();
    if options.json {
        println!(
            "{}",
            json!({ "runs": options.runs, "missed": missed, "rows": rows })
        );
    }
    Ok(if missed == 0 {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}
