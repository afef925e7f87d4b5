//! A real agent with a real program.

use std::path::Path;

use anyhow::{Context, Result, ensure};
use serde_json::json;
use sluice_agent::config::{Config, parse};
use sluice_agent::install::install;
use sluice_agent::process::leftovers;
use sluice_agent::start;
use sluice_core::fleet::InstanceStatus;
use sluice_tests::stack::{Options, Scenario, eventually, upload};
use tempfile::TempDir;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::ENDS;

/// An agent that runs the old version of its scenario; it must be stopped.
struct Machine {
    home: TempDir,
    stop: CancellationToken,
    agent: JoinHandle<Result<(), start::StartError>>,
}

impl Machine {
    async fn start(scenario: &Scenario) -> Result<Self> {
        let home = TempDir::new()?;
        let secret = scenario.enrolment_secret().await?;
        std::fs::write(home.path().join("secret"), secret.reveal())?;
        let text = configuration(scenario, home.path())?;
        let (archive, release) = (home.path().join("old.tar.gz"), home.path().join("old.json"));
        std::fs::write(&archive, &scenario.old.bytes)?;
        std::fs::write(&release, serde_json::to_vec(&scenario.old.release)?)?;
        install(&parse(&text)?, &archive, &release)?;
        let (config, stop) = (parse::<Config>(&text)?, CancellationToken::new());
        let agent = tokio::spawn(start::run(config, stop.clone()));
        let machine = Self { home, stop, agent };
        let healthy = async || {
            let instances = scenario.instances().await?;
            let running = instances.first().and_then(|i| i.running.clone());
            Ok(running
                .filter(|r| r.healthy)
                .map(|_| ())
                .ok_or("no healthy instance"))
        };
        eventually("the agent is registered", ENDS, healthy).await?;
        Ok(machine)
    }

    fn read(&self, name: &str) -> String {
        std::fs::read_to_string(self.home.path().join(name))
            .unwrap_or_default()
            .trim()
            .to_owned()
    }

    /// Ends agent and program.
    async fn stop(self) -> Result<()> {
        self.stop.cancel();
        self.agent.await??;
        let left = leftovers(self.home.path()).len();
        ensure!(left == 0, "{left} processes are left");
        Ok(())
    }
}

fn configuration(scenario: &Scenario, home: &Path) -> Result<String> {
    let (url, fleet) = (scenario.stack.api_url(), &scenario.fleet);
    let (key_id, pem, home) = (
        &scenario.signer.key_id,
        scenario.signer.public_pem()?,
        home.display(),
    );
    Ok(format!(
        r#"
api_url = "{url}"
enrolment_secret_file = "{home}/secret"
tenant_id = "{}"
component_id = "{}"
instance_id = "m-1"
ordinal = 0
home = "{home}"

[trusted_keys]
{key_id} = """{pem}"""

[service]
start = ["{{current}}/serve"]
stop_timeout_ms = 2000
verify_timeout_ms = 20000
verify_interval_ms = 100
health_interval_ms = 500

[[checks]]
kind = "exec"
command = ["/bin/cat", "{home}/serving"]
expected = "{{version}}"
"#,
        fleet.tenant_id, fleet.component_id
    ))
}

#[tokio::test]
async fn a_real_program_goes_forward_and_back() -> Result<()> {
    let scenario = Scenario::start(&Options {
        instances: 0,
        ..Options::default()
    })
    .await?;
    let machine = Machine::start(&scenario).await?;
    assert_eq!(machine.read("serving"), "1.0.0");
    let id = scenario.upgrade(&json!({})).await?.execution_id;
    scenario.until_status(id, "COMPLETED", ENDS).await?;
    assert_eq!(machine.read("serving"), "1.1.0");
    scenario.act(id, "rollback").await?;
    scenario.until_status(id, "ROLLED_BACK", ENDS).await?;
    assert_eq!(machine.read("serving"), "1.0.0");
    assert_eq!(machine.read("starts").lines().count(), 3);
    machine.stop().await
}

#[tokio::test]
async fn a_tampered_artifact_is_never_run() -> Result<()> {
    let scenario = Scenario::start(&Options {
        instances: 0,
        ..Options::default()
    })
    .await?;
    let machine = Machine::start(&scenario).await?;
    let mut bytes = scenario.new.bytes.clone();
    *bytes.last_mut().context("the archive is empty")? ^= 1;
    upload(&scenario.stack, &scenario.new.upload_url, &bytes).await?;
    let wishes = json!({ "autoRollbackEnabled": false, "failureThreshold": 1 });
    let id = scenario.upgrade(&wishes).await?.execution_id;
    let ended = scenario.until_status(id, "FAILED", ENDS).await?;
    assert_eq!(
        ended.failure.as_deref(),
        Some("all 1 instances of the batch failed")
    );
    let (report, _) = scenario.report(id).await?;
    let instance = report.instances.first().context("no instance")?;
    let code = instance.error.as_ref().map(|e| e.code.as_str());
    assert_eq!(
        (instance.status, code),
        (InstanceStatus::Failed, Some("digest-mismatch"))
    );
    assert_eq!(
        (instance.version.as_deref(), instance.healthy),
        (Some("1.0.0"), true)
    );
    // The old version was not even stopped.
    assert_eq!(
        (
            machine.read("serving").as_str(),
            machine.read("starts").lines().count()
        ),
        ("1.0.0", 1)
    );
    let process: u32 = machine.read("starts").parse()?;
    ensure!(
        Path::new(&format!("/proc/{process}")).exists(),
        "the old version does not run"
    );
    machine.stop().await
}
