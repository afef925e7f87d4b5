//! `sluice release`: versions with their artifacts.

use clap::Subcommand;
use sluice_contract::api::{ReleaseList, ReleaseView};
use sluice_core::ids::{ComponentId, TenantId, VersionId};
use sluice_core::release::Release;

use crate::cli::Global;
use crate::failure::{Exit, Failure};
use crate::output::{Output, Table, name};

mod artifact;
mod publish;

/// The commands about releases.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Sign an artifact, register it as a release and upload it; the same again changes nothing but the state.
    Publish(Box<publish::Publish>),
    /// Show one release.
    Get {
        /// What it is a version of.
        #[arg(long, value_name = "UUID")]
        component: ComponentId,
        /// Its identity.
        #[arg(long, value_name = "UUID")]
        version_id: VersionId,
    },
    /// List a component's releases, newest version first.
    List {
        /// The component.
        #[arg(long, value_name = "UUID")]
        component: ComponentId,
    },
}

/// Carries a command about releases out.
///
/// # Errors
/// Every [`Failure`].
pub async fn run(command: Command, global: &Global, out: &Output) -> Result<Exit, Failure> {
    let (api, tenant) = (global.api()?, global.tenant()?);
    match command {
        Command::Publish(publish) => {
            let answer = publish::publish(&api, &tenant, &publish, *out).await?;
            out.answer(&answer, shown)?;
        }
        Command::Get {
            component,
            version_id,
        } => {
            let answer = api.get(&path(&tenant, component, version_id), &[]).await?;
            out.answer(&answer, shown)?;
        }
        Command::List { component } => {
            let path = format!("/tenants/{tenant}/components/{component}/releases");
            out.answer(&api.get(&path, &[]).await?, listed)?;
        }
    }
    Ok(Exit::Fine)
}

fn path(tenant: &TenantId, component: ComponentId, version: VersionId) -> String {
    format!("/tenants/{tenant}/components/{component}/releases/{version}")
}

fn shown(view: &ReleaseView) -> String {
    let release = &view.release;
    let mut table = Table::default();
    table.row(["component", &release.component_id.to_string()]);
    table.row(["version id", &release.version_id.to_string()]);
    table.row(["version", &release.version.to_string()]);
    table.row(["state", &name(&release.lifecycle_state)]);
    table.row(["digest", &release.digest]);
    table.row(["size", &format!("{} bytes", release.size)]);
    table.row(["signed by", release.key_id.as_str()]);
    if view.upload_url.is_some() {
        table.row(["artifact", "not uploaded"]);
    }
    table.to_string()
}

fn listed(list: &ReleaseList) -> String {
    let mut table = Table::new(["VERSION", "STATE", "VERSION ID", "BYTES", "DIGEST", "SIGNED BY"]);
    list.versions
        .iter()
        .for_each(|release| table.row(release_row(release)));
    table.to_string()
}

/// How much of a digest tells one artifact from another in a list: its kind and 12 digits.
const SHOWN_DIGEST: usize = "sha256:".len() + 12;

fn release_row(release: &Release) -> [String; 6] {
    [
        release.version.to_string(),
        name(&release.lifecycle_state),
        release.version_id.to_string(),
        release.size.to_string(),
        release.digest.chars().take(SHOWN_DIGEST).collect(),
        release.key_id.to_string(),
    ]
}
