//! Who asks, and what it may.

use std::collections::BTreeSet;

use sluice_contract::problem::{Code, Problem};
use sluice_core::ids::TenantId;

/// What a caller may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Scope {
    /// See upgrades, fleets and releases.
    UpgradeRead,
    /// Plan upgrades.
    UpgradePlan,
    /// Start upgrades.
    UpgradeExecute,
    /// Agree to plans and critical actions, and change plans before their start.
    UpgradeApprove,
    /// Pause, resume, cancel and roll back.
    UpgradeControl,
    /// Declare fleets, releases, keys and policies.
    AdminPolicy,
    /// Set what holds for every tenant.
    AdminSystem,
}

impl Scope {
    /// The name in a token.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::UpgradeRead => "upgrade:read",
            Self::UpgradePlan => "upgrade:plan",
            Self::UpgradeExecute => "upgrade:execute",
            Self::UpgradeApprove => "upgrade:approve",
            Self::UpgradeControl => "upgrade:control",
            Self::AdminPolicy => "admin:policy",
            Self::AdminSystem => "admin:system",
        }
    }
}

/// Who asks, as a token says that the gateway has checked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Caller {
    /// The token's `sub`.
    pub subject: String,
    /// The token's `tenant`.
    pub tenant_id: TenantId,
    /// The token's scopes.
    pub scopes: BTreeSet<String>,
}

impl Caller {
    /// Reads a token's claims.
    ///
    /// # Errors
    /// [`Code::InvalidToken`] when subject or tenant is missing or malformed.
    pub fn from_claims(
        subject: Option<&str>,
        tenant: Option<&str>,
        scope: Option<&str>,
    ) -> Result<Self, Problem> {
        let invalid = |what: &str| Problem::new(Code::InvalidToken, format!("the token's claim {what}"));
        let subject = subject
            .filter(|s| !s.is_empty())
            .ok_or_else(|| invalid("\"sub\" is missing"))?;
        let tenant = tenant.ok_or_else(|| invalid("\"tenant\" is missing"))?;
        let tenant_id = TenantId::new(tenant).map_err(|e| invalid(&format!("\"tenant\" {e}")))?;
        let scopes = scope
            .unwrap_or_default()
            .split_whitespace()
            .map(str::to_owned)
            .collect();
        Ok(Self {
            subject: subject.to_owned(),
            tenant_id,
            scopes,
        })
    }

    /// Checks for a scope.
    ///
    /// # Errors
    /// [`Code::MissingScope`], naming it.
    pub fn require(&self, scope: Scope) -> Result<(), Problem> {
        if self.scopes.contains(scope.as_str()) {
            return Ok(());
        }
        Err(Problem::new(
            Code::MissingScope,
            format!("this needs the scope {}", scope.as_str()),
        ))
    }

    /// Checks for a tenant. Another tenant's things do not exist for the caller.
    ///
    /// # Errors
    /// [`Code::NotFound`].
    pub fn require_tenant(&self, tenant: &TenantId) -> Result<(), Problem> {
        if self.tenant_id == *tenant {
            return Ok(());
        }
        Err(Problem::new(
            Code::NotFound,
            format!("there is no tenant {tenant}"),
        ))
    }

    /// The name under which deeds are recorded.
    #[must_use]
    pub fn actor(&self) -> String {
        format!("user:{}", self.subject)
    }
}
