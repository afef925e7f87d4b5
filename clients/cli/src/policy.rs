//! `sluice policy`: what the system, tenants and components prescribe.

use std::path::PathBuf;

use clap::{Args, Subcommand};
use sluice_contract::policy::{EffectivePolicy, PolicySummary, PolicyVersionList, PolicyView};
use sluice_core::ids::ComponentId;
use sluice_core::units::Rev;

use crate::cli::Global;
use crate::failure::{Exit, Failure};
use crate::input;
use crate::offline::{policy as offline, show};
use crate::output::{Output, Table, moment};

/// Whose policy it is: the tenant's, unless told otherwise.
#[derive(Debug, Args)]
pub struct Whose {
    /// The component's.
    #[arg(long, value_name = "UUID", conflicts_with = "system")]
    component: Option<ComponentId>,
    /// The system's, which holds for every tenant.
    #[arg(long)]
    system: bool,
}

/// The commands about policies.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Set a policy in place of a revision.
    Put {
        /// The policy, in YAML; an empty one prescribes nothing.
        #[arg(value_name = "FILE.yaml")]
        file: PathBuf,
        /// The revision that it replaces; 0 where there is none yet.
        #[arg(long, value_name = "REVISION")]
        replaces: u64,
        #[command(flatten)]
        whose: Whose,
    },
    /// Print a policy as it was written.
    Get {
        /// Which revision [default: the newest].
        #[arg(long)]
        revision: Option<u64>,
        #[command(flatten)]
        whose: Whose,
    },
    /// List the versions of a policy, newest first.
    Versions {
        /// Only those before this one.
        #[arg(long, value_name = "REVISION")]
        before: Option<u64>,
        #[command(flatten)]
        whose: Whose,
    },
    /// Say what holds, and whose word each value is: from files, which needs no API, or with --live as the API has it.
    Effective {
        /// What the API has, instead of files.
        #[arg(long)]
        live: bool,
        /// With --live: for this component.
        #[arg(long, value_name = "UUID", requires = "live")]
        component_id: Option<ComponentId>,
        #[command(flatten)]
        files: Box<offline::Files>,
    },
}

/// Carries a command about policies out.
///
/// # Errors
/// Every [`Failure`].
pub async fn run(command: Command, global: &Global, out: &Output) -> Result<Exit, Failure> {
    match command {
        Command::Put {
            file,
            replaces,
            whose,
        } => {
            let text = input::text(&file)?;
            let path = path(&whose, global)?;
            let answer = global.api()?.put_text(&path, text, replaces).await?;
            out.answer(&answer, |view: &PolicyView| summary(&view.summary))?;
        }
        Command::Get { revision, whose } => {
            let query = [("revision", revision.map(|r| r.to_string()))];
            let answer = global.api()?.get(&path(&whose, global)?, &query).await?;
            out.answer(&answer, |view: &PolicyView| view.text.clone())?;
        }
        Command::Versions { before, whose } => {
            let path = format!("{}/versions", path(&whose, global)?);
            let query = [("before", before.map(|r| r.to_string()))];
            let answer = global.api()?.get(&path, &query).await?;
            out.answer(&answer, versions)?;
        }
        Command::Effective {
            live: false, files, ..
        } => return offline::run(&files, global, *out),
        Command::Effective { component_id, .. } => {
            let whose = Whose {
                component: component_id,
                system: false,
            };
            let path = format!("{}/effective", path(&whose, global)?);
            let answer = global.api()?.get(&path, &[]).await?;
            out.answer(&answer, |held: &EffectivePolicy| show::values(&held.values))?;
        }
    }
    Ok(Exit::Fine)
}

fn path(whose: &Whose, global: &Global) -> Result<String, Failure> {
    if whose.system {
        return Ok("/policy".to_owned());
    }
    let tenant = global.tenant()?;
    Ok(match whose.component {
        Some(component) => format!("/tenants/{tenant}/components/{component}/policy"),
        None => format!("/tenants/{tenant}/policy"),
    })
}

fn summary(summary: &PolicySummary) -> String {
    let mut table = Table::default();
    table.row(["policy of", &summary.owner.layer().to_string()]);
    table.row(["revision", &summary.revision.to_string()]);
    table.row(["set by", &summary.set_by]);
    table.row(["set at", &moment(summary.set_at)]);
    table.to_string()
}

fn versions(list: &PolicyVersionList) -> String {
    let mut table = Table::new(["REVISION", "SET AT", "SET BY", "HASH"]);
    for one in &list.versions {
        let at = moment(one.set_at);
        table.row([&one.revision.to_string(), &at, &one.set_by, &one.hash]);
    }
    if let Some(Rev(before)) = list.next_before.filter(|_| !list.versions.is_empty()) {
        return format!("{table}\nmore: --before {before}\n");
    }
    table.to_string()
}
