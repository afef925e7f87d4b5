//! The accepted values of a configuration.

use std::fmt::Display;
use std::ops::RangeInclusive;

use sluice_core::fleet::Switch;

use super::{Check, Config, ConfigError, RemoteChecks};

/// A configuration whose values can be checked after its types.
pub trait Checked {
    /// The first value that cannot be used.
    ///
    /// # Errors
    /// [`ConfigError::Value`] naming key, value and what is accepted.
    fn check(&self) -> Result<(), ConfigError>;
}

/// Refuses `found` unless `ok`.
///
/// # Errors
/// [`ConfigError::Value`] unless `ok`.
pub fn require(ok: bool, key: &str, found: impl Display, accepted: &str) -> Result<(), ConfigError> {
    if ok {
        return Ok(());
    }
    Err(ConfigError::Value {
        key: key.to_owned(),
        found: found.to_string(),
        accepted: accepted.to_owned(),
    })
}

/// Refuses a number outside `range`.
///
/// # Errors
/// [`ConfigError::Value`] naming the range.
pub fn within(key: &str, found: u64, range: RangeInclusive<u64>) -> Result<(), ConfigError> {
    let accepted = format!("a whole number from {} to {}", range.start(), range.end());
    require(range.contains(&found), key, found, &accepted)
}

/// Refuses an address that would send credentials over an open network.
///
/// # Errors
/// [`ConfigError::Value`] unless it is `https`, or `http` on a loopback address.
pub fn api_address(key: &str, text: &str) -> Result<(), ConfigError> {
    let ok = url::Url::parse(text).is_ok_and(|url| match (url.scheme(), url.host()) {
        ("https", Some(_)) => true,
        ("http", Some(url::Host::Domain(name))) => name == "localhost",
        ("http", Some(url::Host::Ipv4(ip))) => ip.is_loopback(),
        ("http", Some(url::Host::Ipv6(ip))) => ip.is_loopback(),
        _ => false,
    });
    require(
        ok,
        key,
        format_args!("{text:?}"),
        "an https address, or http on a loopback address",
    )
}

const COMMAND: &str = "a list of at least one text, the first one not empty";

fn command(key: &str, arguments: &[String]) -> Result<(), ConfigError> {
    require(
        arguments.first().is_some_and(|a| !a.is_empty()),
        key,
        format_args!("{arguments:?}"),
        COMMAND,
    )
}

impl Checked for Config {
    fn check(&self) -> Result<(), ConfigError> {
        api_address("api_url", &self.api_url)?;
        require(
            self.home.is_absolute(),
            "home",
            self.home.display(),
            "an absolute path",
        )?;
        require(
            !self.trusted_keys.is_empty(),
            "trusted_keys",
            "no key",
            "at least one key",
        )?;
        within("request_timeout_ms", self.request_timeout_ms, 100..=60_000)?;
        self.check_service()?;
        self.check_artifact()?;
        self.remote_checks.check()?;
        self.check_counters()?;
        require(
            (1..=32).contains(&self.checks.len()),
            "checks",
            self.checks.len(),
            "1 to 32 checks",
        )?;
        self.checks
            .iter()
            .enumerate()
            .try_for_each(|(index, check)| check_check(index, check))
    }
}

impl Config {
    fn check_service(&self) -> Result<(), ConfigError> {
        let service = &self.service;
        command("service.start", &service.start)?;
        for (key, optional) in [
            ("service.drain", &service.drain),
            ("service.failover", &service.failover),
            ("service.stop", &service.stop),
            ("service.take_over", &service.take_over),
        ] {
            optional.as_deref().map_or(Ok(()), |c| command(key, c))?;
        }
        self.check_switch()?;
        within("service.max_log_bytes", service.max_log_bytes, 65_536..=1 << 40)?;
        within(
            "service.drain_timeout_ms",
            service.drain_timeout_ms,
            10..=3_600_000,
        )?;
        within("service.stop_timeout_ms", service.stop_timeout_ms, 10..=600_000)?;
        within(
            "service.verify_timeout_ms",
            service.verify_timeout_ms,
            10..=3_600_000,
        )?;
        within(
            "service.verify_interval_ms",
            service.verify_interval_ms,
            10..=60_000,
        )?;
        within(
            "service.health_interval_ms",
            service.health_interval_ms,
            100..=600_000,
        )
    }

