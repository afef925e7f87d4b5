use std::collections::BTreeMap;

use jiff::Timestamp;
use uuid::Uuid;

use super::*;
use crate::fleet::Switch;
use crate::ids::{ComponentId, FleetId, TenantId, VersionId};
use crate::policy::{Layer, LayerName, Policy, effective, read};
use crate::proposal::fleet::Description;
use crate::version::Step;

fn version(text: &str) -> VersionRef {
    VersionRef {
        version_id: VersionId(Uuid::new_v5(&Uuid::NAMESPACE_URL, text.as_bytes())),
        version: text.parse().unwrap(),
    }
}

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

fn propose_with(policy: &str, count: u32, history: &str, now: &str) -> Result<Proposal, NoProposal> {
    let policy: Policy = read("p.yaml", policy).unwrap();
    let held = effective(&[Layer {
        name: LayerName::System,
        file: "p.yaml".to_owned(),
        revision: None,
        policy,
    }])
    .unwrap();
    let (slots, _) = Description {
        count: Some(count),
        ..Description::default()
    }
    .slots()
    .unwrap();
    let history: History = serde_json::from_str(history).unwrap();
    let compatibility = Compatibility {
        step: Step::Minor,
        blockers: vec![],
        warnings: vec![],
        path: vec![],
    };
    let settings = settings::of_slots(&held.policy, &slots, Switch::default()).map_err(NoProposal::Policy)?;
    let made = propose(Inputs {
        settings,
        check_in: CheckInTimes::default(),
        fleet: FleetKey {
            tenant_id: TenantId::new("t").unwrap(),
            component_id: ComponentId(Uuid::nil()),
            fleet_id: FleetId::default(),
        },
        from: version("1.0.0"),
        to: version("1.1.0"),
        slots,
        effective: &held,
        files: &BTreeMap::new(),
        history: &history,
        compatibility,
        tags: vec!["redis".to_owned()],
        now: at(now),
    });
    made.map(|(proposal, _)| proposal)
}

/// Twenty instances in four batches of five, each 100 s and 60 s of watching; a wave back of five takes 100 s.
const FOUR: &str = "batches: {count: 5, delay: 60}\nrollingUpdate: {timeout: 100}\n";

fn releases(proposal: &Proposal) -> Vec<String> {
    proposal
        .batches
        .iter()
        .map(|b| b.slot.release_at.to_string())
        .collect()
}

#[test]
fn without_windows_it_begins_at_once() {
    let proposal = propose_with(FOUR, 20, "{}", "2026-03-02T00:00:00Z").unwrap();
    let expected = ["00:00:00", "00:02:40", "00:05:20", "00:08:00"].map(|t| format!("2026-03-02T{t}Z"));
    assert_eq!(releases(&proposal), expected);
    assert_eq!(proposal.schedule.end_at, at("2026-03-02T00:10:40Z"));
    assert_eq!(proposal.schedule.rollback_seconds, 400);
    // 5 instances for 640, 480, 320 and 160 s.
    assert_eq!(
        proposal.exposure.instance_minutes,
        5 * (640 + 480 + 320 + 160) / 60 + 1
    );
}

#[test]
fn what_does_not_fit_is_refused_or_split() {
    let nightly = |minutes: u32, more: &str| {
        format!(
            "{FOUR}windows: [{{name: w, zone: Europe/Berlin, cron: \"30 2 * * *\", duration: {minutes}m}}]\n{more}"
        )
    };
    let rows = [
        // 640 s and 400 s of way back need 18 minutes.
        (
            nightly(18, ""),
            "2026-03-28T12:00:00Z",
            Ok(vec![
                "2026-03-29T01:00:00Z",
                "2026-03-29T01:02:40Z",
                "2026-03-29T01:05:20Z",
                "2026-03-29T01:08:00Z",
            ]),
        ),
        (
            nightly(17, ""),
            "2026-03-28T12:00:00Z",
            Err("the plan needs 1040 s with the way back (400 s of them), and the longest window has 1020 s"),
        ),
        // The second batch and its way back end 520 s after the window opened, the third 780 s.
        (
            nightly(10, "onTooLong: split\n"),
            "2026-03-28T12:00:00Z",
            Ok(vec![
                "2026-03-29T01:00:00Z",
                "2026-03-29T01:02:40Z",
                "2026-03-30T00:30:00Z",
                "2026-03-31T00:30:00Z",
            ]),
        ),
        (
            nightly(8, "onTooLong: split\n"),
            "2026-03-28T12:00:00Z",
            Err("batch 3 needs 560 s with the way back (400 s of them), and the longest window has 480 s"),
        ),
        // In the middle of a window that is too short by now, it waits for the next one.
        (
            nightly(18, ""),
            "2026-10-25T00:31:00Z",
            Ok(vec![
                "2026-10-26T01:30:00Z",
                "2026-10-26T01:32:40Z",
                "2026-10-26T01:35:20Z",
                "2026-10-26T01:38:00Z",
            ]),
        ),
    ];
    for (policy, now, expected) in rows {
        match (propose_with(&policy, 20, "{}", now), expected) {
            (Ok(proposal), Ok(expected)) => assert_eq!(releases(&proposal), expected, "{policy}"),
            (Err(NoProposal::Window(error)), Err(expected)) => {
                assert!(error.to_string().starts_with(expected), "{error}");
            }
            (found, expected) => panic!("{policy}: {found:?}, expected {expected:?}"),
        }
    }
}

