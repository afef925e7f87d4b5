//! Versions: how two of them differ, and whether and how one leads to the other.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use semver::{Version, VersionReq};
use serde::{Deserialize, Serialize};

use crate::policy::read::Wrong;
use crate::release::LifecycleState;

/// How two versions differ.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Step {
    /// The first number grows: what depends on it may break. (Below 1.0.0 the second one, by semver's own rule.)
    Major,
    /// The second number grows.
    Minor,
    /// The third number grows.
    Patch,
    /// From or to a version that is none yet, such as `1.0.0-rc.1`, of the same three numbers.
    PreRelease,
    /// Only the build differs, which has no order.
    Build,
    /// It gets older.
    Downgrade,
    /// They are the same.
    Same,
}

impl Step {
    /// The step from one version to another.
    #[must_use]
    pub fn between(from: &Version, to: &Version) -> Self {
        use std::cmp::Ordering::{Equal, Greater, Less};
        match from.cmp_precedence(to) {
            Equal if from == to => Self::Same,
            Equal => Self::Build,
            Greater => Self::Downgrade,
            Less if from.major != to.major => Self::Major,
            Less if from.minor != to.minor && to.major == 0 => Self::Major,
            Less if from.minor != to.minor => Self::Minor,
            Less if from.patch != to.patch => Self::Patch,
            Less => Self::PreRelease,
        }
    }
}

/// A version of a component as a catalog lists it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Listed {
    /// The component's name.
    pub component: String,
    /// The version.
    pub version: Version,
    /// Its place in its life.
    pub lifecycle_state: LifecycleState,
    /// The versions that may be upgraded to it directly, such as `>=1.2, <2`. Default: all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub upgrades_from: Option<VersionReq>,
    /// What it needs of other components, by their names, such as `postgresql: ">=15"`.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub requires: BTreeMap<String, VersionReq>,
    /// What of the storage it cannot read any more once it ran: there is no way back then.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub changes_storage: bool,
}

/// What a version step comes to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Compatibility {
    /// How the versions differ.
    pub step: Step,
    /// What stands in the way; empty when nothing does.
    pub blockers: Vec<String>,
    /// What its reader should know.
    pub warnings: Vec<String>,
    /// Where the direct step is not allowed: the shortest way, the first and last version included.
    pub path: Vec<Version>,
}

/// Judges a step, by what a catalog knows and what is installed beside the component. Without a catalog entry only the
/// versions themselves are judged.
///
/// # Errors
/// The components of the catalog that need each other in a circle.
pub fn judge(
    component: &str,
    from: &Version,
    to: &Version,
    catalog: &[Listed],
    installed: &BTreeMap<String, Version>,
) -> Result<Compatibility, Wrong> {
    check_circles(catalog)?;
    let step = Step::between(from, to);
    let find = |version: &Version| {
        catalog
            .iter()
            .find(|l| l.component == component && l.version == *version)
    };
    let (mut blockers, mut warnings, mut path) = (Vec::new(), Vec::new(), Vec::new());
    match step {
        Step::Same => blockers.push(format!("{from} is the version to leave and the version to get")),
        Step::Downgrade => warnings.push(format!("{to} is older than {from}: this goes backward")),
        Step::Major => warnings.push(format!(
            "{from} to {to} is a major step: what depends on it may break"
        )),
        Step::PreRelease if !to.pre.is_empty() => warnings.push(format!("{to} is no finished version")),
        _ => {}
    }
    let known = catalog.iter().any(|l| l.component == component);
    if let Some(target) = find(to) {
        if !target.lifecycle_state.is_target() {
            let state = name(target.lifecycle_state);
            blockers.push(format!(
                "{to} is {state} and cannot be upgraded to; accepted: blessed, live"
            ));
        }
        if !target.upgrades_from.as_ref().is_none_or(|r| accepts(r, from)) {
            let range = target
                .upgrades_from
                .as_ref()
                .map(ToString::to_string)
                .unwrap_or_default();
            path = way(component, from, to, catalog);
            let via = match path.as_slice() {
                [] => "and no way over other versions is known".to_owned(),
                path => format!("the shortest way is {}", joined(path)),
            };
            blockers.push(format!(
                "{to} is reached from {range} only, not from {from}; {via}"
            ));
        }
        dependencies(target, installed, &mut blockers);
        if target.changes_storage {
            warnings.push(format!(
                "{to} changes what is stored: going back may lose what it wrote"
            ));
        }
    } else if known {
        blockers.push(format!("the catalog has no version {to} of {component}"));
    }
    if let Some(left) = find(from).filter(|l| !l.lifecycle_state.is_way_back()) {
        blockers.push(format!(
            "{from} is {} and cannot be rolled back to",
            name(left.lifecycle_state)
        ));
    }
    Ok(Compatibility {
        step,
        blockers,
        warnings,
        path,
    })
}

