//! `sluice-prove`: the model check, its mutations, and the simulation.

use std::num::NonZeroUsize;
use std::process::ExitCode;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use clap::{Args, Parser, Subcommand};
use serde::Serialize;
use sluice_prove::model::check::{self, Limits};
use sluice_prove::model::mutation::Mutation;
use sluice_prove::model::scenario::SCENARIOS;
use sluice_prove::sim::storm::{self, Ended};
use sluice_prove::wait;

/// Show that Sluice keeps its word.
#[derive(Parser)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Explore the model, break it on purpose, and simulate upgrades in which much goes wrong.
    Prove(ProveOptions),
    /// Show one simulated upgrade, step by step.
    Sim {
        /// Which one.
        #[arg(long)]
        seed: u64,
    },
}

#[derive(Args)]
struct ProveOptions {
    /// End with one line of JSON alone on standard output.
    #[arg(long)]
    json: bool,
    /// How many upgrades to simulate.
    #[arg(long, default_value_t = 10_000)]
    runs: u64,
    /// Longest time for one scenario of the model, in seconds.
    #[arg(long, default_value_t = 12)]
    seconds: u64,
    /// Threads.
    #[arg(long, default_value = "2")]
    threads: NonZeroUsize,
}

#[derive(Debug, Default, Serialize)]
struct Totals {
    states: usize,
    violations: usize,
    mutants: usize,
    mutants_caught: usize,
    runs: u64,
    stuck: u64,
    violations_sim: u64,
}

fn main() -> ExitCode {
    match Cli::parse().command {
        Command::Prove(options) => prove(&options),
        Command::Sim { seed } => show(&wait(storm::run(seed))),
    }
}

fn prove(options: &ProveOptions) -> ExitCode {
    let limits = Limits {
        threads: options.threads,
        time: Duration::from_secs(options.seconds),
    };
    let mut totals = Totals::default();
    explore(limits, &mut totals);
    mutate(limits, &mut totals);
    simulate(options, &mut totals);
    let line = serde_json::to_string(&totals).unwrap_or_else(|e| format!("{{\"error\":\"{e}\"}}"));
    if options.json {
        println!("{line}");
    } else {
        eprintln!("{line}");
    }
    let proven = totals.violations == 0
        && totals.mutants == totals.mutants_caught
        && totals.stuck == 0
        && totals.violations_sim == 0;
    if proven {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}

fn explore(limits: Limits, totals: &mut Totals) {
    eprintln!("scenario       states   depth");
    for scenario in SCENARIOS {
        let found = check::explore(scenario, None, limits);
        let extent = if found.complete {
            "all"
        } else {
            "as far as time allows"
        };
        eprintln!(
            "{:12} {:8} {:7}  {extent}",
            found.scenario, found.states, found.depth
        );
        totals.states += found.states;
        totals.violations += found.violations.len();
        for violation in found.violations {
            eprintln!(
                "  VIOLATED: {}\n    {}",
                violation.property,
                violation.way.join("\n    ")
            );
        }
    }
    let (states, stuck) = check::ways_out(check::smallest(), None);
    eprintln!("a way out of each of {states} states: {}", stuck.is_none());
    if let Some(violation) = stuck {
        totals.violations += 1;
        eprintln!(
            "  VIOLATED: {}\n    {}",
            violation.property,
            violation.way.join("\n    ")
        );
    }
}

fn mutate(limits: Limits, totals: &mut Totals) {
    eprintln!("\nmutation | caught by | scenario | depth");
    for mutation in Mutation::ALL {
        let caught = check::catch(mutation, limits);
        totals.mutants += 1;
        match caught.by {
            Some((scenario, property, depth)) => {
                totals.mutants_caught += 1;
                eprintln!("{} | {property} | {scenario} | {depth}", caught.breaks);
            }
            None => eprintln!("{} | NOT CAUGHT", caught.breaks),
        }
    }
}

fn simulate(options: &ProveOptions, totals: &mut Totals) {
    let next = AtomicU64::new(0);
    let work = || {
        let mut ended: Vec<Ended> = Vec::new();
        loop {
            let seed = next.fetch_add(1, Ordering::Relaxed);
            if seed >= options.runs {
                return ended;
            }
            let run = wait(storm::run(seed));
            ended.push(Ended {
                log: Vec::new(),
                ..run
            });
        }
    };
    let all: Vec<Ended> = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..options.threads.get()).map(|_| scope.spawn(work)).collect();
        threads
            .into_iter()
            .flat_map(|t| t.join().unwrap_or_else(|e| std::panic::resume_unwind(e)))
            .collect()
    });
    let mut by_status = std::collections::BTreeMap::<_, u64>::new();
    for run in &all {
        *by_status.entry(run.status).or_default() += 1;
        totals.stuck += u64::from(run.stuck);
        totals.violations_sim += u64::from(!run.violations.is_empty());
        if run.stuck || !run.violations.is_empty() {
            eprintln!(
                "seed {}: {} stuck: {} {:?}",
                run.seed,
                run.status,
                run.stuck,
                run.violations.first()
            );
        }
    }
    totals.runs = all.len() as u64;
    eprintln!("\n{} upgrades simulated: {by_status:?}", all.len());
}

fn show(run: &Ended) -> ExitCode {
    for line in &run.log {
        println!("{line}");
    }
    println!("{}{}", run.status, if run.stuck { ", stuck" } else { "" });
    for violation in &run.violations {
        println!("VIOLATED: {violation}");
    }
    if run.stuck || !run.violations.is_empty() {
        ExitCode::FAILURE
    } else {
        ExitCode::SUCCESS
    }
}
