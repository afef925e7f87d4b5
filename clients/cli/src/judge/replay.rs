//! What a gate would have said.

use std::collections::{BTreeSet, HashSet};
use std::fmt::Write as _;

use serde::Serialize;
use sluice_judge::errors::{Arm, ArmName, Counts, HostCounts, Point, Roster};
use sluice_judge::gate::{Gate, Harm, Moment, Rules, Verdict};
use sluice_judge::metric::Kind;
use sluice_judge::threshold::Sample;

use super::series::{Row, Series};
use super::{Replay, chart, rules, series};
use crate::failure::{Exit, Failure};
use crate::output::Output;

const MINUTE_MS: i64 = 60_000;

/// Hosts of one batch do not all move within one minute: moves within so many minutes are one release.
const ONE_RELEASE_MINUTES: i64 = 5;

/// The largest evidence that is printed: beyond it, JSON has no number.
const MAX_EVIDENCE: f64 = 1e300;

pub fn run(options: &Replay, out: Output) -> Result<Exit, Failure> {
    let rules = rules::read(&options.gate)?;
    let series = series::read(&options.series)?;
    let wrong = |problem: String| Failure::input(options.series.display().to_string(), problem);
    let looks = looks(&rules, &series, options.bake_minutes).map_err(wrong)?;
    if let Some(path) = &options.svg {
        let drawn = chart::draw(&looks).map_err(|e| Failure::unexpected("the chart cannot be drawn", e))?;
        std::fs::write(path, drawn).map_err(|e| Failure::input(path.display().to_string(), e))?;
    }
    if out.is_json() {
        let line = serde_json::to_string(&summary(&looks, &rules))
            .map_err(|e| Failure::unexpected("the answer cannot be written", e))?;
        out.print(line.as_bytes())?;
    } else {
        out.print(told(&looks).as_bytes())?;
    }
    Ok(Exit::Fine)
}

/// The gate's word at the end of one minute.
#[derive(Debug, Clone)]
pub struct Look {
    /// Counted from 1.
    pub number: usize,
    /// The minute that ended, as the series has it.
    pub minute: i64,
    /// What the gate said.
    pub verdict: Verdict,
}

fn looks(rules: &Rules, series: &Series, bake_minutes: Option<u32>) -> Result<Vec<Look>, String> {
    let mut rules = rules.clone();
    // Without a bake that ends, only proof is an answer.
    rules.shorten_bake |= bake_minutes.is_none();
    if let Some(means) = rules.metrics.iter().find(|m| m.kind == Kind::Means) {
        let name = &means.name;
        return Err(format!(
            "has no values of {name}, which is of kind means; accepted in the gate: errors, slow"
        ));
    }
    let mut gate = Gate::new(rules).map_err(|bad| bad.to_string())?;
    let (Some(first), Some(last)) = (series.keys().next(), series.keys().next_back()) else {
        return Ok(Vec::new());
    };
    let mut releases = Releases::default();
    let mut looks = Vec::new();
    for (number, minute) in (*first..=*last).enumerate() {
        if let Some(rows) = series.get(&minute) {
            if releases.begin(minute, rows) {
                gate.release(minute.saturating_mul(MINUTE_MS));
            }
            fold(&mut gate, minute, rows)?;
        }
        let bake_left_ms = match (bake_minutes, releases.newest) {
            (Some(bake), Some(newest)) => {
                (newest + i64::from(bake) - minute - 1).max(0).unsigned_abs() * 60_000
            }
            // It would end after the series: what is left is said, and never elapses.
            _ => (last - minute + 1).unsigned_abs() * 60_000,
        };
        looks.push(Look {
            number: number + 1,
            minute,
            verdict: gate.look(Moment {
                now_ms: (minute + 1).saturating_mul(MINUTE_MS),
                bake_left_ms,
            }),
        });
    }
    Ok(looks)
}

/// Finds the moments at which hosts went from the old version to the new one.
#[derive(Debug, Default)]
struct Releases {
    old: HashSet<String>,
    newest: Option<i64>,
    newest_move: Option<i64>,
}

impl Releases {
    /// Whether a minute begins with a release after the first one.
    fn begin(&mut self, minute: i64, rows: &[Row]) -> bool {
        let canary = || {
            rows.iter()
                .filter(|r| r.arm == ArmName::Canary && r.errors.requests > 0)
        };
        let moved = canary().filter(|r| self.old.remove(&r.host)).count() > 0;
        let old = rows
            .iter()
            .filter(|r| r.arm == ArmName::Baseline && !r.host.is_empty());
        self.old.extend(old.map(|r| r.host.clone()));
        if self.newest.is_none() {
            self.newest = canary().next().map(|_| minute);
            self.newest_move = self.newest;
            return false;
        }
        let again = moved
            && self
                .newest_move
                .is_none_or(|newest| minute - newest >= ONE_RELEASE_MINUTES);
        if moved {
            self.newest_move = Some(minute);
        }
        if again {
            self.newest = Some(minute);
        }
        again
    }
}

