//! The monitor against a naive judge that knows only the definitions and starts from scratch at every look.

use proptest::prelude::*;

use super::*;

fn counts(requests: u64, errors: u64) -> Counts {
    Counts { requests, errors }
}

/// A datapoint of totals: requests and errors of the new version, then of the old one.
fn totals(at_ms: i64, canary: (u64, u64), baseline: (u64, u64)) -> Point {
    Point {
        at_ms,
        canary: Arm::Total(counts(canary.0, canary.1)),
        baseline: Arm::Total(counts(baseline.0, baseline.1)),
    }
}

fn compare(points: &[Point]) -> Comparison {
    let mut monitor = Monitor::new(Margins::default());
    for point in points {
        monitor.fold(point.clone()).unwrap();
    }
    monitor.compare()
}

#[test]
fn no_errors_and_one_version_alone_are_no_evidence() {
    for points in [
        vec![],
        vec![totals(0, (100, 0), (900, 0))],
        vec![totals(0, (100, 50), (0, 0))],
        vec![totals(0, (0, 0), (100, 50))],
    ] {
        let seen = compare(&points);
        assert!(seen.harm <= 1e-9 && seen.harmless <= 1e-9, "{points:?}: {seen:?}");
    }
}

/// The evidence of one error, averaged over where chance sends it, is at most 1 for any true odds ratio up to the
/// margin: the property on which the bound rests, checked against a direct computation.
#[test]
fn one_error_is_fair_up_to_the_margin() {
    for share in [1u64, 10, 50, 90, 99] {
        for truth in [0.5, 1.0, 1.5] {
            let rho = share as f64 / 100.0;
            let to_canary = truth * rho / (1.0 - rho + truth * rho);
            let hit = compare(&[totals(0, (share, 1), (100 - share, 0))]).harm.exp();
            let miss = compare(&[totals(0, (share, 0), (100 - share, 1))]).harm.exp();
            let mean = to_canary * hit + (1.0 - to_canary) * miss;
            assert!(mean <= 1.0 + 1e-9, "share {share} truth {truth}: {mean}");
        }
        for truth in [2.0, 3.0] {
            let rho = share as f64 / 100.0;
            let to_canary = truth * rho / (1.0 - rho + truth * rho);
            let hit = compare(&[totals(0, (share, 1), (100 - share, 0))]).harmless.exp();
            let miss = compare(&[totals(0, (share, 0), (100 - share, 1))]).harmless.exp();
            let mean = to_canary * hit + (1.0 - to_canary) * miss;
            assert!(
                mean <= 1.0 + 1e-9,
                "harmless, share {share} truth {truth}: {mean}"
            );
        }
    }
}

/// Rows: what is wrong, and the datapoint.
#[test]
fn bad_points_are_refused_and_change_nothing() {
    let host = |host, requests, errors| HostCounts {
        host,
        counts: counts(requests, errors),
    };
    let hosts = |canary: &[HostCounts], baseline: &[HostCounts]| Point {
        at_ms: 60_000,
        canary: Arm::Hosts(canary.to_vec()),
        baseline: Arm::Hosts(baseline.to_vec()),
    };
    let rows: &[(BadPoint, Point)] = &[
        (
            BadPoint::MoreErrorsThanRequests(counts(5, 6)),
            totals(60_000, (5, 6), (9, 0)),
        ),
        (
            BadPoint::MoreErrorsThanRequests(counts(0, 1)),
            totals(60_000, (5, 1), (0, 1)),
        ),
        (
            BadPoint::MoreErrorsThanRequests(counts(1, 2)),
            hosts(&[host(0, 1, 2), host(1, 9, 0)], &[]),
        ),
        (
            BadPoint::RepeatedHost(3),
            hosts(&[host(3, 1, 0), host(3, 1, 0)], &[]),
        ),
        (
            BadPoint::RepeatedHost(3),
            hosts(&[host(3, 1, 0)], &[host(3, 1, 0)]),
        ),
        (
            BadPoint::HostOutOfRange(MAX_HOSTS),
            hosts(&[host(MAX_HOSTS, 1, 0)], &[]),
        ),
        (BadPoint::RepeatedMoment(0), totals(0, (5, 1), (9, 1))),
    ];
    for (expected, point) in rows {
        let mut monitor = Monitor::new(Margins::default());
        monitor.fold(totals(0, (100, 3), (900, 5))).unwrap();
        let before = monitor.compare();
        assert_eq!(monitor.fold(point.clone()), Err(*expected));
        assert_eq!(monitor.compare(), before, "{expected}");
    }
}

