//! The files that policies are read from.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use clap::Args;
use serde::de::DeserializeOwned;
use sluice_core::ids::TenantId;
use sluice_core::policy::check::check;
use sluice_core::policy::files::{ByWhom, Entry, HealthEntry, WindowsEntry};
use sluice_core::policy::{Layer, LayerName, Policy, read};

use super::wrong;
use crate::failure::Failure;
use crate::input;

/// Files with policies. `--tenant` names a tenant's policy file where it ends in .yaml, .yml or .json, else the tenant
/// whose entries of the other files hold.
#[derive(Debug, Args)]
pub struct LayerFiles {
    /// Policy of the system.
    #[arg(long, value_name = "FILE.yaml", visible_alias = "policy")]
    system: Option<PathBuf>,
    /// Policy of the component.
    #[arg(long = "component", value_name = "FILE.yaml", id = "component_policy")]
    component: Option<PathBuf>,
    /// Policies of many tenants and plugins (upgrade_policies.yaml).
    #[arg(long, value_name = "FILE.yaml")]
    policies: Option<PathBuf>,
    /// Maintenance windows, gray ratio and pause (upgrade_windows.yaml).
    #[arg(long, value_name = "FILE.yaml")]
    windows: Option<PathBuf>,
    /// Metrics, retries and checks (health_checks.yaml).
    #[arg(long, value_name = "FILE.yaml")]
    health_checks: Option<PathBuf>,
    /// The plugin (component) whose entries of those files hold.
    #[arg(long, value_name = "NAME")]
    plugin: Option<String>,
}

/// What was read: the layers from the weakest, and the texts of the calendars that they name.
#[derive(Debug, Default)]
pub struct Read {
    pub layers: Vec<Layer>,
    pub calendars: BTreeMap<String, String>,
}

impl LayerFiles {
    /// Reads and checks all of them.
    ///
    /// # Errors
    /// [`Failure::Input`] with everything that is wrong in the first file that is not accepted.
    pub fn read(&self, tenant: Option<&str>, plugin: Option<&str>) -> Result<Read, Failure> {
        let is_file = |tenant: &&str| [".yaml", ".yml", ".json"].iter().any(|end| tenant.ends_with(end));
        let file = tenant.filter(is_file).map(PathBuf::from);
        let named = tenant.filter(|t| !is_file(t)).map(TenantId::new).transpose();
        let named = named.map_err(|e| Failure::input("--tenant", e))?;
        let whose = Whose {
            tenant: named,
            plugin: self.plugin.clone().or(plugin.map(str::to_owned)),
        };
        let mut read = Read::default();
        if let Some(path) = &self.policies {
            read.many::<Policy>(path, &whose)?;
        }
        if let Some(path) = &self.windows {
            read.many::<WindowsEntry>(path, &whose)?;
        }
        if let Some(path) = &self.health_checks {
            read.many::<HealthEntry>(path, &whose)?;
        }
        let single = [
            (LayerName::System, &self.system),
            (LayerName::Tenant, &file),
            (LayerName::Component, &self.component),
        ];
        for (name, path) in single {
            if let Some(path) = path {
                read.one(name, path)?;
            }
        }
        read.layers.sort_by_key(|layer| layer.name);
        Ok(read)
    }
}

/// Whose entries of a file hold.
struct Whose {
    tenant: Option<TenantId>,
    plugin: Option<String>,
}

impl Read {
    fn one(&mut self, name: LayerName, path: &Path) -> Result<(), Failure> {
        let (file, text) = (path.display().to_string(), input::text(path)?);
        let policy: Policy = read(&file, &text).map_err(|refusal| Failure::Files(vec![refusal]))?;
        self.calendars_of(path, &policy)?;
        let wrongs = check(&policy, &self.calendars);
        if !wrongs.is_empty() {
            return Err(wrong(path, &text, &wrongs));
        }
        self.layers.push(Layer {
            name,
            file,
            revision: None,
            policy,
        });
        Ok(())
    }

    fn many<T: Entry + DeserializeOwned>(&mut self, path: &Path, whose: &Whose) -> Result<(), Failure> {
        let (file, text) = (path.display().to_string(), input::text(path)?);
        let policies: ByWhom<T> = read(&file, &text).map_err(|refusal| Failure::Files(vec![refusal]))?;
        for entry in policies.entries() {
            self.calendars_of(path, &entry.policy())?;
        }
        let wrongs = policies.check(&self.calendars);
        if !wrongs.is_empty() {
            return Err(wrong(path, &text, &wrongs));
        }
        self.layers
            .extend(policies.layers(&file, whose.tenant.as_ref(), whose.plugin.as_deref()));
        Ok(())
    }

    /// Adds a policy that was read already.
    pub fn add(&mut self, path: &Path, text: &str, name: LayerName, policy: Policy) -> Result<(), Failure> {
        self.calendars_of(path, &policy)?;
        let wrongs = check(&policy, &self.calendars);
        if !wrongs.is_empty() {
            return Err(wrong(path, text, &wrongs));
        }
        self.layers.push(Layer {
            name,
            file: path.display().to_string(),
            revision: None,
            policy,
        });
        Ok(())
    }

    /// Reads the calendars that a policy's freezes name, beside the policy's file.
    fn calendars_of(&mut self, path: &Path, policy: &Policy) -> Result<(), Failure> {
        let names = policy
            .freezes
            .iter()
            .flatten()
            .filter_map(|freeze| freeze.calendar.as_ref());
        for name in names {
            let beside = path.parent().unwrap_or(Path::new("")).join(name);
            // One that is not there is refused with its place in the policy.
            if !beside.is_file() {
                continue;
            }
            let text = input::text(&beside)?;
            let other = self.calendars.insert(name.clone(), text.clone());
            if other.is_some_and(|other| other != text) {
                let problem = "two policies name different calendars by one name";
                return Err(Failure::input(beside.display().to_string(), problem));
            }
        }
        Ok(())
    }
}
