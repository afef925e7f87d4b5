//! Exceptions for single instances.

use super::*;
use crate::exception::{Exception, Holds};
use crate::units::Ordinal;

/// Nobody waits for the instance any longer, as record and channel say.
pub(super) fn drop(
    next: &mut Upgrade,
    channel: &mut Channel,
    (ordinal, position): (Ordinal, Position),
) -> Result<(), Refusal> {
    next.exceptions = next.exceptions.with(Exception {
        ordinal,
        position,
        holds: Holds::Dropped,
    })?;
    channel.exceptions = next.exceptions.clone();
    Ok(())
}
