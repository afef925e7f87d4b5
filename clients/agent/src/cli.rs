//! The command line.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};
use std::time::Duration;

use anyhow::Context;
use clap::{Args, Parser, Subcommand};
use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;
use tracing::info;

use crate::api::HttpApi;
use crate::config::{Config, ConfigError, load};
use crate::process::RunAs;
use crate::swarm::{self, SwarmConfig};
use crate::{install, start};

/// Exit code for a configuration that cannot be used.
const BAD_CONFIG: u8 = 2;

/// Runs on an instance: checks in, fetches, verifies and switches releases, and goes back by itself.
#[derive(Debug, Parser)]
#[command(name = "sluice-agent", version, args_conflicts_with_subcommands = true)]
pub struct Cli {
    #[command(subcommand)]
    action: Option<Action>,
    #[command(flatten)]
    run: Option<Run>,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// Installs a release from disk, without a server.
    Install(Install),
    /// Gets a credential for this machine with the fleet's enrolment secret. The agent does so itself at its first
    /// start.
    Enrol {
        /// The agent's configuration (TOML).
        #[arg(long)]
        config: PathBuf,
        /// Also when there is a credential, which is void then: this machine takes the place of whichever has its
        /// ordinal.
        #[arg(long)]
        force: bool,
    },
    /// Becomes another user and then a command; nothing more without a command. The agent starts what it starts by it.
    #[command(hide = true)]
    RunAs(RunAsArgs),
    /// Says whether a configuration can be used.
    Check {
        /// The agent's configuration (TOML).
        #[arg(long)]
        config: PathBuf,
    },
}

#[derive(Debug, Args)]
struct Run {
    /// The configuration (TOML): an agent's, or a swarm's with --swarm.
    #[arg(long)]
    config: PathBuf,
    /// Plays this many instances with simulated services.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=100_000))]
    swarm: Option<u32>,
}

#[derive(Debug, Args)]
struct Install {
    /// The agent's configuration (TOML).
    #[arg(long)]
    config: PathBuf,
    /// The release's archive (tar.gz).
    #[arg(long)]
    artifact: PathBuf,
    /// The release with digest, size and signature (JSON).
    #[arg(long)]
    release: PathBuf,
}

#[derive(Debug, Args)]
struct RunAsArgs {
    #[arg(long)]
    uid: u32,
    #[arg(long)]
    gid: u32,
    #[arg(long, value_delimiter = ',')]
    groups: Vec<u32>,
    #[arg(last = true)]
    command: Vec<OsString>,
}

/// Does what the command line says. The exit code is 2 for a configuration that cannot be used.
///
/// # Errors
/// What went wrong, for a person.
pub async fn main(cli: Cli) -> anyhow::Result<ExitCode> {
    let result = match (cli.action, cli.run) {
        (Some(Action::Check { config }), _) => load::<Config>(&config).map(|_| ()).map_err(Into::into),
        (Some(Action::Enrol { config, force }), _) => enrol(&config, force).await,
        (Some(Action::RunAs(args)), _) => run_as(args),
        (Some(Action::Install(install)), _) => install_release(install).await,
        (
            None,
            Some(Run {
                config,
                swarm: Some(count),
            }),
        ) => run_swarm(&config, count).await,
        (None, Some(Run { config, .. })) => run_agent(&config).await,
        (None, None) => Err(anyhow::anyhow!("--config is missing; see --help")),
    };
    match result {
        Err(problem) if problem.is::<ConfigError>() => {
            eprintln!("{problem}");
            Ok(ExitCode::from(BAD_CONFIG))
        }
        other => other.map(|()| ExitCode::SUCCESS),
    }
}

async fn install_release(install: Install) -> anyhow::Result<()> {
    let config = load::<Config>(&install.config)?;
    let work = move || install::install(&config, &install.artifact, &install.release);
    tokio::task::spawn_blocking(work).await?
}

async fn enrol(config: &Path, force: bool) -> anyhow::Result<()> {
    let config = load::<Config>(config)?;
    std::fs::create_dir_all(&config.home)
        .with_context(|| format!("{} cannot be made", config.home.display()))?;
    let client = HttpApi::client(Duration::from_millis(config.request_timeout_ms))?;
    let file = start::credential_file(&config);
    if file.exists() && !force {
        anyhow::bail!(
            "there is a credential in {}; --force gets another one, and the one before is void then",
            file.display()
        );
    }
    start::enrolment(&config, client).enrol().await?;
    Ok(())
}

fn run_as(args: RunAsArgs) -> anyhow::Result<()> {
    let user = RunAs {
        uid: args.uid,
        gid: args.gid,
        groups: args.groups,
        environment: BTreeMap::new(),
    };
    user.enter()?;
    let Some((program, arguments)) = args.command.split_first() else {
        return Ok(());
    };
    let problem = Command::new(program).args(arguments).exec();
    Err(problem).with_context(|| format!("{} cannot be started", program.to_string_lossy()))
}

async fn run_agent(config: &Path) -> anyhow::Result<()> {
    let config = load::<Config>(config)?;
    Ok(start::run(config, until_told()?).await?)
}

async fn run_swarm(config: &Path, count: u32) -> anyhow::Result<()> {
    let config = SwarmConfig {
        count,
        ..load(config)?
    };
    let shutdown = until_told()?;
    let swarm = swarm::run(&config, &shutdown)?;
    shutdown.cancelled().await;
    swarm.stop().await;
    Ok(())
}

/// Cancelled by SIGTERM or SIGINT.
fn until_told() -> anyhow::Result<CancellationToken> {
    let (mut term, mut int) = (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?);
    let token = CancellationToken::new();
    let told = token.clone();
    tokio::spawn(async move {
        tokio::select! {
            _ = term.recv() => info!("SIGTERM came"),
            _ = int.recv() => info!("SIGINT came"),
        }
        told.cancel();
    });
    Ok(token)
}
