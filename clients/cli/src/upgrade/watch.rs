//! Follows an upgrade until it ends.

use std::time::{Duration, Instant};

use clap::Args;
use jiff::Timestamp;
use sluice_contract::api::UpgradeView;
use sluice_core::ids::UpgradeId;

use super::bars::Screen;
use super::{get, show};
use crate::api::Api;
use crate::failure::{Exit, Failure};
use crate::output::Output;

/// Looks without an answer in a row after which watching ends: some minutes, longer than a deployment of the API.
const MAX_BLIND: u32 = 30;

/// What is watched, and how.
#[derive(Debug, Args)]
pub struct Watch {
    /// The upgrade.
    id: UpgradeId,
    /// Time between two looks.
    #[arg(long, value_name = "SECONDS", default_value_t = 2, value_parser = clap::value_parser!(u64).range(1..=60))]
    interval: u64,
    /// How long to watch at most; an upgrade that has not ended by then is no success (exit code 1).
    #[arg(long, value_name = "SECONDS", default_value_t = 86_400, value_parser = clap::value_parser!(u64).range(1..=2_592_000))]
    timeout: u64,
}

/// Watches, then prints how the upgrade ended.
pub async fn watch(api: &Api, said: &Watch, out: Output) -> Result<Exit, Failure> {
    let ends = Instant::now() + Duration::from_secs(said.timeout);
    let mut screen = Screen::new(out);
    let (mut last, mut blind) = (None, 0);
    loop {
        match get(api, said.id).await {
            Ok(answer) => {
                blind = 0;
                let view: UpgradeView = answer.parse()?;
                screen.show(&view);
                if let Some(exit) = ended(&view.status) {
                    screen.close();
                    out.answer(&answer, |view| show::upgrade(view, Timestamp::now()))?;
                    return Ok(exit);
                }
                last = Some(view.status);
            }
            // A first look that fails says that the address is wrong; a later one, that the API is away.
            Err(failure) if failure.exit() == Exit::Unreachable && last.is_some() && blind < MAX_BLIND => {
                blind += 1;
                screen.say(&failure.to_string());
            }
            Err(failure) => return Err(failure),
        }
        let left = ends.saturating_duration_since(Instant::now());
        if left.is_zero() {
            let status = last.unwrap_or_default();
            let problem = format!("it is {status} after {} s", said.timeout);
            return Err(Failure::unexpected("the upgrade has not ended", problem));
        }
        tokio::time::sleep(left.min(Duration::from_secs(said.interval))).await;
    }
}

/// The exit code of a terminal status; nothing while the upgrade is under way.
fn ended(status: &str) -> Option<Exit> {
    match status {
        "COMPLETED" => Some(Exit::Fine),
        "ROLLED_BACK" => Some(Exit::RolledBack),
        "FAILED" | "CANCELLED" => Some(Exit::Unsuccessful),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use sluice_core::lifecycle::{Active, Status};

    use super::*;

    #[test]
    fn watching_ends_with_exactly_the_terminal_statuses() {
        let paused_from = Active::InProgress;
        for status in [
            Status::Pending,
            Status::Validating,
            Status::CanaryRunning,
            Status::CanaryMonitoring,
            Status::InProgress,
            Status::Paused { paused_from },
            Status::RollingBack,
            Status::RolledBack,
            Status::Completed,
            Status::Failed,
            Status::Cancelled,
        ] {
            assert_eq!(ended(status.name()).is_some(), status.is_terminal(), "{status:?}");
        }
    }
}
