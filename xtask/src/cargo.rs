//! What cargo knows of this workspace, and cargo run as a child.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::Stdio;

use anyhow::{Context, Result, bail};
use serde::Deserialize;
use tokio::io::AsyncReadExt;
use tokio::process::Command;

use crate::process::{Foreground, Run};
use crate::progress::tell;

const OWN_PACKAGE: [&str; 5] = [
    "CARGO_PKG_",
    "CARGO_MANIFEST_",
    "CARGO_CRATE_NAME",
    "CARGO_BIN_NAME",
    "CARGO_PRIMARY_PACKAGE",
];

const MESSAGES: &str = "--message-format=json-render-diagnostics";
/// A test that needs no more than the programs do.
const SMALL_TEST: &str = "load";
/// What the demo runs beside the functions.
const FLEET_PROGRAMS: [&str; 4] = ["sluice-agent", "demo-edge", "demo-load", "demo-service"];

/// What a first build takes, as measured on a machine with two cores.
const FIRST_DOWNLOAD_MB: u32 = 50;
const FIRST_DISK_GB: f32 = 1.5;
const FIRST_CORE_MINUTES: usize = 10;

/// The workspace as it lies on this machine.
pub struct Workspace<'a> {
    run: &'a Run,
    pub root: PathBuf,
    /// Where cargo builds, as CARGO_TARGET_DIR or the configuration say.
    pub target: PathBuf,
    /// Packages of the functions; each has the name of its folder.
    pub functions: Vec<String>,
}

#[derive(Deserialize)]
struct Metadata {
    workspace_root: PathBuf,
    target_directory: PathBuf,
    packages: Vec<Package>,
}

#[derive(Deserialize)]
struct Package {
    name: String,
    manifest_path: PathBuf,
}

/// One line of `cargo build --message-format=json`.
#[derive(Deserialize)]
struct Message {
    executable: Option<PathBuf>,
    target: Option<Target>,
}

#[derive(Deserialize)]
struct Target {
    name: String,
}

/// Cargo as this process was started by, with `arguments`.
pub fn cargo(arguments: &[&str]) -> Command {
    let program = std::env::var_os("CARGO").unwrap_or_else(|| OsString::from("cargo"));
    let mut command = Command::new(program);
    command.args(arguments);
    // What `cargo run` tells this program of its own package. Build scripts of some crates watch these, and would be
    // built again each time that a build from a shell follows one from here.
    let of_this_package = |name: &str| OWN_PACKAGE.iter().any(|prefix| name.starts_with(prefix));
    for (name, _) in std::env::vars_os() {
        if name.to_str().is_some_and(of_this_package) {
            command.env_remove(name);
        }
    }
    command
}

/// What a command prints; its errors go to the terminal.
async fn output(run: &Run, command: &mut Command) -> Result<Vec<u8>> {
    let mut running = Foreground::spawn(run, command.stdout(Stdio::piped()))?;
    let mut printed = Vec::new();
    if let Some(mut pipe) = running.child.stdout.take() {
        pipe.read_to_end(&mut printed)
            .await
            .context("cannot read what cargo prints")?;
    }
    let status = running.wait().await?;
    if !status.success() {
        bail!("cargo ended with {status}");
    }
    Ok(printed)
}

impl<'a> Workspace<'a> {
    /// Asks cargo; what is built later is built as a part of `run`.
    ///
    /// # Errors
    /// When the current folder is in no workspace.
    pub async fn locate(run: &'a Run) -> Result<Self> {
        let mut command = cargo(&["metadata", "--no-deps", "--format-version", "1"]);
        let answer = command
            .stderr(Stdio::inherit())
            .output()
            .await
            .context("cannot start cargo")?;
        if !answer.status.success() {
            bail!("cargo metadata ended with {}", answer.status);
        }
        let known: Metadata =
            serde_json::from_slice(&answer.stdout).context("cannot read cargo's metadata")?;
        let folder = known.workspace_root.join("functions");
        let is_function = |package: &Package| package.manifest_path.starts_with(&folder);
        let functions = known
            .packages
            .into_iter()
            .filter(is_function)
            .map(|package| package.name)
            .collect();
        Ok(Self {
            run,
            root: known.workspace_root,
            target: known.target_directory,
            functions,
        })
    }

    /// Builds the functions and the programs of a fleet for this machine, unoptimised; gives each one's path by name.
    ///
    /// The workspace and a test are named because dependencies then have the same features as in `cargo test --workspace`,
    /// and nothing is built twice.
    ///
    /// # Errors
    /// When one does not build; cargo has said why.
    pub async fn build(&self) -> Result<BTreeMap<String, PathBuf>> {
        if self.functions.is_empty() {
            bail!(
                "there is no function in {}",
                self.root.join("functions").display()
            );
        }
        let programs = self
            .functions
            .iter()
            .cloned()
            .chain(FLEET_PROGRAMS.map(str::to_owned));
        let programs: Vec<String> = programs.collect();
        self.announce(&programs);
        let mut command = cargo(&["build", "--workspace", "--test", SMALL_TEST, MESSAGES]);
        for program in &programs {
            command.args(["--bin", program]);
        }
        let built = output(self.run, command.current_dir(&self.root)).await;
        let built = built.context("the functions and the fleet's programs do not build")?;
        let found = executables(&String::from_utf8_lossy(&built), &programs)?;
        match programs.iter().find(|name| !found.contains_key(*name)) {
            Some(name) => bail!("cargo built no binary {name}; does its package have one?"),
            None => Ok(found),
        }
    }

    /// Says what is about to happen, and what it costs when it is the first time.
    fn announce(&self, programs: &[String]) {
        tell("building the functions and the programs of a fleet ...");
        let debug = self.target.join("debug");
        if programs.iter().all(|name| debug.join(name).exists()) {
            return;
        }
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        tell(&format!(
            "the first time with the AWS SDK: {FIRST_DOWNLOAD_MB} MB to download, unless cargo has them, \
             {FIRST_DISK_GB} GB in {}, about {} minutes with {cores} cores",
            self.target.display(),
            FIRST_CORE_MINUTES.div_ceil(cores)
        ));
    }

    /// A folder of ours under cargo's target folder.
    pub fn scratch(&self) -> PathBuf {
        self.target.join("sluice-stack")
    }

    /// A script of this package.
    pub fn script(&self, name: &str) -> PathBuf {
        Path::new(&self.root).join("xtask/python").join(name)
    }
}

fn executables(messages: &str, wanted: &[String]) -> Result<BTreeMap<String, PathBuf>> {
    let mut found = BTreeMap::new();
    for line in messages.lines().filter(|line| line.starts_with('{')) {
        let message: Message = serde_json::from_str(line).context("cannot read cargo's messages")?;
        if let (Some(path), Some(target)) = (message.executable, message.target)
            && wanted.contains(&target.name)
        {
            found.insert(target.name, path);
        }
    }
    Ok(found)
}
