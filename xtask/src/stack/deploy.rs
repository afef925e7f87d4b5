//! Deploys the template to a running local AWS.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Stdio;

use anyhow::{Context, Result, bail};
use serde::Serialize;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::process::Command;

use super::{StackInfo, StackOptions};
use crate::cargo::Workspace;
use crate::issuer::AUDIENCE;
use crate::process::{Foreground, Run};
use crate::progress::Progress;

/// What the deploying script reads.
#[derive(Default, Serialize)]
struct Request<'a> {
    endpoint_url: &'a str,
    region: &'a str,
    access_key_id: &'a str,
    secret_access_key: &'a str,
    session_token: Option<&'a str>,
    stack_name: &'a str,
    template: PathBuf,
    code_bucket: &'a str,
    code_prefix: &'a str,
    files: BTreeMap<String, PathBuf>,
    parameters: BTreeMap<&'a str, &'a str>,
}

impl<'a> Request<'a> {
    fn of(info: &'a StackInfo) -> Self {
        Self {
            endpoint_url: &info.endpoint_url,
            region: &info.region,
            access_key_id: &info.access_key_id,
            secret_access_key: &info.secret_access_key,
            session_token: info.session_token.as_deref(),
            stack_name: &info.name,
            code_bucket: &info.code_bucket,
            ..Self::default()
        }
    }
}

/// Removes the stack's resources from an endpoint that stays. It is for ends of all kinds and waits by itself.
///
/// # Errors
/// When a resource does not go; the message has the script's words.
pub fn remove(python: &Path, script: &Path, info: &StackInfo) -> Result<()> {
    let request = serde_json::to_vec(&Request::of(info)).context("cannot describe the stack")?;
    let mut command = std::process::Command::new(python);
    command.arg("-I").arg(script).arg("remove");
    command
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::piped());
    let mut running = command.spawn().context("cannot start Python")?;
    if let Some(mut input) = running.stdin.take() {
        std::io::Write::write_all(&mut input, &request).context("cannot speak to the deploying script")?;
    }
    let ended = running
        .wait_with_output()
        .context("cannot hear the deploying script")?;
    if !ended.status.success() {
        let said = String::from_utf8_lossy(&ended.stderr);
        bail!(
            "the stack {} is not removed from {}:\n{}",
            info.name,
            info.endpoint_url,
            said.trim()
        );
    }
    Ok(())
}

/// The state machines' definitions by file name.
///
/// # Errors
/// When there is none, or the folder cannot be read.
pub fn definitions(root: &Path) -> Result<BTreeMap<String, PathBuf>> {
    let folder = root.join("statemachine");
    let mut found = BTreeMap::new();
    for entry in fs::read_dir(&folder).with_context(|| format!("cannot read {}", folder.display()))? {
        let entry = entry.with_context(|| format!("cannot read {}", folder.display()))?;
        let name = entry.file_name().to_string_lossy().into_owned();
        if name.ends_with(".asl.json") {
            found.insert(name, entry.path());
        }
    }
    if found.is_empty() {
        bail!("there is no *.asl.json in {}", folder.display());
    }
    Ok(found)
}

/// Uploads `files`, creates the resources and gives the template's outputs.
///
/// # Errors
/// When a resource is refused; the message names it.
pub async fn deploy(
    run: &Run,
    python: &Path,
    workspace: &Workspace<'_>,
    info: &StackInfo,
    options: &StackOptions,
    files: BTreeMap<String, PathBuf>,
) -> Result<BTreeMap<String, String>> {
    let progress = Progress::start("deploying the template");
    // CloudFormation compares the names of archives, not what is in them.
    let (_, code_prefix) = run.mark();
    let architecture = if cfg!(target_arch = "aarch64") {
        "arm64"
    } else {
        "x86_64"
    };
    let parameters = BTreeMap::from([
        ("CodeBucket", info.code_bucket.as_str()),
        ("CodePrefix", code_prefix.as_str()),
        ("JwtIssuer", info.issuer_url.as_str()),
        ("JwtAudience", AUDIENCE),
        ("Architecture", architecture),
        ("DataRetention", "Delete"),
        ("RequireTls", "false"),
        ("LogFilter", options.log.as_str()),
    ]);
    let request = Request {
        template: workspace.root.join("infra/template.yaml"),
        code_prefix: &code_prefix,
        files,
        parameters,
        ..Request::of(info)
    };
    let request = serde_json::to_vec(&request).context("cannot describe the deployment")?;
    let mut script = Command::new(python);
    script.arg("-I").arg(workspace.script("deploy.py"));
    let script = script.stdout(Stdio::piped()).stderr(Stdio::piped());
    let outputs = follow(Foreground::spawn_talking(run, script)?, &request, &progress).await?;
    progress.done();
    serde_json::from_slice(&outputs).context("cannot read the template's outputs")
}

/// Feeds the script, shows what it says, and gives what it answers.
async fn follow(mut script: Foreground, request: &[u8], progress: &Progress) -> Result<Vec<u8>> {
    let missing = "the deploying script has no pipes";
    let mut input = script.child.stdin.take().context(missing)?;
    input
        .write_all(request)
        .await
        .context("cannot speak to the deploying script")?;
    drop(input);
    let mut output = script.child.stdout.take().context(missing)?;
    let mut said = BufReader::new(script.child.stderr.take().context(missing)?).lines();
    let mut last = Vec::new();
    while let Some(line) = said
        .next_line()
        .await
        .context("cannot hear the deploying script")?
    {
        progress.detail(&line);
        last.push(line);
    }
    let mut answer = Vec::new();
    output
        .read_to_end(&mut answer)
        .await
        .context("cannot hear the deploying script")?;
    let status = script
        .wait()
        .await
        .context("cannot wait for the deploying script")?;
    if !status.success() {
        let from = last
            .iter()
            .position(|line| line.starts_with("error:"))
            .unwrap_or(0);
        bail!("the deployment failed ({status})\n{}", last[from..].join("\n"));
    }
    Ok(answer)
}
