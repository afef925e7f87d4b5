//! What administrators declare: fleets, releases and the keys that may sign them.

use std::time::Duration;

use sluice_contract::api::{
    FleetDeclaration, InstanceList, ReleaseList, ReleaseRegistration, ReleaseView, SigningKey,
};
use sluice_contract::problem::{Code, Problem};
use sluice_core::fleet::{Fleet, MetricSource, Route};
use sluice_core::ids::{ComponentId, FleetKey, KeyId, TenantId, VersionId};
use sluice_core::policy::Approval;
use sluice_core::release::{Dependencies, Release};
use sluice_core::settings::FieldError;
use sluice_core::signature;

use crate::caller::{Caller, Scope};
use crate::keys;
use crate::ports::{Blobs, Fleets, PortErrorKind, Registry};
use crate::refusal;

/// How long an upload may take to begin.
const UPLOAD_VALID: Duration = Duration::from_secs(3_600);

/// The largest artifact: what one `PUT` to S3 takes.
const MAX_SIZE: u64 = 5 * 1024 * 1024 * 1024;

/// The most components that a release may need.
const MAX_REQUIRED: usize = 100;

/// Declares a fleet, or declares it anew.
///
/// # Errors
/// [`Code::InvalidRequest`] for values out of range.
pub async fn put_fleet<T: Fleets>(
    table: &T,
    caller: &Caller,
    key: FleetKey,
    declaration: FleetDeclaration,
) -> Result<Fleet, Problem> {
    caller.require(Scope::AdminPolicy)?;
    caller.require_tenant(&key.tenant_id)?;
    let FleetDeclaration {
        route,
        metrics,
        check_in,
        switch,
        approval,
    } = declaration;
    let mut errors = Vec::new();
    if let Some(Route::HttpEdge { url }) = &route
        && !(url.starts_with("http://") || url.starts_with("https://"))
    {
        errors.push(FieldError::new(
            "route.url",
            "is no web address",
            "http:// or https://",
        ));
    }
    errors.extend(metrics.iter().flat_map(MetricSource::check));
    for (field, ms) in [
        ("idle_ms", check_in.idle_ms),
        ("hold_ms", check_in.hold_ms),
        ("fast_ms", check_in.fast_ms),
    ] {
        if !(100..=3_600_000).contains(&ms) {
            errors.push(FieldError::new(
                &format!("checkIn.{field}"),
                format!("is {ms}"),
                "100 to 3600000",
            ));
        }
    }
    if approval == Approval::Stages {
        errors.push(FieldError::new("approval", "is not offered", "always or never"));
    }
    if !errors.is_empty() {
        return Err(Problem::fields(errors));
    }
    let fleet = Fleet {
        key,
        route,
        metrics,
        check_in,
        switch,
        approval,
    };
    table.put_fleet(&fleet).await.map_err(refusal::port)?;
    Ok(fleet)
}

/// A fleet's declaration.
///
/// # Errors
/// [`Code::NotFound`].
pub async fn fleet<T: Fleets>(table: &T, caller: &Caller, key: &FleetKey) -> Result<Fleet, Problem> {
    caller.require(Scope::UpgradeRead)?;
    caller.require_tenant(&key.tenant_id)?;
    let found = table.fleet(key).await.map_err(refusal::port)?;
    found.ok_or_else(|| Problem::new(Code::NotFound, format!("there is no fleet {key}")))
}

/// A fleet's instances.
///
/// # Errors
/// [`Code::NotFound`] for a fleet that is not declared.
pub async fn instances<T: Fleets>(
    table: &T,
    caller: &Caller,
    key: &FleetKey,
) -> Result<InstanceList, Problem> {
    fleet(table, caller, key).await?;
    let instances = table.instances(key).await.map_err(refusal::port)?;
    Ok(InstanceList { instances })
}

/// Trusts a key.
///
/// # Errors
/// [`Code::AlreadyRegistered`] when another key has the name.
pub async fn put_signing_key<T: Registry>(
    table: &T,
    caller: &Caller,
    tenant: &TenantId,
    key: &KeyId,
    given: &SigningKey,
) -> Result<(), Problem> {
    caller.require(Scope::AdminPolicy)?;
    caller.require_tenant(tenant)?;
    if signature::public_key(&given.public_key_pem).is_err() {
        let error = FieldError::new("publicKeyPem", "is not a key", "PEM of a P-256 public key");
        return Err(Problem::fields(vec![error]));
    }
    table
        .put_signing_key(tenant, key, &given.public_key_pem)
        .await
        .map_err(|e| taken(e, "another key", key.as_str()))
}

fn taken(error: crate::ports::PortError, what: &str, name: &str) -> Problem {
    if error.kind == PortErrorKind::Conflict {
        return Problem::new(Code::AlreadyRegistered, format!("{what} is registered as {name}"));
    }
    refusal::port(error)
}

/// Registers a release whose signature holds, and says where its artifact is to be put.
///
/// # Errors
/// [`Code::InvalidRequest`] for a signature that does not hold; [`Code::AlreadyRegistered`] for a version that is
/// something else already.
pub async fn put_release(
    table: &impl Registry,
    blobs: &impl Blobs,
    caller: &Caller,
    tenant: &TenantId,
    (component, version_id): (ComponentId, VersionId),
    given: ReleaseRegistration,
) -> Result<ReleaseView, Problem> {
    caller.require(Scope::AdminPolicy)?;
    caller.require_tenant(tenant)?;
    let release = checked(component, version_id, given)?;
    check_signature(table, tenant, &release).await?;
    table
        .put_release(tenant, &release)
        .await
        .map_err(|e| taken(e, "another release", &version_id.to_string()))?;
    shown(blobs, tenant, release).await
}

