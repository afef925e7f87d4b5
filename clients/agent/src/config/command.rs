//! A command of the configuration.

use std::ops::Deref;

use serde::de::{Error, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};

/// What is said to whoever gives one text.
const ONE_TEXT: &str = "a command is a list of arguments, such as [\"ctl\", \"stop\"]; a text for a shell is written \
    { text = \"...\", shell = true }";

/// Program and arguments. In the file it is a list, which no shell reads, or, when a shell is really wanted,
/// `{ text = "...", shell = true }`, which `/bin/sh -c` reads.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CommandLine(Vec<String>);

impl Deref for CommandLine {
    type Target = Vec<String>;

    fn deref(&self) -> &Vec<String> {
        &self.0
    }
}

impl From<Vec<String>> for CommandLine {
    fn from(arguments: Vec<String>) -> Self {
        Self(arguments)
    }
}

impl<'de> Deserialize<'de> for CommandLine {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(AnyForm)
    }
}

struct AnyForm;

impl<'de> Visitor<'de> for AnyForm {
    type Value = CommandLine;

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("a command: a list of arguments, or { text = \"...\", shell = true }")
    }

    fn visit_str<E: Error>(self, _: &str) -> Result<CommandLine, E> {
        Err(E::custom(ONE_TEXT))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<CommandLine, A::Error> {
        let mut arguments = Vec::new();
        while let Some(argument) = list.next_element()? {
            arguments.push(argument);
        }
        Ok(CommandLine(arguments))
    }

    fn visit_map<A: MapAccess<'de>>(self, table: A) -> Result<CommandLine, A::Error> {
        #[derive(Deserialize)]
        #[serde(deny_unknown_fields)]
        struct Script {
            text: String,
            #[serde(default)]
            shell: bool,
        }
        let script = Script::deserialize(serde::de::value::MapAccessDeserializer::new(table))?;
        if !script.shell {
            return Err(A::Error::custom(ONE_TEXT));
        }
        if script.text.trim().is_empty() {
            return Err(A::Error::custom("the text for the shell is empty"));
        }
        Ok(CommandLine(vec![
            "/bin/sh".to_owned(),
            "-c".to_owned(),
            script.text,
        ]))
    }
}
