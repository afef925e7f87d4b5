//! The API as the demo calls it.

use std::time::Duration;

use anyhow::{Context, Result, bail};
use reqwest::{Client, Method};
use serde::Serialize;
use serde::de::DeserializeOwned;
use sluice_core::ids::{ComponentId, TenantId};
use uuid::Uuid;

use crate::stack::StackInfo;

/// A caller who may do everything, and what it upgrades.
pub struct Api {
    client: Client,
    base: String,
    token: String,
    /// The tenant of the caller.
    pub tenant: TenantId,
    /// The demo's component.
    pub component: ComponentId,
}

impl Api {
    /// The API of a stack, with a component of its own.
    ///
    /// # Errors
    /// When there is no HTTP client to be had.
    pub fn new(stack: &StackInfo) -> Result<Self> {
        let client = Client::builder().timeout(Duration::from_secs(15)).build();
        Ok(Self {
            client: client.context("cannot make an HTTP client")?,
            base: stack.api_url.clone(),
            token: stack.operator_token.clone(),
            tenant: TenantId::new(stack.tenant.clone()).context("the stack's tenant")?,
            component: ComponentId(Uuid::new_v4()),
        })
    }

    /// The path of the demo's component, or below it.
    pub fn below_component(&self, path: &str) -> String {
        format!("/tenants/{}/components/{}{path}", self.tenant, self.component)
    }

    /// Reads.
    ///
    /// # Errors
    /// With the API's own words when it refuses.
    pub async fn get<T: DeserializeOwned>(&self, path: &str) -> Result<T> {
        self.call(Method::GET, path, None::<&()>).await
    }

    /// Declares.
    ///
    /// # Errors
    /// With the API's own words when it refuses.
    pub async fn put<T: DeserializeOwned>(&self, path: &str, body: &impl Serialize) -> Result<T> {
        self.call(Method::PUT, path, Some(body)).await
    }

    /// Asks for a deed, once.
    ///
    /// # Errors
    /// With the API's own words when it refuses.
    pub async fn post<T: DeserializeOwned>(&self, path: &str, body: Option<&impl Serialize>) -> Result<T> {
        self.call(Method::POST, path, body).await
    }

    /// Reads text.
    ///
    /// # Errors
    /// With the API's own words when it refuses.
    pub async fn text(&self, path: &str) -> Result<String> {
        self.send(Method::GET, path, None::<&()>).await
    }

    /// Puts a file where a presigned URL says.
    ///
    /// # Errors
    /// When the storage refuses it.
    pub async fn upload(&self, url: &str, bytes: Vec<u8>) -> Result<()> {
        let answer = self
            .client
            .put(url)
            .body(bytes)
            .send()
            .await
            .context("cannot upload")?;
        answer
            .error_for_status()
            .context("the upload is refused")
            .map(drop)
    }

    async fn call<T: DeserializeOwned>(
        &self,
        method: Method,
        path: &str,
        body: Option<&impl Serialize>,
    ) -> Result<T> {
        let text = self.send(method, path, body).await?;
        serde_json::from_str(&text).with_context(|| format!("cannot read the answer of {path}"))
    }

    async fn send(&self, method: Method, path: &str, body: Option<&impl Serialize>) -> Result<String> {
        let url = format!("{}/api/v1/registry{path}", self.base);
        let mut request = self.client.request(method.clone(), &url).bearer_auth(&self.token);
        if method == Method::POST {
            request = request.header("idempotency-key", Uuid::new_v4().to_string());
        }
        if let Some(body) = body {
            request = request.json(body);
        }
        let answer = request
            .send()
            .await
            .with_context(|| format!("cannot reach {path}"))?;
        let status = answer.status();
        let text = answer
            .text()
            .await
            .with_context(|| format!("cannot read the answer of {path}"))?;
        if !status.is_success() {
            bail!("{method} {path} answered {status}: {text}");
        }
        Ok(text)
    }
}
