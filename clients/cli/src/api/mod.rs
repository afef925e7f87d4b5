//! The REST API over HTTP.

use std::time::Duration;

use reqwest::header::{AUTHORIZATION, CONTENT_TYPE, IF_MATCH, IF_NONE_MATCH, RETRY_AFTER};
use reqwest::{Client, Method, Response};
use serde::Serialize;
use serde::de::DeserializeOwned;
use url::Url;
use uuid::Uuid;

use crate::failure::{Failure, Refusal};
use crate::token::{Secret, Token};

pub mod retry;

use retry::Missed;

/// Where the registry lies, below the API's address.
const REGISTRY: &str = "/api/v1/registry";

/// How long a connection may take.
const CONNECT: Duration = Duration::from_secs(5);

/// The most of an answer that is read, in bytes: as much as the API reads of a report.
const MAX_ANSWER: usize = 64 << 20;

/// A body and what is known of its making.
#[derive(Debug, Clone)]
pub struct Answer(Vec<u8>);

impl Answer {
    /// As it came.
    #[must_use]
    pub fn raw(&self) -> &[u8] {
        &self.0
    }

    /// Its content.
    ///
    /// # Errors
    /// [`Failure::Unexpected`] when it is something else.
    pub fn parse<T: DeserializeOwned>(&self) -> Result<T, Failure> {
        serde_path_to_error::deserialize(&mut serde_json::Deserializer::from_slice(&self.0))
            .map_err(|e| Failure::unexpected("the API's answer is not understood", e))
    }
}