fn checked(
    component_id: ComponentId,
    version_id: VersionId,
    given: ReleaseRegistration,
) -> Result<Release, Problem> {
    let mut errors = Vec::new();
    let version = semver::Version::parse(&given.version).map_err(|e| {
        errors.push(FieldError::new(
            "version",
            format!("is no semantic version: {e}"),
            "for example 1.2.3",
        ));
    });
    let hex = given.digest.strip_prefix("sha256:").unwrap_or_default();
    if hex.len() != 64 || !hex.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f')) {
        errors.push(FieldError::new(
            "digest",
            "is no SHA-256 digest",
            "sha256: and 64 digits 0-9, a-f",
        ));
    }
    if given.size == 0 || given.size > MAX_SIZE {
        errors.push(FieldError::new(
            "size",
            format!("is {}", given.size),
            format!("1 to {MAX_SIZE}"),
        ));
    }
    errors.extend(bad_names(&given.dependencies));
    match version {
        Ok(version) if errors.is_empty() => Ok(Release {
            component_id,
            version_id,
            version,
            digest: given.digest,
            size: given.size,
            signature: given.signature,
            key_id: given.key_id,
            lifecycle_state: given.lifecycle_state,
            dependencies: given.dependencies,
        }),
        _ => Err(Problem::fields(errors)),
    }
}

/// Names that could never be told apart or found.
fn bad_names(dependencies: &Dependencies) -> Option<FieldError> {
    let names = &dependencies.requires;
    let bad = names
        .keys()
        .find(|name| name.trim() != name.as_str() || name.is_empty() || name.len() > 128);
    if names.len() > MAX_REQUIRED {
        let problem = format!("are {}", names.len());
        return Some(FieldError::new(
            "dependencies.requires",
            problem,
            format!("up to {MAX_REQUIRED}"),
        ));
    }
    bad.map(|name| {
        let accepted = "1 to 128 characters without spaces around";
        FieldError::new(
            "dependencies.requires",
            format!("has the name {name:?}"),
            accepted,
        )
    })
}

async fn check_signature<T: Registry>(
    table: &T,
    tenant: &TenantId,
    release: &Release,
) -> Result<(), Problem> {
    let wrong = |field: &str, problem: String, accepted: &str| {
        Problem::fields(vec![FieldError::new(field, problem, accepted)])
    };
    let pem = table
        .signing_key(tenant, &release.key_id)
        .await
        .map_err(refusal::port)?;
    let unknown = || {
        wrong(
            "keyId",
            format!("{} is not trusted", release.key_id),
            "a registered signing key",
        )
    };
    let key = signature::public_key(&pem.ok_or_else(unknown)?)
        .map_err(|e| wrong("keyId", e.to_string(), "a registered signing key"))?;
    signature::verify(&release.manifest(), &release.signature, &key).map_err(|e| {
        wrong(
            "signature",
            e.to_string(),
            "ECDSA P-256 over SHA-256 of the canonical manifest, DER, base64",
        )
    })
}

async fn shown(blobs: &impl Blobs, tenant: &TenantId, release: Release) -> Result<ReleaseView, Problem> {
    let key = keys::artifact(tenant, &release);
    let there = blobs.size(&key).await.map_err(refusal::port)? == Some(release.size);
    let upload_url = match there {
        true => None,
        false => Some(
            blobs
                .upload_url(&key, UPLOAD_VALID)
                .await
                .map_err(refusal::port)?,
        ),
    };
    Ok(ReleaseView { release, upload_url })
}

/// One release, and where its artifact is to be put while it is not there.
///
/// # Errors
/// [`Code::NotFound`].
pub async fn release(
    table: &impl Registry,
    blobs: &impl Blobs,
    caller: &Caller,
    tenant: &TenantId,
    component: ComponentId,
    version: VersionId,
) -> Result<ReleaseView, Problem> {
    caller.require(Scope::UpgradeRead)?;
    caller.require_tenant(tenant)?;
    let found = table
        .release(tenant, component, version)
        .await
        .map_err(refusal::port)?;
    let found =
        found.ok_or_else(|| Problem::new(Code::NotFound, format!("there is no version {version}")))?;
    // Who may only read gets no URL to write by.
    if caller.require(Scope::AdminPolicy).is_err() {
        return Ok(ReleaseView {
            release: found,
            upload_url: None,
        });
    }
    shown(blobs, tenant, found).await
}

/// A component's releases, newest version first.
///
/// # Errors
/// Those of the table.
pub async fn releases<T: Registry>(
    table: &T,
    caller: &Caller,
    tenant: &TenantId,
    component: ComponentId,
) -> Result<ReleaseList, Problem> {
    caller.require(Scope::UpgradeRead)?;
    caller.require_tenant(tenant)?;
    let mut versions = table.releases(tenant, component).await.map_err(refusal::port)?;
    versions.sort_by(|a, b| b.version.cmp(&a.version));
    Ok(ReleaseList { versions })
}
