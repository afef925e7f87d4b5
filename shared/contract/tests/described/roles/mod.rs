//! The template's roles allow what the code does, and nothing else.
//!
//! What a function does is read from its sources: from `main` through the use cases to the methods of ports, and from
//! each port's adapter to the calls of the SDK. A function that cannot be followed fails the test.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;

use serde_json::Value;
use sluice_core::upgrade::Event;

use self::reach::{Asked, Code, Reached, asked};
use self::source::Source;
use self::template::{Permission, granted, machine_arn, needed_by_function, needed_by_machine, parse};
use super::asl::{MACHINES, machine};
use super::openapi::{folders, sample_files};
use super::{read, root};

mod reach;
mod source;
mod template;

fn capitals(name: &str) -> String {
    name.split('-')
        .map(|word| word[..1].to_uppercase() + &word[1..])
        .collect()
}

/// The prefix under which a function of `keys` puts things into the bucket.
fn prefix(app: &Source, key: &str) -> String {
    let maker = app
        .functions
        .iter()
        .find(|f| f.module == ["keys"] && f.name == key)
        .unwrap();
    let text = maker
        .texts
        .first()
        .unwrap_or_else(|| panic!("keys::{key} has no text"));
    text.split_once('/').unwrap().0.to_owned()
}

/// The commands that can end an upgrade, and so give its lock back: read from the samples of events.
fn ending() -> BTreeSet<String> {
    let mut events: Vec<Event> = Vec::new();
    for folder in folders().into_iter().filter(|folder| folder.contains('.')) {
        for file in sample_files(&folder) {
            let text = read(&format!("events/v1/{folder}/{file}"));
            events.push(serde_json::from_str(&text).unwrap());
        }
    }
    events.sort_by_key(|e| e.seq);
    let (mut ending, mut ended) = (BTreeSet::new(), BTreeMap::new());
    for event in events {
        let was_ended = ended.insert(event.upgrade_id, event.status.is_terminal());
        if event.status.is_terminal() && was_ended != Some(true) {
            let command = serde_json::to_value(&event.command).unwrap();
            ending.insert(capitals(command["command"].as_str().unwrap()));
        }
    }
    ending
}

/// What the calls of the SDK need, by IAM's names. `None`: nothing of its own.
fn actions(call: &str) -> Vec<String> {
    let (service, name) = call.split_once(':').unwrap();
    let of = |name: &str| vec![format!("dynamodb:{name}")];
    match (service, name) {
        ("write", "Put") => of("PutItem"),
        ("write", "Delete") => of("DeleteItem"),
        ("write", "Add") => of("UpdateItem"),
        // Its writes say what it needs.
        ("dynamodb", "transact_write_items") => Vec::new(),
        // Who may not list is told that what is not there is forbidden.
        ("s3", "get_object" | "head_object") => vec!["s3:GetObject".to_owned(), "s3:ListBucket".to_owned()],
        _ => {
            let service = match service {
                "sfn" => "states",
                "eventbridge" => "events",
                "dynamodb" | "s3" | "sns" | "cloudwatch" | "kms" | "scheduler" => service,
                other => panic!("say here what IAM calls {other}"),
            };
            vec![format!("{service}:{}", capitals(&name.replace('_', "-")))]
        }
    }
}

/// What an action is done to.
fn resources(action: &str, prefixes: &BTreeSet<String>, reached: &Reached) -> Vec<String> {
    match action {
        "s3:ListBucket" => vec!["Bucket.Arn".to_owned()],
        "states:StartExecution" => reached
            .machines
            .iter()
            .map(|m| machine_arn(&format!("${{{m}MachineArn}}")))
            .collect(),
        _ => match action.split_once(':').unwrap().0 {
            "dynamodb" => vec!["Table.Arn".to_owned()],
            "s3" => prefixes
                .iter()
                .map(|p| format!("${{Bucket.Arn}}/{p}/*"))
                .collect(),
            "sns" => vec!["AlertTopic".to_owned()],
            "events" => vec!["EventBus.Arn".to_owned()],
            "cloudwatch" => vec!["*".to_owned()],
            _ => panic!("say here what {action} is done to"),
        },
    }
}

/// The sources of everything that runs in a function.
struct Sources {
    app: Source,
    core: Source,
    asked: Asked,
    ending: BTreeSet<String>,
    functions: BTreeMap<String, Source>,
}

fn sources() -> Sources {
    let app = source::read(&root().join("shared/app/src"));
    let asked = asked(&source::read(&root().join("shared/aws/src")), &app);
    let folders = fs::read_dir(root().join("functions"))
        .unwrap()
        .map(|e| e.unwrap());
    let functions = folders.map(|f| {
        (
            f.file_name().into_string().unwrap(),
            source::read(&f.path().join("src")),
        )
    });
    Sources {
        asked,
        ending: ending(),
        functions: functions.collect(),
        core: source::read(&root().join("shared/core/src")),
        app,
    }
}

impl Sources {
    fn reached(&self, function: &str) -> Reached {
        Code {
            own: &self.functions[function],
            app: &self.app,
            core: &self.core,
        }
        .reached()
    }