/// What the schedule promises, by asking the calendar about each batch anew.
#[test]
fn every_batch_fits_its_window_with_the_way_back() {
    let windows = "windows:\n- {name: a, zone: Europe/Berlin, cron: \"15 1 * * *\", duration: 20m}\n\
                   - {name: b, zone: America/New_York, cron: \"30 2 * * SUN\", duration: 40m}\n\
                   freezes: [{name: f, zone: UTC, dates: [2026-03-29]}]\nonTooLong: split\n";
    let proposal = propose_with(&format!("{FOUR}{windows}"), 40, "{}", "2026-03-27T00:00:00Z").unwrap();
    let policy: Policy = read("p.yaml", windows).unwrap();
    let calendar = Calendar::new(
        &policy.windows.unwrap(),
        &policy.freezes.unwrap(),
        None,
        &BTreeMap::new(),
    )
    .unwrap();
    let mut before = at("2026-03-27T00:00:00Z");
    for batch in &proposal.batches {
        let slot = &batch.slot;
        assert!(slot.release_at >= before, "batch {} overtakes", batch.index);
        assert!(
            calendar.fits(
                slot.release_at,
                slot.release_at.duration_until(slot.rollback_end_at)
            ),
            "batch {}",
            batch.index
        );
        before = slot.end_at;
    }
    assert!(proposal.schedule.windows > 1 && proposal.warnings.iter().any(|w| w.contains("windows")));
}

#[test]
fn a_stop_and_a_window_that_is_over_are_told() {
    let over = "windows: [{name: w, once: {from: 2025-01-01T00:00:00Z, to: 2025-01-02T00:00:00Z}}]";
    for (more, expected) in [
        ("emergencyStop: {reason: fire}", "everything is stopped: fire"),
        (over, "no window is open"),
    ] {
        match propose_with(&format!("{FOUR}{more}"), 20, "{}", "2026-03-28T12:00:00Z") {
            Err(NoProposal::Window(error)) => assert!(error.to_string().ends_with(expected), "{error}"),
            found => panic!("{found:?}"),
        }
    }
}

