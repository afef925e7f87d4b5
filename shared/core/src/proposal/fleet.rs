//! A fleet as a file describes it: every instance, or how many there are.

use serde::{Deserialize, Serialize};

use crate::fleet::Switch;
use crate::ids::InstanceId;
use crate::plan::{Plan, Positions, Slot};
use crate::policy::read::Wrong;
use crate::units::Ordinal;

/// The largest fleet that is planned for.
pub const MAX_INSTANCES: u32 = 1_000_000;

/// A fleet's description.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct Description {
    /// Every instance.
    pub instances: Option<Vec<Described>>,
    /// How many there are, with ordinals from 0, all healthy.
    pub count: Option<u32>,
    /// The failure domains that they are dealt out over in turn.
    pub domains: Option<Vec<String>>,
    /// How they switch. Default `in-place`.
    pub switch: Switch,
}

/// An instance.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Described {
    /// Its stable number.
    pub ordinal: u32,
    /// Its identity. Default `instance-` and its ordinal.
    #[serde(default)]
    pub instance_id: Option<InstanceId>,
    /// Its zone or rack.
    #[serde(default)]
    pub failure_domain: Option<String>,
    /// Whether it serves. Default true.
    #[serde(default = "healthy")]
    pub healthy: bool,
}

fn healthy() -> bool {
    true
}

/// The identities of instances, by ordinal, in order.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Names(Vec<(Ordinal, String)>);

impl Names {
    /// The identities of each batch's instances, in the order of their positions.
    #[must_use]
    pub fn by_batch(&self, plan: &Plan, positions: &Positions) -> Vec<Vec<String>> {
        let name = |ordinal: &Ordinal| match self.0.binary_search_by_key(ordinal, |(o, _)| *o) {
            Ok(at) => self.0[at].1.clone(),
            Err(_) => format!("instance-{ordinal}"),
        };
        let of = |begin: u32, end: u32| positions.0.get(begin as usize..end as usize).unwrap_or_default();
        plan.batches
            .iter()
            .map(|b| of(b.begin.0, b.end.0).iter().map(name).collect())
            .collect()
    }
}

impl Description {
    /// The instances, each ordinal once, and their names.
    ///
    /// # Errors
    /// What contradicts itself, an ordinal that is there twice, more than [`MAX_INSTANCES`].
    pub fn slots(self) -> Result<(Vec<Slot>, Names), Wrong> {
        let slots = match (self.instances, self.count, self.domains) {
            (Some(instances), None, None) => return listed(instances),
            (None, Some(count), domains) => counted(count, &domains.unwrap_or_default())?,
            _ => {
                return Err(Wrong::new(
                    "",
                    "needs instances, or count with domains",
                    "one of the two",
                ));
            }
        };
        Ok((slots, Names::default()))
    }
}

fn counted(count: u32, domains: &[String]) -> Result<Vec<Slot>, Wrong> {
    check_count("count", count as usize)?;
    let domain = |n: u32| domains.get((n as usize).checked_rem(domains.len())?).cloned();
    let slot = |n| Slot {
        ordinal: Ordinal(n),
        failure_domain: domain(n),
        healthy: true,
    };
    Ok((0..count).map(slot).collect())
}

fn listed(mut instances: Vec<Described>) -> Result<(Vec<Slot>, Names), Wrong> {
    check_count("instances", instances.len())?;
    instances.sort_by_key(|i| i.ordinal);
    if let Some(pair) = instances
        .windows(2)
        .find(|pair| pair[0].ordinal == pair[1].ordinal)
    {
        let problem = format!("the ordinal {} is there twice", pair[0].ordinal);
        return Err(Wrong::new("instances", problem, "each ordinal once"));
    }
    let names = instances
        .iter_mut()
        .filter_map(|i| Some((Ordinal(i.ordinal), i.instance_id.take()?.into())));
    let names = Names(names.collect());
    let slot = |i: Described| Slot {
        ordinal: Ordinal(i.ordinal),
        failure_domain: i.failure_domain,
        healthy: i.healthy,
    };
    Ok((instances.into_iter().map(slot).collect(), names))
}

fn check_count(key: &str, count: usize) -> Result<(), Wrong> {
    match (1..=MAX_INSTANCES as usize).contains(&count) {
        true => Ok(()),
        false => Err(Wrong::new(
            key,
            format!("has {count} instances"),
            format!("1 to {MAX_INSTANCES}"),
        )),
    }
}
