//! What a function can reach: methods of ports, through the use cases, down to calls of the SDK.

use std::collections::{BTreeMap, BTreeSet};

use super::source::{Call, Function, Source};

/// What a Lambda function's code can do.
#[derive(Debug, Default)]
pub struct Reached {
    /// Methods of ports, as (`Blobs`, `put`).
    pub methods: BTreeSet<(String, String)>,
    /// Methods of the bucket with the function of `keys` that makes the key.
    pub objects: BTreeSet<(String, String)>,
    /// State machines that are named.
    pub machines: BTreeSet<String>,
    /// Commands that are applied; `?` for one that is decided elsewhere.
    pub commands: BTreeSet<String>,
    /// The functions of the use cases that were reached.
    pub places: BTreeSet<String>,
}

/// The use cases and one Lambda function's own sources, `main` first among them.
pub struct Code<'a> {
    pub own: &'a Source,
    pub app: &'a Source,
    pub core: &'a Source,
}

/// The parameters of a function that are ports: traits by name, `outlets.bus` for a field; empty for what holds some.
pub fn ports(function: &Function, app: &Source) -> BTreeMap<String, BTreeSet<String>> {
    let mut ports = BTreeMap::new();
    for (name, traits) in &function.bounds {
        let known: BTreeSet<_> = traits
            .iter()
            .filter(|t| app.traits.contains_key(*t))
            .cloned()
            .collect();
        if let Some((holder, place)) = name.split_once('#') {
            let (parameter, kind) = holder.split_once('.').unwrap();
            let Some((letters, fields)) = app.structs.get(kind) else {
                continue;
            };
            let letter = &letters[place.parse::<usize>().unwrap()];
            for (field, _) in fields.iter().filter(|(_, kind)| *kind == letter) {
                ports.insert(format!("{parameter}.{field}"), known.clone());
                ports.insert(parameter.to_owned(), BTreeSet::new());
            }
        } else if !known.is_empty() {
            ports.insert(name.clone(), known);
        }
    }
    ports
}

impl Code<'_> {
    /// Everything that can be reached from `main`.
    pub fn reached(&self) -> Reached {
        let mut reached = Reached::default();
        let main = self.own.functions.iter().find(|f| f.name == "main").unwrap();
        self.follow(main, &mut reached);
        reached
    }

    fn follow(&self, function: &Function, reached: &mut Reached) {
        if !reached.places.insert(function.place()) {
            return;
        }
        let ports = ports(function, self.app);
        let keys = function.mentions.iter().filter_map(|m| m.strip_prefix("keys::"));
        let keys: Vec<_> = keys.map(str::to_owned).collect();
        let machines = function
            .mentions
            .iter()
            .filter_map(|m| m.strip_prefix("Machine::"));
        reached.machines.extend(machines.map(str::to_owned));
        for call in &function.calls {
            if let Some(port) = self.port_of(call, &ports) {
                if port == "Blobs" {
                    assert!(!keys.is_empty(), "{}: the key is not of `keys`", function.place());
                    let of_key = keys.iter().map(|key| (call.name().to_owned(), key.clone()));
                    reached.objects.extend(of_key);
                }
                reached.methods.insert((port, call.name().to_owned()));
            } else if function.name == "main" || call.arguments.iter().any(|a| ports.contains_key(a)) {
                if call.name() == "change" {
                    match call.arguments[2].strip_prefix("Command::") {
                        Some(command) => drop(reached.commands.insert(command.to_owned())),
                        None => reached.commands.extend(self.decided(function)),
                    }
                }
                if let Some(next) = self.resolve(function, call) {
                    self.follow(next, reached);
                }
            }
        }
    }

    /// The commands that the core may decide on for a function; `?` for one that comes from elsewhere.
    fn decided(&self, function: &Function) -> BTreeSet<String> {
        let asked = |f: &&Function| f.of.is_none() && function.calls.iter().any(|c| c.name() == f.name);
        let modules: BTreeSet<_> = self
            .core
            .functions
            .iter()
            .filter(asked)
            .map(|f| &f.module)
            .collect();
        let deciding = self.core.functions.iter().filter(|f| modules.contains(&f.module));
        let mentioned = deciding
            .flat_map(|f| &f.mentions)
            .filter_map(|m| m.strip_prefix("Command::"));
        let commands: BTreeSet<_> = mentioned.map(str::to_owned).collect();
        if commands.is_empty() {
            return BTreeSet::from(["?".to_owned()]);
        }
        commands
    }

    /// The port whose method it is.
    fn port_of(&self, call: &Call, ports: &BTreeMap<String, BTreeSet<String>>) -> Option<String> {
        let traits = ports.get(call.receiver.as_ref()?)?;
        let has = |t: &&String| self.app.traits[*t].contains(call.name());
        let having: Vec<_> = traits.iter().filter(has).collect();
        assert!(having.len() < 2, "{}: of {having:?}", call.name());
        having.first().map(|t| (*t).clone())
    }

    /// The function that is called with a port.
    fn resolve(&self, caller: &Function, call: &Call) -> Option<&Function> {
        let fits = |f: &&Function| {
            f.name == call.name()
                && (call.receiver.is_none() || f.of.is_some())
                && !ports(f, self.app).is_empty()
        };
        let all = || self.own.functions.iter().chain(&self.app.functions).filter(fits);
        let qualifier = call
            .path
            .iter()
            .rev()
            .nth(1)
            .filter(|q| !["self", "super", "crate"].contains(&q.as_str()));
        let found: Vec<_> = match qualifier {
            Some(qualifier) => all().filter(|f| f.module.contains(qualifier)).collect(),
            None => {
                let near: Vec<_> = all().filter(|f| f.module == caller.module).collect();
                if near.is_empty() { all().collect() } else { near }
            }
        };
        assert!(
            found.len() == 1 || caller.name == "main",
            "{} calls {} with a port; found {:?}",
            caller.place(),
            call.path.join("::"),
            found.iter().map(|f| f.place()).collect::<Vec<_>>()
        );
        found.first().copied()
    }
}

