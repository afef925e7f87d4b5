//! What is waited for, in one sentence.

use std::fmt;

use jiff::Timestamp;

use super::Cause;

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotStarted => f.write_str("waiting to be started"),
            Self::Approval { number, by } => write!(f, "waiting for approval {number}, asked for by {by}"),
            Self::Unapproved { number, why } => write!(f, "approval {number} is none: {why}"),
            Self::Checking => f.write_str("checking before the first move"),
            Self::Releasing { batch } => write!(f, "releasing batch {batch}"),
            Self::Moving {
                batch,
                reported,
                size,
            } => {
                write!(
                    f,
                    "batch {batch} moves: {reported} of {size} instances have reported"
                )
            }
            Self::Shifting { batch } => write!(f, "shifting traffic after batch {batch}"),
            Self::Baking { batch } => write!(f, "watching batch {batch}"),
            Self::Gate { waiting_for } => write!(f, "the gate is undecided: {waiting_for}"),
            Self::Paused { by, reason } if reason.is_empty() => write!(f, "paused by {by}"),
            Self::Paused { by, reason } => write!(f, "paused by {by}: {reason}"),
            Self::Stopped { covers, by, reason } if reason.is_empty() => {
                write!(f, "{covers} is stopped by {by}")
            }
            Self::Stopped { covers, by, reason } => write!(f, "{covers} is stopped by {by}: {reason}"),
            Self::Harmful { verdict } => write!(f, "paused by the gate: {verdict}"),
            Self::Breaker { limit, failures } => write!(
                f,
                "max_consecutive_failures ({limit}) exceeded: {failures} instances failed one after the other"
            ),
            Self::Promotion { batch } => {
                write!(
                    f,
                    "the canary is good after batch {batch}, and waits to be promoted"
                )
            }
            Self::InstancesSilent {
                batch: Some(batch),
                missing,
                named,
            } => write!(
                f,
                "{missing} instances of batch {batch} have not reported in time{}",
                named.of_all(*missing)
            ),
            Self::InstancesSilent {
                batch: None,
                missing,
                named,
            } => write!(
                f,
                "{missing} instances have not acknowledged the way back in time{}",
                named.of_all(*missing)
            ),
            Self::InstancesDown {
                batch,
                down,
                cap,
                named,
            } => write!(
                f,
                "batch {batch} has no room: {down} instances are down, and no more than {cap} may be unavailable{}",
                named.of_all(*down)
            ),
            Self::InstancesUnable { batch, named } => {
                write!(f, "instances of batch {batch} cannot switch by overlap: {named}")
            }
            Self::OrchestratorFault { error } => write!(f, "Sluice itself failed ({error}) and tries again"),
            Self::WindowClosed { opens_at } => {
                write!(f, "no maintenance window is open; {}", Next(*opens_at))
            }
            Self::WindowTooShort {
                needs_seconds,
                opens_at,
            } => write!(
                f,
                "the maintenance window closes within the {needs_seconds} s that are needed with the way back; {}",
                Next(*opens_at)
            ),
            Self::Freeze { name, opens_at } => write!(f, "the freeze {name:?} is on; {}", Next(*opens_at)),
            Self::EmergencyStop { reason } => write!(f, "a policy stops everything: {reason}"),
            Self::WindowEnded { batch, closed_at } => {
                write!(
                    f,
                    "the window closed at {closed_at} while batch {batch} was under way"
                )
            }
            Self::PolicyUnusable { problem } => write!(f, "the policies cannot be followed: {problem}"),
            Self::GoingBack { acknowledged, of } => {
                write!(
                    f,
                    "going back: {acknowledged} of {of} instances have acknowledged"
                )
            }
        }
    }
}

/// When it goes on, in words.
struct Next(Option<Timestamp>);

impl fmt::Display for Next {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Some(at) => write!(f, "it goes on at {at}"),
            None => f.write_str("there is no such window within ten years"),
        }
    }
}