fn name(state: LifecycleState) -> String {
    let name = serde_json::to_value(state).unwrap_or_default();
    name.as_str().unwrap_or_default().to_owned()
}

fn joined(path: &[Version]) -> String {
    path.iter()
        .map(ToString::to_string)
        .collect::<Vec<_>>()
        .join(", ")
}

/// Whether a range accepts a version. A pre-release counts as the version that it comes before: `>=15` accepts
/// `16.0.0-rc.1`, which semver's ranges would not.
fn accepts(range: &VersionReq, version: &Version) -> bool {
    range.matches(version) || {
        let finished = Version::new(version.major, version.minor, version.patch);
        !version.pre.is_empty()
            && range.matches(&finished)
            && !range.comparators.iter().any(|c| {
                // The range names this very version as its lower end: what comes before it is below.
                matches!(
                    c.op,
                    semver::Op::GreaterEq | semver::Op::Exact | semver::Op::Caret | semver::Op::Tilde
                ) && (c.major, c.minor.unwrap_or(0), c.patch.unwrap_or(0))
                    == (finished.major, finished.minor, finished.patch)
            })
    }
}

fn dependencies(target: &Listed, installed: &BTreeMap<String, Version>, blockers: &mut Vec<String>) {
    for (name, range) in &target.requires {
        match installed.get(name) {
            Some(version) if accepts(range, version) => {}
            Some(version) => {
                blockers.push(format!(
                    "{} needs {name} {range}, and {version} is installed",
                    target.version
                ));
            }
            None => blockers.push(format!(
                "{} needs {name} {range}, and installedComponents does not name it",
                target.version
            )),
        }
    }
}

/// The shortest way over versions that may be upgraded to, each from the one before.
fn way(component: &str, from: &Version, to: &Version, catalog: &[Listed]) -> Vec<Version> {
    let versions: Vec<&Listed> = catalog
        .iter()
        .filter(|l| l.component == component && l.lifecycle_state.is_target())
        .collect();
    let mut before: BTreeMap<&Version, &Version> = BTreeMap::new();
    let mut waiting = VecDeque::from([from]);
    while let Some(at) = waiting.pop_front() {
        if at == to {
            let mut path = vec![at.clone()];
            let mut at = at;
            while let Some(earlier) = before.get(at) {
                path.push((*earlier).clone());
                at = earlier;
            }
            path.reverse();
            return path;
        }
        for next in &versions {
            let reached = next.version == *from || before.contains_key(&next.version);
            if !reached && next.version > *at && next.upgrades_from.as_ref().is_none_or(|r| accepts(r, at)) {
                before.insert(&next.version, at);
                waiting.push_back(&next.version);
            }
        }
    }
    Vec::new()
}

/// Refuses a catalog in which components need each other in a circle: no order of upgrades would be right.
fn check_circles(catalog: &[Listed]) -> Result<(), Wrong> {
    let mut needs: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for listed in catalog {
        let of = needs.entry(&listed.component).or_default();
        of.extend(listed.requires.keys().map(String::as_str));
    }
    let mut done: BTreeSet<&str> = BTreeSet::new();
    for start in needs.keys() {
        let mut stack = vec![(*start, needs[start].iter())];
        while let Some((at, rest)) = stack.last_mut() {
            let at = *at;
            let Some(next) = rest.next() else {
                done.insert(at);
                stack.pop();
                continue;
            };
            if let Some(begin) = stack.iter().position(|(name, _)| name == next) {
                let mut circle: Vec<&str> = stack[begin..].iter().map(|(name, _)| *name).collect();
                circle.push(next);
                let problem = format!("{} need each other in a circle", circle.join(" > "));
                return Err(Wrong::new("requires", problem, "dependencies without a circle"));
            }
            if let (false, Some(below)) = (done.contains(next), needs.get(next)) {
                stack.push((next, below.iter()));
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests;
