//! The private Python environment that holds the local AWS, every package pinned with its hash.

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

/// What the environment is made of; a change makes a new one.
const REQUIREMENTS: &str = include_str!("../python/requirements.txt");
/// The oldest Python that the requirements were resolved for.
const OLDEST: (u32, u32) = (3, 11);
/// Tried in this order; SLUICE_PYTHON goes before.
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
    let progress = Progress::start("installing the local AWS, once (about 30 s)");
    let mut venv = Command::new(&base);
    venv.args(["-m", "venv"]).arg(home);
    run(part_of, &mut venv, &progress).await.with_context(|| {
        format!("cannot make a Python environment with {base}; on Debian and Ubuntu install python3-venv")
    })?;
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
    run(part_of, &mut pip, &progress).await.context(
        "cannot install the packages of the local AWS; it needs a Python package index, \
         set PIP_INDEX_URL or PIP_FIND_LINKS where the public one is out of reach",
    )?;
    run(part_of, Command::new(&python).args(["-c", NEEDED]), &progress)
        .await
        .context("the installed packages cannot be used")?;
    progress.done();
    Ok(())
}

/// The first Python that is new enough.
fn find_base() -> Result<String> {
    let chosen = std::env::var("SLUICE_PYTHON").ok();
    let candidates = chosen.iter().map(String::as_str).chain(INTERPRETERS);
    let fitting = candidates
        .into_iter()
        .find(|name| version(name).is_some_and(|version| version >= OLDEST));
    let (major, minor) = OLDEST;
    fitting.map(str::to_owned).with_context(|| {
        format!("found no Python {major}.{minor} or newer; install one, or name it in SLUICE_PYTHON")
    })
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
