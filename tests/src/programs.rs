//! Fleets of programs that nobody here wrote, driven by the agent's examples: each instance is an agent as a process,
//! with a program of the system.

mod counter;
mod machine;

use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use serde_json::{Value, json};

pub use counter::{Counter, Publisher, Seen};
pub use machine::{Machine, version};

use crate::stack::{Artifact, Site, declare, eventually};

/// How many instances a fleet usually has.
pub const INSTANCES: u32 = 5;

/// How long a fleet may take until all its instances are healthy.
const REGISTERED: Duration = Duration::from_secs(60);

/// Says that a missing program is a failure and no reason to skip a test.
const REQUIRED: &str = "SLUICE_REQUIRE_PROGRAMS";

/// Where the system has programs, also those of administrators.
const FOLDERS: [&str; 3] = ["/usr/bin", "/usr/sbin", "/usr/local/bin"];

/// A machine's own things.
#[derive(Debug, Clone, Copy)]
pub struct Place<'a> {
    /// Its agent's home, which holds everything else too.
    pub home: &'a Path,
    /// Where its program listens.
    pub port: u16,
}

/// How a program is run.
#[derive(Debug)]
pub struct Recipe {
    /// Folder of the agent's examples.
    pub name: &'static str,
    /// How many instances its fleet has.
    pub instances: u32,
    /// The example's configuration of an agent.
    pub configuration: &'static str,
    /// What must be in the system.
    pub programs: &'static [&'static str],
    /// What is on a machine before its agent starts.
    pub prepare: fn(&Place) -> Result<()>,
    /// Texts of the example's configuration, and what stands there on a machine.
    pub replace: fn(&Place) -> Vec<(&'static str, String)>,
}

impl Recipe {
    /// Whether the programs are here. When they are not, says how to get them.
    ///
    /// # Errors
    /// When they are not here and `SLUICE_REQUIRE_PROGRAMS` is 1.
    pub fn is_possible(&self) -> Result<bool> {
        let there = |name: &&&str| FOLDERS.iter().any(|f| Path::new(f).join(name).exists());
        let missing: Vec<_> = self.programs.iter().filter(|p| !there(p)).collect();
        if missing.is_empty() {
            return Ok(true);
        }
        let what = format!(
            "{missing:?} is not in {FOLDERS:?}; Debian has it in the packages redis-server and nginx"
        );
        if std::env::var_os(REQUIRED).is_some_and(|v| v == "1") {
            bail!("{what}, and {REQUIRED} is 1");
        }
        eprintln!("skipped: {what}; with {REQUIRED}=1 this is a failure");
        Ok(false)
    }

    fn folder(&self) -> PathBuf {
        Path::new(env!("CARGO_MANIFEST_DIR"))
            .join("../clients/agent/examples")
            .join(self.name)
    }

    /// Packs a release as the example does; `content` is its configuration.
    fn pack(&self, version: &str, content: &str) -> Result<Vec<u8>> {
        let work = tempfile::tempdir()?;
        let (archive, file) = (work.path().join("release.tar.gz"), work.path().join("content"));
        std::fs::write(&file, content)?;
        let mut pack = Command::new(self.folder().join("build-release"));
        let packed = pack.arg(version).arg(&archive).arg(&file).output()?;
        let said = String::from_utf8_lossy(&packed.stderr);
        ensure!(packed.status.success(), "build-release: {said}");
        Ok(std::fs::read(archive)?)
    }
}

/// A fleet of programs.
#[derive(Debug)]
pub struct Programs {
    /// Its operator.
    pub site: Site,
    /// Its releases, the first of which it runs at first.
    pub releases: Vec<Artifact>,
    /// Its instances by ordinal.
    pub machines: Vec<Machine>,
    request: Value,
}

impl Drop for Programs {
    fn drop(&mut self) {
        // All at once; each is waited for when it is dropped.
        self.machines.iter().for_each(Machine::end);
    }
}

impl Programs {
    /// Publishes releases (version and configuration of each) and starts the instances, whose traffic goes through
    /// `route`, if any. `agent` is the agent's program.
    ///
    /// # Errors
    /// When something is refused or does not start.
    pub async fn start(
        recipe: &Recipe,
        agent: &Path,
        request: &str,
        contents: &[(&str, &str)],
    ) -> Result<Self> {
        let site = Site::new().await?;
        let of = (&site.fleet.tenant_id, site.fleet.component_id);
        let mut releases = Vec::new();
        for (version, content) in contents {
            let bytes = recipe.pack(version, content)?;
            let published = site
                .signer
                .publish_archive(&site.stack, &site.api, of, version, bytes);
            releases.push(published.await?);
        }
        declare(&site.api, &site.fleet, None).await?;
        let first = releases.first().context("there is no release")?;
        let secret = site.enrolment_secret().await?;
        let mut machines = Vec::new();
        for (ordinal, port) in (0..).zip(free_ports(recipe.instances)?) {
            let of = (ordinal, port);
            machines.push(Machine::start(&site, recipe, agent, of, (first, &secret))?);
        }
        let request = serde_json::from_str(request)?;
        let programs = Self {
            site,
            releases,
            machines,
            request,
        };
        programs.healthy(0).await?;
        Ok(programs)
    }

    /// Waits until all instances run a release and are healthy.
    ///
    /// # Errors
    /// When they do not, with the end of the agents' logs.
    pub async fn healthy(&self, release: usize) -> Result<()> {
        let wanted = self.releases.get(release).context("there is no such release")?;
        let wanted = wanted.release.version_id;
        let all = eventually("all instances are healthy", REGISTERED, async || {
            let instances = self.site.instances().await?;
            let well = instances.iter().filter_map(|i| i.running.as_ref());
            let well = well
                .filter(|r| r.healthy && r.version.version_id == wanted)
                .count();
            let all = well == self.machines.len();
            Ok(if all {
                Ok(())
            } else {
                Err(format!("{well} of {}", self.machines.len()))
            })
        });
        all.await.with_context(|| self.logs())
    }

    /// The end of each agent's log.
    #[must_use]
    pub fn logs(&self) -> String {
        let ends = self.machines.iter().map(|machine| {
            let log = machine.log();
            let lines: Vec<_> = log.lines().rev().take(8).collect();
            lines.into_iter().rev().collect::<Vec<_>>().join("\n")
        });
        ends.collect::<Vec<_>>().join("\n--\n")
    }

    /// The example's request from one release to another one, with quick batches; `more` adds fields or replaces them.
    ///
    /// # Errors
    /// When there is no such release.
    pub fn request(&self, from: usize, to: usize, more: &Value) -> Result<Value> {
        let id = |release: usize| -> Result<_> {
            Ok(self
                .releases
                .get(release)
                .context("no such release")?
                .release
                .version_id)
        };
        let quick = json!({
            "componentId": self.site.fleet.component_id,
            "fromVersionId": id(from)?,
            "toVersionId": id(to)?,
            "batchDelaySeconds": 2,
            "healthCheckIntervalSeconds": 1,
        });
        let mut request = self.request.clone();
        let fields = request.as_object_mut().context("the request is no object")?;
        for fresh in [&quick, more] {
            fields.extend(fresh.as_object().cloned().unwrap_or_default());
        }
        Ok(request)
    }
}

/// Ports that were free a moment ago.
fn free_ports(count: u32) -> Result<Vec<u16>> {
    let held: Vec<_> = (0..count)
        .map(|_| TcpListener::bind(("127.0.0.1", 0)))
        .collect::<std::io::Result<_>>()?;
    let ports = held.iter().map(|l| Ok(l.local_addr()?.port()));
    ports.collect()
}
