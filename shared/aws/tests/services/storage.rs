//! Objects in S3.

use std::collections::HashMap;
use std::sync::Mutex;
use std::time::Duration;

use axum::http::{Method, StatusCode};
use sluice_app::ports::{Blobs, PortErrorKind};
use sluice_aws::s3::Bucket;

use crate::served::{Answer, Served, serve};

const NO_SUCH_KEY: &str = "<Error><Code>NoSuchKey</Code><Message>none</Message></Error>";

/// A server that keeps objects by path.
async fn storage() -> Served {
    let objects = Mutex::new(HashMap::new());
    serve(move |asked| {
        let (path, mut objects) = (asked.uri.path().to_owned(), objects.lock().unwrap());
        let absent = || -> Answer { (StatusCode::NOT_FOUND, Vec::new(), NO_SUCH_KEY.into()) };
        if asked.method == Method::PUT {
            objects.insert(path, asked.body.clone());
            return (StatusCode::OK, Vec::new(), "".into());
        }
        objects
            .get(&path)
            .map_or_else(absent, |bytes| (StatusCode::OK, Vec::new(), bytes.clone()))
    })
    .await
}

#[tokio::test]
async fn objects_come_out_as_they_went_in() {
    let served = storage().await;
    let bucket = Bucket::new(&served.config(), "depot", true);
    let key = "tenants/acme/positions.json";
    assert_eq!(bucket.get(key).await, Ok(None));
    assert_eq!(bucket.size(key).await, Ok(None));
    bucket.put(key, vec![1, 2, 3], "application/json").await.unwrap();
    assert_eq!(bucket.get(key).await, Ok(Some(vec![1, 2, 3])));
    assert_eq!(bucket.size(key).await, Ok(Some(3)));
    let asked = served.asked();
    let written = asked.iter().find(|a| a.method == Method::PUT).unwrap();
    assert_eq!(
        (written.uri.path(), &written.body[..]),
        ("/depot/tenants/acme/positions.json", &[1, 2, 3][..])
    );
    assert_eq!(written.headers["content-type"], "application/json");
}

#[tokio::test]
async fn urls_are_signed_for_a_time() {
    let served = storage().await;
    let bucket = Bucket::new(&served.config(), "depot", true);
    let valid = Duration::from_secs(300);
    let download = bucket.download_url("a.tar", valid).await.unwrap();
    let upload = bucket.upload_url("a.tar", valid).await.unwrap();
    for url in [&download, &upload] {
        assert!(url.starts_with(&format!("{}/depot/a.tar?", served.url)), "{url}");
        assert!(
            url.contains("X-Amz-Expires=300") && url.contains("X-Amz-Signature="),
            "{url}"
        );
        assert!(
            url.contains("X-Amz-SignedHeaders=host&"),
            "whoever has it needs no other header: {url}"
        );
        assert!(!url.to_lowercase().contains("checksum"), "{url}");
    }
    assert!(served.asked().is_empty(), "signing asks nobody");
    assert_ne!(download, upload);
    assert!(
        bucket
            .download_url("a.tar", Duration::from_secs(8 * 86_400))
            .await
            .is_err(),
        "more than a week"
    );
}

#[tokio::test]
async fn refusals_are_failures() {
    for (status, code, kind) in [
        (StatusCode::FORBIDDEN, "AccessDenied", PortErrorKind::Unavailable),
        (
            StatusCode::SERVICE_UNAVAILABLE,
            "SlowDown",
            PortErrorKind::Throttled,
        ),
        (StatusCode::NOT_FOUND, "NoSuchBucket", PortErrorKind::NotFound),
    ] {
        let body = format!("<Error><Code>{code}</Code><Message>no</Message></Error>");
        let served = serve(move |_| (status, Vec::new(), body.clone().into())).await;
        let bucket = Bucket::new(&served.config(), "depot", true);
        assert_eq!(bucket.get("a").await.unwrap_err().kind, kind, "{code}");
        assert_eq!(
            bucket.put("a", Vec::new(), "text/plain").await.unwrap_err().kind,
            kind,
            "{code}"
        );
    }
}
