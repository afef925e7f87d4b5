//! Metrics: the request that is made, and answers in pages.

use std::sync::Mutex;

use aws_config::SdkConfig;
use aws_config::retry::RetryConfig;
use aws_sdk_cloudwatch::primitives::DateTime;
use aws_smithy_cbor::Encoder;
use axum::http::StatusCode;
use jiff::Timestamp;
use sluice_app::ports::{Metrics, PortErrorKind, PortResult, Reading, Window};
use sluice_aws::cloudwatch::CloudWatch;
use sluice_core::fleet::MetricSource;
use sluice_core::ids::{ComponentId, FleetId, FleetKey, TenantId};
use sluice_judge::errors::{Counts, Datapoint};
use sluice_judge::gate::{Before, Known, MomentValues, Readings, Series};
use sluice_judge::threshold::Sample;
use uuid::Uuid;

use crate::served::{Answer, Served, serve};

/// A series of a page: identity, status, values by second.
type Told<'a> = (&'a str, &'a str, &'a [(i64, f64)]);

/// A page, in the encoding that CloudWatch speaks.
fn page(series: &[Told<'_>], next: Option<&str>) -> Vec<u8> {
    let mut encoder = Encoder::new(Vec::new());
    encoder.begin_map().str("MetricDataResults").array(series.len());
    for (id, status, values) in series {
        encoder
            .begin_map()
            .str("Id")
            .str(id)
            .str("StatusCode")
            .str(status);
        encoder.str("Timestamps").array(values.len());
        for (second, _) in *values {
            encoder.timestamp(&DateTime::from_secs(*second));
        }
        encoder.str("Values").array(values.len());
        for (_, value) in *values {
            encoder.double(*value);
        }
        encoder.end();
    }
    if let Some(next) = next {
        encoder.str("NextToken").str(next);
    }
    encoder.end();
    encoder.into_writer()
}

/// A server that gives these pages, one for each request.
async fn pages(pages: Vec<Vec<u8>>) -> Served {
    let pages = Mutex::new(pages.into_iter());
    serve(move |_| {
        let headers = vec![
            ("content-type", "application/cbor".to_owned()),
            ("smithy-protocol", "rpc-v2-cbor".to_owned()),
        ];
        let body = pages.lock().unwrap().next().unwrap();
        let answer: Answer = (StatusCode::OK, headers, body.into());
        answer
    })
    .await
}

fn source() -> MetricSource {
    MetricSource::new("Demo")
}

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(second).unwrap()
}

fn fleet() -> FleetKey {
    FleetKey {
        tenant_id: TenantId::new("acme").unwrap(),
        component_id: ComponentId(Uuid::from_u128(7)),
        fleet_id: FleetId::default(),
    }
}

/// Everything that a source declares, from second 70 to second 250.
async fn series(config: &SdkConfig, source: &MetricSource, before: &Before) -> PortResult<Vec<Series>> {
    let fleet = fleet();
    let reading = Reading {
        source,
        fleet: &fleet,
        new: "1.1.0",
        old: "1.0.0",
        window: Window {
            from: at(70),
            until: at(250),
        },
        before,
    };
    CloudWatch::new(config).read(reading).await
}

/// The counts of the error rate.
async fn read(served: &Served) -> PortResult<Vec<Datapoint>> {
    let read = series(&served.config(), &source(), &Before::default()).await?;
    let datapoints = read.into_iter().next().and_then(|s| match s.readings {
        Readings::Counts { datapoints } => Some(datapoints),
        _ => None,
    });
    Ok(datapoints.unwrap())
}

const NONE: &[(i64, f64)] = &[];