    fn check_switch(&self) -> Result<(), ConfigError> {
        let service = &self.service;
        let ports = format!("{:?}", service.ports);
        if service.switch == Switch::InPlace {
            let none = "none: only `switch = \"overlap\"` needs it";
            require(service.ports.is_empty(), "service.ports", ports, none)?;
            return require(
                service.take_over.is_none(),
                "service.take_over",
                "a command",
                none,
            );
        }
        let two = matches!(service.ports[..], [one, other] if one != other && one > 0 && other > 0);
        require(two, "service.ports", ports, "two different ports above 0")?;
        let start = service.start.join(" ");
        require(
            start.contains("{port}") && !start.contains("{current}"),
            "service.start",
            format_args!("{start:?}"),
            "with `switch = \"overlap\"`, a command with `{port}` and without `{current}`, which still names the old one",
        )
    }

    fn check_counters(&self) -> Result<(), ConfigError> {
        let Some(counters) = &self.counters else {
            return Ok(());
        };
        let ways = usize::from(counters.url.is_some()) + usize::from(counters.file.is_some());
        let accepted = "exactly one of `url` and `file`";
        require(
            ways == 1,
            "counters.url",
            format_args!("{ways} ways to read"),
            accepted,
        )?;
        if let Some(url) = &counters.url {
            web_address("counters.url", url)?;
        }
        if let Some(file) = &counters.file {
            require(
                file.is_absolute(),
                "counters.file",
                file.display(),
                "an absolute path",
            )?;
        }
        // What is counted belongs to the minute in which it is read.
        within(
            "service.health_interval_ms",
            self.service.health_interval_ms,
            100..=20_000,
        )
    }

    fn check_artifact(&self) -> Result<(), ConfigError> {
        let limits = &self.artifact;
        within(
            "artifact.download_timeout_ms",
            limits.download_timeout_ms,
            1_000..=86_400_000,
        )?;
        within(
            "artifact.max_download_bytes",
            limits.max_download_bytes,
            1..=1 << 40,
        )?;
        within(
            "artifact.max_unpacked_bytes",
            limits.max_unpacked_bytes,
            1..=1 << 42,
        )?;
        within("artifact.max_entries", limits.max_entries, 1..=10_000_000)
    }
}

impl Checked for RemoteChecks {
    fn check(&self) -> Result<(), ConfigError> {
        let key = |name: &str| format!("remote_checks.{name}");
        for program in &self.programs {
            let plain = !program.is_empty() && !program.contains(char::is_whitespace);
            require(
                plain,
                &key("programs"),
                format_args!("{program:?}"),
                "names or paths of programs, without blanks",
            )?;
        }
        for (name, url) in [("http_url", &self.http_url), ("metrics_url", &self.metrics_url)] {
            let Some(url) = url else { continue };
            web_address(&key(name), url)?;
            let ended = name == "metrics_url" || !url.ends_with('/');
            require(
                ended,
                &key(name),
                format_args!("{url:?}"),
                "an address without a slash at its end",
            )?;
        }
        if let Some(arguments) = &self.metrics_command {
            command(&key("metrics_command"), arguments)?;
            require(
                self.metrics_url.is_none(),
                &key("metrics_command"),
                "given beside `metrics_url`",
                "at most one of the two",
            )?;
        }
        Ok(())
    }
}

fn web_address(key: &str, url: &str) -> Result<(), ConfigError> {
    let web = url.starts_with("http://") || url.starts_with("https://");
    require(web, key, format_args!("{url:?}"), "an http or https address")
}

fn check_check(index: usize, check: &Check) -> Result<(), ConfigError> {
    let key = |name: &str| format!("checks[{index}].{name}");
    match check {
        Check::Exec {
            command: arguments,
            timeout_ms,
            ..
        } => {
            command(&key("command"), arguments)?;
            within(&key("timeout_ms"), *timeout_ms, 10..=600_000)
        }
        Check::Http {
            url,
            expected_status,
            timeout_ms,
            ..
        } => {
            web_address(&key("url"), url)?;
            within(&key("expected_status"), u64::from(*expected_status), 100..=599)?;
            within(&key("timeout_ms"), *timeout_ms, 10..=600_000)
        }
    }
}
