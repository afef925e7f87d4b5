//! Stops: while one is in force, nothing it covers begins or goes further. What runs goes on being judged, and going back
//! is never stopped.

use std::fmt;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::ids::{ComponentId, FleetKey, TenantId};

/// What a stop covers.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(tag = "covers", rename_all = "kebab-case", rename_all_fields = "camelCase")]
pub enum Covers {
    /// Every upgrade of every tenant.
    Everything,
    /// A tenant's upgrades.
    Tenant {
        /// Whose.
        tenant_id: TenantId,
    },
    /// The upgrades of a tenant's component.
    Component {
        /// Whose.
        tenant_id: TenantId,
        /// Of what.
        component_id: ComponentId,
    },
}

impl Covers {
    /// Whether a fleet's upgrades are covered.
    #[must_use]
    pub fn fleet(&self, fleet: &FleetKey) -> bool {
        match self {
            Self::Everything => true,
            Self::Tenant { tenant_id } => *tenant_id == fleet.tenant_id,
            Self::Component {
                tenant_id,
                component_id,
            } => *tenant_id == fleet.tenant_id && *component_id == fleet.component_id,
        }
    }

    /// Whether a tenant has anything to do with it.
    #[must_use]
    pub fn concerns(&self, tenant: &TenantId) -> bool {
        match self {
            Self::Everything => true,
            Self::Tenant { tenant_id } | Self::Component { tenant_id, .. } => tenant_id == tenant,
        }
    }
}

impl fmt::Display for Covers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Everything => f.write_str("everything"),
            Self::Tenant { tenant_id } => write!(f, "tenant {tenant_id}"),
            Self::Component { component_id, .. } => write!(f, "component {component_id}"),
        }
    }
}

/// A stop in force.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stop {
    /// What it covers.
    #[serde(flatten)]
    pub covers: Covers,
    /// Who set it.
    pub by: String,
    /// Why, in the words of whom.
    pub reason: String,
    /// Since when.
    pub since: Timestamp,
}

/// The stop that holds a fleet's upgrades; of several the widest, which is the last to go.
#[must_use]
pub fn in_force<'a>(stops: &'a [Stop], fleet: &FleetKey) -> Option<&'a Stop> {
    stops
        .iter()
        .filter(|s| s.covers.fleet(fleet))
        .min_by_key(|s| &s.covers)
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;
    use crate::ids::FleetId;
    use crate::upgrade::tests::course::BEGIN;

    fn tenant(name: &str) -> TenantId {
        TenantId::new(name).unwrap()
    }

    fn stop(name: &str, component: Option<u128>) -> Stop {
        let covers = match (name, component) {
            ("", _) => Covers::Everything,
            (name, None) => Covers::Tenant {
                tenant_id: tenant(name),
            },
            (name, Some(component)) => Covers::Component {
                tenant_id: tenant(name),
                component_id: ComponentId(Uuid::from_u128(component)),
            },
        };
        Stop {
            covers,
            by: "user:olga".to_owned(),
            reason: String::new(),
            since: BEGIN,
        }
    }

    #[test]
    fn a_stop_holds_what_it_covers() {
        let fleet = FleetKey {
            tenant_id: tenant("acme"),
            component_id: ComponentId(Uuid::from_u128(1)),
            fleet_id: FleetId::default(),
        };
        let rows: [(Vec<Stop>, &str); 7] = [
            (vec![], ""),
            (
                vec![stop("other", None), stop("acme", Some(2)), stop("other", Some(1))],
                "",
            ),
            (vec![stop("acme", None)], "tenant acme"),
            (
                vec![stop("acme", Some(1))],
                "component 00000000-0000-0000-0000-000000000001",
            ),
            (vec![stop("", None)], "everything"),
            (vec![stop("acme", Some(1)), stop("acme", None)], "tenant acme"),
            (
                vec![stop("acme", Some(1)), stop("", None), stop("acme", None)],
                "everything",
            ),
        ];
        for (stops, expected) in rows {
            let found = in_force(&stops, &fleet).map(|s| s.covers.to_string());
            assert_eq!(found.unwrap_or_default(), expected, "{stops:?}");
        }
    }
}
