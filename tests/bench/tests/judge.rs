//! The table in short: few runs, wide limits, the same code.

use sluice_bench::judge::setting::{A, B600, C60, H, Scenario, Setting};
use sluice_bench::judge::upgrade::rollbacks;
use sluice_bench::judge::{data, peers};

/// Rows: setting, scenario, with hosts, and the share of runs that may end in a rollback, in percent.
#[test]
fn rollbacks_are_rare_without_harm_and_certain_with_it() {
    use Scenario::{Bursty, Outage, Plain, Sick, Wave, Worse};
    let rows: &[(Setting, Scenario, bool, f64, f64)] = &[
        (A, Plain, true, 0.0, 2.0),
        (A, Bursty, true, 0.0, 2.0),
        (A, Sick, true, 0.0, 3.0),
        (A, Worse(1.3), true, 0.0, 2.0),
        (A, Outage, true, 0.0, 2.0),
        (A, Wave, true, 0.0, 2.0),
        (A, Outage, false, 0.0, 2.0),
        (H, Worse(1.3), false, 0.0, 2.0),
        (A, Worse(10.0), true, 100.0, 100.0),
        (H, Worse(3.0), true, 100.0, 100.0),
        (B600, Worse(10.0), true, 100.0, 100.0),
        (C60, Worse(10.0), false, 99.0, 100.0),
    ];
    for (setting, scenario, with_hosts, least, most) in rows {
        let found = rollbacks(*setting, *scenario, *with_hosts, 200).percent();
        assert!(
            (*least..=*most).contains(&found),
            "{} {scenario:?}: {found}%",
            setting.name
        );
    }
}

#[test]
fn the_same_seeds_give_the_same_result() {
    let once = || rollbacks(A, Scenario::Worse(3.0), true, 50);
    assert_eq!(once(), once());
}

/// Needs the recorded verdicts: a folder `shared/data` beside the checkout, or the one that the variable names.
#[test]
fn the_rule_of_kayenta_is_kayentas() {
    let Some(verdicts) = data::kayenta_verdicts() else {
        eprintln!(
            "skipped: no recorded verdicts; set {} to the folder with them",
            data::DATA_VARIABLE
        );
        return;
    };
    let agree = verdicts
        .iter()
        .filter(|v| peers::kayenta(&v.canary, &v.baseline) == v.high)
        .count();
    assert!(agree + 1 >= verdicts.len(), "{agree} of {}", verdicts.len());
}
