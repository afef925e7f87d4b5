//! Signs, registers, uploads.

use std::path::PathBuf;

use clap::Args;
use clap::builder::{PossibleValuesParser, TypedValueParser as _};
use semver::{Version, VersionReq};
use serde::Deserialize as _;
use serde::de::value::{Error, StrDeserializer};
use sluice_contract::api::{ReleaseRegistration, ReleaseView};
use sluice_core::ids::{ComponentId, KeyId, TenantId, VersionId};
use sluice_core::release::{Dependencies, LifecycleState, Manifest};

use super::artifact::{self, Artifact};
use super::path;
use crate::api::{Answer, Api};
use crate::failure::Failure;
use crate::output::Output;
use crate::{input, sign};

/// The states that a release can have.
const STATES: [&str; 4] = ["draft", "blessed", "live", "archived"];

/// What is published.
#[derive(Debug, Args)]
pub struct Publish {
    /// What it is a version of.
    #[arg(long, value_name = "UUID")]
    component: ComponentId,
    /// Its identity.
    #[arg(long, value_name = "UUID")]
    version_id: VersionId,
    /// Its semantic version.
    #[arg(long, value_name = "SEMVER")]
    version: Version,
    /// What instances install.
    #[arg(long, value_name = "FILE")]
    artifact: PathBuf,
    /// PEM of the P-256 private key that signs it.
    #[arg(long, value_name = "PRIVATE.pem")]
    key: PathBuf,
    /// The name under which the tenant trusts the key.
    #[arg(long, value_name = "ID")]
    key_id: KeyId,
    /// Upgrades may aim at blessed and live releases.
    #[arg(long, default_value = "draft", value_parser = PossibleValuesParser::new(STATES).try_map(|s| state(&s)))]
    state: LifecycleState,
    /// The versions that may be upgraded to it directly [default: all].
    #[arg(long, value_name = "RANGE")]
    upgrades_from: Option<VersionReq>,
    /// What it needs of another component; may be repeated.
    #[arg(long = "requires", value_name = "COMPONENT=RANGE", value_parser = required)]
    requires: Vec<(String, VersionReq)>,
    /// It changes what is stored: going back may lose what it wrote.
    #[arg(long)]
    changes_storage: bool,
}

fn required(text: &str) -> Result<(String, VersionReq), String> {
    let accepted = "accepted: COMPONENT=RANGE, such as postgresql=>=15";
    let (name, range) = text
        .split_once('=')
        .filter(|(name, _)| !name.is_empty())
        .ok_or(accepted)?;
    let range = range.parse().map_err(|e| format!("{e}; {accepted}"))?;
    Ok((name.to_owned(), range))
}

fn state(text: &str) -> Result<LifecycleState, Error> {
    LifecycleState::deserialize(StrDeserializer::new(text))
}

impl Publish {
    fn registration(&self, artifact: &Artifact) -> Result<ReleaseRegistration, Failure> {
        let key = sign::private_key(&input::text(&self.key)?)
            .map_err(|e| Failure::input(self.key.display().to_string(), e))?;
        let manifest = Manifest {
            component: self.component,
            version: self.version.clone(),
            digest: artifact.digest.clone(),
            size: artifact.size,
        };
        Ok(ReleaseRegistration {
            version: manifest.version.to_string(),
            signature: sign::sign(&manifest, &key),
            digest: manifest.digest,
            size: manifest.size,
            key_id: self.key_id.clone(),
            lifecycle_state: self.state,
            dependencies: Dependencies {
                upgrades_from: self.upgrades_from.clone(),
                requires: self.requires.iter().cloned().collect(),
                changes_storage: self.changes_storage,
            },
        })
    }
}

/// Publishes a release; gives the API's last word about it. No address for writing is ever part of that.
pub async fn publish(api: &Api, tenant: &TenantId, said: &Publish, out: Output) -> Result<Answer, Failure> {
    let artifact = artifact::measure(&said.artifact)?;
    let registration = said.registration(&artifact)?;
    let path = path(tenant, said.component, said.version_id);
    let registered = api.put(&path, &registration).await?;
    let Some(url) = registered.parse::<ReleaseView>()?.upload_url else {
        return Ok(registered);
    };
    artifact::upload(api, &said.artifact, &artifact, &url, out).await?;
    let answer = api.get(&path, &[]).await?;
    if answer.parse::<ReleaseView>()?.upload_url.is_some() {
        let problem = format!("the registry does not see all {} bytes of it", artifact.size);
        return Err(Failure::unexpected("the artifact was uploaded", problem));
    }
    Ok(answer)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_state_is_offered() {
        use LifecycleState::{Archived, Blessed, Draft, Live};
        let read = STATES.map(|text| state(text).unwrap());
        assert_eq!(read, [Draft, Blessed, Live, Archived]);
    }

    #[test]
    fn what_is_needed_has_a_name_and_a_range() {
        for (text, expected) in [
            ("postgresql=>=15", Some(("postgresql", ">=15"))),
            ("redis=^7.2", Some(("redis", "^7.2"))),
            ("redis", None),
            ("=1", None),
            ("redis=new", None),
        ] {
            let read = required(text).ok();
            let expected = expected.map(|(name, range)| (name.to_owned(), range.parse().unwrap()));
            assert_eq!(read, expected, "{text}");
        }
    }
}
