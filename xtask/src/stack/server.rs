//! The two processes of a stack, each started and waited for until it answers.

use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use reqwest::Client;

use super::StackOptions;
use crate::cargo::Workspace;
use crate::ports::Ports;
use crate::process::guard::own_program;
use crate::process::{Run, Service};

/// The local AWS boots in half a second; the issuer takes as long for its key.
const BOOT_LIMIT: Duration = Duration::from_secs(30);
const POLL: Duration = Duration::from_millis(25);
/// A free port may be taken by somebody else before the server has it.
const PORT_ATTEMPTS: usize = 3;
const LOGS: [&str; 2] = ["aws.log", "issuer.log"];

/// A process that answers.
pub struct Running {
    pub url: String,
    pub service: Service,
}

/// Starts the issuer of tokens.
///
/// # Errors
/// When it does not come up; with the end of its log.
pub async fn issuer(run: &Run) -> Result<Running> {
    let folder = run.folder();
    let ready = folder.join("issuer.url");
    let program = own_program()?;
    let mut command = Command::new(program);
    command.arg("issuer").arg("--ready").arg(&ready);
    let log = folder.join("issuer.log");
    let mut service = Service::spawn(run, "the issuer of tokens", &mut command, &log)?;
    let deadline = Instant::now() + BOOT_LIMIT;
    while Instant::now() < deadline {
        if let Ok(url) = fs::read_to_string(&ready) {
            return Ok(Running { url, service });
        }
        refuse_ended(&mut service, "the issuer of tokens")?;
        tokio::time::sleep(POLL).await;
    }
    bail!(
        "the issuer of tokens did not come up within {} s\n{}",
        BOOT_LIMIT.as_secs(),
        service.log_tail()
    )
}

/// Starts the local AWS, on a free port unless one is given.
///
/// # Errors
/// When it does not come up; with the end of its log.
pub async fn aws(
    run: &Run,
    ports: &mut Ports,
    python: &Path,
    workspace: &Workspace<'_>,
    options: &StackOptions,
    client: &Client,
) -> Result<Running> {
    if let Some(port) = options.port {
        return aws_on(port, run, python, workspace, options, client).await;
    }
    let mut attempt = 1;
    loop {
        let started = aws_on(ports.take()?, run, python, workspace, options, client).await;
        if started.is_ok() || attempt == PORT_ATTEMPTS {
            return started;
        }
        attempt += 1;
    }
}

async fn aws_on(
    port: u16,
    run: &Run,
    python: &Path,
    workspace: &Workspace<'_>,
    options: &StackOptions,
    client: &Client,
) -> Result<Running> {
    let url = format!("http://127.0.0.1:{port}");
    let mut command = aws_command(port, &url, python, workspace, run.folder(), options)?;
    let log = run.folder().join("aws.log");
    let mut service = Service::spawn(run, "the local AWS", &mut command, &log)?;
    let health = format!("{url}/_ministack/health");
    let deadline = Instant::now() + BOOT_LIMIT;
    while Instant::now() < deadline {
        refuse_ended(&mut service, "the local AWS")?;
        if client
            .get(&health)
            .send()
            .await
            .is_ok_and(|answer| answer.status().is_success())
        {
            return Ok(Running { url, service });
        }
        tokio::time::sleep(POLL).await;
    }
    bail!(
        "the local AWS did not come up within {} s\n{}",
        BOOT_LIMIT.as_secs(),
        service.log_tail()
    )
}

fn aws_command(
    port: u16,
    url: &str,
    python: &Path,
    workspace: &Workspace<'_>,
    folder: &Path,
    options: &StackOptions,
) -> Result<Command> {
    let mut command = Command::new(python);
    command.arg("-I").arg(workspace.script("serve.py"));
    // Functions inherit the server's environment: nothing of this shell's may reach them, credentials least of all.
    command.env_clear().current_dir(folder);
    command.envs([("PATH", "/usr/local/bin:/usr/bin:/bin"), ("LANG", "C.UTF-8")]);
    // Its default is every address of the machine.
    command.envs([("BIND_HOST", "127.0.0.1"), ("MINISTACK_HOST", "localhost")]);
    command.env("GATEWAY_PORT", port.to_string());
    // Functions call the real AWS without it.
    command.env("AWS_ENDPOINT_URL", url);
    // The functions' roles are enforced, so that a right that is missing in the template shows here and not on AWS.
    command.env("AUTH", "true");
    command.envs([("SFTP_ENABLED", "0"), ("IOT_MTLS_ENABLED", "0")]);
    command.env("SFN_WAIT_SCALE", options.wait_scale.to_string());
    for (variable, name) in [
        ("S3_DATA_DIR", "s3"),
        ("STATE_DIR", "state"),
        ("TMPDIR", "tmp"),
        ("HOME", "home"),
    ] {
        let path = folder.join(name);
        fs::create_dir_all(&path).with_context(|| format!("cannot make the folder {}", path.display()))?;
        command.env(variable, path);
    }
    Ok(command)
}

fn refuse_ended(service: &mut Service, label: &str) -> Result<()> {
    match service.exited()? {
        Some(status) => bail!("{label} ended at once ({status})\n{}", service.log_tail()),
        None => Ok(()),
    }
}

/// Copies the logs out of a folder that is about to go.
///
/// # Errors
/// When a log cannot be copied.
pub fn keep_logs(folder: &Path, kept: &Path) -> Result<()> {
    fs::create_dir_all(kept).with_context(|| format!("cannot make the folder {}", kept.display()))?;
    // Another endpoint keeps its own.
    for log in LOGS.into_iter().filter(|log| folder.join(log).exists()) {
        fs::copy(folder.join(log), kept.join(log)).with_context(|| format!("cannot keep {log}"))?;
    }
    Ok(())
}
