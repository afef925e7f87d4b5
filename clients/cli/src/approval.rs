//! `sluice approval`: what somebody else has to agree to.

use clap::{Args, Subcommand, ValueEnum};
use sluice_contract::api::UpgradeView;
use sluice_contract::approval::{ApprovalList, ApprovalView, GrantedApproval};
use sluice_core::ids::UpgradeId;
use sluice_core::settings::Changes;

use crate::api::Api;
use crate::cli::Global;
use crate::failure::{Exit, Failure};
use crate::output::{Output, Table, moment, name, plain};

/// The commands about approvals.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// List the tenant's approvals, those of the newest upgrades first.
    List {
        /// Of how many upgrades [default: the API's].
        #[arg(long)]
        limit: Option<u32>,
        /// Where the page before ended.
        #[arg(long)]
        cursor: Option<String>,
    },
    /// Ask somebody else to agree.
    Ask {
        /// The upgrade.
        id: UpgradeId,
        /// To what.
        #[arg(value_enum)]
        action: Critical,
    },
    /// Agree, and print the token that uses the approval; whoever asked cannot.
    Approve {
        /// The upgrade.
        id: UpgradeId,
        /// The approval.
        number: u64,
        /// What is said to it.
        #[arg(long)]
        remark: Option<String>,
    },
    /// Do not agree.
    Deny {
        /// The upgrade.
        id: UpgradeId,
        /// The approval.
        number: u64,
        /// Why.
        #[arg(long)]
        remark: String,
    },
    /// Change a plan before its start; it has to be agreed to anew, by somebody else.
    Edit {
        /// The upgrade.
        id: UpgradeId,
        /// What is changed.
        #[command(flatten)]
        changes: PlanChanges,
    },
}

/// Actions that somebody else has to agree to.
#[derive(Debug, Clone, Copy, ValueEnum)]
pub enum Critical {
    /// The start of a plan.
    Start,
    /// Going on after the breaker has tripped.
    ContinueAnyway,
    /// A rollback after completion.
    Rollback,
}

/// What is changed; ranges are the API's to judge.
#[derive(Debug, Args)]
pub struct PlanChanges {
    /// Most of the fleet in one batch.
    #[arg(long, value_name = "PERCENT", allow_negative_numbers = true)]
    batch_percentage: Option<i64>,
    /// Most instances in one batch.
    #[arg(long, value_name = "N", allow_negative_numbers = true)]
    batch_size: Option<i64>,
    /// How long a batch is watched before the next one.
    #[arg(long, value_name = "SECONDS", allow_negative_numbers = true)]
    batch_delay_seconds: Option<i64>,
    /// Time between two looks.
    #[arg(long, value_name = "SECONDS", allow_negative_numbers = true)]
    health_check_interval_seconds: Option<i64>,
    /// Failed instances that end the upgrade.
    #[arg(long, value_name = "N", allow_negative_numbers = true)]
    failure_threshold: Option<i64>,
    /// Failures in a row that trip the breaker.
    #[arg(long, value_name = "N", allow_negative_numbers = true)]
    max_consecutive_failures: Option<i64>,
}

impl From<PlanChanges> for Changes {
    fn from(edit: PlanChanges) -> Self {
        Self {
            batch_percentage: edit.batch_percentage,
            batch_size: edit.batch_size,
            batch_delay_seconds: edit.batch_delay_seconds,
            health_check_interval_seconds: edit.health_check_interval_seconds,
            failure_threshold: edit.failure_threshold,
            max_consecutive_failures: edit.max_consecutive_failures,
        }
    }
}

/// Carries a command about approvals out.
///
/// # Errors
/// Every [`Failure`].
pub async fn run(command: Command, global: &Global, out: &Output) -> Result<Exit, Failure> {
    let api = global.api()?;
    let answer = match command {
        Command::List { limit, cursor } => {
            let query = [("limit", limit.map(|n| n.to_string())), ("cursor", cursor)];
            let path = format!("/tenants/{}/approvals", global.tenant()?);
            out.answer(&api.get(&path, &query).await?, list)?;
            return Ok(Exit::Fine);
        }
        Command::Approve { id, number, remark } => {
            let path = format!("/upgrades/{id}/approvals/{number}/approve");
            let answer = api.post(&path, &[("remark", remark)], None::<&()>).await?;
            out.answer(&answer, granted)?;
            return Ok(Exit::Fine);
        }
        Command::Ask { id, action } => {
            let action = action.to_possible_value().map(|v| v.get_name().to_owned());
            post(&api, format!("/upgrades/{id}/approvals"), ("action", action)).await?
        }
        Command::Deny { id, number, remark } => {
            let path = format!("/upgrades/{id}/approvals/{number}/deny");
            post(&api, path, ("remark", Some(remark))).await?
        }
        Command::Edit { id, changes } => {
            let changes = Changes::from(changes);
            api.post(&format!("/upgrades/{id}/edit"), &[], Some(&changes))
                .await?
        }
    };
    out.answer(&answer, approvals)?;
    Ok(Exit::Fine)
}

async fn post(
    api: &Api,
    path: String,
    said: (&'static str, Option<String>),
) -> Result<crate::api::Answer, Failure> {
    api.post(&path, &[said], None::<&()>).await
}

fn approvals(view: &UpgradeView) -> String {
    table(&view.approvals).to_string()
}

fn granted(granted: &GrantedApproval) -> String {
    let one = table(std::slice::from_ref(&granted.approval));
    format!("{one}\ntoken: {}\n", plain(granted.token.reveal()))
}

fn list(list: &ApprovalList) -> String {
    let table = table(&list.approvals);
    match &list.next_cursor {
        Some(cursor) => format!("{table}\nmore: --cursor {}\n", plain(cursor)),
        None => table.to_string(),
    }
}

fn table(approvals: &[ApprovalView]) -> Table {
    let mut table = Table::new([
        "UPGRADE",
        "NUMBER",
        "ACTION",
        "STATE",
        "ASKED BY",
        "DECIDED BY",
        "UNTIL",
    ]);
    for approval in approvals {
        table.row([
            approval.execution_id.to_string(),
            approval.number.to_string(),
            name(&approval.action),
            name(&approval.state),
            approval.requested_by.clone(),
            approval.decided_by.clone().unwrap_or_default(),
            moment(approval.expires_at),
        ]);
    }
    table
}