/// One request, however often it is tried.
struct Call {
    method: Method,
    path: String,
    query: Vec<(&'static str, String)>,
    body: Option<Vec<u8>>,
    media_type: &'static str,
    /// The revision that is replaced; 0 for none.
    replaces: Option<u64>,
    idempotency_key: Option<Uuid>,
}

impl Call {
    fn new(method: Method, path: &str, query: &[(&'static str, Option<String>)]) -> Self {
        let given = query
            .iter()
            .filter_map(|(name, value)| Some((*name, value.clone()?)));
        Self {
            method,
            path: path.to_owned(),
            query: given.collect(),
            body: None,
            media_type: "application/json",
            replaces: None,
            idempotency_key: None,
        }
    }

    fn with(mut self, body: &impl Serialize) -> Result<Self, Failure> {
        let bytes = serde_json::to_vec(body);
        self.body = Some(bytes.map_err(|e| Failure::unexpected("the body cannot be written", e))?);
        Ok(self)
    }
}

/// The API, as one caller sees it.
#[derive(Clone)]
pub struct Api {
    approval: Option<Secret>,
    http: Client,
    base: String,
    token: Token,
    tries: u32,
    timeout: Duration,
}

impl Api {
    /// The API at an address. Each request is tried up to `tries` times, with `timeout_seconds` for each try.
    ///
    /// # Errors
    /// [`Failure::Input`] when the address is none.
    pub fn new(url: &str, token: Token, tries: u32, timeout_seconds: u64) -> Result<Self, Failure> {
        let parsed = Url::parse(url).map_err(|e| Failure::input(format!("API address {url:?}"), e))?;
        if !matches!(parsed.scheme(), "http" | "https") || parsed.query().is_some() {
            return Err(Failure::input(
                format!("API address {url:?}"),
                "accepted: http:// or https://, without a query",
            ));
        }
        // A redirect would carry the token, or a POST, to somewhere that nobody named.
        let http = Client::builder()
            .connect_timeout(CONNECT)
            .redirect(reqwest::redirect::Policy::none())
            .user_agent(concat!("sluice/", env!("CARGO_PKG_VERSION")))
            .build()
            .map_err(|e| Failure::unexpected("the HTTP client cannot be made", cause(e)))?;
        Ok(Self {
            approval: None,
            http,
            base: format!("{}{REGISTRY}", url.trim_end_matches('/')),
            token,
            tries,
            timeout: Duration::from_secs(timeout_seconds),
        })
    }

    /// The same, which shows an approval's token with every request.
    #[must_use]
    pub fn showing(&self, approval: Option<Secret>) -> Self {
        Self {
            approval,
            ..self.clone()
        }
    }

    /// The client below, for addresses that the API names; it adds no credential.
    #[must_use]
    pub fn http(&self) -> &Client {
        &self.http
    }

    /// How often a request is tried.
    #[must_use]
    pub fn tries(&self) -> u32 {
        self.tries
    }

    /// Reads.
    ///
    /// # Errors
    /// Every [`Failure`].
    pub async fn get(&self, path: &str, query: &[(&'static str, Option<String>)]) -> Result<Answer, Failure> {
        self.send(&Call::new(Method::GET, path, query)).await
    }

    /// Declares; the same again changes nothing.
    ///
    /// # Errors
    /// Every [`Failure`].
    pub async fn put(&self, path: &str, body: &impl Serialize) -> Result<Answer, Failure> {
        self.send(&Call::new(Method::PUT, path, &[]).with(body)?).await
    }

    /// Takes away.
    ///
    /// # Errors
    /// Every [`Failure`].
    pub async fn delete(&self, path: &str) -> Result<Answer, Failure> {
        self.send(&Call::new(Method::DELETE, path, &[])).await
    }

    /// Sets a text in YAML in place of a revision, 0 for none; the same again changes nothing.
    ///
    /// # Errors
    /// Every [`Failure`].
    pub async fn put_text(&self, path: &str, text: String, replaces: u64) -> Result<Answer, Failure> {
        let call = Call {
            body: Some(text.into_bytes()),
            media_type: "application/yaml",
            replaces: Some(replaces),
            ..Call::new(Method::PUT, path, &[])
        };
        self.send(&call).await
    }

    /// Asks for something to be done, once: all tries carry the same Idempotency-Key.
    ///
    /// # Errors
    /// Every [`Failure`].
    pub async fn post(
        &self,
        path: &str,
        query: &[(&'static str, Option<String>)],
        body: Option<&impl Serialize>,
    ) -> Result<Answer, Failure> {
        let mut call = Call::new(Method::POST, path, query);
        if let Some(body) = body {
            call = call.with(body)?;
        }
        call.idempotency_key = Some(Uuid::new_v4());
        self.send(&call).await
    }

    async fn send(&self, call: &Call) -> Result<Answer, Failure> {
        retry::run(self.tries, async || self.once(call).await).await
    }

    async fn once(&self, call: &Call) -> Result<Answer, Missed> {
        let address = format!("{}{}", self.base, call.path);
        let mut request = self
            .http
            .request(call.method.clone(), address)
            .timeout(self.timeout)
            .query(&call.query)
            .header(AUTHORIZATION, self.token.header()?);
        if let Some(approval) = &self.approval {
            request = request.header("sluice-approval", approval.header()?);
        }
        if let Some(key) = call.idempotency_key {
            request = request.header("idempotency-key", key.to_string());
        }
        request = match call.replaces {
            Some(0) => request.header(IF_NONE_MATCH, "*"),
            Some(revision) => request.header(IF_MATCH, format!("\"{revision}\"")),
            None => request,
        };
        if let Some(body) = &call.body {
            request = request.header(CONTENT_TYPE, call.media_type).body(body.clone());
        }
        let response = request.send().await.map_err(|e| self.unreachable(e))?;
        let (status, after) = (response.status(), asked_pause(&response));
        let body = self.body(response).await?;
        if status.is_success() {
            return Ok(Answer(body));
        }
        let reason = status.canonical_reason().unwrap_or("Unexpected status");
        let refusal = Refusal::read(status.as_u16(), reason, &body);
        Err(Missed {
            again: refusal.is_passing(),
            after,
            failure: Failure::Refused(Box::new(refusal)),
        })
    }

    async fn body(&self, mut response: Response) -> Result<Vec<u8>, Missed> {
        let mut body = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(|e| self.unreachable(e))? {
            body.extend_from_slice(&chunk);
            if body.len() > MAX_ANSWER {
                let problem = format!("it is longer than {MAX_ANSWER} bytes");
                return Err(Failure::unexpected("the API's answer is not understood", problem).into());
            }
        }
        Ok(body)
    }

    fn unreachable(&self, error: reqwest::Error) -> Missed {
        unreachable(format!("the API at {}", self.base), error)
    }
}

/// The pause that a server asks for, where it says so in seconds.
#[must_use]
pub fn asked_pause(response: &Response) -> Option<Duration> {
    let value = response.headers().get(RETRY_AFTER)?.to_str().ok()?;
    value.trim().parse().ok().map(Duration::from_secs)
}

/// A request that got no answer: worth another try, unless it could not even be put together.
#[must_use]
pub fn unreachable(peer: String, error: reqwest::Error) -> Missed {
    let again = !error.is_builder();
    let cause = cause(error);
    let failure = match again {
        true => Failure::Unreachable { peer, cause },
        false => Failure::input(peer, cause),
    };
    Missed {
        failure,
        again,
        after: None,
    }
}

/// An error with its causes, without the address: an address may be signed.
fn cause(error: reqwest::Error) -> String {
    let error = error.without_url();
    let mut text = error.to_string();
    let mut source = std::error::Error::source(&error);
    while let Some(error) = source {
        text = format!("{text}: {error}");
        source = error.source();
    }
    text
}
