//! What a restarted agent does about a half-done switch.

use sluice_core::fleet::InstanceError;
use sluice_core::release::Release;

use super::record::{Journal, same};

/// The rest of a half-done switch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Recovery {
    /// `current` names the target already: start and verify it.
    Finish,
    /// It is the way back and has not reached the link: switch, start and verify.
    Switch,
    /// It is the way forward and has not reached the link: start what `current` names. The command counts as not
    /// begun; whether it still holds is the server's to say.
    Undo,
    /// The target failed and the instance was going back: go on.
    Return(InstanceError),
}

/// Which rest is left of `journal`, given the release that `current` names on disk.
#[must_use]
pub fn recover(journal: &Journal, linked: Option<&Release>) -> Recovery {
    if let Some(error) = &journal.returning {
        return Recovery::Return(error.clone());
    }
    if linked.is_some_and(|l| same(l, &journal.target)) {
        Recovery::Finish
    } else if journal.revert {
        Recovery::Switch
    } else {
        Recovery::Undo
    }
}
