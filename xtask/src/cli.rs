//! The command line.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};
use url::Url;

/// Developer commands of Sluice.
#[derive(Debug, Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask", version, about)]
pub struct Cli {
    #[command(subcommand)]
    pub command: Command,
}

#[derive(Debug, Subcommand)]
pub enum Command {
    /// Start the whole of Sluice on this machine and leave it running; prints its addresses and a token.
    Up(UpOptions),
    /// Stop what `up` started.
    Down(DownOptions),
    /// Show a real fleet: upgrades that go well, and some that go back by themselves.
    Demo(DemoOptions),
    /// Run every check and test, the end-to-end ones against a stack of their own.
    Test(TestOptions),
    /// Explore the model, break it on purpose, and simulate upgrades in which much goes wrong: see tests/prove.
    Prove(ProveOptions),
    /// Show one simulated upgrade, step by step: `--seed <number>`.
    Sim(ProveOptions),
    /// Run the checks for the inner loop: format, clippy, unit tests.
    Check,
    /// Measure decisions: how often they are wrong, and how long they take.
    #[command(subcommand)]
    Bench(Bench),
    /// Serve tokens for a local stack.
    #[command(hide = true)]
    Issuer(IssuerOptions),
    /// End what a run has started when the run was killed.
    #[command(hide = true)]
    Guard(GuardOptions),
}

#[derive(Debug, Args)]
pub struct UpOptions {
    /// Print the stack's description as JSON.
    #[arg(long)]
    pub json: bool,
    /// Name of the stack; several run side by side.
    #[arg(long, default_value = "default")]
    pub name: String,
    /// Port of the local AWS; a free one unless given.
    #[arg(long, conflicts_with = "endpoint")]
    pub port: Option<u16>,
    #[command(flatten)]
    pub place: Place,
    /// Tenant of the operator's token.
    #[arg(long, default_value = "acme")]
    pub tenant: String,
    /// Filter of the functions' logs (RUST_LOG).
    #[arg(long, default_value = "info")]
    pub log: String,
}

/// Where AWS is.
#[derive(Debug, Args)]
pub struct Place {
    /// Use this AWS-compatible endpoint, which runs already, in place of a local AWS; the credentials come from the
    /// environment (AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, AWS_REGION).
    #[arg(long, value_name = "URL")]
    pub endpoint: Option<Url>,
}

#[derive(Debug, Args)]
pub struct DownOptions {
    /// Name of the stack.
    #[arg(long, default_value = "default")]
    pub name: String,
}

/// A scenario of the demo.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Show {
    /// A good release comes through.
    Good,
    /// A bad one goes back from the canary.
    Bad,
    /// An agent is killed in mid-switch, and the release comes through.
    Killed,
    /// A release turns bad when most of the fleet runs it, and goes back under the cap.
    Late,
}

#[derive(Debug, Args)]
pub struct DemoOptions {
    /// Show these scenarios only, in the usual order.
    #[arg(long, value_enum, num_args = 1.., value_delimiter = ',')]
    pub only: Vec<Show>,
    /// Do all of it so many times, each time from nothing, and say how often it went as it should.
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=1_000))]
    pub repeat: u32,
    /// Keep so many processor cores busy meanwhile.
    #[arg(long, default_value_t = 0, value_parser = clap::value_parser!(u32).range(0..=64))]
    pub load: u32,
    /// Print the result as JSON.
    #[arg(long)]
    pub json: bool,
    #[command(flatten)]
    pub place: Place,
}

#[derive(Debug, Args)]
pub struct ProveOptions {
    /// Passed on; `--help` after `--` tells which there are.
    #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
    pub options: Vec<String>,
}

#[derive(Debug, Args)]
pub struct TestOptions {
    /// Run these parts only, in the usual order.
    #[arg(long, value_enum, num_args = 1.., value_delimiter = ',')]
    pub only: Vec<Part>,
    #[command(flatten)]
    pub place: Place,
}

/// A part of `test`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Part {
    /// cargo fmt --check
    Fmt,
    /// cargo clippy, warnings refused
    Clippy,
    /// cfn-lint, checkov and asl-validator on the template and the state machines
    Lint,
    /// Unit tests of every package
    Unit,
    /// End-to-end tests on a local stack
    Stack,
}

/// What is measured.
#[derive(Debug, Subcommand)]
pub enum Bench {
    /// Planning, from a thousand instances to a million: CPU and memory.
    Plan(BenchPlanOptions),
    /// The gates, on simulated and real series, beside the rules of other tools.
    Judge(BenchJudgeOptions),
}

#[derive(Debug, Args)]
pub struct BenchPlanOptions {
    /// End with one line of JSON on standard output.
    #[arg(long)]
    pub json: bool,
}

#[derive(Debug, Args)]
pub struct BenchJudgeOptions {
    /// End with one line of JSON on standard output.
    #[arg(long)]
    pub json: bool,
    /// Runs for each share of false rollbacks.
    #[arg(long, default_value_t = 10_000)]
    pub runs: u64,
}

#[derive(Debug, Args)]
pub struct IssuerOptions {
    /// File that gets the issuer's address once it serves.
    #[arg(long)]
    pub ready: PathBuf,
}

#[derive(Debug, Args)]
pub struct GuardOptions {
    /// Folder of the run.
    #[arg(long)]
    pub folder: PathBuf,
}
