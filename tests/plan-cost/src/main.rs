//! Plans for a fleet of a given size, and says in one line of JSON what that took:
//! `cargo run --release -p sluice-plan-cost -- 1000000`.
//!
//! CPU is user and system time of the planning alone, from the instances to the finished proposal; the peak is that of
//! the whole process, the instances included.

use std::collections::BTreeMap;
use std::error::Error;

use nix::sys::resource::{UsageWho, getrusage};
use nix::sys::time::TimeValLike;
use sluice_core::fleet::{CheckInTimes, Switch};
use sluice_core::forecast::History;
use sluice_core::ids::{ComponentId, FleetId, FleetKey, TenantId, VersionId};
use sluice_core::policy::{Effective, Layer, LayerName, effective, read};
use sluice_core::proposal::fleet::Description;
use sluice_core::proposal::{Inputs, propose, settings};
use sluice_core::release::VersionRef;
use sluice_core::version::judge;
use uuid::Uuid;

const POLICY: &str = "strategy: CANARY\nbatches: {percentage: 5}\nonTooLong: split\n\
                      windows: [{name: w, zone: Europe/Berlin, cron: \"30 2 * * *\", duration: 8h}]\n";

/// CPU time of this process, in microseconds.
fn cpu_us() -> Result<i64, nix::Error> {
    let usage = getrusage(UsageWho::RUSAGE_SELF)?;
    Ok((usage.user_time() + usage.system_time()).num_microseconds())
}

/// The most memory that this process has had, in kilobytes.
fn peak_kb() -> Result<u64, Box<dyn Error>> {
    let status = std::fs::read_to_string("/proc/self/status")?;
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("VmHWM:"))
        .ok_or("no VmHWM")?;
    Ok(line.trim().trim_end_matches("kB").trim().parse()?)
}

fn inputs<'a>(
    description: Description,
    held: &'a Effective,
    files: &'a BTreeMap<String, String>,
    history: &'a History,
) -> Result<Inputs<'a>, Box<dyn Error>> {
    let version = |n: u128, text: &str| -> Result<VersionRef, semver::Error> {
        Ok(VersionRef {
            version_id: VersionId(Uuid::from_u128(n)),
            version: text.parse()?,
        })
    };
    let (from, to) = (version(1, "1.0.0")?, version(2, "1.1.0")?);
    let compatibility =
        judge("web", &from.version, &to.version, &[], &BTreeMap::new()).map_err(|w| w.problem)?;
    let fleet = FleetKey {
        tenant_id: TenantId::new("t")?,
        component_id: ComponentId(Uuid::nil()),
        fleet_id: FleetId::default(),
    };
    let (slots, _) = description.slots().map_err(|w| w.problem)?;
    let now = "2026-03-28T12:00:00Z".parse()?;
    let settings =
        settings::of_slots(&held.policy, &slots, Switch::default()).map_err(|w| format!("{w:?}"))?;
    Ok(Inputs {
        settings,
        check_in: CheckInTimes::default(),
        fleet,
        from,
        to,
        slots,
        effective: held,
        files,
        history,
        compatibility,
        tags: vec![],
        now,
    })
}

fn main() -> Result<(), Box<dyn Error>> {
    let instances: u32 = std::env::args().nth(1).ok_or("how many instances?")?.parse()?;
    let policy = read("policy", POLICY)?;
    let layers = [Layer {
        name: LayerName::System,
        file: "policy".to_owned(),
        revision: None,
        policy,
    }];
    let held = effective(&layers).map_err(|w| format!("{w:?}"))?;
    let (files, history) = (BTreeMap::new(), History::default());
    let domains = ["eu-central-1a", "eu-central-1b", "eu-central-1c"]
        .map(str::to_owned)
        .to_vec();
    // What takes less than the clock shows is done several times.
    let times = (100_000 / instances).max(1);
    let (mut spent_us, mut batches) = (0, 0);
    for _ in 0..times {
        let description = Description {
            count: Some(instances),
            domains: Some(domains.clone()),
            ..Description::default()
        };
        let inputs = inputs(description, &held, &files, &history)?;
        let begun = cpu_us()?;
        let (proposal, positions) = propose(inputs).map_err(|no| format!("{no:?}"))?;
        spent_us += cpu_us()? - begun;
        batches = proposal.batch_count;
        assert_eq!(positions.0.len(), instances as usize);
    }
    #[expect(clippy::cast_precision_loss, reason = "a measurement")]
    let (cpu_ms, peak_mb) = (spent_us as f64 / f64::from(times) / 1e3, peak_kb()? as f64 / 1e3);
    println!(
        "{}",
        serde_json::json!({ "instances": instances, "batches": batches, "cpu_ms": cpu_ms, "peak_mb": peak_mb })
    );
    Ok(())
}
