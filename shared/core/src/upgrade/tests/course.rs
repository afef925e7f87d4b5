//! The course of an upgrade as text: commands by name, times in seconds since its begin.

use jiff::{SignedDuration, Timestamp};
use semver::Version;
use sluice_judge::errors::Counts;
use sluice_judge::gate::{Harm, Missing, Numbers, Verdict};
use uuid::Uuid;

use crate::channel::Channel;
use crate::fleet::CheckInTimes;
use crate::hold::Cause;
use crate::ids::{ComponentId, FleetId, FleetKey, TenantId, UpgradeId, VersionId};
use crate::plan::{Plan, Request, Slot};
use crate::release::VersionRef;
use crate::settings::{Settings, Wishes};
use crate::units::{Ordinal, Percent, Position};
use crate::upgrade::{Change, Command, Context, Event, LockChange, Refusal, Upgrade};
use crate::watchdog::Overdue;

pub const BEGIN: Timestamp = Timestamp::constant(1_767_225_600, 0);

/// Four instances: one as canary, then two, then one; each batch is watched for 60 s and has 300 s to report.
pub const CANARY: &str =
    r#"{"strategy":"CANARY","canaryPercentage":25,"canarySecondStage":false,"maxUnavailablePercentage":50}"#;

pub fn version(number: u64) -> VersionRef {
    let version_id = VersionId(Uuid::from_u128(number.into()));
    VersionRef {
        version_id,
        version: Version::new(1, number, 0),
    }
}

/// Instances that never sleep, so that timeouts are the settings' own.
const NO_PAUSES: CheckInTimes = CheckInTimes {
    idle_ms: 0,
    hold_ms: 0,
    fast_ms: 0,
};

pub fn plan(count: u32, wishes: &str) -> Plan {
    let wishes: Wishes = serde_json::from_str(wishes).expect(wishes);
    let request = Request {
        fleet: FleetKey {
            tenant_id: TenantId::new("acme").unwrap(),
            component_id: ComponentId(Uuid::from_u128(9)),
            fleet_id: FleetId::default(),
        },
        from: version(0),
        to: version(1),
        settings: Settings::resolve(&wishes).unwrap(),
        slots: (0..count)
            .map(|n| Slot {
                ordinal: Ordinal(n),
                failure_domain: None,
                healthy: true,
            })
            .collect(),
        check_in: NO_PAUSES,
    };
    Plan::make(request).unwrap().0
}

fn numbers(errors: u64) -> Box<Numbers> {
    Box::new(Numbers {
        canary: Counts {
            requests: 1_000,
            errors,
        },
        baseline: Counts {
            requests: 9_000,
            errors: 0,
        },
        log_evidence: 0.0,
        log_bound: 4.6,
        first_error_at_ms: (errors > 0).then(|| BEGIN.as_millisecond() + 5_000),
        ..Numbers::default()
    })
}

pub fn harmless() -> Verdict {
    Verdict::Harmless { numbers: numbers(0) }
}

pub fn harmful() -> Verdict {
    Verdict::Harmful {
        reason: Harm::WorseThanBaseline,
        numbers: numbers(50),
    }
}

pub fn undecided(waiting_for: Missing) -> Verdict {
    Verdict::Undecided {
        waiting_for,
        numbers: numbers(0),
    }
}

/// To the end of the current batch, which [`Course::meant`] knows.
const WHOLE: Position = Position(u32::MAX);

