//! The definitions of the state machines, read.

use serde_json::Value;

/// The machines by name, in the order of an upgrade's way through them.
pub const MACHINES: [&str; 3] = ["upgrade", "batch", "rollback"];

/// A definition.
pub struct Machine {
    pub name: &'static str,
    pub start: String,
    pub states: Vec<State>,
}

/// One of its states.
pub struct State {
    pub name: String,
    pub body: Value,
}

/// How one state follows another.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Edge {
    pub to: String,
    /// The word or errors that lead there; empty for the course of things.
    pub by: String,
}

pub fn machine(name: &'static str) -> Machine {
    let text = super::read(&format!("statemachine/{name}.asl.json"));
    let definition: Value = serde_json::from_str(&text).unwrap_or_else(|e| panic!("{name}: {e}"));
    let states = definition["States"].as_object().unwrap();
    let states = states.iter().map(|(name, body)| State {
        name: name.clone(),
        body: body.clone(),
    });
    Machine {
        name,
        start: text_of(&definition["StartAt"]),
        states: states.collect(),
    }
}

pub fn text_of(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

/// A list's entries; none where there is no list.
pub fn list<'a>(value: &'a Value, field: &str) -> impl Iterator<Item = &'a Value> {
    value[field].as_array().into_iter().flatten()
}

/// The names of errors of a retrier or catcher.
pub fn errors(rule: &Value) -> Vec<String> {
    list(rule, "ErrorEquals").map(text_of).collect()
}

impl State {
    pub fn kind(&self) -> String {
        text_of(&self.body["Type"])
    }

    /// The function that it calls, by the name of its folder.
    pub fn function(&self) -> Option<String> {
        let name = self.body["Parameters"]["FunctionName"].as_str()?;
        let name = name.strip_prefix("${")?.strip_suffix("FunctionArn}")?;
        let dashed = name.char_indices().fold(String::new(), |mut text, (n, c)| {
            if c.is_uppercase() && n > 0 {
                text.push('-');
            }
            text.extend(c.to_lowercase());
            text
        });
        Some(dashed)
    }

    /// Everything that may follow it.
    pub fn edges(&self) -> Vec<Edge> {
        let edge = |to: &Value, by: String| {
            to.as_str().map(|to| Edge {
                to: to.to_owned(),
                by,
            })
        };
        let choices = list(&self.body, "Choices").map(|c| edge(&c["Next"], text_of(&c["StringEquals"])));
        let caught = list(&self.body, "Catch").map(|c| edge(&c["Next"], errors(c).join(", ")));
        let plain = [
            edge(&self.body["Next"], String::new()),
            edge(&self.body["Default"], "else".to_owned()),
        ];
        plain.into_iter().chain(choices).chain(caught).flatten().collect()
    }

    /// Where a word leads from a choice.
    pub fn routed(&self, word: &str) -> String {
        let chosen = list(&self.body, "Choices").find(|c| c["StringEquals"] == word);
        chosen.map_or_else(|| text_of(&self.body["Default"]), |c| text_of(&c["Next"]))
    }
}

impl Machine {
    pub fn state(&self, name: &str) -> &State {
        self.states
            .iter()
            .find(|s| s.name == name)
            .unwrap_or_else(|| panic!("{} has no {name}", self.name))
    }
}
