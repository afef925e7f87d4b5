//! What is wrong with a configuration is said in one sentence that names the key and what is accepted.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::expect_used,
    reason = "helpers of tests fail like tests"
)]

mod support;

use std::process::Command;

use sluice_agent::config::{Config, parse};
use sluice_agent::keys::TrustedKeys;
use sluice_agent::prescribed::Prescribed;
use sluice_agent::process::{Checks, Launcher, ServiceLog};
use sluice_agent::swarm::SwarmConfig;
use sluice_contract::api::UpgradeRequest;
use sluice_core::fleet::Switch;
use sluice_core::settings::{Settings, Wishes};
use support::world::{config_text, install_tls};

const EXAMPLE: &str = include_str!("../examples/agent.toml");
const SWARM: &str = include_str!("../examples/swarm.toml");
const REDIS: &str = include_str!("../examples/redis/agent.toml");
const OVERLAP: &str = include_str!("../examples/overlap/agent.toml");
const NGINX: &str = include_str!("../examples/nginx/agent.toml");
const REQUESTS: [&str; 2] = [
    include_str!("../examples/redis/request.json"),
    include_str!("../examples/nginx/request.json"),
];
const README: &str = include_str!("../README.md");

fn good() -> String {
    config_text("/srv/home", "https://api.example.org", "")
}

#[test]
fn the_examples_are_good() {
    let config = parse::<Config>(EXAMPLE).unwrap();
    TrustedKeys::new(config.component_id, &config.trusted_keys).unwrap();
    for program in [REDIS, NGINX, OVERLAP] {
        let config = parse::<Config>(program).unwrap();
        TrustedKeys::new(config.component_id, &config.trusted_keys).unwrap();
    }
    let swarm = parse::<SwarmConfig>(SWARM).unwrap();
    TrustedKeys::new(swarm.component_id, &swarm.trusted_keys).unwrap();
    assert!(
        README.contains(EXAMPLE.trim()),
        "the README shows the example as it is"
    );
    let (_, remote) = README.split_once("\n[remote_checks]").unwrap();
    let (remote, _) = remote.split_once("```").unwrap();
    let config = parse::<Config>(&format!("{}\n[remote_checks]{remote}", good())).unwrap();
    assert_eq!(config.remote_checks.programs, ["redis-cli"]);
}

/// No instance unavailable is taken where releases overlap, and nowhere else.
#[test]
fn the_example_without_a_gap_needs_an_overlap() {
    let text = include_str!("../examples/overlap/request.json");
    let request: UpgradeRequest = serde_json::from_str(text).unwrap();
    let config = parse::<Config>(OVERLAP).unwrap();
    for (switch, taken) in [(config.service.switch, true), (Switch::InPlace, false)] {
        let wishes = Wishes {
            switch,
            ..request.wishes()
        };
        assert_eq!(Settings::resolve(&wishes).is_ok(), taken, "{switch:?}");
    }
}

/// What the examples ask for is taken, and the examples' agents allow it.
#[test]
fn the_examples_requests_are_good() {
    for (text, configuration) in REQUESTS.into_iter().zip([REDIS, NGINX]) {
        let request: UpgradeRequest = serde_json::from_str(text).unwrap();
        let checks = Settings::resolve(&request.wishes()).unwrap().checks;
        assert!(checks.pre_upgrade.is_some() && checks.post_upgrade.is_some());
        let config = parse::<Config>(configuration).unwrap();
        assert_eq!(request.component_id, config.component_id);
        let launcher = Launcher {
            home: config.home.clone(),
            current: config.home.join("current"),
            environment: config.service.environment,
            log: ServiceLog {
                path: config.home.join("service.log"),
                max_bytes: config.service.max_log_bytes,
            },
            port: None,
            run_as: None,
        };
        install_tls();
        let own = Checks::new(config.checks, launcher).unwrap();
        Prescribed::new(config.remote_checks, own)
            .permit(&checks)
            .unwrap();
    }
}

