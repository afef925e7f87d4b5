//! `sluice fleet`: what a fleet is and who belongs to it.

use std::path::PathBuf;

use clap::{Args, Subcommand};
use serde_json::{Map, Value};
use sluice_contract::api::{FleetDeclaration, InstanceList};
use sluice_contract::enrol::EnrolmentSecret;
use sluice_core::fleet::{Fleet, Instance, MetricSource, Route};
use sluice_core::ids::{ComponentId, FleetId};

use crate::cli::Global;
use crate::failure::{Exit, Failure};
use crate::input;
use crate::output::{Output, Table, moment, name};

/// Names a fleet.
#[derive(Debug, Args)]
pub struct Named {
    /// What runs on its instances.
    #[arg(long, value_name = "UUID")]
    component: ComponentId,
    /// Which of the component's fleets.
    #[arg(long, default_value_t)]
    fleet: FleetId,
}

/// The commands about fleets.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Declare a fleet, or declare it anew: what is not said gets its default.
    Declare {
        /// Which fleet.
        #[command(flatten)]
        named: Named,
        /// What is said.
        #[command(flatten)]
        said: Box<Declared>,
    },
    /// Show a fleet's declaration.
    Get {
        /// Which fleet.
        #[command(flatten)]
        named: Named,
    },
    /// Make the secret that instances enrol with; the one before is void, credentials stay good. It is shown this once.
    EnrolmentSecret {
        /// Which fleet.
        #[command(flatten)]
        named: Named,
    },
    /// List a fleet's instances and what they run.
    Instances {
        /// Which fleet.
        #[command(flatten)]
        named: Named,
    },
}

/// What a declaration says.
#[derive(Debug, Args)]
pub struct Declared {
    /// JSON file with a declaration; options go before its members.
    #[arg(long, value_name = "FILE")]
    declaration: Option<PathBuf>,
    /// Control address of the weighted proxy that carries the traffic.
    #[arg(long, value_name = "URL")]
    route_http_edge: Option<String>,
    /// CloudWatch namespace of the request and error counts.
    #[arg(long, value_name = "NAMESPACE")]
    metrics_namespace: Option<String>,
    /// Metric that counts requests [default: Requests].
    #[arg(long, value_name = "NAME")]
    metrics_requests: Option<String>,
    /// Metric that counts failed requests [default: Errors].
    #[arg(long, value_name = "NAME")]
    metrics_errors: Option<String>,
    /// Length of one datapoint [default: 60].
    #[arg(long, value_name = "SECONDS")]
    metrics_period_seconds: Option<u32>,
    /// Time between check-ins when nothing happens [default: 300000].
    #[arg(long, value_name = "MS")]
    check_in_idle_ms: Option<u64>,
    /// Time between check-ins while an upgrade can still be taken back [default: 60000].
    #[arg(long, value_name = "MS")]
    check_in_hold_ms: Option<u64>,
    /// Time between check-ins where an upgrade is at work [default: 10000].
    #[arg(long, value_name = "MS")]
    check_in_fast_ms: Option<u64>,
    /// How instances switch, in-place or overlap [default: in-place].
    #[arg(long, value_name = "WAY", value_parser = ["in-place", "overlap"])]
    switch: Option<String>,
    /// Who has to agree to upgrades: always or never [default: always].
    #[arg(long, value_name = "WHEN", value_parser = ["always", "never"])]
    approval: Option<String>,
}

impl Declared {
    fn body(&self) -> Result<FleetDeclaration, Failure> {
        let mut members = match &self.declaration {
            Some(file) => input::object(file)?,
            None => Map::new(),
        };
        if let Some(url) = self.route_http_edge.clone() {
            let route = serde_json::to_value(Route::HttpEdge { url });
            members.insert(
                "route".to_owned(),
                route.map_err(|e| Failure::unexpected("the route", e))?,
            );
        }
        let metrics = [
            ("namespace", self.metrics_namespace.clone().map(Value::from)),
            ("requests", self.metrics_requests.clone().map(Value::from)),
            ("errors", self.metrics_errors.clone().map(Value::from)),
            ("period_seconds", self.metrics_period_seconds.map(Value::from)),
        ];
        merge(&mut members, "metrics", metrics);
        let times = [
            ("idle_ms", self.check_in_idle_ms.map(Value::from)),
            ("hold_ms", self.check_in_hold_ms.map(Value::from)),
            ("fast_ms", self.check_in_fast_ms.map(Value::from)),
        ];
        merge(&mut members, "checkIn", times);
        if let Some(switch) = &self.switch {
            members.insert("switch".to_owned(), switch.as_str().into());
        }
        if let Some(approval) = &self.approval {
            members.insert("approval".to_owned(), approval.as_str().into());
        }
        let declared: FleetDeclaration = input::body("the declaration", members)?;
        match declared
            .metrics
            .as_ref()
            .map(MetricSource::check)
            .unwrap_or_default()
            .first()
        {
            None => Ok(declared),
            Some(error) => Err(Failure::input("the declaration", error)),
        }
    }
}