/// Eleven healthy hosts and one that fails: a host problem, not a bad version.
#[test]
fn a_sick_host_is_named_and_proves_nothing_against_the_version() {
    let mut monitor = Monitor::new(Margins::default());
    for minute in 0..30 {
        let arm = |from: u32, sick: Option<u32>| {
            let one = |h| HostCounts {
                host: h,
                counts: counts(
                    100,
                    if Some(h) == sick {
                        40
                    } else {
                        u64::from((h + minute) % 5 == 0)
                    },
                ),
            };
            Arm::Hosts((from..from + 12).map(one).collect())
        };
        let point = Point {
            at_ms: i64::from(minute) * 60_000,
            canary: arm(0, Some(7)),
            baseline: arm(12, None),
        };
        monitor.fold(point).unwrap();
    }
    let seen = monitor.compare();
    let bound = 100f64.ln();
    assert!(seen.harm < bound, "{seen:?}");
    assert_eq!(monitor.sick_hosts(bound), [7]);
    assert_eq!(seen.basis, Basis::Hosts);
}

#[test]
fn late_points_are_folded_in_where_they_belong() {
    let points: Vec<Point> = (0..40)
        .map(|m| {
            totals(
                m * 60_000,
                (100, u64::from(m % 3 == 0)),
                (900, u64::from(m % 2 == 0)),
            )
        })
        .collect();
    let mut late = points.clone();
    late.swap(3, 30);
    late.swap(10, 11);
    let (sorted, late) = (compare(&points), compare(&late));
    assert!((sorted.harm - late.harm).abs() < 1e-9, "{sorted:?} {late:?}");
    assert!((sorted.harmless - late.harmless).abs() < 1e-9);
}

/// One series in the form that the naive judge reads: for each minute each host's (new version?, requests, errors).
type Series = Vec<Vec<(bool, u64, u64)>>;

fn points(series: &Series) -> Vec<Point> {
    let arm = |row: &Vec<(bool, u64, u64)>, wanted: bool| {
        let hosts = row.iter().enumerate().filter(|(_, h)| h.0 == wanted);
        Arm::Hosts(
            hosts
                .map(|(host, (_, n, x))| HostCounts {
                    host: u32::try_from(host).unwrap(),
                    counts: counts(*n, *x),
                })
                .collect(),
        )
    };
    let point = |(minute, row): (usize, &Vec<(bool, u64, u64)>)| Point {
        at_ms: minute as i64 * 60_000,
        canary: arm(row, true),
        baseline: arm(row, false),
    };
    series.iter().enumerate().map(point).collect()
}

mod naive {
    //! Straight from the definitions, with nothing kept between looks.
    use super::{GRID, Series, restart_weight, winsorised_hosts};

    const MARGIN: f64 = 1.5;

    struct Host {
        x: f64,
        n: f64,
    }

    fn hosts(series: &[Vec<(bool, u64, u64)>], canary: bool) -> Vec<Host> {
        let width = series.first().map_or(0, Vec::len);
        let sum = |h: usize| {
            let mine = series.iter().map(|row| row[h]).filter(|r| r.0 == canary);
            mine.fold(Host { x: 0.0, n: 0.0 }, |s, r| Host {
                x: s.x + r.2 as f64,
                n: s.n + r.1 as f64,
            })
        };
        (0..width).map(sum).filter(|h| h.n > 0.0).collect()
    }

    fn spread(hosts: &[Host]) -> (f64, f64) {
        let (x, n): (f64, f64) = (hosts.iter().map(|h| h.x).sum(), hosts.iter().map(|h| h.n).sum());
        if x == 0.0 {
            return (0.0, 0.0);
        }
        let squares = hosts.iter().map(|h| (h.x - x * h.n / n).powi(2)).sum();
        (
            squares,
            x * (1.0 - hosts.iter().map(|h| (h.n / n).powi(2)).sum::<f64>()),
        )
    }

    fn without_worst(mut hosts: Vec<Host>) -> Vec<Host> {
        hosts.sort_by(|a, b| (b.x / b.n).total_cmp(&(a.x / a.n)));
        let held = winsorised_hosts(hosts.len());
        hosts.split_off(held)
    }

