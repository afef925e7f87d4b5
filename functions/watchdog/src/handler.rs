//! One round.

use lambda_runtime::Diagnostic;
use sluice_app::ports::{Alerts, Bus, Outbox, Places, Upgrades, Workflows};
use sluice_app::relay::Outlets;
use sluice_app::watchdog::{self, Round};

/// Comes round. Fails when an upgrade could not be examined, so that the function's errors show it.
pub async fn handle<T, B, A, W>(table: &T, outlets: &Outlets<B, A, W>) -> Result<Round, Diagnostic>
where
    T: Upgrades + Outbox + Places,
    B: Bus,
    A: Alerts,
    W: Workflows,
{
    let round = watchdog::run(table, outlets, sluice_lambda::now())
        .await
        .map_err(|error| Diagnostic {
            error_type: error.name.as_str().to_owned(),
            error_message: error.message,
        })?;
    tracing::info!(
        examined = round.examined,
        delivered = round.delivered,
        restarted = round.restarted,
        overdue = round.overdue,
        failed = round.failed,
        "came round"
    );
    if round.failed > 0 {
        return Err(Diagnostic {
            error_type: "Sluice.Unavailable".to_owned(),
            error_message: format!("{} upgrades could not be examined", round.failed),
        });
    }
    Ok(round)
}