#[tokio::test]
async fn pages_become_datapoints() {
    let served = pages(vec![
        page(
            &[
                ("m0_new_all", "PartialData", &[(60, 4.0)]),
                ("m0_new_part", "Complete", &[(120, 2.0)]),
                ("m0_old_all", "Complete", &[(120, 70.0), (60, 60.0)]),
                ("m0_old_part", "Complete", NONE),
            ],
            Some("page two"),
        ),
        page(&[("m0_new_all", "Complete", &[(120, 5.0)])], None),
    ])
    .await;
    let points = read(&served).await.unwrap();
    let numbers: Vec<_> = points
        .iter()
        .map(|p| (p.at_ms, p.canary.requests, p.canary.errors, p.baseline.requests))
        .collect();
    assert_eq!(numbers, [(60_000, 4, 0, 60), (120_000, 5, 2, 70)]);
    let asked: Vec<_> = served
        .asked()
        .iter()
        .map(|a| String::from_utf8_lossy(&a.body).into_owned())
        .collect();
    for text in [
        "Demo",
        "ComponentId",
        "FleetId",
        "TenantId",
        "Version",
        "acme",
        "default",
        "1.1.0",
        "1.0.0",
        "Sum",
    ] {
        assert!(asked[0].contains(text), "{text}");
    }
    assert!(!asked[0].contains("page two") && asked[1].contains("page two"));
}

#[tokio::test]
async fn half_an_answer_is_none() {
    for status in ["PartialData", "InternalError"] {
        let series = [
            ("m0_new_all", status, NONE),
            ("m0_new_part", "Complete", NONE),
            ("m0_old_all", "Complete", NONE),
        ];
        let served = pages(vec![page(&series, None)]).await;
        assert_eq!(
            read(&served).await.unwrap_err().kind,
            PortErrorKind::Unavailable,
            "{status}"
        );
    }
}

#[tokio::test]
async fn endless_pages_come_to_an_end() {
    let served = pages(vec![page(&[], Some("more")); 30]).await;
    let error = read(&served).await.unwrap_err();
    assert!(error.detail.contains("pages"), "{error}");
    assert_eq!(served.asked().len(), 20);
}

/// A source with a metric of each kind.
fn many() -> MetricSource {
    let watched = r#"[
        {"name":"checkout","kind":"errors","errors":"CheckoutErrors","requests":"Checkouts"},
        {"name":"slow_rate","kind":"slow","latency":"Latency"},
        {"name":"redis_up","kind":"threshold","metric":"RedisUp","statistic":"minimum","expected":1}]"#;
    MetricSource {
        watched: serde_json::from_str(watched).unwrap(),
        ..source()
    }
}

fn known(slow_above: Option<f64>) -> Before {
    Before {
        metrics: vec![Known {
            metric: "slow_rate".to_owned(),
            difference: 1.0,
            past: Counts::default(),
            slow_above,
        }],
    }
}

/// A page with all series of a source with this many metrics: one sample each, of value one.
fn whole(metrics: usize) -> Vec<u8> {
    let names: Vec<String> = (0..metrics)
        .flat_map(|m| ["new", "old"].map(|v| ["all", "part", "value"].map(|w| format!("m{m}_{v}_{w}"))))
        .flatten()
        .collect();
    let told: Vec<Told<'_>> = names
        .iter()
        .map(|name| (name.as_str(), "Complete", &[(120, 1.0)][..]))
        .collect();
    page(&told, None)
}

#[tokio::test]
async fn every_kind_of_metric_is_read() {
    let served = pages(vec![whole(4)]).await;
    let read = series(&served.config(), &many(), &known(Some(0.25)))
        .await
        .unwrap();
    let one = Counts {
        requests: 1,
        errors: 1,
    };
    let counts = || Readings::Counts {
        datapoints: vec![Datapoint::totals(120_000, one, one)],
    };
    let sample = Some(Sample {
        value: 1.0,
        samples: 1,
    });
    let values = Readings::Values {
        values: vec![MomentValues {
            at_ms: 120_000,
            canary: sample,
            baseline: sample,
        }],
    };
    let expected = [
        ("error_rate", counts()),
        ("checkout", counts()),
        ("slow_rate", counts()),
        ("redis_up", values),
    ];
    assert_eq!(read.len(), expected.len());
    for (read, (metric, readings)) in read.into_iter().zip(expected) {
        assert_eq!((read.metric.as_str(), read.readings), (metric, readings));
    }
    let asked = String::from_utf8_lossy(&served.asked()[0].body).into_owned();
    for text in [
        "Checkouts",
        "CheckoutErrors",
        "Latency",
        "SampleCount",
        "TC(0.25:)",
        "RedisUp",
        "Minimum",
    ] {
        assert!(asked.contains(text), "{text}");
    }
}