    fn phi(series: &Series) -> f64 {
        let total = |canary| {
            let all = hosts(series, canary);
            (
                all.iter().map(|h| h.x).sum::<f64>(),
                all.iter().map(|h| h.n).sum::<f64>(),
            )
        };
        let ((x, n_c), (y, n_b)) = (total(true), total(false));
        let s = (MARGIN * (y + 1.0) * n_c / (n_b * x)).min(1.0);
        let at_once = |canary| {
            series.iter().fold((0.0, 0.0), |sum: (f64, f64), row| {
                let (squares, expected) = spread(&hosts(std::slice::from_ref(row), canary));
                (sum.0 + squares, sum.1 + expected)
            })
        };
        let rest = |canary| spread(&without_worst(hosts(series, canary)));
        let phi = |c: (f64, f64), b: (f64, f64), widen: f64| {
            1.0 + (((b.0 - b.1) + s * s * (c.0 - c.1)) / (b.1 + s * c.1 + 2.0)).max(0.0) * widen
        };
        let root = (series.len() as f64).sqrt();
        phi(at_once(true), at_once(false), 1.0 + 4.0 / root).max(phi(
            rest(true),
            rest(false),
            1.0 + 1.0 / root,
        ))
    }

    pub fn harm(series: &Series) -> f64 {
        mixture(series, phi(series), |since| {
            let canary = hosts(since, true);
            let x: f64 = canary.iter().map(|h| h.x).sum();
            let mut rates: Vec<f64> = canary.iter().map(|h| h.x / h.n).collect();
            rates.sort_by(|a, b| b.total_cmp(a));
            let next = rates[winsorised_hosts(canary.len())];
            let kept: f64 = canary.iter().map(|h| h.x.min(h.n * next)).sum();
            if x > 0.0 { kept / x } else { 1.0 }
        })
    }

    pub fn mixture(series: &Series, phi: f64, part: impl Fn(&[Vec<(bool, u64, u64)>]) -> f64) -> f64 {
        let (mut evidence, mut unspent) = (0.0, 1.0);
        for (i, start) in (0..series.len()).step_by(15).enumerate() {
            let weight = restart_weight(u32::try_from(i).unwrap());
            unspent -= weight;
            let (since, part) = (&series[start..], part(&series[start..]));
            for g in GRID {
                let log: f64 = since.iter().map(|row| likelihood(row, g, part)).sum();
                evidence += weight / GRID.len() as f64 * (log / phi).exp();
            }
        }
        (evidence + unspent).ln()
    }

    fn likelihood(row: &[(bool, u64, u64)], g: f64, part: f64) -> f64 {
        let sum = |canary, of: fn(&(bool, u64, u64)) -> u64| {
            row.iter().filter(|h| h.0 == canary).map(of).sum::<u64>() as f64
        };
        let (n_c, n_b) = (sum(true, |h| h.1), sum(false, |h| h.1));
        let rho = n_c / (n_c + n_b);
        let p = |odds: f64| odds * rho / (1.0 - rho + odds * rho);
        let (null, alternative) = (p(MARGIN), p(MARGIN * g));
        part * sum(true, |h| h.2) * (alternative / null).ln()
            + sum(false, |h| h.2) * ((1.0 - alternative) / (1.0 - null)).ln()
    }
}

fn series() -> impl Strategy<Value = Series> {
    (2usize..7, 2usize..7, 1usize..40).prop_flat_map(|(canary, baseline, minutes)| {
        let host = |is_canary: bool| (1u64..50, 0u64..4).prop_map(move |(n, x)| (is_canary, n + 4, x));
        let row = (
            prop::collection::vec(host(true), canary),
            prop::collection::vec(host(false), baseline),
        )
            .prop_map(|(mut c, b)| {
                c.extend(b);
                c
            });
        prop::collection::vec(row, minutes)
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    #[test]
    fn agrees_with_the_naive_judge(series in series()) {
        let seen = compare(&points(&series)).harm;
        let naive = naive::harm(&series);
        prop_assert!((seen - naive).abs() < 1e-6 * (1.0 + naive.abs()), "{} {}", seen, naive);
    }

    /// Holding hosts down and dividing by the dispersion never adds evidence to a mixture that exceeds 1.
    #[test]
    fn protection_only_lowers(series in series()) {
        let seen = compare(&points(&series));
        let plain = naive::mixture(&series, 1.0, |_| 1.0);
        prop_assert!(seen.harm <= plain.max(0.0) + 1e-9, "{} {}", seen.harm, plain);
        prop_assert!(seen.dispersion >= 1.0);
    }

    /// One more error of the new version never weakens the evidence while the old one has none.
    #[test]
    fn grows_with_errors(errors in 0u64..200) {
        let at = |errors| compare(&[totals(0, (1000, errors), (9000, 0))]).harm;
        prop_assert!(at(errors + 1) > at(errors));
    }
}
