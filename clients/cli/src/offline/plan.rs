//! What an upgrade would be: the same plan that the API would make, from files.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use clap::Args;
use jiff::Timestamp;
use semver::Version;
use serde::de::DeserializeOwned;
use sluice_core::fleet::{CheckInTimes, Switch};
use sluice_core::forecast::History;
use sluice_core::ids::{ComponentId, FleetKey, TenantId, VersionId};
use sluice_core::policy::LayerName;
use sluice_core::policy::read::Wrong;
use sluice_core::policy::request::{Asked, read_request};
use sluice_core::proposal::fleet::{Description, Names};
use sluice_core::proposal::{Inputs, NoProposal, Proposal, propose, settings};
use sluice_core::release::VersionRef;
use sluice_core::version::{Listed, judge};
use uuid::Uuid;

use super::layers::{LayerFiles, Read};
use super::policy::{of_layer, put_together};
use super::{show, wrong};
use crate::cli::Global;
use crate::failure::{Exit, Failure};
use crate::input;
use crate::output::Output;

/// What is planned from.
#[derive(Debug, Args)]
pub struct Plan {
    /// Plan from files, without the API. (The API plans by `upgrade create`.)
    #[arg(long, required = true)]
    offline: bool,
    /// Request: the API's body, with version numbers beside or instead of identities, and any key of a policy.
    #[arg(long, value_name = "FILE.json")]
    request: PathBuf,
    /// Fleet: its instances, or their count and failure domains.
    #[arg(long, value_name = "FILE.json")]
    fleet: PathBuf,
    #[command(flatten)]
    layers: LayerFiles,
    /// Earlier upgrades, learnings, the plan before, and what runs now.
    #[arg(long, value_name = "FILE.json")]
    history: Option<PathBuf>,
    /// Versions with their states, ranges and dependencies.
    #[arg(long, value_name = "FILE.json")]
    catalog: Option<PathBuf>,
    /// The moment of planning [default: now].
    #[arg(long, value_name = "TIME")]
    now: Option<Timestamp>,
    /// Name the instances of each batch.
    #[arg(long)]
    instances: bool,
}

/// The most of a fleet's file that is read: a million instances have half of it.
const MAX_FLEET_BYTES: u64 = 256 << 20;

/// The most of a history or catalog that is read.
const MAX_HISTORY_BYTES: u64 = 16 << 20;

/// Plans.
///
/// # Errors
/// [`Failure::Input`] with what is wrong in a file, or why there is no plan.
pub fn run(said: &Plan, global: &Global, out: Output) -> Result<Exit, Failure> {
    let text = input::text(&said.request)?;
    let file = said.request.display().to_string();
    let (asked, own) = read_request(&file, &text).map_err(Failure::Files)?;
    let mut read = said
        .layers
        .read(global.tenant.as_deref(), asked.component.as_deref())?;
    read.add(&said.request, &text, LayerName::Request, own)?;
    let here = |wrongs: &[Wrong]| wrong(&said.request, &text, wrongs);
    let (mut proposal, names) = {
        let asked = Checked::new(asked, global).map_err(|w| here(&[w]))?;
        plan(said, asked, &read, &here)?
    };
    if said.instances {
        for (batch, ids) in proposal
            .0
            .batches
            .iter_mut()
            .zip(names.by_batch(&proposal.0.plan, &proposal.1))
        {
            batch.instance_ids = Some(ids);
        }
    }
    match out.is_json() {
        true => out.print(&sluice_core::audit::canonical(&proposal.0))?,
        false => out.print(show::proposal(&proposal.0).as_bytes())?,
    }
    Ok(Exit::Fine)
}

type Made = ((Proposal, sluice_core::plan::Positions), Names);

