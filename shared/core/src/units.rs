//! Quantities with a unit and a range.

use std::fmt;

use serde::{Deserialize, Serialize};

/// Why a number is not a percentage.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("must be a whole number from 0 to 100, and is {0}")]
pub struct NotAPercentage(pub i64);

/// A whole percentage, 0 to 100.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, Default)]
#[serde(try_from = "i64", into = "i64")]
pub struct Percent(u8);

impl Percent {
    /// Nothing.
    pub const ZERO: Self = Self(0);
    /// Everything.
    pub const FULL: Self = Self(100);

    /// Checks and wraps.
    ///
    /// # Errors
    /// [`NotAPercentage`] outside 0 to 100.
    pub fn new(value: i64) -> Result<Self, NotAPercentage> {
        match u8::try_from(value) {
            Ok(small) if small <= 100 => Ok(Self(small)),
            _ => Err(NotAPercentage(value)),
        }
    }

    /// The number, 0 to 100.
    #[must_use]
    pub fn get(self) -> u8 {
        self.0
    }

    /// This share of `count`, rounded down.
    #[must_use]
    pub fn of_floor(self, count: u32) -> u32 {
        narrow(u64::from(count) * u64::from(self.0) / 100)
    }

    /// This share of `count`, rounded up.
    #[must_use]
    pub fn of_ceil(self, count: u32) -> u32 {
        narrow((u64::from(count) * u64::from(self.0)).div_ceil(100))
    }

    /// `part` of `whole` in percent, rounded down; a whole of 0 gives 0.
    #[must_use]
    pub fn ratio(part: u32, whole: u32) -> Self {
        if whole == 0 {
            return Self::ZERO;
        }
        Self(u8::try_from((u64::from(part) * 100 / u64::from(whole)).min(100)).unwrap_or(100))
    }
}

/// Whether a count is left out of what is written.
#[must_use]
pub fn is_zero(count: &u32) -> bool {
    *count == 0
}

/// A share of a `u32` is never above it, so nothing is lost here.
fn narrow(share: u64) -> u32 {
    u32::try_from(share).unwrap_or(u32::MAX)
}

impl TryFrom<i64> for Percent {
    type Error = NotAPercentage;
    fn try_from(value: i64) -> Result<Self, NotAPercentage> {
        Self::new(value)
    }
}

impl From<Percent> for i64 {
    fn from(percent: Percent) -> i64 {
        i64::from(percent.0)
    }
}

impl fmt::Display for Percent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}%", self.0)
    }
}

/// Why a number does not count anything that can happen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("must be a whole number from 1 to 1000000, and is {0}")]
pub struct NotACount(pub i64);

/// How many, from 1 to 1,000,000: as many as the largest fleet has instances.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "i64", into = "i64")]
pub struct Count(u32);

impl Count {
    /// Checks and wraps.
    ///
    /// # Errors
    /// [`NotACount`] outside 1 to 1,000,000.
    pub fn new(value: i64) -> Result<Self, NotACount> {
        match u32::try_from(value) {
            Ok(small) if (1..=1_000_000).contains(&small) => Ok(Self(small)),
            _ => Err(NotACount(value)),
        }
    }

    /// The number.
    #[must_use]
    pub fn get(self) -> u32 {
        self.0
    }
}

impl TryFrom<i64> for Count {
    type Error = NotACount;
    fn try_from(value: i64) -> Result<Self, NotACount> {
        Self::new(value)
    }
}

impl From<Count> for i64 {
    fn from(count: Count) -> i64 {
        i64::from(count.0)
    }
}

/// A number of instances (`3`) or a share of them (`"25%"`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Amount {
    /// So many.
    Count(u32),
    /// Such a share.
    Percent(Percent),
}

impl Amount {
    /// How many of `total`, rounded down: what is allowed is never exceeded.
    #[must_use]
    pub fn of(self, total: u32) -> u32 {
        match self {
            Self::Count(count) => count.min(total),
            Self::Percent(percent) => percent.of_floor(total),
        }
    }
}