/// A command by name: `release`, `release 2`, `moved 3 1`, `shifted 25`, `rollback`, `rolled-back 4`.
pub fn command(text: &str) -> Command {
    let words: Vec<_> = text.split_whitespace().collect();
    let number = |n: usize| words[n].parse().expect(text);
    let reason = || "as the test says".to_owned();
    let to = || words.get(1).map_or(WHOLE, |n| Position(n.parse().expect(text)));
    match words[0] {
        "create" => Command::Create,
        "start" => Command::Start,
        "validate" => Command::Validate {
            checks: Vec::new(),
            before: Default::default(),
        },
        "release" => Command::Release { to: to() },
        "extend" => Command::Extend { to: to() },
        "moved" => Command::Moved {
            completed: number(1),
            failed: number(2),
            unreachable: 0,
            dropped: 0,
            failures_in_a_row: 0,
            named: Default::default(),
        },
        "shifted" => Command::Shifted {
            weight: Percent::new(number(1).into()).expect(text),
        },
        "pass" => Command::Pass { verdict: harmless() },
        "complete" => Command::Complete,
        "pause" => Command::Pause {
            cause: Cause::Paused {
                by: "olga".to_owned(),
                reason: reason(),
            },
        },
        "resume" => Command::Resume,
        "stop" => Command::Pause {
            cause: Cause::Stopped {
                covers: "everything".to_owned(),
                by: "olga".to_owned(),
                reason: reason(),
            },
        },
        "promote" => Command::Promote,
        "ask" => Command::AskApproval {
            action: crate::action::Action::Start,
            changes: None,
        },
        "grant" => Command::Grant {
            number: 1,
            token: crate::credential::Secret::given("token").hash(),
            remark: reason(),
        },
        "deny" => Command::Deny {
            number: 1,
            remark: reason(),
        },
        "drop" => Command::Drop {
            ordinal: Ordinal(number(1)),
            position: Position(number(1)),
        },
        "continue" => Command::ContinueAnyway,
        "break" => Command::Pause {
            cause: Cause::Breaker {
                limit: 2,
                failures: 2,
            },
        },
        "hold" => Command::Hold {
            cause: Cause::OrchestratorFault {
                error: "Sluice.Unavailable".to_owned(),
            },
        },
        "cancel" => Command::Cancel { reason: reason() },
        "unhold" => Command::Unhold,
        "rollback" => Command::RollBack {
            reason: reason(),
            automatic: true,
            verdict: Some(harmful()),
        },
        "rolled-back" => Command::RolledBack {
            acknowledged: number(1),
            dropped: 0,
        },
        "fail" => Command::Fail {
            reason: reason(),
            checks: Vec::new(),
        },
        "restart" => Command::Restart { silent_seconds: 300 },
        "overdue" => Command::Overdue {
            what: Overdue::Pause { since: BEGIN },
        },
        "report" => Command::Report {
            key: "reports/x.md".to_owned(),
        },
        _ => panic!("no command {text}"),
    }
}

/// An upgrade as a table would hold it.
pub struct Course {
    pub plan: Plan,
    pub upgrade: Upgrade,
    pub channel: Option<Channel>,
    pub events: Vec<Event>,
    pub locked: bool,
    pub now: Timestamp,
}

impl Course {
    /// A planned upgrade.
    pub fn new(plan: Plan) -> Self {
        let id = UpgradeId(Uuid::from_u128(7));
        let Change {
            upgrade,
            event,
            channel,
            lock,
        } = Upgrade::create(id, &plan, None, "user:olga", BEGIN);
        assert_eq!((channel, lock), (None, LockChange::Take));
        Self {
            plan,
            upgrade,
            channel: None,
            events: vec![event],
            locked: true,
            now: BEGIN,
        }
    }

    /// A planned upgrade after commands that `;` separates; `wait 30` lets 30 s pass.
    pub fn after(plan: Plan, script: &str) -> Self {
        let mut course = Self::new(plan);
        for line in script.split(';').map(str::trim).filter(|l| !l.is_empty()) {
            match line.strip_prefix("wait ") {
                Some(seconds) => course.wait(seconds.parse().expect(line)),
                None => course
                    .apply(command(line))
                    .unwrap_or_else(|e| panic!("{line} in {script}: {e}")),
            }
        }
        course
    }

    pub fn wait(&mut self, seconds: i64) {
        self.now = self.now.checked_add(SignedDuration::from_secs(seconds)).unwrap();
    }

    /// A command as it is meant now: a whole batch is the current one.
    pub fn meant(&self, command: Command) -> Command {
        let end = self.plan.batch(self.upgrade.batch).map_or(WHOLE, |b| b.end);
        match command {
            Command::Release { to: WHOLE } => Command::Release { to: end },
            Command::Extend { to: WHOLE } => Command::Extend { to: end },
            command => command,
        }
    }

    /// Applies a command and keeps what it gives; the lock may only be taken when it is free.
    pub fn apply(&mut self, command: Command) -> Result<(), Refusal> {
        let context = Context {
            plan: &self.plan,
            channel: self.channel.as_ref(),
            now: self.now,
            actor: "system:test",
        };
        let Change {
            upgrade,
            event,
            channel,
            lock,
        } = self.upgrade.apply(self.meant(command), &context)?;
        match lock {
            LockChange::Keep => {}
            LockChange::Take => assert!(!std::mem::replace(&mut self.locked, true), "taken twice"),
            LockChange::Release => assert!(std::mem::take(&mut self.locked), "given back twice"),
        }
        if let Some(channel) = channel {
            assert_eq!(
                channel.rev,
                self.channel.as_ref().map(|c| c.rev).unwrap_or_default().next()
            );
            self.channel = Some(channel);
        }
        self.upgrade = upgrade;
        self.events.push(event);
        Ok(())
    }
}
