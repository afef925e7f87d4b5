//! Single instances for which something else holds than for the rest of their fleet.
//!
//! An instance that is *dropped* is not waited for: it left its fleet for good, or never answers. What it does all the
//! same counts as ever, and it is told what any other one is told; so one that comes back is sent where it belongs, and
//! is then neither missing nor counted twice.

use serde::{Deserialize, Serialize};

use crate::named::Named;
use crate::units::{Ordinal, Position};

/// One instance of a plan for which something else holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Exception {
    /// Which.
    pub ordinal: Ordinal,
    /// Its place in the plan.
    pub position: Position,
    /// What holds for it.
    pub holds: Holds,
}

/// What holds for one instance.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Holds {
    /// It is not waited for.
    Dropped,
}

/// The exceptions of an upgrade, one for each instance at most.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Exceptions(Vec<Exception>);

/// There are as many exceptions as an upgrade can have.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("ordinal: is {0}, one more than the {max} instances for which an upgrade can make an exception", max = Exceptions::MAX)]
pub struct TooMany(pub Ordinal);

impl Exceptions {
    /// The most that an upgrade can have: its channel stays one small item, and whoever needs more has a fleet that is
    /// better taken back.
    pub const MAX: usize = 16;

    /// With one more, or another word for one instance.
    ///
    /// # Errors
    /// [`TooMany`].
    pub fn with(&self, exception: Exception) -> Result<Self, TooMany> {
        let others = self.0.iter().filter(|e| e.ordinal != exception.ordinal).copied();
        let mut all: Vec<_> = others.chain([exception]).collect();
        if all.len() > Self::MAX {
            return Err(TooMany(exception.ordinal));
        }
        all.sort_unstable_by_key(|e| e.ordinal);
        Ok(Self(all))
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Those that are not waited for.
    pub fn dropped(&self) -> impl Iterator<Item = Exception> + '_ {
        self.0.iter().filter(|e| e.holds == Holds::Dropped).copied()
    }

    /// Whether this one is not waited for.
    #[must_use]
    pub fn is_dropped(&self, ordinal: Ordinal) -> bool {
        self.dropped().any(|e| e.ordinal == ordinal)
    }

    /// Those that are not waited for, by name.
    #[must_use]
    pub fn named_dropped(&self) -> Named {
        Named::of(self.dropped().map(|e| e.ordinal))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn dropped(ordinal: u32) -> Exception {
        Exception {
            ordinal: Ordinal(ordinal),
            position: Position(100 - ordinal),
            holds: Holds::Dropped,
        }
    }

    #[test]
    fn each_instance_once_and_no_more_than_the_channel_holds() {
        let mut all = Exceptions::default();
        for ordinal in (0..16).rev() {
            all = all.with(dropped(ordinal)).unwrap();
            assert_eq!(
                all.with(dropped(ordinal)),
                Ok(all.clone()),
                "once more is the same"
            );
        }
        assert_eq!(all.dropped().count(), Exceptions::MAX);
        assert_eq!(all.named_dropped().ordinals().first(), Some(&Ordinal(0)));
        assert!(all.is_dropped(Ordinal(15)) && !all.is_dropped(Ordinal(16)));
        assert_eq!(
            all.with(dropped(16)).unwrap_err().to_string(),
            "ordinal: is 16, one more than the 16 instances for which an upgrade can make an exception"
        );
        assert!(
            all.with(dropped(3)).is_ok(),
            "a full list takes another word for one of its own"
        );
    }
}
