//! A server that says what the test wants, remembers what it heard, and serves archives.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use axum::body::{Body, Bytes};
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use futures::{StreamExt, stream};
use sluice_contract::check_in::{Artifact, CheckInAnswer, CheckInRequest, DesiredState};
use sluice_contract::enrol::EnrolRequest;
use sluice_core::checks::Checks;
use sluice_core::fleet::{InstanceReport, InstanceStatus};
use sluice_core::ids::UpgradeId;
use sluice_core::release::Release;
use sluice_core::units::{Attempt, Epoch, Ordinal};
use uuid::Uuid;

/// How long is waited for what must come. Machines that build meanwhile are slow.
pub const PATIENCE: Duration = Duration::from_secs(40);
pub const UPGRADE: UpgradeId = UpgradeId(Uuid::from_u128(0xa1));
pub const SECRET: &str = "hush-enrolment";

/// The credential of an enrolment.
pub fn credential(incarnation: usize) -> String {
    format!("hush-credential-{incarnation}")
}

#[derive(Default)]
pub struct Inner {
    pub told: Option<CheckInAnswer>,
    pub heard: Vec<CheckInRequest>,
    pub refused: usize,
    /// How often an archive was asked for from its middle on.
    pub resumed: usize,
    pub fetched: BTreeMap<String, usize>,
    /// Who enrolled, with whether each was let in.
    pub enrolled: Vec<(EnrolRequest, bool)>,
    /// How archives are sent.
    pub sending: Sending,
    /// No check-in is answered.
    pub deaf: bool,
    archives: BTreeMap<String, Vec<u8>>,
    /// Which incarnation of each ordinal is the newest.
    machines: BTreeMap<Ordinal, usize>,
}

/// How an archive is sent.
#[derive(Debug, Clone, Copy, Default)]
pub enum Sending {
    /// At once.
    #[default]
    Whole,
    /// In two halves, so many milliseconds apart.
    Slowly(u64),
    /// The connection breaks in the middle, this often; ranges are known when the flag is set.
    Breaks(usize, bool),
    /// A byte is another one.
    Wrong,
}

#[derive(Clone)]
pub struct Server {
    pub url: String,
    inner: Arc<Mutex<Inner>>,
}

impl Server {
    pub async fn start() -> Self {
        let inner = Arc::new(Mutex::new(Inner::default()));
        let router = Router::new()
            .route("/api/v1/fleet/check-in", post(check_in))
            .route("/api/v1/fleet/enrol", post(enrol))
            .route("/archives/{name}", get(archive))
            .with_state(inner.clone());
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        Self { url, inner }
    }

    pub fn with<T>(&self, look: impl FnOnce(&mut Inner) -> T) -> T {
        look(&mut self.inner.lock().unwrap())
    }

    pub fn serve(&self, release: &Release, bytes: Vec<u8>) -> Artifact {
        let name = release.version.to_string();
        self.with(|i| i.archives.insert(name.clone(), bytes));
        Artifact {
            release: release.clone(),
            url: format!("{}/archives/{name}", self.url),
        }
    }

    /// Another machine of this ordinal enrols.
    pub fn replace(&self, ordinal: u32) {
        self.with(|i| *i.machines.entry(Ordinal(ordinal)).or_default() += 1);
    }

    pub fn tell(&self, epoch: u64, attempt: u32, desired: DesiredState) {
        self.tell_with(epoch, attempt, desired, 30_000);
    }

    pub fn tell_with(&self, epoch: u64, attempt: u32, desired: DesiredState, lease_ms: u64) {
        let told = CheckInAnswer {
            lease_ms,
            ..answer(epoch, attempt, desired)
        };
        self.with(|i| i.told = Some(told));
    }

    pub fn last(&self) -> Option<CheckInRequest> {
        self.with(|i| i.heard.last().cloned())
    }

    pub fn statuses(&self) -> Vec<InstanceStatus> {
        let mut all: Vec<_> = self.with(|i| {
            i.heard
                .iter()
                .filter_map(|r| Some(r.report.as_ref()?.status))
                .collect()
        });
        all.dedup();
        all
    }

    /// Waits for a message that reports `status` under `(epoch, attempt)`.
    pub async fn hears(&self, epoch: u64, attempt: u32, status: InstanceStatus) -> CheckInRequest {
        let fits = |r: &InstanceReport| (r.epoch.0, r.attempt.0, r.status) == (epoch, attempt, status);
        self.hears_that(&format!("{status:?} in {epoch}/{attempt}"), |r| {
            r.report.as_ref().is_some_and(fits)
        })
        .await
    }

