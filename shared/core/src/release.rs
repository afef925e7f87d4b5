//! Releases: what can be installed, and the manifest that a key signs.

use std::collections::BTreeMap;

use semver::{Version, VersionReq};
use serde::{Deserialize, Serialize};

use crate::ids::{ComponentId, KeyId, VersionId};
use crate::version::Listed;

/// A release's place in its life.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LifecycleState {
    /// Being made: nothing may upgrade to it.
    Draft,
    /// Tested: may be an upgrade's target.
    Blessed,
    /// In use: may be an upgrade's target.
    Live,
    /// Given up: neither a target nor a way back.
    Archived,
}

impl LifecycleState {
    /// Whether an upgrade may aim at it.
    #[must_use]
    pub fn is_target(self) -> bool {
        matches!(self, Self::Blessed | Self::Live)
    }

    /// Whether a rollback may return to it.
    #[must_use]
    pub fn is_way_back(self) -> bool {
        self != Self::Archived
    }
}

/// What the signature covers. Its canonical text is RFC 8785 JSON, so that any tool can make it again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Manifest {
    /// The component that the artifact is of.
    pub component: ComponentId,
    /// Its semantic version.
    pub version: Version,
    /// `sha256:` and 64 hexadecimal digits, of the artifact's bytes.
    pub digest: String,
    /// The artifact's length in bytes.
    pub size: u64,
}

impl Manifest {
    /// The bytes that are signed: RFC 8785 canonical JSON without a final newline.
    #[must_use]
    pub fn canonical(&self) -> Vec<u8> {
        crate::audit::canonical(self)
    }
}

/// What a release needs, and what leads to it. It is fixed when the release is registered.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct Dependencies {
    /// The versions that may be upgraded to it directly, such as `>=1.2, <2`. Default: all.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub upgrades_from: Option<VersionReq>,
    /// What it needs of other components, by their names, such as `postgresql: ">=15"`.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub requires: BTreeMap<String, VersionReq>,
    /// Whether it changes what is stored, so that going back may lose what it wrote.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub changes_storage: bool,
}

impl Dependencies {
    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

/// One version of a component with its artifact.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Release {
    /// The component it is a version of.
    pub component_id: ComponentId,
    /// Its identity in the registry.
    pub version_id: VersionId,
    /// Its semantic version.
    pub version: Version,
    /// `sha256:` and 64 hexadecimal digits, of the artifact's bytes.
    pub digest: String,
    /// The artifact's length in bytes.
    pub size: u64,
    /// ECDSA P-256 over SHA-256 of the canonical manifest; DER, base64.
    pub signature: String,
    /// The key that made the signature.
    pub key_id: KeyId,
    /// Whether it may be installed.
    pub lifecycle_state: LifecycleState,
    /// What it needs, and what leads to it.
    #[serde(default, skip_serializing_if = "Dependencies::is_empty")]
    pub dependencies: Dependencies,
}

impl Release {
    /// As a catalog lists it, under the component's name.
    #[must_use]
    pub fn listed(&self, component: &str) -> Listed {
        let Dependencies {
            upgrades_from,
            requires,
            changes_storage,
        } = self.dependencies.clone();
        Listed {
            component: component.to_owned(),
            version: self.version.clone(),
            lifecycle_state: self.lifecycle_state,
            upgrades_from,
            requires,
            changes_storage,
        }
    }

    /// The manifest that the signature covers.
    #[must_use]
    pub fn manifest(&self) -> Manifest {
        Manifest {
            component: self.component_id,
            version: self.version.clone(),
            digest: self.digest.clone(),
            size: self.size,
        }
    }

    /// What an upgrade remembers of it.
    #[must_use]
    pub fn version_ref(&self) -> VersionRef {
        VersionRef {
            version_id: self.version_id,
            version: self.version.clone(),
        }
    }
}

/// A version by identity and name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct VersionRef {
    /// Its identity in the registry.
    pub version_id: VersionId,
    /// Its semantic version.
    pub version: Version,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_signed_text_is_stable() {
        let manifest = Manifest {
            component: ComponentId(uuid::Uuid::nil()),
            version: Version::new(1, 2, 3),
            digest: "sha256:00".to_owned(),
            size: 7,
        };
        assert_eq!(
            String::from_utf8(manifest.canonical()).unwrap(),
            r#"{"component":"00000000-0000-0000-0000-000000000000","digest":"sha256:00","size":7,"version":"1.2.3"}"#
        );
    }
}