impl Serialize for Amount {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Count(count) => serializer.serialize_u32(*count),
            Self::Percent(percent) => serializer.collect_str(percent),
        }
    }
}

impl<'de> Deserialize<'de> for Amount {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Visitor;
        impl serde::de::Visitor<'_> for Visitor {
            type Value = Amount;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a number of instances, or a percentage such as \"25%\"")
            }

            fn visit_i64<E: serde::de::Error>(self, value: i64) -> Result<Amount, E> {
                let count = u32::try_from(value).ok().filter(|count| *count <= 1_000_000);
                let wrong = || {
                    E::custom(format!(
                        "is {value}; accepted: 0 to 1000000, or a percentage such as \"25%\""
                    ))
                };
                count.map(Amount::Count).ok_or_else(wrong)
            }

            fn visit_u64<E: serde::de::Error>(self, value: u64) -> Result<Amount, E> {
                self.visit_i64(i64::try_from(value).unwrap_or(i64::MAX))
            }

            fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<Amount, E> {
                let number = text.trim().strip_suffix('%').and_then(|n| n.trim().parse().ok());
                let shown: String = text.chars().take(40).collect();
                let wrong = || {
                    E::custom(format!(
                        "is {shown:?}; accepted: a number, or a percentage from \"0%\" to \"100%\""
                    ))
                };
                number
                    .and_then(|n| Percent::new(n).ok())
                    .map(Amount::Percent)
                    .ok_or_else(wrong)
            }
        }
        deserializer.deserialize_any(Visitor)
    }
}

macro_rules! counter {
    ($(#[$doc:meta])* $name:ident($inner:ty)) => {
        $(#[$doc])*
        #[derive(
            Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize,
        )]
        #[serde(transparent)]
        pub struct $name(pub $inner);

        impl $name {
            /// The next one.
            #[must_use]
            pub fn next(self) -> Self {
                Self(self.0.saturating_add(1))
            }
        }

        impl std::str::FromStr for $name {
            type Err = std::num::ParseIntError;

            fn from_str(text: &str) -> Result<Self, Self::Err> {
                text.parse().map(Self)
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }
    };
}

counter!(
    /// Counts the commands of a fleet's channel: every new upgrade and every revert takes the next one, so that
    /// nothing from before can command an instance. Starts at 0, never goes back.
    Epoch(u64)
);
counter!(
    /// Counts the tries within one epoch. Starts at 0.
    Attempt(u32)
);
counter!(
    /// A record's revision, the condition of its next write. Starts at 0 for "does not exist".
    Rev(u64)
);
counter!(
    /// The place of an event in its upgrade, from 1.
    Seq(u64)
);
counter!(
    /// An instance's stable number in its fleet, from 0.
    Ordinal(u32)
);
counter!(
    /// An instance's place in a plan, from 0: batches are ranges of positions.
    Position(u32)
);
counter!(
    /// Counts the machines that have had one ordinal. A replacement has a higher one; reports of a lower one are
    /// refused.
    Incarnation(u64)
);

#[cfg(test)]
mod schema;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_round_as_they_say() {
        for (percent, count, floor, ceil) in [
            (10, 20, 2, 2),
            (10, 25, 2, 3),
            (0, 9, 0, 0),
            (100, 7, 7, 7),
            (33, u32::MAX, 1_417_339_207, 1_417_339_208),
        ] {
            let share = Percent::new(percent).unwrap();
            assert_eq!(
                (share.of_floor(count), share.of_ceil(count)),
                (floor, ceil),
                "{percent}% of {count}"
            );
        }
    }

    #[test]
    fn out_of_range_is_refused() {
        for value in [-1, 101, i64::MAX, i64::MIN] {
            assert_eq!(Percent::new(value), Err(NotAPercentage(value)));
        }
    }
}
