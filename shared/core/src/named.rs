//! Instances by name, where there may be a great many.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::units::Ordinal;

/// The first of some instances, by ordinal, in order. How many there are in all is told beside it.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Named(Vec<Ordinal>);

impl Named {
    /// The most that are named: enough for a person, small enough for a record.
    pub const MAX: usize = 20;

    /// Names instances, each once.
    #[must_use]
    pub fn of(ordinals: impl IntoIterator<Item = Ordinal>) -> Self {
        let mut all: Vec<_> = ordinals.into_iter().collect();
        all.sort_unstable();
        all.dedup();
        all.truncate(Self::MAX);
        Self(all)
    }

    /// These and others.
    #[must_use]
    pub fn and(&self, others: &Self) -> Self {
        Self::of(self.0.iter().chain(&others.0).copied())
    }

    /// The ordinals.
    #[must_use]
    pub fn ordinals(&self) -> &[Ordinal] {
        &self.0
    }

    /// Whether none is named.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// These of so many, as a part of a sentence; nothing where none is named.
    #[must_use]
    pub fn of_all(&self, count: u32) -> String {
        let more = usize::try_from(count)
            .unwrap_or(usize::MAX)
            .saturating_sub(self.0.len());
        match (self.is_empty(), more) {
            (true, _) => String::new(),
            (false, 0) => format!(": {self}"),
            (false, more) => format!(": {self} and {more} more"),
        }
    }
}

impl fmt::Display for Named {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, ordinal) in self.0.iter().enumerate() {
            let comma = if index == 0 { "" } else { ", " };
            write!(f, "{comma}{ordinal}")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_are_named_and_the_others_counted() {
        let named = |ordinals: &[u32]| Named::of(ordinals.iter().copied().map(Ordinal));
        for (ordinals, count, expected) in [
            (&[][..], 0, ""),
            (&[], 4, ""),
            (&[7, 3, 7], 2, ": 3, 7"),
            (&[7, 3], 5, ": 3, 7 and 3 more"),
        ] {
            assert_eq!(named(ordinals).of_all(count), expected);
        }
        let many: Vec<_> = (0..100).collect();
        assert_eq!(named(&many).ordinals().len(), Named::MAX);
        assert_eq!(named(&[1, 5]).and(&named(&[3, 5])), named(&[1, 3, 5]));
    }
}