/// What a port's method asks of AWS: `dynamodb:get_item`, or `write:Put` for a part of a transaction.
pub type Asked = BTreeMap<(String, String), BTreeSet<String>>;

/// Queries of the table's indexes, as the adapter makes them.
pub const INDEXES: [(&str, &str); 3] = [
    ("newest", "by-tenant"),
    ("open", "open"),
    ("troubled", "troubled"),
];

/// Reads the adapters.
pub fn asked(aws: &Source, app: &Source) -> Asked {
    let mut asked = Asked::new();
    for method in &aws.functions {
        if let Some((_, Some(port))) = &method.of
            && app.traits.contains_key(port)
        {
            let mut found = BTreeSet::new();
            collect(aws, method, &mut found, &mut BTreeSet::new());
            asked
                .entry((port.clone(), method.name.clone()))
                .or_default()
                .extend(found);
        }
    }
    asked
}

fn collect(aws: &Source, function: &Function, found: &mut BTreeSet<String>, seen: &mut BTreeSet<String>) {
    if !seen.insert(format!("{:?} {}", function.of, function.place())) {
        return;
    }
    for call in &function.calls {
        if call.receiver.as_deref() == Some("self.client")
            && let Some(service) = service(aws, function)
        {
            found.insert(format!("{service}:{}", call.name()));
        }
        for (query, index) in INDEXES {
            if call.path[..] == ["Query", query] {
                found.insert(format!("index:{index}"));
            }
        }
    }
    for made in ["Put", "Delete", "Add"] {
        if function.mentions.contains(&format!("Write::{made}")) {
            found.insert(format!("write:{made}"));
        }
    }
    let of_self = |name: &str| {
        let called = |c: &Call| c.receiver.as_deref() == Some("self") && c.name() == name;
        function.calls.iter().any(called)
    };
    for next in &aws.functions {
        let by_self = next.of.is_some()
            && next.of.as_ref().map(|o| &o.0) == function.of.as_ref().map(|o| &o.0)
            && of_self(&next.name);
        let called = |c: &Call| c.receiver.is_none() && c.path.len() == 1 && c.name() == next.name;
        let in_module = next.module == function.module && function.mentions.contains(&next.name);
        let by_name =
            next.of.is_none() && (in_module || (next.is_shared && function.calls.iter().any(called)));
        if by_self || by_name {
            collect(aws, next, found, seen);
        }
    }
}

/// The service whose client the function's type holds; none for what is not of AWS.
fn service<'a>(aws: &'a Source, function: &Function) -> Option<&'a str> {
    let above = (0..=function.module.len()).rev().map(|n| &function.module[..n]);
    above
        .filter_map(|module| aws.services.get(module))
        .map(String::as_str)
        .next()
}
