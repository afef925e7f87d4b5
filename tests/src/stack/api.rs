//! The API, as the holder of one token sees it.

use anyhow::{Context, Result};
use reqwest::{Method, RequestBuilder, header};
use serde::Serialize;

use super::Answer;

/// Says who asks and keeps where.
#[derive(Debug, Clone)]
pub struct Api {
    http: reqwest::Client,
    url: String,
    token: Option<String>,
}

impl Api {
    pub(super) fn new(http: reqwest::Client, url: String, token: Option<String>) -> Self {
        Self { http, url, token }
    }

    /// Asks for `path`, which begins behind `/api/v1`.
    ///
    /// # Errors
    /// When no answer comes.
    pub async fn get(&self, path: &str) -> Result<Answer> {
        self.send(Method::GET, path, |request| request).await
    }

    /// Replaces what is at `path`.
    ///
    /// # Errors
    /// When no answer comes.
    pub async fn put(&self, path: &str, body: &impl Serialize) -> Result<Answer> {
        self.send(Method::PUT, path, |request| request.json(body)).await
    }

    /// Has something done.
    ///
    /// # Errors
    /// When no answer comes.
    pub async fn post(&self, path: &str, body: &impl Serialize) -> Result<Answer> {
        self.send(Method::POST, path, |request| request.json(body)).await
    }

    /// Has something done that needs no body.
    ///
    /// # Errors
    /// When no answer comes.
    pub async fn act(&self, path: &str) -> Result<Answer> {
        self.send(Method::POST, path, |request| request).await
    }

    /// Takes away what is at `path`.
    ///
    /// # Errors
    /// When no answer comes.
    pub async fn delete(&self, path: &str) -> Result<Answer> {
        self.send(Method::DELETE, path, |request| request).await
    }

    /// Has something done once, however often it is sent.
    ///
    /// # Errors
    /// When no answer comes.
    pub async fn post_once(&self, path: &str, key: &str, body: &impl Serialize) -> Result<Answer> {
        let keyed = |request: RequestBuilder| request.header("idempotency-key", key).json(body);
        self.send(Method::POST, path, keyed).await
    }

    /// Sends a body as it is.
    ///
    /// # Errors
    /// When no answer comes.
    pub async fn post_text(&self, path: &str, body: String) -> Result<Answer> {
        let text = |request: RequestBuilder| {
            request
                .header(header::CONTENT_TYPE, "application/json")
                .body(body)
        };
        self.send(Method::POST, path, text).await
    }

    /// Sends any request.
    ///
    /// # Errors
    /// When no answer comes.
    pub async fn send(
        &self,
        method: Method,
        path: &str,
        complete: impl FnOnce(RequestBuilder) -> RequestBuilder,
    ) -> Result<Answer> {
        let asked = format!("{method} {path}");
        let mut request = self.http.request(method, format!("{}/api/v1{path}", self.url));
        if let Some(token) = &self.token {
            request = request.bearer_auth(token);
        }
        let answer = complete(request).send().await.with_context(|| asked.clone())?;
        let media_type = answer.headers().get(header::CONTENT_TYPE);
        let media_type = media_type
            .and_then(|value| value.to_str().ok())
            .unwrap_or_default();
        let media_type = media_type.split(';').next().unwrap_or_default().to_owned();
        let status = answer.status().as_u16();
        let body = answer.text().await.with_context(|| asked.clone())?;
        Ok(Answer {
            request: asked,
            status,
            media_type,
            body,
        })
    }
}
