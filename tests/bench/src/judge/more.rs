//! Late harm, latency, real series, speed, known differences, harmlessness, and other tools.

use super::peers::{self, Peer};
use super::setting::{A, H, Scenario};
use super::table::{Row, Target};
use super::upgrade::{by_latency, by_peer, promotions, rollbacks_after_check, three_batches};
use super::{Options, data, few, found, real, said};

pub(super) fn late_harm(options: Options, row: &mut impl FnMut(Row)) {
    let outage = three_batches(None, options.runs);
    row(Row::new(
        "false rollbacks, S, shared outage, %",
        Some(outage.percent()),
        Target::AtMost(options.most_false),
    ));
    let late = three_batches(Some(3.0), few(options));
    let name = "S, 3 times the errors from minute 120, counted from there";
    found(row, name, &late, Target::None, Target::AtMost(6.0));
}

pub(super) fn latency(options: Options, row: &mut impl FnMut(Row)) {
    let same = by_latency(A, 1.0, options.runs);
    row(Row::new(
        "false rollbacks, latency, A, %",
        Some(same.percent()),
        Target::AtMost(0.3 * options.most_false / 1.3),
    ));
    let slower = by_latency(A, 1.1, few(options));
    found(
        row,
        "10% more latency, A",
        &slower,
        Target::AtLeast(99.0),
        Target::AtMost(18.0),
    );
}

pub(super) fn real_series(options: Options, row: &mut impl FnMut(Row)) {
    if let Some(verdicts) = data::kayenta_verdicts() {
        let agree = verdicts
            .iter()
            .filter(|v| peers::kayenta(&v.canary, &v.baseline) == v.high)
            .count();
        let name = format!(
            "verdicts of Kayenta's judge that its rule here gives too, of {}",
            verdicts.len()
        );
        row(Row::new(name, Some(agree as f64), Target::AtLeast(599.0)));
    }
    let Some(series) = data::real_series() else { return };
    let same = real::by_means(&series, 1.0, options.runs);
    row(Row::new(
        "false, real series, means, %",
        Some(same.percent()),
        Target::AtMost(1.0),
    ));
    let by_kayenta = real::by_kayenta(&series, 1.5, options.runs).percent();
    let by_means = real::by_means(&series, 1.5, options.runs);
    let name = "real series times 1.5, means";
    found(
        row,
        name,
        &by_means,
        Target::AtLeast((by_kayenta * 1000.0).round() / 1000.0),
        Target::None,
    );
    row(Row::new(
        "found, real series times 1.5, rule of Kayenta, looking once, %",
        Some(by_kayenta),
        Target::None,
    ));
    let same = real::by_kayenta(&series, 1.0, options.runs);
    row(Row::new(
        "false, real series, rule of Kayenta, looking once, %",
        Some(same.percent()),
        Target::None,
    ));
}

pub(super) fn speed(row: &mut impl FnMut(Row)) {
    for (hosts, most) in [(20, 5.0), (100, 30.0)] {
        let name = format!("microseconds a decision, {hosts} canary hosts, 12 starts");
        row(Row::new(
            name,
            super::speed::microseconds_a_decision(hosts),
            Target::AtMost(most),
        ));
    }
}

pub(super) fn known_differences(options: Options, row: &mut impl FnMut(Row)) {
    let mut measure = |setting, scenario, what: &str, runs| {
        let checked = rollbacks_after_check(setting, scenario, runs);
        let name = format!(
            "{what}, {}, {}, compared before the upgrade, %",
            setting.name,
            said(scenario)
        );
        row(Row::new(name, Some(checked.percent()), Target::None));
    };
    measure(A, Scenario::Plain, "false rollbacks", options.runs);
    measure(A, Scenario::Sick, "false rollbacks", options.runs);
    measure(A, Scenario::AlwaysWorse(2.0), "false rollbacks", options.runs);
    measure(H, Scenario::AlwaysWorse(2.0), "false rollbacks", options.runs);
    measure(A, Scenario::Worse(3.0), "found", few(options));
    measure(H, Scenario::Worse(3.0), "found", few(options));
}

pub(super) fn harmlessness(options: Options, row: &mut impl FnMut(Row)) {
    let mut measure = |scenario, limit| {
        let promoted = promotions(A, scenario, few(options));
        let name = format!("called harmless, A, {}", said(scenario));
        row(Row::new(format!("{name}, %"), Some(promoted.percent()), limit));
        row(Row::new(
            format!("median minutes, {name}"),
            promoted.median().map(f64::from),
            Target::None,
        ));
    };
    measure(Scenario::Plain, Target::None);
    measure(Scenario::Sick, Target::None);
    // The bound of 5%, and as much for chance as false rollbacks have.
    measure(Scenario::Worse(2.0), Target::AtMost(5.0 * options.most_false));
    measure(Scenario::Worse(3.0), Target::AtMost(5.0 * options.most_false));
}

pub(super) fn other_tools(options: Options, row: &mut impl FnMut(Row)) {
    for peer in Peer::ALL {
        for (setting, scenario) in [
            (A, Scenario::Plain),
            (A, Scenario::Outage),
            (H, Scenario::Worse(1.3)),
        ] {
            let wrong = by_peer(peer, setting, scenario, few(options));
            let name = format!(
                "false rollbacks, {}, {}, {}, %",
                setting.name,
                said(scenario),
                peer.name()
            );
            row(Row::new(name, Some(wrong.percent()), Target::None));
        }
        for (setting, factor) in [(A, 10.0), (H, 10.0), (H, 3.0)] {
            let right = by_peer(peer, setting, Scenario::Worse(factor), few(options));
            let name = format!("{factor} times the errors, {}, {}", setting.name, peer.name());
            found(row, &name, &right, Target::None, Target::None);
        }
    }
}
