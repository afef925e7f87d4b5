//! The arguments that all commands share, and the list of commands.

use clap::{Args, Parser, Subcommand};
use sluice_core::ids::{TenantId, UpgradeId};

use crate::api::Api;
use crate::failure::{Exit, Failure};
use crate::output::Output;
use crate::token::{Secret, Token};
use crate::{approval, fleet, judge, key, offline, policy, release, stop, upgrade};

/// Moves fleets from one version to the next, and back, with Sluice.
///
/// Exit codes: 0 fine; 1 unexpected; 2 usage or bad input; 3 the watched upgrade was rolled back; 4 it failed or was
/// cancelled; 5 the API refused; 6 the API cannot be reached.
#[derive(Debug, Parser)]
#[command(name = "sluice", version, about, long_about, max_term_width = 100)]
pub struct Cli {
    /// What all commands share.
    #[command(flatten)]
    pub global: Global,
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// What all commands share.
#[derive(Debug, Args)]
#[command(next_help_heading = "Options of every command")]
pub struct Global {
    /// Address of the API, without `/api/v1`.
    #[arg(long, global = true, env = "SLUICE_API_URL", value_name = "URL")]
    pub api_url: Option<String>,
    /// Bearer token. Other users of this machine can see arguments: prefer the environment or --token-file.
    #[arg(long, global = true, env = "SLUICE_TOKEN", hide_env_values = true)]
    pub token: Option<Secret>,
    /// File with the bearer token, read before every request; goes before --token and SLUICE_TOKEN.
    #[arg(long, global = true, value_name = "FILE")]
    pub token_file: Option<std::path::PathBuf>,
    /// Whose upgrades, fleets, releases and keys. (For `policy` and `plan` also the file of a tenant's policy.)
    #[arg(long, global = true, env = "SLUICE_TENANT")]
    pub tenant: Option<String>,
    /// Print one JSON document, the API's own.
    #[arg(long, global = true)]
    pub json: bool,
    /// How often a request is tried, the first time included.
    #[arg(long, global = true, value_name = "TRIES", default_value_t = 4, value_parser = clap::value_parser!(u32).range(1..=10))]
    pub retries: u32,
    /// How long one try of a request may take, in seconds.
    #[arg(long, global = true, value_name = "SECONDS", default_value_t = 30, value_parser = clap::value_parser!(u64).range(1..=300))]
    pub request_timeout: u64,
}

impl Global {
    /// The API that the arguments name.
    ///
    /// # Errors
    /// [`Failure::Input`] when the address or the token is missing or is none.
    pub fn api(&self) -> Result<Api, Failure> {
        let missing = |what| Failure::input(what, "is missing");
        let url = self
            .api_url
            .as_deref()
            .ok_or_else(|| missing("--api-url or SLUICE_API_URL"))?;
        let token = match (&self.token_file, &self.token) {
            (Some(file), _) => Token::File(file.clone()),
            (None, Some(secret)) => Token::Fixed(secret.clone()),
            (None, None) => return Err(missing("--token-file, --token or SLUICE_TOKEN")),
        };
        Api::new(url, token, self.retries, self.request_timeout)
    }

    /// The tenant that the arguments name.
    ///
    /// # Errors
    /// [`Failure::Input`] when none is named.
    pub fn tenant(&self) -> Result<TenantId, Failure> {
        let wrong = |problem: &dyn ToString| Failure::input("--tenant or SLUICE_TENANT", problem.to_string());
        let tenant = self.tenant.as_deref().ok_or_else(|| wrong(&"is missing"))?;
        TenantId::new(tenant).map_err(|e| wrong(&e))
    }
}

/// The commands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Plan, start, watch and steer upgrades.
    #[command(subcommand)]
    Upgrade(upgrade::Command),
    /// See and decide what somebody else has to agree to.
    #[command(subcommand)]
    Approval(approval::Command),
    /// Stop a component, a tenant or everything, each until it is lifted.
    #[command(subcommand)]
    Stop(stop::Command),
    /// Say what an upgrade waits for, since when, until when, and who or what releases it.
    Why {
        /// The upgrade.
        id: UpgradeId,
    },
    /// Declare fleets and look at their instances.
    #[command(subcommand)]
    Fleet(fleet::Command),
    /// Publish and list releases.
    #[command(subcommand)]
    Release(release::Command),
    /// Set policies, list their revisions, and say which value holds.
    #[command(subcommand)]
    Policy(policy::Command),
    /// Work out what an upgrade would be, from files.
    Plan(Box<offline::plan::Plan>),
    /// Make and trust the keys that sign releases.
    #[command(subcommand)]
    Key(key::Command),
    /// Judge recorded series; needs no API.
    #[command(subcommand)]
    Judge(judge::Command),
}

impl Command {
    /// Carries the command out.
    ///
    /// # Errors
    /// Every [`Failure`].
    pub async fn run(self, global: &Global, out: &Output) -> Result<Exit, Failure> {
        match self {
            Self::Upgrade(command) => upgrade::run(command, global, out).await,
            Self::Approval(command) => approval::run(command, global, out).await,
            Self::Stop(command) => stop::run(command, global, out).await,
            Self::Why { id } => upgrade::why(id, global, out).await,
            Self::Fleet(command) => fleet::run(command, global, out).await,
            Self::Release(command) => release::run(command, global, out).await,
            Self::Policy(command) => policy::run(command, global, out).await,
            Self::Plan(plan) => offline::plan::run(&plan, global, *out),
            Self::Key(command) => key::run(command, global, out).await,
            Self::Judge(command) => judge::run(command, out),
        }
    }
}
