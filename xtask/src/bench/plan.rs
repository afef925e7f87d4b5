//! What planning costs, from a thousand instances to a million.

use std::process::{ExitCode, Stdio};

use anyhow::{Context, Result, bail};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::cargo::cargo;
use crate::cli::BenchPlanOptions;

/// Sizes with the most that each may take: CPU in milliseconds and memory in megabytes, where there is a budget.
const ROWS: [(u32, Option<f64>, Option<f64>); 4] = [
    (1_000, None, None),
    (10_000, None, None),
    (100_000, Some(50.0), None),
    (1_000_000, Some(500.0), Some(600.0)),
];

#[derive(Debug, Deserialize)]
struct Row {
    instances: u32,
    batches: u32,
    cpu_ms: f64,
    peak_mb: f64,
}

/// Measures each size in a fresh process of a release build; fails when a budget is exceeded.
pub async fn plan(options: &BenchPlanOptions) -> Result<ExitCode> {
    let (mut rows, mut exceeded): (Vec<Value>, u32) = (Vec::new(), 0);
    for (instances, most_cpu_ms, most_mb) in ROWS {
        let row = measure(instances).await?;
        let ok = most_cpu_ms.is_none_or(|most| row.cpu_ms <= most)
            && most_mb.is_none_or(|most| row.peak_mb <= most);
        exceeded += u32::from(!ok);
        if !options.json {
            println!(
                "{:>9} instances  {:>4} batches  {:>8.2} ms of CPU  {:>6.1} MB{}",
                row.instances,
                row.batches,
                row.cpu_ms,
                row.peak_mb,
                if ok { "" } else { "  above its budget" }
            );
        }
        rows.push(
            json!({ "instances": row.instances, "batches": row.batches, "cpu_ms": row.cpu_ms,
            "peak_mb": row.peak_mb, "ok": ok }),
        );
    }
    if options.json {
        println!("{}", json!({ "rows": rows }));
    }
    Ok(if exceeded == 0 {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

async fn measure(instances: u32) -> Result<Row> {
    let mut command = cargo(&["run", "--quiet", "--release", "-p", "sluice-plan-cost", "--"]);
    let command = command.arg(instances.to_string()).stderr(Stdio::inherit());
    let output = command.output().await.context("cargo cannot be started")?;
    if !output.status.success() {
        bail!("planning for {instances} instances failed: {}", output.status);
    }
    serde_json::from_slice(&output.stdout).context("the measurement cannot be read")
}