    /// Waits for a message that fits, at most [`PATIENCE`].
    pub async fn hears_that(&self, what: &str, fits: impl Fn(&CheckInRequest) -> bool) -> CheckInRequest {
        let begin = Instant::now();
        while begin.elapsed() < PATIENCE {
            if let Some(heard) = self.with(|i| i.heard.iter().rev().find(|r| fits(r)).cloned()) {
                return heard;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        panic!("never heard {what}; last: {:#?}", self.last());
    }

    /// Waits for `count` more messages, at most [`PATIENCE`].
    pub async fn hears_more(&self, count: usize) {
        let (begin, before) = (Instant::now(), self.with(|i| i.heard.len()));
        while self.with(|i| i.heard.len()) < before + count {
            assert!(begin.elapsed() < PATIENCE, "not {count} more check-ins");
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }
}

pub fn answer(epoch: u64, attempt: u32, desired: DesiredState) -> CheckInAnswer {
    CheckInAnswer {
        contract: 1,
        upgrade_id: Some(UPGRADE),
        epoch: Epoch(epoch),
        attempt: Attempt(attempt),
        desired,
        lease_ms: 30_000,
        prefetch: None,
        next_check_in_ms: 100,
    }
}

pub fn go(artifact: &Artifact) -> DesiredState {
    DesiredState::Move {
        artifact: artifact.clone(),
        not_before_ms: 0,
        revert: false,
        checks: Checks::default(),
    }
}

pub fn back(artifact: &Artifact) -> DesiredState {
    DesiredState::Move {
        artifact: artifact.clone(),
        not_before_ms: 0,
        revert: true,
        checks: Checks::default(),
    }
}

async fn check_in(
    State(inner): State<Arc<Mutex<Inner>>>,
    headers: HeaderMap,
    Json(request): Json<CheckInRequest>,
) -> Response {
    let mut inner = inner.lock().unwrap();
    if inner.deaf {
        return StatusCode::BAD_GATEWAY.into_response();
    }
    let newest = inner.machines.get(&request.ordinal).copied().unwrap_or_default();
    if headers["authorization"] != format!("Bearer {}", credential(newest)) {
        inner.refused += 1;
        let problem = serde_json::json!({ "code": "unauthorized", "message": "the credential is not valid" });
        return (StatusCode::UNAUTHORIZED, Json(problem)).into_response();
    }
    inner.heard.push(request);
    match inner.told.clone() {
        Some(told) => Json(told).into_response(),
        None => StatusCode::SERVICE_UNAVAILABLE.into_response(),
    }
}

/// Each enrolment is a new incarnation, and only the newest counts.
async fn enrol(
    State(inner): State<Arc<Mutex<Inner>>>,
    headers: HeaderMap,
    Json(request): Json<EnrolRequest>,
) -> Response {
    let mut inner = inner.lock().unwrap();
    let well = headers["authorization"] == format!("Bearer {SECRET}");
    let ordinal = request.ordinal;
    inner.enrolled.push((request, well));
    if !well {
        let problem = serde_json::json!({ "code": "unauthorized", "detail": "the enrolment secret is not the fleet's" });
        return (StatusCode::UNAUTHORIZED, Json(problem)).into_response();
    }
    let incarnation = inner.machines.entry(ordinal).or_default();
    *incarnation += 1;
    let credential = credential(*incarnation);
    let answer = serde_json::json!({ "contract": 1, "incarnation": incarnation, "credential": credential });
    (StatusCode::CREATED, Json(answer)).into_response()
}

async fn archive(
    State(inner): State<Arc<Mutex<Inner>>>,
    Path(name): Path<String>,
    headers: HeaderMap,
) -> Response {
    let (mut bytes, sending, count) = {
        let mut inner = inner.lock().unwrap();
        let count = inner.fetched.entry(name.clone()).or_default();
        *count += 1;
        let count = *count;
        match inner.archives.get(&name) {
            Some(bytes) => (bytes.clone(), inner.sending, count),
            None => return StatusCode::NOT_FOUND.into_response(),
        }
    };
    let half = bytes.len() / 2;
    let pieces = |bytes: Vec<u8>| {
        let rest = bytes[half..].to_vec();
        [bytes[..half].to_vec(), rest]
    };
    match sending {
        Sending::Whole => Bytes::from(bytes).into_response(),
        Sending::Wrong => {
            bytes[half] ^= 1;
            Bytes::from(bytes).into_response()
        }
        Sending::Slowly(ms) => {
            let [first, second] = pieces(bytes);
            let parts = stream::iter([(0, first), (ms, second)]).then(|(ms, part)| async move {
                tokio::time::sleep(Duration::from_millis(ms)).await;
                Ok::<_, std::io::Error>(part)
            });
            Body::from_stream(parts).into_response()
        }
        Sending::Breaks(times, ranges) => {
            let begin = headers
                .get("range")
                .filter(|_| ranges)
                .map_or(0, |r| range_start(r.to_str().unwrap()));
            let length = bytes.len();
            if begin > 0 {
                inner.lock().unwrap().resumed += 1;
            }
            let rest = bytes[begin..].to_vec();
            let (keep, breaks) = if count <= times {
                (half.saturating_sub(begin), true)
            } else {
                (rest.len(), false)
            };
            let head = stream::iter([Ok(rest[..keep].to_vec())]);
            // What was sent before must have left.
            let tail = stream::iter(breaks.then_some(())).then(|()| async {
                tokio::time::sleep(Duration::from_millis(100)).await;
                Err(std::io::Error::other("broken off"))
            });
            let mut response = Body::from_stream(head.chain(tail)).into_response();
            response
                .headers_mut()
                .insert("content-length", rest.len().to_string().parse().unwrap());
            if begin > 0 {
                *response.status_mut() = StatusCode::PARTIAL_CONTENT;
                let range = format!("bytes {begin}-{}/{length}", length - 1);
                response
                    .headers_mut()
                    .insert("content-range", range.parse().unwrap());
            }
            response
        }
    }
}

fn range_start(text: &str) -> usize {
    text.strip_prefix("bytes=")
        .and_then(|t| t.strip_suffix('-'))
        .unwrap()
        .parse()
        .unwrap()
}
