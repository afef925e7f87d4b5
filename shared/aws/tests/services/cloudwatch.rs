//! Metrics: the request that is made, and answers in pages.

use std::sync::Mutex;

use aws_sdk_cloudwatch::primitives::DateTime;
use aws_smithy_cbor::Encoder;
use axum::http::StatusCode;
use jiff::Timestamp;
use sluice_app::ports::{Metrics, PortErrorKind, Window};
use sluice_aws::cloudwatch::CloudWatch;
use sluice_core::fleet::MetricSource;
use sluice_core::ids::{ComponentId, FleetId, FleetKey, TenantId};
use sluice_judge::errors::Datapoint;
use uuid::Uuid;

use crate::served::{Answer, Served, serve};

/// A series of a page: identity, status, values by second.
type Series<'a> = (&'a str, &'a str, &'a [(i64, f64)]);

/// A page, in the encoding that CloudWatch speaks.
fn page(series: &[Series<'_>], next: Option<&str>) -> Vec<u8> {
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

async fn read(served: &Served) -> sluice_app::ports::PortResult<Vec<Datapoint>> {
    let source = MetricSource {
        namespace: "Demo".to_owned(),
        requests: "Requests".to_owned(),
        errors: "Errors".to_owned(),
        period_seconds: 60,
    };
    let fleet = FleetKey {
        tenant_id: TenantId::new("acme").unwrap(),
        component_id: ComponentId(Uuid::from_u128(7)),
        fleet_id: FleetId::default(),
    };
    let at = |second| Timestamp::from_second(second).unwrap();
    let window = Window {
        from: at(70),
        until: at(250),
    };
    CloudWatch::new(&served.config())
        .datapoints(&source, &fleet, "1.1.0", "1.0.0", window)
        .await
}

const NONE: &[(i64, f64)] = &[];

#[tokio::test]
async fn pages_become_datapoints() {
    let served = pages(vec![
        page(
            &[
                ("new_requests", "PartialData", &[(60, 4.0)]),
                ("new_errors", "Complete", &[(120, 2.0)]),
                ("old_requests", "Complete", &[(120, 70.0), (60, 60.0)]),
                ("old_errors", "Complete", NONE),
            ],
            Some("page two"),
        ),
        page(&[("new_requests", "Complete", &[(120, 5.0)])], None),
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
            ("new_requests", status, NONE),
            ("new_errors", "Complete", NONE),
            ("old_requests", "Complete", NONE),
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
