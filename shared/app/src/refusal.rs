//! How failures become problem details.

use sluice_contract::problem::{Code, Problem};
use sluice_core::approval::Refused;
use sluice_core::upgrade::Refusal;

use crate::error::StepError;
use crate::flow::ChangeError;
use crate::ports::{PortError, PortErrorKind};

/// A port's failure, as a caller sees it: without what the service said, which the log has.
#[expect(clippy::needless_pass_by_value, reason = "made for map_err")]
pub fn port(error: PortError) -> Problem {
    tracing::error!(doing = error.doing, detail = %error.detail, kind = ?error.kind, "a port failed");
    match error.kind {
        PortErrorKind::Conflict => Problem::new(
            Code::Conflict,
            "somebody else wrote at the same time; read again and try again",
        ),
        PortErrorKind::NotFound => Problem::new(Code::NotFound, "it does not exist (any more)"),
        PortErrorKind::Throttled | PortErrorKind::Unavailable => Problem::new(
            Code::Unavailable,
            format!("{} did not work; try again", error.doing),
        ),
    }
}

/// A change that was not made, as a caller sees it.
pub fn change(error: ChangeError) -> Problem {
    match error {
        ChangeError::Refused(refusal) => refused(&refusal),
        ChangeError::Port(error) => port(error),
    }
}

fn refused(refusal: &Refusal) -> Problem {
    if let Refusal::Approval(refused) = refusal {
        return unapproved(refused);
    }
    let problem = Problem::new(Code::NotPossibleNow, refusal.to_string());
    match refusal {
        Refusal::Impossible(impossible) => Problem {
            possible: impossible.possible.iter().map(|a| a.name().to_owned()).collect(),
            ..problem
        },
        Refusal::TooMany(_) => Problem::new(Code::TooManyExceptions, refusal.to_string()),
        _ => problem,
    }
}

/// What was tried without somebody else's word leaves a trace, though nothing has changed.
fn unapproved(refused: &Refused) -> Problem {
    tracing::warn!(audit = true, detail = %refused, "an approval does not hold");
    let code = match refused {
        Refused::Needed { .. } => Code::ApprovalRequired,
        Refused::Token { .. } => Code::ApprovalInvalid,
        Refused::Unknown(_) => Code::NotFound,
        Refused::Settled { .. } => Code::NotPossibleNow,
        Refused::NotIndependent { .. } => Code::NotIndependent,
    };
    Problem::new(code, refused.to_string())
}

/// A step's failure, as a caller sees it.
pub fn step(error: StepError) -> Problem {
    use sluice_contract::error::ErrorName;
    match error.name {
        ErrorName::NotFound => Problem::new(Code::NotFound, error.message),
        ErrorName::BadInput => Problem::new(Code::InvalidRequest, error.message),
        ErrorName::Conflict => Problem::new(Code::Conflict, error.message),
        ErrorName::Throttled | ErrorName::Unavailable => {
            tracing::error!(name = error.name.as_str(), detail = %error.message, "a step failed");
            Problem::new(Code::Unavailable, "a service does not answer; try again")
        }
    }
}