/// Puts what was said into a member that is an object; a member of another kind is replaced.
fn merge<const N: usize>(members: &mut Map<String, Value>, name: &str, said: [(&str, Option<Value>); N]) {
    let mut said = said
        .into_iter()
        .filter_map(|(key, value)| Some((key.to_owned(), value?)))
        .peekable();
    if said.peek().is_none() {
        return;
    }
    let mut object = match members.remove(name) {
        Some(Value::Object(object)) => object,
        _ => Map::new(),
    };
    object.extend(said);
    members.insert(name.to_owned(), Value::Object(object));
}

/// Carries a command about fleets out.
///
/// # Errors
/// Every [`Failure`].
pub async fn run(command: Command, global: &Global, out: &Output) -> Result<Exit, Failure> {
    let (api, tenant) = (global.api()?, global.tenant()?);
    let path = |named: &Named| {
        format!(
            "/tenants/{tenant}/components/{}/fleets/{}",
            named.component, named.fleet
        )
    };
    match command {
        Command::Declare { named, said } => {
            let answer = api.put(&path(&named), &said.body()?).await?;
            out.answer(&answer, shown)?;
        }
        Command::Get { named } => {
            let answer = api.get(&path(&named), &[]).await?;
            out.answer(&answer, shown)?;
        }
        Command::EnrolmentSecret { named } => {
            let path = format!("{}/enrolment-secret", path(&named));
            let answer = api.post(&path, &[], None::<&()>).await?;
            out.answer(&answer, |made: &EnrolmentSecret| {
                format!("{}\n", made.enrolment_secret.reveal())
            })?;
        }
        Command::Instances { named } => {
            let answer = api.get(&format!("{}/instances", path(&named)), &[]).await?;
            out.answer(&answer, instances)?;
        }
    }
    Ok(Exit::Fine)
}

fn shown(fleet: &Fleet) -> String {
    let mut table = Table::default();
    table.row(["fleet", &fleet.key.to_string()]);
    let route = match &fleet.route {
        Some(Route::HttpEdge { url }) => format!("http-edge {url}"),
        None => "none".to_owned(),
    };
    table.row(["route", &route]);
    let metrics = match &fleet.metrics {
        Some(source) => format!(
            "{}: {} and {}, every {} s",
            source.namespace, source.requests, source.errors, source.period_seconds
        ),
        None => "none: no gate can pass".to_owned(),
    };
    table.row(["metrics", &metrics]);
    let times = fleet.check_in;
    let check_in = format!(
        "idle {} ms, hold {} ms, fast {} ms",
        times.idle_ms, times.hold_ms, times.fast_ms
    );
    table.row(["check-in", &check_in]);
    table.row(["approval", &name(&fleet.approval)]);
    table.to_string()
}

fn instances(list: &InstanceList) -> String {
    let mut table = Table::new([
        "ORDINAL", "INSTANCE", "DOMAIN", "VERSION", "HEALTHY", "STATUS", "SEEN", "ERROR",
    ]);
    list.instances
        .iter()
        .for_each(|instance| table.row(instance_row(instance)));
    table.to_string()
}

fn instance_row(instance: &Instance) -> [String; 8] {
    let running = instance.running.as_ref();
    let report = instance.report.as_ref();
    let error = report.and_then(|r| r.error.as_ref());
    [
        instance.ordinal.to_string(),
        instance.instance_id.to_string(),
        instance.failure_domain.clone().unwrap_or_default(),
        running.map(|r| r.version.version.to_string()).unwrap_or_default(),
        running
            .map(|r| if r.healthy { "yes" } else { "no" }.to_owned())
            .unwrap_or_default(),
        report.map(|r| name(&r.status)).unwrap_or_default(),
        moment(instance.seen_at),
        error
            .map(|e| format!("{}: {}", e.code, e.message))
            .unwrap_or_default(),
    ]
}
