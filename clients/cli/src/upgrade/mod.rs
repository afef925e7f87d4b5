//! `sluice upgrade` and `sluice why`.

use clap::{Subcommand, ValueEnum};
use jiff::Timestamp;
use serde_json::Value;
use sluice_contract::api::UpgradeView;
use sluice_core::ids::{ComponentId, UpgradeId};
use sluice_core::settings::Changes;
use sluice_core::units::Ordinal;

use crate::api::{Answer, Api};
use crate::approval::PlanChanges;
use crate::cli::Global;
use crate::failure::{Exit, Failure};
use crate::offline::show::proposal;
use crate::output::Output;
use crate::token::Secret;

mod bars;
mod create;
mod report;
mod show;
mod watch;

/// The commands about upgrades.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Plan an upgrade.
    Create(Box<create::Create>),
    /// Start a planned upgrade.
    Start {
        /// The upgrade.
        id: UpgradeId,
        /// Token of its approval; the approval itself is enough.
        #[arg(long, env = "SLUICE_APPROVAL", hide_env_values = true)]
        approval: Option<Secret>,
    },
    /// Show how an upgrade stands.
    Get {
        /// The upgrade.
        id: UpgradeId,
    },
    /// List the tenant's upgrades, newest first.
    List {
        /// How many [default: the API's].
        #[arg(long)]
        limit: Option<u32>,
        /// Where the page before ended.
        #[arg(long)]
        cursor: Option<String>,
    },
    /// Show the component's upgrade that is under way.
    Active {
        /// The component.
        #[arg(long, value_name = "UUID")]
        component: ComponentId,
    },
    /// Let instances that have begun finish, and let no other begin; judging goes on.
    Pause {
        /// The upgrade.
        id: UpgradeId,
        /// Why.
        #[arg(long)]
        reason: Option<String>,
    },
    /// Go on with a paused upgrade.
    Resume {
        /// The upgrade.
        id: UpgradeId,
    },
    /// Say that the canary need not be watched any longer than the evidence takes.
    PromoteCanary {
        /// The upgrade.
        id: UpgradeId,
    },
    /// Say how it goes on after the breaker has tripped.
    Decide {
        /// The upgrade.
        id: UpgradeId,
        /// How.
        #[arg(value_enum)]
        decision: Decision,
        /// Why.
        #[arg(long)]
        reason: Option<String>,
        /// Token of the approval that `continue_anyway` needs.
        #[arg(long, env = "SLUICE_APPROVAL", hide_env_values = true)]
        approval: Option<Secret>,
    },
    /// Say that an instance left for good or never answers: nobody waits for it any longer.
    Drop {
        /// The upgrade.
        id: UpgradeId,
        /// The instance's number in its fleet.
        ordinal: Ordinal,
    },
    /// Change limits, delays, and the size of batches that are not released; where somebody else has to agree, they are
    /// asked first, and the same command with the approval's token makes the changes.
    Adjust {
        /// The upgrade.
        id: UpgradeId,
        /// What is changed.
        #[command(flatten)]
        changes: PlanChanges,
        /// Token of the approval of these changes.
        #[arg(long, env = "SLUICE_APPROVAL", hide_env_values = true)]
        approval: Option<Secret>,
    },
    /// Give an upgrade up where it is; instances stay on what they run.
    Cancel {
        /// The upgrade.
        id: UpgradeId,
        /// Bring the fleet back instead, where anything has moved.
        #[arg(long)]
        rollback: bool,
        /// Why.
        #[arg(long)]
        reason: Option<String>,
    },
    /// Bring the fleet back to the version it came from.
    Rollback {
        /// The upgrade.
        id: UpgradeId,
        /// Why.
        #[arg(long)]
        reason: Option<String>,
        /// Token of the approval that a rollback after completion needs.
        #[arg(long, env = "SLUICE_APPROVAL", hide_env_values = true)]
        approval: Option<Secret>,
        /// It cannot wait: somebody else is asked to agree afterwards.
        #[arg(long)]
        break_glass: bool,
    },
    /// List what happened, oldest first.
    Events {
        /// The upgrade.
        id: UpgradeId,
        /// Only events after this number.
        #[arg(long, value_name = "SEQ")]
        after: Option<u64>,
    },
    /// Print the report of an upgrade that has ended, or write it to a file.
    Report(report::Wanted),
    /// Follow an upgrade until it ends; the exit code is 0 for COMPLETED, 3 for ROLLED_BACK, 4 for FAILED and
    /// CANCELLED.
    Watch(watch::Watch),
}

