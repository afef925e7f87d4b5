//! Redis, upgraded and taken back by Sluice: its configuration comes and goes, its data stays.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU32, Ordering};
use std::time::Duration;

use anyhow::{Result, ensure};
use serde_json::json;
use sluice_tests::programs::{Counter, INSTANCES, Place, Programs, Publisher, Recipe, version};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;
use tokio::task::JoinSet;

use crate::ENDS;

const CONF: &str = include_str!("../../../clients/agent/examples/redis/redis.conf");

const RECIPE: Recipe = Recipe {
    name: "redis",
    instances: INSTANCES,
    configuration: include_str!("../../../clients/agent/examples/redis/agent.toml"),
    programs: &["redis-server", "redis-cli"],
    prepare,
    replace,
};

/// `redis-cli` asks the machine's own Redis, as it would if the machine had one only.
fn prepare(place: &Place) -> Result<()> {
    use std::os::unix::fs::PermissionsExt;
    let (bin, port) = (place.home.join("bin"), place.port);
    std::fs::create_dir(place.home.join("data"))?;
    std::fs::create_dir(&bin)?;
    let own = format!("#!/bin/sh\nexec /usr/bin/redis-cli -p {port} \"$@\"\n");
    std::fs::write(bin.join("redis-cli"), own)?;
    std::fs::set_permissions(bin.join("redis-cli"), PermissionsExt::from_mode(0o755))?;
    Ok(())
}

fn replace(place: &Place) -> Vec<(&'static str, String)> {
    let home = place.home.display();
    vec![
        ("6379", place.port.to_string()),
        ("/var/lib/redis", format!("{home}/data")),
        ("/usr/local/bin:", format!("{home}/bin:/usr/local/bin:")),
    ]
}

/// A client that never stops: it pings and counts, and takes up a lost connection again.
#[derive(Clone)]
struct Client {
    port: u16,
    current: PathBuf,
    counter: Counter,
    /// The newest count that Redis has acknowledged.
    acknowledged: Arc<AtomicI64>,
    /// Acknowledged writes that were not there later.
    lost: Arc<AtomicU32>,
}