fn plan(
    said: &Plan,
    asked: Checked,
    read: &Read,
    here: &dyn Fn(&[Wrong]) -> Failure,
) -> Result<Made, Failure> {
    let held = put_together(read)?;
    let history: History = said
        .history
        .as_deref()
        .map_or_else(|| Ok(History::default()), json(MAX_HISTORY_BYTES))?;
    let catalog: Vec<Listed> = said
        .catalog
        .as_deref()
        .map_or_else(|| Ok(Vec::new()), json(MAX_HISTORY_BYTES))?;
    let (slots, names, switch) = slots(&said.fleet)?;
    if asked
        .total
        .is_some_and(|total| usize::try_from(total) != Ok(slots.len()))
    {
        let problem = format!(
            "is {}, and the fleet has {} instances",
            asked.total.unwrap_or_default(),
            slots.len()
        );
        return Err(here(&[Wrong::new(
            "totalInstances",
            problem,
            "the fleet's number, or no such field",
        )]));
    }
    let compatibility = judge(
        &asked.name,
        &asked.from.version,
        &asked.to.version,
        &catalog,
        &asked.installed,
    )
    .map_err(|w| {
        Failure::input(
            path_of(said.catalog.as_deref()),
            format!("{}: {}", w.path, w.problem),
        )
    })?;
    if !compatibility.blockers.is_empty() {
        let wrongs: Vec<_> = compatibility
            .blockers
            .iter()
            .map(|b| Wrong::new(asked.to_field, b, ""))
            .collect();
        return Err(here(&wrongs));
    }
    let settings = settings::of_slots(&held.policy, &slots, switch)
        .map_err(|wrongs| of_layer(read, Some(&held), &wrongs))?;
    let inputs = Inputs {
        settings,
        check_in: CheckInTimes::default(),
        fleet: asked.fleet,
        from: asked.from,
        to: asked.to,
        slots,
        effective: &held,
        files: &read.calendars,
        history: &history,
        compatibility,
        tags: vec![asked.name],
        now: said.now.unwrap_or_else(Timestamp::now),
    };
    let made = propose(inputs).map_err(|no| match no {
        NoProposal::Policy(wrongs) => of_layer(read, Some(&held), &wrongs),
        NoProposal::Plan(error) => here(&[Wrong::new(error.field(), error.to_string(), "")]),
        NoProposal::Window(error) => {
            of_layer(read, Some(&held), &[Wrong::new("windows", error.to_string(), "")])
        }
    })?;
    Ok((made, names))
}

fn path_of(path: Option<&Path>) -> String {
    path.map_or_else(|| "the catalog".to_owned(), |p| p.display().to_string())
}

/// Reads a JSON file of at most so many bytes.
fn json<T: DeserializeOwned>(max_bytes: u64) -> impl Fn(&Path) -> Result<T, Failure> {
    move |path| {
        let text = input::text_up_to(path, max_bytes)?;
        let mut reader = serde_json::Deserializer::from_str(&text);
        serde_path_to_error::deserialize(&mut reader)
            .map_err(|e| Failure::input(path.display().to_string(), e))
    }
}

fn slots(path: &Path) -> Result<(Vec<sluice_core::plan::Slot>, Names, Switch), Failure> {
    let described: Description = json(MAX_FLEET_BYTES)(path)?;
    let switch = described.switch;
    let (slots, names) = described.slots().map_err(|w| {
        let field = if w.path.is_empty() {
            String::new()
        } else {
            format!("{}: ", w.path)
        };
        Failure::input(
            path.display().to_string(),
            format!("{field}{}; accepted: {}", w.problem, w.accepted),
        )
    })?;
    Ok((slots, names, switch))
}

/// A request whose fields are there.
struct Checked {
    fleet: FleetKey,
    name: String,
    from: VersionRef,
    to: VersionRef,
    to_field: &'static str,
    total: Option<i64>,
    installed: BTreeMap<String, Version>,
}

impl Checked {
    fn new(asked: Asked, global: &Global) -> Result<Self, Wrong> {
        let tenant = asked
            .tenant_id
            .or_else(|| global.tenant().ok())
            .map_or_else(|| TenantId::new("offline"), Ok);
        let tenant = tenant.map_err(|e| Wrong::new("tenantId", e.to_string(), ""))?;
        let name = asked
            .component
            .or(asked.component_id.map(|id| id.to_string()))
            .unwrap_or("component".to_owned());
        let component = asked.component_id.unwrap_or(ComponentId(derived(&name)));
        let (from, _) = version("fromVersion", &name, asked.from_version, asked.from_version_id)?;
        let (to, to_field) = version("toVersion", &name, asked.to_version, asked.to_version_id)?;
        Ok(Self {
            fleet: FleetKey {
                tenant_id: tenant,
                component_id: component,
                fleet_id: asked.fleet_id,
            },
            name,
            from,
            to,
            to_field,
            total: asked.total_instances,
            installed: asked.installed_components,
        })
    }
}

/// An identity for what has none here: the same name gives the same one.
fn derived(name: &str) -> Uuid {
    Uuid::new_v5(&Uuid::NAMESPACE_URL, format!("sluice:offline:{name}").as_bytes())
}

fn version(
    field: &'static str,
    component: &str,
    version: Option<Version>,
    id: Option<VersionId>,
) -> Result<(VersionRef, &'static str), Wrong> {
    let missing = || Wrong::new(field, "is missing", "a semantic version such as 1.2.3");
    let version = version.ok_or_else(missing)?;
    let version_id = id.unwrap_or_else(|| VersionId(derived(&format!("{component}:{version}"))));
    Ok((VersionRef { version_id, version }, field))
}
