//! Policies as they are kept: whose they are, and every revision with who set it.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::effective::LayerName;
use super::read::{Refusal, read};
use super::{Layer, Policy};
use crate::audit;
use crate::ids::{ComponentId, TenantId};
use crate::units::Rev;

/// The longest text that is kept, in bytes: an item of the table has at most 400 KB.
pub const MAX_KEPT_BYTES: usize = 256 * 1024;

/// Whose a policy is.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(tag = "owner", rename_all = "kebab-case", rename_all_fields = "camelCase")]
pub enum Owner {
    /// The system's: it holds for every tenant.
    System,
    /// A tenant's.
    Tenant {
        /// Which.
        tenant_id: TenantId,
    },
    /// A component's.
    Component {
        /// Whose.
        tenant_id: TenantId,
        /// Which.
        component_id: ComponentId,
    },
}

impl Owner {
    /// The layer that its policy is.
    #[must_use]
    pub fn layer(&self) -> LayerName {
        match self {
            Self::System => LayerName::System,
            Self::Tenant { .. } => LayerName::Tenant,
            Self::Component { .. } => LayerName::Component,
        }
    }

    /// Everybody whose policies hold for a tenant's component, from the weakest.
    #[must_use]
    pub fn chain(tenant_id: &TenantId, component_id: Option<ComponentId>) -> Vec<Self> {
        let tenant_id = tenant_id.clone();
        let component = component_id.map(|component_id| Self::Component {
            tenant_id: tenant_id.clone(),
            component_id,
        });
        let mut chain = vec![Self::System, Self::Tenant { tenant_id }];
        chain.extend(component);
        chain
    }
}

/// A policy as somebody set it. It never changes; the next one has the next revision.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Revision {
    /// Whose policy it is.
    #[serde(flatten)]
    pub owner: Owner,
    /// From 1.
    pub revision: Rev,
    /// The policy, as it was written.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub text: String,
    /// Who set it.
    pub set_by: String,
    /// When.
    pub set_at: Timestamp,
    /// Over the hash of the revision before and everything above: nothing can be changed or taken out unnoticed.
    pub hash: String,
}

impl Revision {
    /// The revision that follows another one, or the first.
    #[must_use]
    pub fn after(before: Option<&Self>, owner: Owner, text: String, set_by: String, now: Timestamp) -> Self {
        let fresh = Self {
            owner,
            revision: before.map_or(Rev(0), |b| b.revision).next(),
            text,
            set_by,
            set_at: now,
            hash: String::new(),
        };
        let previous = before.map_or_else(audit::genesis, |b| b.hash.clone());
        Self {
            hash: audit::link(&previous, &fresh),
            ..fresh
        }
    }

    /// Whether it is what follows another one.
    #[must_use]
    pub fn follows(&self, before: Option<&Self>) -> bool {
        let Self {
            owner,
            text,
            set_by,
            set_at,
            ..
        } = self.clone();
        *self == Self::after(before, owner, text, set_by, set_at)
    }

    /// What people call it.
    #[must_use]
    pub fn name(&self) -> String {
        format!("{} revision {}", self.owner.layer(), self.revision)
    }

    /// The layer that it is.
    ///
    /// # Errors
    /// What is not understood, should an earlier build have kept what this one does not read.
    pub fn layer(&self) -> Result<Layer, Refusal> {
        let file = self.name();
        let policy: Policy = read(&file, &self.text)?;
        Ok(Layer {
            name: self.owner.layer(),
            file,
            revision: Some(self.revision),
            policy,
        })
    }
}

/// A revision that something rests on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RestsOn {
    /// Whose policy it is.
    pub layer: LayerName,
    /// Which revision.
    pub revision: Rev,
    /// Its hash.
    pub hash: String,
}

impl From<&Revision> for RestsOn {
    fn from(revision: &Revision) -> Self {
        Self {
            layer: revision.owner.layer(),
            revision: revision.revision,
            hash: revision.hash.clone(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_changed_revision_breaks_the_chain() {
        let at = Timestamp::UNIX_EPOCH;
        let make = |before: Option<&Revision>, text: &str| {
            Revision::after(before, Owner::System, text.to_owned(), "user:a".to_owned(), at)
        };
        let first = make(None, "order: index");
        let second = make(Some(&first), "order: spread");
        assert_eq!((first.revision, second.revision), (Rev(1), Rev(2)));
        assert!(first.follows(None) && second.follows(Some(&first)));
        for changed in [
            Revision {
                text: "order: index".to_owned(),
                ..second.clone()
            },
            Revision {
                set_by: "user:b".to_owned(),
                ..second.clone()
            },
            Revision {
                revision: Rev(3),
                ..second.clone()
            },
        ] {
            assert!(!changed.follows(Some(&first)), "{changed:?}");
        }
        assert!(!second.follows(None));
    }
}