impl Client {
    async fn run(self) {
        loop {
            if let Ok(stream) = TcpStream::connect(("127.0.0.1", self.port)).await {
                // An end of the connection is an end of the process behind it: the next one is waited for.
                let _ended = self.talk(stream).await;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    async fn talk(&self, stream: TcpStream) -> std::io::Result<()> {
        // The link is changed between two processes, so that it tells whose connection this is.
        let version = version(&self.current);
        let mut stream = BufReader::new(stream);
        // As a pool of connections does: one that does not answer well is not used.
        if ask(&mut stream, "PING\r\n").await? != "+PONG\r\n" {
            return Ok(());
        }
        loop {
            for command in ["PING\r\n", "INCR hits\r\n"] {
                let answer = ask(&mut stream, command).await?;
                self.counter.count(&version, answer.starts_with('-'));
                if let Some(Ok(count)) = answer.strip_prefix(':').map(|n| n.trim().parse()) {
                    let before = self.acknowledged.swap(count, Ordering::Relaxed);
                    self.lost.fetch_add(u32::from(count <= before), Ordering::Relaxed);
                }
            }
            tokio::time::sleep(Duration::from_millis(4)).await;
        }
    }
}

/// One line of an answer.
async fn ask(stream: &mut BufReader<TcpStream>, command: &str) -> std::io::Result<String> {
    stream.write_all(command.as_bytes()).await?;
    let mut answer = String::new();
    match stream.read_line(&mut answer).await? {
        0 => Err(std::io::ErrorKind::UnexpectedEof.into()),
        _ => Ok(answer),
    }
}

struct Redis {
    fleet: Programs,
    counter: Counter,
    lost: Arc<AtomicU32>,
    _publisher: Publisher,
    _clients: JoinSet<()>,
}

impl Redis {
    /// A fleet with data and clients; none where there is no Redis.
    async fn start(contents: &[(&str, &str)]) -> Result<Option<Self>> {
        if !RECIPE.is_possible()? {
            return Ok(None);
        }
        let agent = Path::new(env!("CARGO_BIN_EXE_sluice-agent-for-tests"));
        let request = include_str!("../../../clients/agent/examples/redis/request.json");
        let fleet = Programs::start(&RECIPE, agent, request, contents).await?;
        let (counter, lost) = (Counter::default(), Arc::default());
        let mut clients = JoinSet::new();
        for machine in &fleet.machines {
            for key in 0..20 {
                redis(
                    machine.port,
                    &["SET", &format!("key:{key}"), &format!("value {key}")],
                )?;
            }
            let client = Client {
                port: machine.port,
                current: machine.current(),
                counter: counter.clone(),
                acknowledged: Arc::default(),
                lost: Arc::clone(&lost),
            };
            clients.spawn(client.run());
        }
        Ok(Some(Self {
            _publisher: counter.publish(&fleet.site.stack, &fleet.site.fleet),
            fleet,
            counter,
            lost,
            _clients: clients,
        }))
    }

    /// Every instance runs this configuration, and everything that was ever written is there.
    fn check(&self, maxmemory_mb: u32) -> Result<()> {
        for machine in &self.fleet.machines {
            let found = redis(machine.port, &["CONFIG", "GET", "maxmemory"])?;
            let wanted = format!("maxmemory\n{}", maxmemory_mb << 20);
            ensure!(found == wanted, "{found} instead of {wanted}");
            for key in 0..20 {
                let found = redis(machine.port, &["GET", &format!("key:{key}")])?;
                ensure!(found == format!("value {key}"), "key {key} is {found:?}");
            }
        }
        let lost = self.lost.load(Ordering::Relaxed);
        ensure!(lost == 0, "{lost} acknowledged writes were lost");
        println!("answers: {:?}", self.counter.seen());
        Ok(())
    }
}

fn redis(port: u16, arguments: &[&str]) -> Result<String> {
    let mut command = Command::new("/usr/bin/redis-cli");
    let output = command.args(["-p", &port.to_string()]).args(arguments).output()?;
    Ok(String::from_utf8(output.stdout)?.trim().to_owned())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn redis_keeps_its_data_forward_and_back() -> Result<()> {
    let new = CONF.replace("maxmemory 64mb", "maxmemory 96mb");
    let Some(redis) = Redis::start(&[("1.0.0", CONF), ("1.1.0", new.as_str())]).await? else {
        return Ok(());
    };
    let (fleet, site) = (&redis.fleet, &redis.fleet.site);
    let id = site.begin(&fleet.request(0, 1, &json!({}))?).await?.execution_id;
    site.until_status(id, "COMPLETED", ENDS).await?;
    fleet.healthy(1).await?;
    redis.check(96)?;

    site.act(id, "rollback").await?;
    site.until_status(id, "ROLLED_BACK", ENDS).await?;
    fleet.healthy(0).await?;
    redis.check(64)?;
    let seen = redis.counter.seen();
    ensure!(
        ["1.0.0", "1.1.0"]
            .iter()
            .all(|v| seen.get(*v).is_some_and(|s| s.errors == 0)),
        "{seen:?}"
    );
    Ok(())
}

/// What is changed in the configuration, what is asked for beside it, and what is said where it shows.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_wrong_redis_is_taken_back_wherever_it_shows() -> Result<()> {
    let refused = CONF.replace("maxmemory 64mb", "maxmemory lots");
    let locked = format!("{CONF}requirepass hush\n");
    // It answers PONG and refuses every write: only its traffic tells.
    let lonely = format!("{CONF}min-replicas-to-write 1\n");
    let contents = [
        ("1.0.0", CONF),
        ("1.1.0", refused.as_str()),
        ("1.2.0", &locked),
        ("1.3.0", &lonely),
    ];
    let Some(redis) = Redis::start(&contents).await? else {
        return Ok(());
    };
    let (fleet, site) = (&redis.fleet, &redis.fleet.site);
    let short = json!({"postUpgradeVerify": {
        "type": "exec", "command": "redis-cli ping", "expected": "PONG", "timeout": "2s"}});
    let metrics = json!({"postUpgradeVerify": {"type": "metrics", "metrics": [
        {"name": "redis_up", "expected": 1}, {"name": "redis_connected_clients", "expected": ">0"}]}});
    for (release, more, said, is_harmful) in [
        (1, json!({}), "start-failed", false),
        (
            2,
            short,
            "postUpgradeVerify: redis-cli answered \\\"NOAUTH",
            false,
        ),
        (3, metrics, "The switch has ended", true),
    ] {
        let id = site.begin(&fleet.request(0, release, &more)?).await?.execution_id;
        let ended = site.until_status(id, "ROLLED_BACK", ENDS).await?;
        let told = ended.rollback_info.rollback_reason.unwrap_or_default();
        ensure!(
            told.starts_with("harmful: ") == is_harmful,
            "release {release}: {told}"
        );
        fleet.healthy(0).await?;
        redis.check(64)?;
        let logs: String = fleet
            .machines
            .iter()
            .map(sluice_tests::programs::Machine::log)
            .collect();
        ensure!(
            logs.contains(said),
            "release {release}: nobody said {said}: {}",
            fleet.logs()
        );
        let (report, _) = site.report(id).await?;
        ensure!(report.touched <= 2, "{} instances were touched", report.touched);
    }
    let seen = redis.counter.seen();
    ensure!(seen.get("1.0.0").is_some_and(|s| s.errors == 0), "{seen:?}");
    ensure!(seen.get("1.3.0").is_some_and(|s| s.errors > 0), "{seen:?}");
    Ok(())
}
