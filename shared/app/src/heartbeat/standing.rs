//! Whether a caller may speak for an instance: an ordinal listens to the newest credential of its enrolment alone.

use sluice_contract::check_in::CheckInRequest;
use sluice_contract::problem::{Code, Problem};
use sluice_core::credential::{Secret, Standing};

use crate::ports::StoredInstance;

/// The instance that a credential was handed out for.
///
/// # Errors
/// [`Code::InvalidCredential`] for a stranger, [`Code::StaleIncarnation`] for a machine that was replaced,
/// [`Code::NotThisInstance`] when the credential's holder does not say what it enrolled as.
pub(super) fn enrolled(
    stored: Option<StoredInstance>,
    shown: &Secret,
    request: &CheckInRequest,
) -> Result<StoredInstance, Problem> {
    let stored = stored.ok_or_else(invalid)?;
    let credentials = stored.credentials.as_ref().ok_or_else(invalid)?;
    match credentials.standing(shown) {
        Standing::Unknown => Err(invalid()),
        Standing::Revoked => Err(replaced(&stored)),
        Standing::Valid => bound(&stored, request).map(|()| stored),
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