    /// What a function's code needs.
    fn needed(&self, function: &str) -> BTreeSet<Permission> {
        let reached = self.reached(function);
        // A lock is given back only by what ends an upgrade.
        let ends = reached
            .commands
            .iter()
            .any(|c| c == "?" || self.ending.contains(c));
        let mut needed = BTreeSet::new();
        for method in &reached.methods {
            let calls = self
                .asked
                .get(method)
                .unwrap_or_else(|| panic!("{method:?} has no adapter"));
            let keys = reached.objects.iter().filter(|(m, _)| *m == method.1);
            let prefixes = keys.map(|(_, key)| prefix(&self.app, key)).collect();
            for call in calls {
                if let Some(index) = call.strip_prefix("index:") {
                    let index = format!("${{Table.Arn}}/index/{index}");
                    needed.insert(("dynamodb:Query".to_owned(), index));
                } else if call != "write:Delete" || ends {
                    for action in actions(call) {
                        let on = resources(&action, &prefixes, &reached);
                        needed.extend(on.into_iter().map(|resource| (action.clone(), resource)));
                    }
                }
            }
        }
        needed
    }
}

/// Everything that a template's roles allow too little or too much.
fn differences(sources: &Sources, template: &Value) -> Vec<String> {
    let mut found = Vec::new();
    let mut compare = |role: String, needed: BTreeSet<Permission>| {
        let granted = granted(template, &role);
        for (action, resource) in needed.difference(&granted) {
            found.push(format!("{role} lacks {action} on {resource}"));
        }
        for (action, resource) in granted.difference(&needed) {
            found.push(format!("{role} has {action} on {resource} and does not use it"));
        }
    };
    for function in sources.functions.keys() {
        let name = capitals(function);
        let mut needed = sources.needed(function);
        needed.extend(needed_by_function(template, &name));
        compare(format!("{name}Role"), needed);
    }
    for machine in MACHINES.map(machine) {
        compare(
            format!("{}MachineRole", capitals(machine.name)),
            needed_by_machine(&machine),
        );
    }
    found
}

#[test]
fn every_role_allows_what_is_done_and_nothing_else() {
    let found = differences(&sources(), &parse(&read("infra/template.yaml")));
    assert!(found.is_empty(), "{found:#?}");
}

/// The sources were followed everywhere: what a function cannot reach is either unused, or lost on the way.
#[test]
fn every_use_of_a_port_is_reached() {
    let sources = sources();
    let (mut places, mut methods) = (BTreeSet::new(), BTreeSet::new());
    for (function, own) in &sources.functions {
        let reached = sources.reached(function);
        for own in own
            .functions
            .iter()
            .filter(|f| !reach::ports(f, &sources.app).is_empty())
        {
            assert!(
                reached.places.contains(&own.place()),
                "{function}: {} is not reached",
                own.place()
            );
        }
        places.extend(reached.places);
        methods.extend(reached.methods);
    }
    for used in sources
        .app
        .functions
        .iter()
        .filter(|f| !reach::ports(f, &sources.app).is_empty())
    {
        assert!(places.contains(&used.place()), "{} is not reached", used.place());
    }
    for (port, names) in sources
        .app
        .traits
        .iter()
        .filter(|(port, _)| methods.iter().any(|(p, _)| p == *port))
    {
        for name in names {
            assert!(
                methods.contains(&(port.clone(), name.clone())),
                "{port}::{name} is not reached"
            );
        }
    }
    let asked: usize = sources.asked.values().map(BTreeSet::len).sum();
    assert!(
        asked > methods.len(),
        "{asked} calls for {} methods",
        methods.len()
    );
}

/// The comparison would notice: each action of each role taken away, and one put there that is not used.
#[test]
fn a_role_with_too_little_or_too_much_is_found() {
    let (sources, text) = (sources(), read("infra/template.yaml"));
    let whole = parse(&text);
    let roles = sources.functions.keys().map(|f| format!("{}Role", capitals(f)));
    for role in roles.chain(MACHINES.map(|m| format!("{}MachineRole", capitals(m)))) {
        let (before, rest) = text.split_once(&format!("\n  {role}:\n")).unwrap();
        let end = rest.find("\n\n").unwrap();
        for action in granted(&whole, &role)
            .into_iter()
            .map(|(action, _)| action)
            .collect::<BTreeSet<_>>()
        {
            let (service, _) = action.split_once(':').unwrap();
            let other = rest[..end].replacen(&action, &format!("{service}:Unknown"), 1);
            let changed = format!("{before}\n  {role}:\n{other}{}", &rest[end..]);
            let found = differences(&sources, &parse(&changed));
            assert!(
                found
                    .iter()
                    .any(|f| f.starts_with(&format!("{role} lacks {action} on"))),
                "{role} {action}: {found:?}"
            );
            let too_much = format!("{role} has {service}:Unknown on");
            assert!(
                found.iter().any(|f| f.starts_with(&too_much)),
                "{role} {action}: {found:?}"
            );
        }
    }
}