/// How an upgrade goes on after the breaker has tripped.
#[derive(Debug, Clone, Copy, clap::ValueEnum)]
#[value(rename_all = "snake_case")]
pub enum Decision {
    /// The failures were transient: go on.
    ContinueAnyway,
    /// Bring the instances back that have moved.
    RollbackCompletedBatches,
    /// Stop where it is, to look into it by hand.
    Abort,
}

/// Carries a command about upgrades out.
///
/// # Errors
/// Every [`Failure`].
pub async fn run(command: Command, global: &Global, out: &Output) -> Result<Exit, Failure> {
    let api = global.api()?;
    let answer = match command {
        Command::Create(create) if create.dry_run => {
            let answer = create::create(&api, &global.tenant()?, &create, *out).await?;
            out.answer(&answer, proposal)?;
            return Ok(Exit::Fine);
        }
        Command::Create(create) => create::create(&api, &global.tenant()?, &create, *out).await?,
        Command::Start { id, approval } => order(&api.showing(approval), id, "start", None).await?,
        Command::Get { id } => get(&api, id).await?,
        Command::Active { component } => {
            let tenant = global.tenant()?;
            let path = format!("/tenants/{tenant}/components/{component}/upgrades/active");
            api.get(&path, &[]).await?
        }
        Command::Pause { id, reason } => order(&api, id, "pause", reason).await?,
        Command::Resume { id } => order(&api, id, "resume", None).await?,
        Command::PromoteCanary { id } => order(&api, id, "promote-canary", None).await?,
        Command::Decide {
            id,
            decision,
            reason,
            approval,
        } => {
            let decision = decision.to_possible_value().map(|v| v.get_name().to_owned());
            let query = [("decision", decision), ("reason", reason)];
            ask(&api.showing(approval), id, "decide", &query).await?
        }
        Command::Drop { id, ordinal } => order(&api, id, &format!("instances/{ordinal}/drop"), None).await?,
        Command::Adjust {
            id,
            changes,
            approval,
        } => {
            let (api, changes) = (api.showing(approval), Changes::from(changes));
            api.post(&format!("/upgrades/{id}/adjust"), &[], Some(&changes))
                .await?
        }
        Command::Cancel { id, rollback, reason } => {
            let query = [
                ("rollback", rollback.then(|| "true".to_owned())),
                ("reason", reason),
            ];
            ask(&api, id, "cancel", &query).await?
        }
        Command::Rollback {
            id,
            reason,
            approval,
            break_glass,
        } => {
            let glass = break_glass.then(|| "true".to_owned());
            let query = [("break_glass", glass), ("reason", reason)];
            ask(&api.showing(approval), id, "rollback", &query).await?
        }
        Command::List { limit, cursor } => {
            let query = [("limit", limit.map(|n| n.to_string())), ("cursor", cursor)];
            let path = format!("/tenants/{}/upgrades", global.tenant()?);
            out.answer(&api.get(&path, &query).await?, show::list)?;
            return Ok(Exit::Fine);
        }
        Command::Events { id, after } => {
            let query = [("after", after.map(|n| n.to_string()))];
            let answer = api.get(&format!("/upgrades/{id}/events"), &query).await?;
            out.answer(&answer, show::events)?;
            return Ok(Exit::Fine);
        }
        Command::Report(wanted) => return report::report(&api, &wanted, *out).await,
        Command::Watch(watch) => return watch::watch(&api, &watch, *out).await,
    };
    out.answer(&answer, view)?;
    Ok(Exit::Fine)
}

/// Says what an upgrade waits for. For machines: the wait, or `null` when there is none.
///
/// # Errors
/// Every [`Failure`].
pub async fn why(id: UpgradeId, global: &Global, out: &Output) -> Result<Exit, Failure> {
    let answer = get(&global.api()?, id).await?;
    if out.is_json() {
        let hold = answer.parse::<Value>()?["hold"].take();
        out.print(hold.to_string().as_bytes())?;
    } else {
        out.print(show::why(&answer.parse()?, Timestamp::now()).as_bytes())?;
    }
    Ok(Exit::Fine)
}

async fn get(api: &Api, id: UpgradeId) -> Result<Answer, Failure> {
    api.get(&format!("/upgrades/{id}"), &[]).await
}

/// Asks for something to be done with an upgrade.
async fn order(api: &Api, id: UpgradeId, what: &str, reason: Option<String>) -> Result<Answer, Failure> {
    ask(api, id, what, &[("reason", reason)]).await
}

async fn ask(
    api: &Api,
    id: UpgradeId,
    what: &str,
    query: &[(&'static str, Option<String>)],
) -> Result<Answer, Failure> {
    api.post(&format!("/upgrades/{id}/{what}"), query, None::<&()>)
        .await
}

fn view(upgrade: &UpgradeView) -> String {
    show::upgrade(upgrade, Timestamp::now())
}
