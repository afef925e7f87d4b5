//! The command line.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};

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
    /// Show one upgrade that goes well and one that goes back by itself.
    Demo(DemoOptions),
    /// Run every check and test, the end-to-end ones against a stack of their own.
    Test(TestOptions),
    /// Run the checks that need no stack: format, lints, unit tests.
    Check,
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
    #[arg(long)]
    pub port: Option<u16>,
    /// Tenant of the operator's token.
    #[arg(long, default_value = "acme")]
    pub tenant: String,
    /// Filter of the functions' logs (RUST_LOG).
    #[arg(long, default_value = "info")]
    pub log: String,
}

#[derive(Debug, Args)]
pub struct DownOptions {
    /// Name of the stack.
    #[arg(long, default_value = "default")]
    pub name: String,
}

#[derive(Debug, Args)]
pub struct DemoOptions {
    /// Print the result as JSON.
    #[arg(long)]
    pub json: bool,
}

#[derive(Debug, Args)]
pub struct TestOptions {
    /// Run these parts only, in the usual order.
    #[arg(long, value_enum, num_args = 1.., value_delimiter = ',')]
    pub only: Vec<Part>,
}

/// A part of `test`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Part {
    /// cargo fmt --check
    Fmt,
    /// cargo clippy, warnings refused
    Clippy,
    /// Unit tests of every package
    Unit,
    /// End-to-end tests on a local stack
    Stack,
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