#[tokio::test]
async fn without_a_frozen_limit_nothing_is_slow_and_it_says_so() {
    let served = pages(vec![whole(4)]).await;
    let read = series(&served.config(), &many(), &known(None)).await.unwrap();
    let Readings::Absent { why } = &read[2].readings else {
        panic!("{read:?}")
    };
    assert!(why.contains("too few latencies"), "{why}");
    assert!(!String::from_utf8_lossy(&served.asked()[0].body).contains("Latency"));
}

/// The frozen limit is that of the newest hour with 100 latencies.
#[tokio::test]
async fn the_quantile_is_that_of_the_newest_hour_with_enough() {
    for (samples, expected) in [
        ([(0, 500.0), (3_600, 200.0), (7_200, 99.0)], (2.0, 200)),
        ([(0, 500.0), (3_600, 20.0), (7_200, 99.0)], (1.0, 500)),
        ([(0, 50.0), (3_600, 20.0), (7_200, 40.0)], (1.0, 50)),
    ] {
        let values = [(0, 1.0), (3_600, 2.0), (7_200, 3.0)];
        let told = [
            ("m1_old_all", "Complete", &samples[..]),
            ("m1_old_value", "Complete", &values[..]),
        ];
        let served = pages(vec![page(&told, None)]).await;
        let (fleet, source, before) = (fleet(), many(), Before::default());
        let reading = Reading {
            source: &source,
            fleet: &fleet,
            new: "1.1.0",
            old: "1.0.0",
            window: Window {
                from: at(9_000),
                until: at(9_100),
            },
            before: &before,
        };
        let found = CloudWatch::new(&served.config())
            .quantiles(reading)
            .await
            .unwrap();
        assert_eq!(found.len(), 1);
        assert_eq!((found[0].value, found[0].samples), expected, "{samples:?}");
        assert!(String::from_utf8_lossy(&served.asked()[0].body).contains("p90"));
    }
}

#[tokio::test]
async fn many_metrics_are_asked_for_500_series_at_a_time() {
    let one = many().watched[0].clone();
    let watched = (0..200).map(|i| sluice_core::fleet::WatchedMetric {
        name: format!("m{i}"),
        ..one.clone()
    });
    let source = MetricSource {
        watched: watched.collect(),
        ..source()
    };
    let served = pages(vec![whole(201); 2]).await;
    let read = series(&served.config(), &source, &Before::default())
        .await
        .unwrap();
    assert_eq!((read.len(), served.asked().len()), (201, 2));
    // The ids of the first request end with 500 series of 125 metrics.
    let asked = |i: usize| String::from_utf8_lossy(&served.asked()[i].body).into_owned();
    assert!(asked(0).contains("m124_old_part") && !asked(0).contains("m125_new_all"));
    assert!(!asked(1).contains("m124_old_part") && asked(1).contains("m125_new_all"));
}

/// A throttled request is tried again; when it stays throttled, that is what is said.
#[tokio::test]
async fn throttling_is_retried() {
    for (throttled, succeeds) in [(2, true), (9, false)] {
        let count = std::sync::atomic::AtomicUsize::new(0);
        let served = serve(move |_| {
            let headers = vec![
                ("content-type", "application/cbor".to_owned()),
                ("smithy-protocol", "rpc-v2-cbor".to_owned()),
            ];
            if count.fetch_add(1, std::sync::atomic::Ordering::SeqCst) < throttled {
                let mut encoder = Encoder::new(Vec::new());
                encoder.begin_map().str("__type").str("ThrottlingException").end();
                return (StatusCode::BAD_REQUEST, headers, encoder.into_writer().into());
            }
            (StatusCode::OK, headers, whole(1).into())
        })
        .await;
        let config = served
            .config()
            .into_builder()
            .retry_config(
                RetryConfig::standard()
                    .with_max_attempts(3)
                    .with_initial_backoff(std::time::Duration::from_millis(1)),
            )
            .build();
        let read = series(&config, &source(), &Before::default()).await;
        assert_eq!(served.asked().len(), 3);
        match read {
            Ok(_) => assert!(succeeds),
            Err(error) => assert!(!succeeds && error.kind == PortErrorKind::Throttled, "{error}"),
        }
    }
}
