//! An OIDC issuer for one local stack: it signs a token for whoever asks on the loopback address, so it must never be
//! reachable from elsewhere.
//!
//! - `GET /.well-known/openid-configuration` and `GET /jwks.json`: what API Gateway's JWT authorizer reads.
//! - `POST /token`: see [`TokenRequest`].

mod keys;

use std::fs;
use std::net::Ipv4Addr;
use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;

use anyhow::{Context, Result};
use axum::extract::State;
use axum::http::StatusCode;
use axum::routing::{get, post};
use axum::{Json, Router};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use tokio::net::TcpListener;

use crate::cli::IssuerOptions;
use keys::SigningKey;

/// Audience of every token; the template's default.
pub const AUDIENCE: &str = "sluice";
/// Longest life of a token: a day.
pub const LONGEST_TTL_SECONDS: u64 = 86_400;
const DEFAULT_TTL_SECONDS: u64 = 3_600;

/// What a token shall say.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TokenRequest {
    /// Who it is for: an operator, or an instance's id.
    pub sub: String,
    /// The only tenant that it opens.
    pub tenant: String,
    /// Scopes, separated by blanks.
    pub scope: String,
    /// Its life; an hour unless given.
    #[serde(default = "default_ttl_seconds")]
    pub ttl_seconds: u64,
}

/// A signed token, in the shape of RFC 6749.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct TokenAnswer {
    pub access_token: String,
    pub token_type: String,
    /// Its life in seconds.
    pub expires_in: u64,
}

struct Issuer {
    url: String,
    key: SigningKey,
}

fn default_ttl_seconds() -> u64 {
    DEFAULT_TTL_SECONDS
}

/// Serves until it is stopped.
///
/// # Errors
/// When no port or key is to be had, or the address cannot be written.
pub async fn serve(options: IssuerOptions) -> Result<ExitCode> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))
        .await
        .context("cannot listen on the loopback address")?;
    let url = format!(
        "http://{}",
        listener
            .local_addr()
            .context("cannot tell the issuer's address")?
    );
    let issuer = Issuer {
        url: url.clone(),
        key: SigningKey::generate()?,
    };
    announce(&options.ready, &url)?;
    axum::serve(listener, router(issuer))
        .await
        .context("the issuer broke down")?;
    Ok(ExitCode::SUCCESS)
}

fn router(issuer: Issuer) -> Router {
    Router::new()
        .route("/.well-known/openid-configuration", get(configuration))
        .route("/jwks.json", get(key_set))
        .route("/token", post(token))
        .with_state(Arc::new(issuer))
}

/// Tells the address by a file that is complete as soon as it exists.
fn announce(ready: &Path, url: &str) -> Result<()> {
    let unfinished = ready.with_extension("unfinished");
    fs::write(&unfinished, url)
        .and_then(|()| fs::rename(&unfinished, ready))
        .with_context(|| format!("cannot write {}", ready.display()))
}

async fn configuration(State(issuer): State<Arc<Issuer>>) -> Json<Value> {
    let url = &issuer.url;
    Json(json!({
        "issuer": url,
        "jwks_uri": format!("{url}/jwks.json"),
        "token_endpoint": format!("{url}/token"),
        "response_types_supported": ["token"],
        "subject_types_supported": ["public"],
        "id_token_signing_alg_values_supported": ["RS256"],
    }))
}

async fn key_set(State(issuer): State<Arc<Issuer>>) -> Json<Value> {
    Json(json!({ "keys": [issuer.key.public()] }))
}

async fn token(
    State(issuer): State<Arc<Issuer>>,
    Json(request): Json<TokenRequest>,
) -> Result<Json<TokenAnswer>, (StatusCode, String)> {
    if request.sub.is_empty() || request.tenant.is_empty() {
        return Err((
            StatusCode::BAD_REQUEST,
            "sub and tenant must not be empty".to_owned(),
        ));
    }
    let expires_in = request.ttl_seconds;
    if !(1..=LONGEST_TTL_SECONDS).contains(&expires_in) {
        return Err((
            StatusCode::BAD_REQUEST,
            format!("ttl_seconds is not within 1 and {LONGEST_TTL_SECONDS}"),
        ));
    }
    let signed = issuer.key.sign(&issuer.url, &request);
    let access_token = signed.map_err(|error| (StatusCode::INTERNAL_SERVER_ERROR, format!("{error:#}")))?;
    Ok(Json(TokenAnswer {
        access_token,
        token_type: "Bearer".to_owned(),
        expires_in,
    }))
}

#[cfg(test)]
mod tests;
