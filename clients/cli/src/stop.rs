//! `sluice stop`: nothing that it covers is released or started, until it is lifted.

use clap::{Args, Subcommand};
use sluice_contract::stop::{StopList, StopView};
use sluice_core::ids::ComponentId;
use sluice_core::stop::Stop;

use crate::cli::Global;
use crate::failure::{Exit, Failure};
use crate::output::{Output, Table, moment};

/// What a stop covers: the tenant, unless something else is said.
#[derive(Debug, Args)]
#[group(multiple = false)]
pub struct Covers {
    /// Only this component.
    #[arg(long, value_name = "UUID")]
    component: Option<ComponentId>,
    /// Every tenant: an emergency stop.
    #[arg(long)]
    everything: bool,
}

/// The commands about stops.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Stop: what runs is paused and goes on being judged, nothing else begins.
    Set {
        /// What.
        #[command(flatten)]
        covers: Covers,
        /// Why.
        #[arg(long)]
        reason: Option<String>,
    },
    /// Lift a stop: what it alone had paused goes on.
    Lift {
        /// Which.
        #[command(flatten)]
        covers: Covers,
    },
    /// List the stops in force that concern the tenant.
    List,
}

/// Carries a command about stops out.
///
/// # Errors
/// Every [`Failure`].
pub async fn run(command: Command, global: &Global, out: &Output) -> Result<Exit, Failure> {
    let api = global.api()?;
    match command {
        Command::Set { covers, reason } => {
            let path = path(&covers, global)?;
            out.answer(&api.post(&path, &[("reason", reason)], None::<&()>).await?, view)?;
        }
        Command::Lift { covers } => out.answer(&api.delete(&path(&covers, global)?).await?, view)?,
        Command::List => {
            let path = format!("/tenants/{}/stops", global.tenant()?);
            out.answer(&api.get(&path, &[]).await?, |list: &StopList| {
                table(&list.stops).to_string()
            })?;
        }
    }
    Ok(Exit::Fine)
}

fn path(covers: &Covers, global: &Global) -> Result<String, Failure> {
    Ok(match covers.component {
        _ if covers.everything => "/stop".to_owned(),
        None => format!("/tenants/{}/stop", global.tenant()?),
        Some(component) => format!("/tenants/{}/components/{component}/stop", global.tenant()?),
    })
}

fn view(view: &StopView) -> String {
    let changed: Vec<_> = view.changed.iter().map(ToString::to_string).collect();
    let stop = table(std::slice::from_ref(&view.stop));
    format!(
        "{stop}\nupgrades changed: {}\n",
        if changed.is_empty() {
            "none".to_owned()
        } else {
            changed.join(", ")
        }
    )
}

fn table(stops: &[Stop]) -> Table {
    let mut table = Table::new(["COVERS", "BY", "SINCE", "REASON"]);
    for stop in stops {
        table.row([
            stop.covers.to_string(),
            stop.by.clone(),
            moment(stop.since),
            stop.reason.clone(),
        ]);
    }
    table
}