#[test]
fn problems_are_named() {
    // What is replaced, by what, and what the message must say.
    let cases: &[(&str, &str, &[&str])] = &[
        (
            "ordinal = 1",
            "ordinal = 1\nordinel = 2",
            &["unknown field `ordinel`", "expected one of"],
        ),
        ("ordinal = 1", "", &["missing field `ordinal`"]),
        ("ordinal = 1", "ordinal = -1", &["`ordinal`", "-1", "u32"]),
        (
            "ordinal = 1",
            "ordinal = \"one\"",
            &["`ordinal`", "string \"one\"", "u32"],
        ),
        (
            "tenant_id = \"acme\"",
            "tenant_id = \"a/b\"",
            &["`tenant_id`", "1 to 64 characters"],
        ),
        ("instance_id", "instance-id", &["instance-id"]),
        (
            "https://api",
            "http://api",
            &["`api_url`", "https address, or http on a loopback address"],
        ),
        (
            "https://api.example.org",
            "not a url",
            &["`api_url`", "not a url"],
        ),
        (
            "home = \"/srv/home\"",
            "home = \"here\"",
            &["`home`", "absolute path"],
        ),
        (
            "enrolment_secret_file = \"/srv/home/secret\"",
            "",
            &["missing field `enrolment_secret_file`"],
        ),
        (
            "stop_timeout_ms = 500",
            "stop_timeout_ms = 5",
            &["`service.stop_timeout_ms`", "5", "from 10 to 600000"],
        ),
        (
            "stop_timeout_ms = 500",
            "stop_timeout_ms = 1.5",
            &["`service.stop_timeout_ms`", "1.5"],
        ),
        (
            "start = [\"{current}/serve\"]",
            "start = []",
            &["`service.start`", "at least one text"],
        ),
        (
            "start = [\"{current}/serve\"]",
            "start = \"sh -c\"",
            &["`service.start`", "a list of arguments", "shell = true"],
        ),
        (
            "start = [\"{current}/serve\"]",
            "start = { text = \"serve | tee log\" }",
            &["`service.start`", "a list of arguments", "shell = true"],
        ),
        (
            "start = [\"{current}/serve\"]",
            "start = { text = \" \", shell = true }",
            &["`service.start`", "the text for the shell is empty"],
        ),
        (
            "start = [\"{current}/serve\"]",
            "start = [\"{current}/serve\"]\nmax_log_bytes = 1",
            &["`service.max_log_bytes`", "from 65536"],
        ),
        (
            "start = [\"{current}/serve\"]",
            "start = [\"{current}/serve\"]\nfailover = []",
            &["`service.failover`", "at least one text"],
        ),
        (
            "kind = \"exec\"",
            "kind = \"ping\"",
            &["`checks", "unknown variant `ping`", "`exec`", "`http`"],
        ),
        ("expected = ", "wanted = ", &["`checks", "unknown field `wanted`"]),
        ("[[checks]]", "[checks]", &["`checks`", "sequence"]),
        ("[service]", "[service", &["not valid TOML"]),
        (
            "home = ",
            "artifact = { max_entries = 0 }\nhome = ",
            &["`artifact.max_entries`", "from 1 to 10000000"],
        ),
        (
            "[[checks]]",
            "[remote_checks]\nprograms = [\"redis-cli ping\"]\n[[checks]]",
            &["`remote_checks.programs`", "redis-cli ping", "without blanks"],
        ),
        (
            "[[checks]]",
            "[remote_checks]\nhttp_url = \"http://localhost:80/\"\n[[checks]]",
            &["`remote_checks.http_url`", "without a slash at its end"],
        ),
        (
            "[[checks]]",
            "[remote_checks]\nmetrics_url = \"localhost\"\n[[checks]]",
            &["`remote_checks.metrics_url`", "http or https address"],
        ),
        (
            "[[checks]]",
            "[remote_checks]\nmetrics_url = \"http://a\"\nmetrics_command = [\"b\"]\n[[checks]]",
            &["`remote_checks.metrics_command`", "at most one of the two"],
        ),
        (
            "[[checks]]",
            "[remote_checks]\nmetrics_command = []\n[[checks]]",
            &["`remote_checks.metrics_command`", "at least one text"],
        ),
    ];
    for (old, new, expected) in cases {
        let text = good().replacen(old, new, 1);
        assert_ne!(text, good(), "{old} is in the configuration");
        let problem = parse::<Config>(&text).unwrap_err().to_string();
        for part in *expected {
            assert!(
                problem.contains(part),
                "{new:?} gives {problem:?}, which lacks {part:?}"
            );
        }
        assert!(!problem.contains('\n'), "{problem:?} is one line");
    }
}

#[test]
fn a_shell_reads_what_asks_for_one() {
    let text = good().replace(
        "[\"{current}/serve\"]",
        "{ text = \"serve | tee log\", shell = true }",
    );
    let start = parse::<Config>(&text).unwrap().service.start;
    assert_eq!(*start, ["/bin/sh", "-c", "serve | tee log"]);
}

#[test]
fn no_checks_are_no_pass() {
    let text = good();
    let without = format!("checks = []\n{}", &text[..text.find("[[checks]]").unwrap()]);
    let problem = parse::<Config>(&without).unwrap_err().to_string();
    assert!(problem.contains("1 to 32 checks"), "{problem}");
}

#[test]
fn secrets_are_not_shown() {
    let swarm = parse::<SwarmConfig>(SWARM).unwrap();
    let secret = swarm.enrolment_secret.reveal();
    assert!(!secret.is_empty() && !format!("{swarm:?}").contains(secret));
}

#[test]
fn the_program_ends_with_2_for_a_bad_configuration() {
    let home = tempfile::TempDir::new().unwrap();
    let path = home.path().join("agent.toml");
    std::fs::write(&path, good().replace("ordinal = 1", "ordinal = -1")).unwrap();
    for arguments in [
        &["check", "--config"][..],
        &["--config"],
        &["--swarm", "3", "--config"],
    ] {
        let mut command = Command::new(env!("CARGO_BIN_EXE_sluice-agent"));
        let output = command.args(arguments).arg(&path).output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(2), "{said}");
        assert_eq!(said.trim().lines().count(), 1, "{said}");
    }
    std::fs::write(&path, good()).unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_sluice-agent"));
    assert!(
        command
            .args(["check", "--config"])
            .arg(&path)
            .status()
            .unwrap()
            .success()
    );
}
