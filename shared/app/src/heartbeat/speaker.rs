//! Who speaks for an instance, and whether it may.

use sluice_contract::check_in::CheckInRequest;
use sluice_contract::problem::{Code, Problem};
use sluice_core::credential::{Secret, Standing};

use crate::caller::{Caller, Scope};
use crate::ports::StoredInstance;

/// How a check-in shows who it is from.
#[derive(Debug, Clone)]
pub enum Speaker {
    /// By the credential of an enrolment.
    Credential(Secret),
    /// By a token whose `sub` is the instance: for ordinals that have never enrolled.
    Token(Caller),
}

impl Speaker {
    /// What can be said before anything is read.
    pub(super) fn check_request(&self, request: &CheckInRequest) -> Result<(), Problem> {
        let Self::Token(caller) = self else { return Ok(()) };
        caller.require(Scope::FleetCheckIn)?;
        caller.require_tenant(&request.tenant_id)?;
        if caller.subject == request.instance_id.as_str() {
            return Ok(());
        }
        let detail = format!(
            "the token is of {}, the report of {}",
            caller.subject, request.instance_id
        );
        Err(Problem::new(Code::NotThisInstance, detail))
    }

    /// Whether it may speak for what is stored: an ordinal that has enrolled listens to its newest credential alone.
    pub(super) fn check_stored(
        &self,
        stored: Option<&StoredInstance>,
        request: &CheckInRequest,
    ) -> Result<(), Problem> {
        let credentials = stored.and_then(|s| s.credentials.as_ref());
        match (self, credentials, stored) {
            (Self::Token(_), None, _) => Ok(()),
            (Self::Token(_), Some(_), _) => {
                let detail = format!(
                    "ordinal {} has enrolled: its credential is needed",
                    request.ordinal
                );
                Err(Problem::new(Code::NotThisInstance, detail))
            }
            (Self::Credential(shown), Some(credentials), Some(stored)) => match credentials.standing(shown) {
                Standing::Valid => bound(stored, request),
                Standing::Revoked => Err(replaced(stored)),
                Standing::Unknown => Err(invalid()),
            },
            (Self::Credential(_), ..) => Err(invalid()),
        }
    }
}

/// Whether a valid credential's holder says what it enrolled as.
fn bound(stored: &StoredInstance, request: &CheckInRequest) -> Result<(), Problem> {
    let own = &stored.instance;
    if own.instance_id == request.instance_id && own.incarnation == request.incarnation {
        return Ok(());
    }
    let detail = format!(
        "the credential is of {} in incarnation {}, the report of {} in {}",
        own.instance_id, own.incarnation, request.instance_id, request.incarnation
    );
    Err(Problem::new(Code::NotThisInstance, detail))
}

fn replaced(stored: &StoredInstance) -> Problem {
    let newest = &stored.instance;
    let detail = format!(
        "ordinal {} belongs to {} in its incarnation {}",
        newest.ordinal, newest.instance_id, newest.incarnation
    );
    Problem::new(Code::StaleIncarnation, detail)
}

/// Says no more than that: a stranger learns nothing about what there is.
pub(crate) fn invalid() -> Problem {
    let detail = "the bearer secret is not the one that was handed out for this";
    Problem::new(Code::InvalidCredential, detail)
}
