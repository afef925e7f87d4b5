//! The gates on simulated and real series.

pub mod data;
pub mod mann_whitney;
mod more;
pub mod peers;
pub mod real;
pub mod runs;
pub mod sample;
pub mod setting;
pub mod simulate;
pub mod speed;
pub mod table;
pub mod upgrade;

use std::time::Instant;

use runs::Outcomes;
use setting::{A, B60, B600, C60, C600, H, ONE, Scenario, Setting, W};
use table::{Row, Target};
use upgrade::rollbacks;

/// The bound on the chance of a false alarm that every test is measured at.
pub const ALPHA: f64 = 0.01;

/// What is measured, and how well.
#[derive(Debug, Clone, Copy)]
pub struct Options {
    /// Runs for each share of false rollbacks; a fifth of them for each share and median of true ones.
    pub runs: u64,
    /// The largest share of false rollbacks that is accepted, in percent. The bound is 1; the rest is for chance.
    pub most_false: f64,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            runs: 10_000,
            most_false: 1.3,
        }
    }
}

/// Measures everything, and hands each row over as soon as it is there.
pub fn measure(options: Options, mut row: impl FnMut(Row)) {
    let started = Instant::now();
    false_rollbacks(options, &mut row);
    detections(options, &mut row);
    more::late_harm(options, &mut row);
    more::latency(options, &mut row);
    more::real_series(options, &mut row);
    more::speed(&mut row);
    more::known_differences(options, &mut row);
    more::harmlessness(options, &mut row);
    without_target(options, &mut row);
    more::other_tools(options, &mut row);
    row(Row::new(
        "whole run, seconds",
        Some(started.elapsed().as_secs_f64()),
        Target::None,
    ));
}

fn false_rollbacks(options: Options, row: &mut impl FnMut(Row)) {
    use Scenario::{Bursty, Outage, Plain, Sick, Wave, Worse};
    let limit = Target::AtMost(options.most_false);
    let mut measure = |setting: Setting, scenario, with_hosts| {
        let found = rollbacks(setting, scenario, with_hosts, options.runs);
        row(Row::new(
            format!(
                "false rollbacks, {}, {}{}, %",
                setting.name,
                said(scenario),
                how(with_hosts)
            ),
            Some(found.percent()),
            limit,
        ));
    };
    for setting in [A, B600, B60, C600, C60, H] {
        for scenario in [Plain, Bursty, Sick, Worse(1.3), Outage, Wave] {
            measure(setting, scenario, true);
        }
        for scenario in [Plain, Worse(1.3), Outage, Wave] {
            measure(setting, scenario, false);
        }
    }
    measure(W, Outage, true);
    measure(W, Outage, false);
}

fn detections(options: Options, row: &mut impl FnMut(Row)) {
    let runs = few(options);
    let mut measure = |setting: Setting, factor: f64, with_hosts, most: f64| {
        let found = rollbacks(setting, Scenario::Worse(factor), with_hosts, runs);
        let name = format!("{factor} times the errors, {}{}", setting.name, how(with_hosts));
        row(Row::new(
            format!("median minutes, {name}"),
            found.median().map(f64::from),
            Target::AtMost(most),
        ));
        let all = if setting == H {
            Target::AtLeast(100.0)
        } else {
            Target::None
        };
        row(Row::new(format!("found, {name}, %"), Some(found.percent()), all));
    };
    measure(A, 10.0, true, 4.0);
    measure(H, 10.0, true, 1.0);
    measure(H, 3.0, true, 2.0);
    for (with_hosts, settings) in [
        (true, [(B600, 10.0, 3.0), (B60, 10.0, 20.0), (B600, 3.0, 32.0)]),
        (true, [(C600, 10.0, 4.0), (C60, 10.0, 22.0), (C600, 3.0, 38.0)]),
        (false, [(B600, 10.0, 2.0), (B60, 10.0, 14.0), (B600, 3.0, 28.0)]),
        (false, [(C600, 10.0, 2.0), (C60, 10.0, 14.0), (C600, 3.0, 28.0)]),
    ] {
        for (setting, factor, most) in settings {
            measure(setting, factor, with_hosts, most);
        }
    }
}

/// What the design does not promise, printed all the same.
fn without_target(options: Options, row: &mut impl FnMut(Row)) {
    let runs = few(options);
    let mut measure = |setting: Setting, scenario, what: &str| {
        let found = rollbacks(setting, scenario, true, runs);
        let name = format!("{}, {}", setting.name, said(scenario));
        row(Row::new(
            format!("{what}, {name}, %"),
            Some(found.percent()),
            Target::None,
        ));
        if what == "found" {
            row(Row::new(
                format!("median minutes, {name}"),
                found.median().map(f64::from),
                Target::None,
            ));
        }
    };
    measure(A, Scenario::Worse(3.0), "found");
    measure(A, Scenario::Worse(2.0), "found");
    measure(H, Scenario::Worse(2.0), "found");
    measure(A, Scenario::HalfWorse(10.0), "found");
    measure(A, Scenario::Episodes, "false rollbacks");
    measure(C600, Scenario::Episodes, "false rollbacks");
    measure(ONE, Scenario::Sick, "false rollbacks");
    measure(ONE, Scenario::Bursty, "false rollbacks");
}

fn how(with_hosts: bool) -> &'static str {
    if with_hosts { "" } else { ", arm totals" }
}

fn said(scenario: Scenario) -> String {
    match scenario {
        Scenario::Plain => "plain".to_owned(),
        Scenario::Bursty => "bursty".to_owned(),
        Scenario::Sick => "sick hosts".to_owned(),
        Scenario::Episodes => "8-minute episodes".to_owned(),
        Scenario::Outage => "shared outage".to_owned(),
        Scenario::Wave => "daily wave".to_owned(),
        Scenario::Worse(factor) if factor < 1.5 => format!("canary hosts {factor} times worse"),
        Scenario::Worse(factor) => format!("{factor} times the errors"),
        Scenario::WorseFrom(factor, from) => format!("{factor} times the errors from minute {from}"),
        Scenario::HalfWorse(factor) => format!("{factor} times the errors on half of the canary"),
        Scenario::AlwaysWorse(factor) => format!("{factor} times the errors before already"),
    }
}

/// What is found in a fifth of the runs: its share in percent, and the median of the looks.
fn found(row: &mut impl FnMut(Row), name: &str, outcomes: &Outcomes, least: Target, most_minutes: Target) {
    row(Row::new(
        format!("found, {name}, %"),
        Some(outcomes.percent()),
        least,
    ));
    row(Row::new(
        format!("median minutes, {name}"),
        outcomes.median().map(f64::from),
        most_minutes,
    ));
}

/// Runs for shares and medians that need fewer.
fn few(options: Options) -> u64 {
    (options.runs / 5).max(1)
}
