//! The private Python environment that holds the local AWS, every package pinned with its hash.

mod advice;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command as Probe, Stdio};

use anyhow::{Context, Result, bail};
use sha2::{Digest, Sha256};
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::Command;

use crate::paths;
use crate::process::{Foreground, Run};
use crate::progress::Progress;
use advice::{Step, advice};

/// What the environment is made of; a change makes a new one.
const REQUIREMENTS: &str = include_str!("../../python/requirements.txt");
/// The oldest Python that the requirements were resolved for.
const OLDEST: (u32, u32) = (3, 11);
/// Tried in this order, unless SLUICE_PYTHON names one.
const INTERPRETERS: [&str; 5] = ["python3", "python3.14", "python3.13", "python3.12", "python3.11"];
/// Imported once before an environment is taken into use.
const NEEDED: &str = "import boto3, cbor2, cryptography, ministack, samtranslator";

/// Path of the environment's interpreter; makes the environment first when it is not there.
///
/// # Errors
/// When there is no fitting Python, or the packages cannot be installed.
pub async fn interpreter(part_of: &Run) -> Result<PathBuf> {
    let digest = hex::encode(Sha256::digest(REQUIREMENTS));
    let cache = paths::cache()?;
    let home = cache.join(format!("python-{}", &digest[..12]));
    let interpreter = home.join("bin/python");
    if interpreter.exists() {
        return Ok(interpreter);
    }
    paths::make_private(&cache)?;
    let _lock = paths::lock(&home.with_extension("lock"))?;
    // Somebody else may have made it while we waited.
    if !interpreter.exists() {
        let unfinished = home.with_extension("unfinished");
        paths::remove(&unfinished)?;
        install(part_of, &unfinished).await?;
        fs::rename(&unfinished, &home).with_context(|| format!("cannot move {}", unfinished.display()))?;
    }
    Ok(interpreter)
}

async fn install(part_of: &Run, home: &Path) -> Result<()> {
    let base = find_base()?;
    let progress = Progress::start(
        "installing the local AWS, once: 29 MB of Python packages, 129 MB on the disk, about 30 s",
    );
    let mut venv = Command::new(&base);
    venv.args(["-m", "venv"]).arg(home);
    let to_do = |step: Step, error: anyhow::Error| {
        let told = advice(step, &format!("{error:#}"), home.parent().unwrap_or(home));
        error.context(told)
    };
    let made = run(part_of, &mut venv, &progress).await;
    made.map_err(|error| to_do(Step::Environment, error))
        .with_context(|| format!("cannot make a Python environment with {base}"))?;
    let requirements = home.join("requirements.txt");
    fs::write(&requirements, REQUIREMENTS)
        .with_context(|| format!("cannot write {}", requirements.display()))?;
    let python = home.join("bin/python");
    let mut pip = Command::new(&python);
    pip.args([
        "-m",
        "pip",
        "install",
        "--require-hashes",
        "--no-input",
        "--disable-pip-version-check",
    ]);
    pip.args(["--progress-bar", "off", "--requirement"])
        .arg(&requirements);
    let installed = run(part_of, &mut pip, &progress).await;
    installed
        .map_err(|error| to_do(Step::Packages, error))
        .context("cannot install the packages of the local AWS")?;
    run(part_of, Command::new(&python).args(["-c", NEEDED]), &progress)
        .await
        .context("the installed packages cannot be used")?;
    progress.done();
    Ok(())
}

/// The first Python that is new enough; the one that SLUICE_PYTHON names, or none.
///
/// # Errors
/// When there is none; the message says what to do.
pub fn find_base() -> Result<String> {
    let (major, minor) = OLDEST;
    let way_out = format!(
        "install Python {major}.{minor} or newer (sudo apt-get install python3 python3-venv; brew install python), \
         or name one by: export SLUICE_PYTHON=<path>"
    );
    if let Ok(chosen) = std::env::var("SLUICE_PYTHON") {
        return match version(&chosen) {
            Some(found) if found >= OLDEST => Ok(chosen),
            Some((major, minor)) => {
                bail!("{chosen}, which SLUICE_PYTHON names, is Python {major}.{minor}; {way_out}")
            }
            None => bail!("{chosen}, which SLUICE_PYTHON names, is no Python that runs; {way_out}"),
        };
    }
    let found: Vec<_> = INTERPRETERS
        .iter()
        .filter_map(|name| Some((*name, version(name)?)))
        .collect();
    match (
        found.iter().find(|(_, version)| *version >= OLDEST),
        found.first(),
    ) {
        (Some((name, _)), _) => Ok((*name).to_owned()),
        (None, Some((name, (major, minor)))) => {
            bail!("{name} is Python {major}.{minor}, which is too old; {way_out}")
        }
        (None, None) => bail!("there is no Python; {way_out}"),
    }
}

fn version(python: &str) -> Option<(u32, u32)> {
    let asked = "import sys; print(*sys.version_info[:2])";
    let answer = Probe::new(python)
        .args(["-c", asked])
        .stderr(Stdio::null())
        .output()
        .ok()?;
    let text = String::from_utf8(answer.stdout).ok()?;
    let (major, minor) = text.trim().split_once(' ')?;
    Some((major.parse().ok()?, minor.parse().ok()?))
}

/// Runs a command, showing its last line; its output becomes the error when it fails.
async fn run(part_of: &Run, command: &mut Command, progress: &Progress) -> Result<()> {
    let command = command.stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut running = Foreground::spawn(part_of, command)?;
    let errors = tokio::spawn(read_all(running.child.stderr.take()));
    let mut said = Vec::new();
    if let Some(output) = running.child.stdout.take() {
        let mut lines = BufReader::new(output).lines();
        while let Some(line) = lines.next_line().await.context("cannot read what Python says")? {
            progress.detail(line.split(['=', '<', '>', ';']).next().unwrap_or_default());
            said.push(line);
        }
    }
    let status = running.wait().await?;
    let errors = errors.await.context("cannot read what Python says")?;
    if !status.success() {
        let told = if errors.trim().is_empty() {
            said.join("\n")
        } else {
            errors
        };
        bail!("{status}\n{}", told.trim());
    }
    Ok(())
}

async fn read_all(pipe: Option<tokio::process::ChildStderr>) -> String {
    let mut text = Vec::new();
    if let Some(mut pipe) = pipe
        && let Err(error) = tokio::io::AsyncReadExt::read_to_end(&mut pipe, &mut text).await
    {
        return format!("(unreadable: {error})");
    }
    String::from_utf8_lossy(&text).into_owned()
}
