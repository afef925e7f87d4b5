//! `sluice key`: the keys that sign releases.

use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use clap::Subcommand;
use sluice_contract::api::SigningKey;
use sluice_core::ids::KeyId;
use sluice_core::signature;

use crate::cli::Global;
use crate::failure::{Exit, Failure};
use crate::input;
use crate::output::{Output, Table};
use crate::sign;

/// The commands about keys.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Trust a public key: releases that it signed may be registered.
    Trust {
        /// The name that releases call it by.
        #[arg(long)]
        key_id: KeyId,
        /// PEM of a P-256 public key.
        #[arg(long, value_name = "FILE")]
        public_key: PathBuf,
    },
    /// Make a pair of P-256 keys; files that exist are left alone.
    Generate {
        /// Writes PREFIX.private.pem, which only its owner can read, and PREFIX.public.pem.
        #[arg(long, value_name = "PREFIX")]
        out: PathBuf,
    },
}

/// Carries a command about keys out.
///
/// # Errors
/// Every [`Failure`].
pub async fn run(command: Command, global: &Global, out: &Output) -> Result<Exit, Failure> {
    match command {
        Command::Trust { key_id, public_key } => trust(global, out, &key_id, &public_key).await,
        Command::Generate { out: prefix } => generate(*out, &prefix),
    }
}

async fn trust(global: &Global, out: &Output, key_id: &KeyId, file: &Path) -> Result<Exit, Failure> {
    let (api, tenant) = (global.api()?, global.tenant()?);
    let public_key_pem = input::text(file)?;
    signature::public_key(&public_key_pem).map_err(|e| Failure::input(file.display().to_string(), e))?;
    let path = format!("/tenants/{tenant}/signing-keys/{key_id}");
    let answer = api.put(&path, &SigningKey { public_key_pem }).await?;
    out.answer(&answer, |_: &SigningKey| {
        format!("{tenant} trusts the key {key_id}")
    })?;
    Ok(Exit::Fine)
}

fn generate(out: Output, prefix: &Path) -> Result<Exit, Failure> {
    let file = |end: &str| {
        let mut name = prefix.as_os_str().to_owned();
        name.push(end);
        PathBuf::from(name)
    };
    let (private, public) = (file(".private.pem"), file(".public.pem"));
    let pair = sign::generate().map_err(|e| Failure::unexpected("making a key", e))?;
    write_new(&public, 0o644, &pair.public)?;
    if let Err(failure) = write_new(&private, 0o600, &pair.private) {
        // A public key alone would only mislead. What cannot be removed stays; the failure below is what counts.
        let _ = std::fs::remove_file(&public);
        return Err(failure);
    }
    if out.is_json() {
        let document = serde_json::json!({ "privateKey": private, "publicKey": public });
        out.print(document.to_string().as_bytes())?;
    } else {
        let mut table = Table::default();
        table.row(["private key", &private.display().to_string()]);
        table.row(["public key", &public.display().to_string()]);
        out.print(table.to_string().as_bytes())?;
    }
    Ok(Exit::Fine)
}

/// Writes a file that must not exist: a key that was lost cannot be made again.
fn write_new(path: &Path, mode: u32, text: &str) -> Result<(), Failure> {
    let wrong = |e: std::io::Error| Failure::input(path.display().to_string(), e);
    let mut file = std::fs::OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(mode)
        .open(path)
        .map_err(wrong)?;
    file.write_all(text.as_bytes())
        .and_then(|()| file.sync_all())
        .map_err(wrong)
}
