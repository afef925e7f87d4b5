//! The load's rate and report.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "helpers of a test fail it by a panic, as its assertions do"
)]

mod common;

use std::time::Duration;

use common::*;
use sluice_fleet::load::report::Report;
use sluice_fleet::load::{self, LoadConfig, LoadError};
use sluice_fleet::service::release::Release;

#[tokio::test]
async fn it_keeps_its_rate_and_reports_by_version() {
    let services = [
        serve(Release::healthy("1")).await,
        serve(Release {
            error_rate: 1.0,
            ..Release::healthy("2")
        })
        .await,
    ];
    let edge = edge_before(&services).await;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("report.json");
    let config = LoadConfig {
        url: format!("http://{}/work", edge.listen_addr).parse().unwrap(),
        rate_per_s: 200,
        report: Some(path.clone()),
        duration: Some(Duration::from_millis(1_500)),
    };
    let mut load = load::start(config).unwrap();
    let read = || serde_json::from_slice::<Report>(&std::fs::read(&path).unwrap()).unwrap();
    eventually("the report grows meanwhile", async || read().total > 0).await;
    load.ended().await;
    let report = load.shutdown().await.unwrap();
    assert_eq!(read(), report);
    let due = report.total + report.skipped;
    assert!(
        (240..=301).contains(&due),
        "200 a second for 1.5 s, the last look apart: {report:?}"
    );
    assert_eq!((report.ok + report.failed, report.unanswered), (report.total, 0));
    assert_eq!(report.by_version["1"], report.ok);
    assert_eq!(report.by_version["2"], report.failed);
    assert_eq!(report.failed_by_version.get("2"), Some(&report.failed));
    assert!(
        report.ok.abs_diff(report.failed) <= 1,
        "both are used equally: {report:?}"
    );
}

#[tokio::test]
async fn nobody_there_is_unanswered() {
    let service = serve(Release::healthy("1")).await;
    let url = format!("http://{}/work", service.listen_addr).parse().unwrap();
    service.shutdown().await;
    let load = load::start(LoadConfig {
        url,
        rate_per_s: 50,
        report: None,
        duration: None,
    })
    .unwrap();
    eventually("requests were tried", async || load.report().total >= 5).await;
    let report = load.shutdown().await.unwrap();
    assert_eq!(report.unanswered, report.total);
}

#[tokio::test]
async fn what_cannot_be_done_is_refused() {
    let config = |url: &str, rate_per_s, report: Option<&str>| LoadConfig {
        url: url.parse().unwrap(),
        rate_per_s,
        report: report.map(Into::into),
        duration: None,
    };
    let refused = |config| load::start(config).unwrap_err();
    assert!(matches!(
        refused(config("https://127.0.0.1/", 1, None)),
        LoadError::Url(_)
    ));
    assert!(matches!(refused(config("/work", 1, None)), LoadError::Url(_)));
    assert!(matches!(
        refused(config("http://127.0.0.1/", 0, None)),
        LoadError::Rate(0)
    ));
    assert!(matches!(
        refused(config("http://127.0.0.1/", 5_001, None)),
        LoadError::Rate(5_001)
    ));
    let unwritable = config("http://127.0.0.1/", 1, Some("/nowhere/report.json"));
    assert!(matches!(refused(unwritable), LoadError::Report { .. }));
}