#[test]
fn history_is_believed_once_there_is_enough_of_it() {
    for (history, likely, high, wave, samples) in [
        ("{}", 100, 100, 100, 0),
        (r#"{"upgrades":[{"batchSeconds":[10,20]}]}"#, 100, 100, 100, 0),
        (
            r#"{"upgrades":[{"batchSeconds":[10,20]},{"batchSeconds":[40]}]}"#,
            20,
            40,
            40,
            3,
        ),
        (
            r#"{"upgrades":[{"batchSeconds":[10,20,40],"rollbackWaveSeconds":[7,8,9]}]}"#,
            20,
            40,
            9,
            3,
        ),
    ] {
        let forecast = propose_with(FOUR, 20, history, "2026-03-02T00:00:00Z")
            .unwrap()
            .forecast;
        let found = (
            forecast.batch.likely_seconds,
            forecast.batch.high_seconds,
            forecast.rollback_wave.high_seconds,
            forecast.batch.samples,
        );
        assert_eq!(found, (likely, high, wave, samples), "{history}");
    }
}

#[test]
fn approvals_are_asked_for_where_the_policy_says() {
    for (policy, before) in [
        ("approval: never", vec![]),
        ("approval: always", vec![0]),
        ("approval: stages\nstrategy: CANARY", vec![0, 2]),
        ("approval: stages\nbatches: {ratios: [10, 40, 50]}", vec![0, 1, 3]),
    ] {
        let proposal = propose_with(policy, 20, "{}", "2026-03-02T00:00:00Z").unwrap();
        let found: Vec<_> = proposal.approvals.iter().map(|a| a.before_batch).collect();
        assert_eq!(found, before, "{policy}: {:?}", proposal.batches);
    }
}

#[test]
fn the_worked_example_is_met() {
    let proposal = propose_with(
        "batches: {percentage: 20, delay: 0}\nrollingUpdate: {timeout: 300}",
        50,
        "{}",
        "2026-03-02T00:00:00Z",
    )
    .unwrap();
    let found = (
        proposal.total_instances,
        proposal.batch_size,
        proposal.batch_count,
        proposal.estimated_total_seconds,
    );
    assert_eq!(found, (50, 10, 5, 1_500));
    assert_eq!(proposal.circuit_breaker.max_consecutive_failures, 2);
    assert!(proposal.batches.iter().all(|b| b.phase == "pending"));
}

#[test]
fn what_changed_and_what_was_learnt_is_shown() {
    let before = propose_with(FOUR, 20, "{}", "2026-03-02T00:00:00Z").unwrap();
    let history = serde_json::json!({
        "previousPlan": before.plan,
        "learnings": [
            {"title": "one", "tags": ["REDIS"]}, {"title": "none", "tags": ["kafka"]},
            {"title": "two", "tags": ["rolling-upgrade", "redis"]},
        ],
    });
    let after = propose_with(
        "batches: {count: 4, delay: 60}\nrollingUpdate: {timeout: 100}",
        20,
        &history.to_string(),
        "2026-03-02T00:00:00Z",
    )
    .unwrap();
    let changed: Vec<_> = after.difference.unwrap().into_iter().map(|c| c.key).collect();
    assert_eq!(
        changed,
        [
            "batch_count",
            "batch_sizes",
            "estimated_total_seconds",
            "settings.batch_size"
        ]
    );
    let learnt: Vec<_> = after.learnings.iter().map(|l| l.title.as_str()).collect();
    assert_eq!(learnt, ["two", "one"]);
    assert_eq!(before.difference, None);
}

#[test]
fn limits_and_pauses_are_warned_of() {
    let policy = format!(
        "{FOUR}limits: {{upgradesPerTenant: 1, instanceMinutesPerDay: 200}}\npaused: {{reason: audit}}"
    );
    let proposal = propose_with(
        &policy,
        20,
        r#"{"usage":{"upgradesOfTenant":1,"instanceMinutesToday":100}}"#,
        "2026-03-02T00:00:00Z",
    )
    .unwrap();
    assert!(!proposal.limits.is_admitted());
    for expected in [
        "upgradesPerTenant allows 1: 1 used",
        "instanceMinutesPerDay allows 200: 100 used",
        "upgrades are paused: audit",
    ] {
        assert!(
            proposal.warnings.iter().any(|w| w.contains(expected)),
            "{expected}: {:?}",
            proposal.warnings
        );
    }
}

#[test]
fn the_same_inputs_give_the_same_text() {
    let make = || propose_with(FOUR, 20, "{}", "2026-03-02T00:00:00Z").unwrap();
    assert_eq!(crate::audit::canonical(&make()), crate::audit::canonical(&make()));
    assert_eq!(make().hash, make().plan.hash());
    let read: Proposal = serde_json::from_slice(&crate::audit::canonical(&make())).unwrap();
    assert_eq!(read, make());
}

#[test]
fn the_bill_follows_the_counts() {
    let cost = propose_with(FOUR, 20, "{}", "2026-03-02T00:00:00Z").unwrap().cost;
    // Four batches of 160 s, looked at every 30 s: 6 looks each.
    assert_eq!(cost.transitions.count, 10 * 5 + 3 * 24);
    assert_eq!(cost.metrics.count, 4 * 24);
    let parts = [
        cost.transitions,
        cost.invocations,
        cost.requests,
        cost.writes,
        cost.reads,
        cost.metrics,
    ];
    let sum: f64 = parts.iter().map(|p| p.usd).sum();
    assert!((sum - cost.total_usd).abs() < 1e-3 && cost.total_usd > 0.0);
}
