use aws_sdk_cloudwatch::primitives::DateTime;

use super::*;

const SPAN: Span = Span {
    from_second: 0,
    until_second: 40,
    period_seconds: 10,
};

/// A series by identity, with its values by second.
fn result(id: &str, status: StatusCode, values: &[(i64, f64)]) -> MetricDataResult {
    MetricDataResult::builder()
        .id(id)
        .set_timestamps(Some(
            values.iter().map(|(s, _)| DateTime::from_secs(*s)).collect(),
        ))
        .set_values(Some(values.iter().map(|(_, v)| *v).collect()))
        .status_code(status)
        .build()
}

fn whole(id: &str, values: &[(i64, f64)]) -> MetricDataResult {
    result(id, StatusCode::Complete, values)
}

const NEW_REQUESTS: &str = "m0_new_all";
const NEW_ERRORS: &str = "m0_new_part";
const OLD_REQUESTS: &str = "m0_old_all";
const OLD_ERRORS: &str = "m0_old_part";

/// Merges pages, read at second 35.
fn merged(pages: &[Vec<MetricDataResult>]) -> PortResult<Vec<Datapoint>> {
    let mut series = Series::default();
    for page in pages {
        series.add(page)?;
    }
    merge(&series, 0, SPAN, Timestamp::from_second(35).unwrap())
}

fn one_page(new: [&[(i64, f64)]; 2], old: [&[(i64, f64)]; 2]) -> PortResult<Vec<Datapoint>> {
    merged(&[vec![
        whole(NEW_REQUESTS, new[0]),
        whole(NEW_ERRORS, new[1]),
        whole(OLD_REQUESTS, old[0]),
        whole(OLD_ERRORS, old[1]),
    ]])
}

fn numbers(points: &[Datapoint]) -> Vec<(i64, u64, u64, u64, u64)> {
    points
        .iter()
        .map(|p| {
            (
                p.at_ms,
                p.canary.requests,
                p.canary.errors,
                p.baseline.requests,
                p.baseline.errors,
            )
        })
        .collect()
}

#[test]
fn series_meet_by_time_in_any_order() {
    let points = one_page(
        [&[(20, 7.0), (0, 5.0)], &[(20, 1.0)]],
        [&[(10, 90.0), (0, 80.0)], &[(0, 2.0)]],
    )
    .unwrap();
    assert_eq!(
        numbers(&points),
        [(0, 5, 0, 80, 2), (10_000, 0, 0, 90, 0), (20_000, 7, 1, 0, 0)]
    );
}

#[test]
fn no_requests_give_no_datapoint() {
    let points = one_page([&[(0, 0.0)], &[(0, 0.0)]], [&[], &[(0, 0.0)]]).unwrap();
    assert!(points.is_empty(), "{points:?}");
}

#[test]
fn pages_are_put_together() {
    let first = vec![
        result(NEW_REQUESTS, StatusCode::PartialData, &[(0, 1.0)]),
        whole(NEW_ERRORS, &[]),
        whole(OLD_REQUESTS, &[]),
        whole(OLD_ERRORS, &[]),
    ];
    let last = vec![whole(NEW_REQUESTS, &[(10, 2.0)])];
    assert_eq!(
        numbers(&merged(&[first.clone(), last]).unwrap()),
        [(0, 1, 0, 0, 0), (10_000, 2, 0, 0, 0)]
    );
    assert!(merged(&[first]).is_err(), "partial after the last page");
}

#[test]
fn what_is_not_complete_is_not_answered() {
    let all = [NEW_REQUESTS, NEW_ERRORS, OLD_REQUESTS, OLD_ERRORS];
    for bad in all {
        let without: Vec<_> = all
            .iter()
            .filter(|id| **id != bad)
            .map(|id| whole(id, &[]))
            .collect();
        assert!(merged(std::slice::from_ref(&without)).is_err(), "without {bad}");
        for status in [
            StatusCode::InternalError,
            StatusCode::PartialData,
            StatusCode::Forbidden,
        ] {
            let mut page = without.clone();
            page.push(result(bad, status, &[]));
            assert!(merged(&[page]).is_err(), "{bad}");
        }
    }
}

#[test]
fn contradictions_hold() {
    for value in [-1.0, 0.5, f64::NAN, f64::INFINITY, 1e17] {
        assert!(one_page([&[(0, value)], &[]], [&[], &[]]).is_err(), "{value}");
    }
    assert!(
        one_page([&[(20, 1.0)], &[(20, 2.0)]], [&[], &[]]).is_err(),
        "more errors than requests"
    );
    assert!(
        one_page([&[], &[]], [&[], &[(0, 1.0)]]).is_err(),
        "errors without requests"
    );
    let running = one_page([&[(20, 1.0), (30, 1.0)], &[(30, 2.0)]], [&[], &[]]).unwrap();
    assert_eq!(
        numbers(&running),
        [(20_000, 1, 0, 0, 0)],
        "the period that is not over"
    );
}

/// Rows: samples and values of both versions at second 10, and whether they are answered.
#[test]
fn values_are_finite_and_have_whole_samples() {
    let read = |samples: f64, value: f64| {
        let mut series = Series::default();
        let old = [(10, 7.0)];
        series
            .add(&[
                whole("m3_new_all", &[(10, samples)]),
                whole("m3_new_value", &[(10, value)]),
                whole("m3_old_all", &old),
                whole("m3_old_value", &old),
            ])
            .unwrap();
        values(&series, 3)
    };
    let read_well = read(5.0, 0.25).unwrap();
    let sample = |value, samples| Some(Sample { value, samples });
    assert_eq!(
        read_well,
        [MomentValues {
            at_ms: 10_000,
            canary: sample(0.25, 5),
            baseline: sample(7.0, 7)
        }]
    );
    for (samples, value) in [(5.0, f64::NAN), (5.0, f64::INFINITY), (0.5, 1.0), (-1.0, 1.0)] {
        assert!(read(samples, value).is_err(), "{samples} {value}");
    }
}
