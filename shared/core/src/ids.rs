//! Identifiers. Each is a type of its own, so that no two can be mistaken for each other.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// Why a text is not an identifier.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("must be 1 to {max} characters of a-z, A-Z, 0-9, '-', '_' or '.', and is {found:?}")]
pub struct InvalidName {
    /// The longest accepted length, in characters.
    pub max: usize,
    /// What was given, shortened to 80 characters.
    pub found: String,
}

/// The longest name: leaves room for prefixes in the 80 characters that Step Functions allows for the name
/// of an execution, and for a table key that a person can read.
const MAX_NAME: usize = 64;

macro_rules! name_id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $name(String);

        impl $name {
            /// Checks and wraps a name.
            ///
            /// # Errors
            /// [`InvalidName`] unless it has 1 to 64 characters of letters, digits, `-`, `_` and `.`.
            pub fn new(text: impl Into<String>) -> Result<Self, InvalidName> {
                let text = text.into();
                let ok = (1..=MAX_NAME).contains(&text.len())
                    && text.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.'));
                if ok {
                    Ok(Self(text))
                } else {
                    Err(InvalidName { max: MAX_NAME, found: text.chars().take(80).collect() })
                }
            }

            /// The name as text.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl TryFrom<String> for $name {
            type Error = InvalidName;
            fn try_from(text: String) -> Result<Self, InvalidName> {
                Self::new(text)
            }
        }

        impl From<$name> for String {
            fn from(id: $name) -> String {
                id.0
            }
        }

        impl FromStr for $name {
            type Err = InvalidName;
            fn from_str(text: &str) -> Result<Self, InvalidName> {
                Self::new(text)
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
    };
}

macro_rules! uuid_id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(pub Uuid);

        impl FromStr for $name {
            type Err = uuid::Error;
            fn from_str(text: &str) -> Result<Self, uuid::Error> {
                Uuid::parse_str(text).map(Self)
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }
    };
}

name_id!(
    /// A tenant: the boundary that no read and no write crosses.
    TenantId
);
name_id!(
    /// A fleet: one component's instances of one tenant. `default` unless others are declared.
    FleetId
);
name_id!(
    /// An instance: stable over restarts, the `sub` of the instance's own credential.
    InstanceId
);
name_id!(
    /// A key that signs releases.
    KeyId
);
uuid_id!(
    /// A component.
    ComponentId
);
uuid_id!(
    /// A release's version.
    VersionId
);
uuid_id!(
    /// One execution of a plan; the `executionId` of the API.
    UpgradeId
);

impl Default for FleetId {
    fn default() -> Self {
        Self("default".to_owned())
    }
}

/// A fleet's full name: what a channel and a lock belong to.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct FleetKey {
    /// Whose fleet it is.
    pub tenant_id: TenantId,
    /// What runs on its instances.
    pub component_id: ComponentId,
    /// Which of the component's fleets.
    pub fleet_id: FleetId,
}

impl fmt::Display for FleetKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}/{}", self.tenant_id, self.component_id, self.fleet_id)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_checked() {
        for (text, ok) in [
            ("default", true),
            ("a-b_c.D9", true),
            ("", false),
            ("a#b", false),
            ("a/b", false),
            ("über", false),
            (&"x".repeat(64), true),
            (&"x".repeat(65), false),
        ] {
            assert_eq!(FleetId::new(text).is_ok(), ok, "{text:?}");
            assert_eq!(
                serde_json::from_value::<FleetId>(text.into()).is_ok(),
                ok,
                "{text:?}"
            );
        }
    }
}
