//! What an event says beside its name, in a few words.

use std::fmt::Write as _;

use crate::upgrade::Command;

/// The words for a command.
pub(super) fn detail(command: &Command) -> String {
    match command {
        Command::Validate { checks, .. } => checks
            .iter()
            .map(|c| format!("{}: {}", c.name, c.detail))
            .collect::<Vec<_>>()
            .join("; "),
        Command::Moved { .. } => moved(command),
        Command::Drop { ordinal, .. } => format!("instance {ordinal}"),
        Command::Release { to } | Command::Extend { to } => format!("to before position {to}"),
        Command::Shifted { weight } => weight.to_string(),
        Command::Pass { verdict } => verdict.to_string(),
        Command::Pause { cause } | Command::Hold { cause } => cause.to_string(),
        Command::RollBack { reason, .. } | Command::Fail { reason, .. } => reason.clone(),
        Command::Cancel { reason } => reason.clone(),
        Command::RolledBack {
            acknowledged,
            dropped: 0,
        } => format!("{acknowledged} acknowledged"),
        Command::RolledBack {
            acknowledged,
            dropped,
        } => {
            format!("{acknowledged} acknowledged, {dropped} dropped")
        }
        _ => String::new(),
    }
}

fn moved(command: &Command) -> String {
    let Command::Moved {
        completed,
        failed,
        unreachable,
        named,
        dropped,
        ..
    } = command
    else {
        return String::new();
    };
    let mut text = format!("{completed} completed, {failed} failed");
    if *unreachable > 0 {
        let _ = write!(
            text,
            ", {unreachable} unreachable and left behind{}",
            named.of_all(*unreachable)
        );
    }
    if *dropped > 0 {
        let _ = write!(text, ", {dropped} dropped");
    }
    text
}