fn fold(gate: &mut Gate, minute: i64, rows: &[Row]) -> Result<(), String> {
    let at_ms = minute.saturating_mul(MINUTE_MS);
    for (metric, kind) in gate
        .metrics()
        .iter()
        .map(|m| m.kind)
        .enumerate()
        .collect::<Vec<_>>()
    {
        let counts = |row: &Row| match kind {
            Kind::Errors => Some(row.errors),
            Kind::Slow => row.slow,
            Kind::Means => None,
        };
        if rows.iter().all(|r| counts(r).is_none()) {
            continue;
        }
        let mut arm = |name| arm(rows, name, counts, gate.roster());
        let (canary, baseline) = (arm(ArmName::Canary)?, arm(ArmName::Baseline)?);
        let point = Point {
            at_ms,
            canary,
            baseline,
        };
        gate.fold(metric, point)
            .map_err(|bad| format!("minute {minute}: {bad}"))?;
    }
    for (name, of) in [
        (
            "error_rate",
            (|r: &Row| Some(r.errors)) as fn(&Row) -> Option<Counts>,
        ),
        ("slow_rate", |r: &Row| r.slow),
    ] {
        let value = |arm| {
            let counts = rows.iter().filter(|r| r.arm == arm).filter_map(of);
            let sum = counts.fold(Counts::default(), Counts::plus);
            sum.error_rate().map(|value| Sample {
                value,
                samples: sum.requests,
            })
        };
        gate.fold_values(name, at_ms, value(ArmName::Canary), value(ArmName::Baseline));
    }
    Ok(())
}

fn arm(
    rows: &[Row],
    name: ArmName,
    of: impl Fn(&Row) -> Option<Counts>,
    roster: &mut Roster,
) -> Result<Arm, String> {
    let mut hosts = Vec::new();
    for row in rows.iter().filter(|r| r.arm == name) {
        let Some(counts) = of(row) else { continue };
        if row.host.is_empty() {
            return Ok(Arm::Total(counts));
        }
        let host = roster
            .number(&row.host)
            .ok_or_else(|| format!("line {}, column host: too many hosts", row.line))?;
        hosts.push(HostCounts { host, counts });
    }
    Ok(Arm::Hosts(hosts))
}

fn told(looks: &[Look]) -> String {
    let mut text = String::new();
    for look in looks {
        let n = look.verdict.numbers();
        // Writing to a text cannot fail.
        let _ = writeln!(
            text,
            "{:>5}  minute {}: {} [{} of {} failed against {} of {}; evidence e^{:.2} of e^{:.2}, for harmlessness \
             e^{:.2}; dispersion {:.2}, margin {:.2}]",
            look.number,
            look.minute,
            look.verdict,
            n.canary.errors,
            n.canary.requests,
            n.baseline.errors,
            n.baseline.requests,
            n.log_evidence,
            n.log_bound,
            n.log_harmless,
            n.dispersion,
            n.margin
        );
    }
    text
}

/// The answer for machines.
#[derive(Debug, Serialize)]
struct Summary {
    /// `harmful`, `harmless` or `undecided`.
    verdict: &'static str,
    /// The look that decided, counted from 1; the last one when none did.
    minute: usize,
    metric: String,
    /// The e-value, or what a limit was compared with.
    evidence: f64,
    /// What it had to reach.
    bound: f64,
    host_problems: Vec<String>,
}

/// Watching goes on while anything runs the new version, so a harmful verdict goes before an earlier harmless one.
fn summary(looks: &[Look], rules: &Rules) -> Summary {
    let first = |wanted: fn(&Verdict) -> bool| looks.iter().find(|l| wanted(&l.verdict));
    let harmful = first(|v| matches!(v, Verdict::Harmful { .. }));
    let decided = harmful.or_else(|| first(|v| matches!(v, Verdict::Harmless { .. })));
    let mut seen = BTreeSet::new();
    let until = decided
        .filter(|_| harmful.is_some())
        .map_or(usize::MAX, |l| l.number);
    let host_problems = looks
        .iter()
        .filter(|l| l.number <= until)
        .flat_map(|l| &l.verdict.numbers().host_problems)
        .filter(|host| seen.insert((*host).clone()))
        .cloned()
        .collect();
    let Some(look) = decided.or(looks.last()) else {
        return Summary {
            verdict: "undecided",
            minute: 0,
            metric: String::new(),
            evidence: 1.0,
            bound: 1.0 / rules.alpha,
            host_problems,
        };
    };
    let n = look.verdict.numbers();
    let (evidence, bound) = match &look.verdict {
        Verdict::Harmful {
            reason: Harm::ErrorRateAboveLimit { observed, limit, .. },
            ..
        } => (*observed, *limit),
        Verdict::Harmless { .. } => (n.log_harmless.exp(), 1.0 / rules.harmless_alpha),
        _ => (n.log_evidence.exp(), 1.0 / rules.alpha),
    };
    Summary {
        verdict: match &look.verdict {
            Verdict::Harmful { .. } => "harmful",
            Verdict::Harmless { .. } => "harmless",
            Verdict::Undecided { .. } => "undecided",
        },
        minute: look.number,
        metric: n.metric.clone(),
        evidence: evidence.min(MAX_EVIDENCE),
        bound,
        host_problems,
    }
}
