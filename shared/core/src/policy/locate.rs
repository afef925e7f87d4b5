//! Where in a file something is written.

use std::fmt;

use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_saphyr::Spanned;

/// A line and a column, from 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Place {
    pub line: u64,
    pub column: u64,
}

/// Every key and element of a file: its path and its place.
#[derive(Debug, Default)]
pub(super) struct Places(Vec<(String, Place)>);

impl Places {
    /// Reads a text; nothing of a text that is no YAML.
    pub(super) fn of(text: &str) -> Self {
        let mut options = super::read::options();
        // A repeated key is what is looked for, perhaps.
        options.duplicate_keys = serde_saphyr::DuplicateKeyPolicy::LastWins;
        let tree: Result<Tree, _> = serde_saphyr::from_str_with_options(text, options);
        let mut places = Self::default();
        if let Ok(tree) = tree {
            places.walk("", tree);
        }
        places
    }

    fn walk(&mut self, path: &str, tree: Tree) {
        for (step, place, below) in tree.0 {
            let path = match (path, step) {
                ("", Step::Key(key)) => key,
                (path, Step::Key(key)) => format!("{path}.{key}"),
                (path, Step::Index(index)) => format!("{path}[{index}]"),
            };
            self.0.push((path.clone(), place));
            self.walk(&path, below);
        }
    }

    /// The place of a path, or of the nearest one above it that is written.
    pub(super) fn find(&self, path: &str) -> Option<Place> {
        let mut path = path;
        loop {
            if let Some((_, place)) = self.0.iter().find(|(p, _)| p == path) {
                return Some(*place);
            }
            path = &path[..path.rfind(['.', '['])?];
        }
    }

    /// The path of what begins last at or before a place.
    pub(super) fn path_at(&self, place: Place) -> Option<&str> {
        let before = self.0.iter().filter(|(_, p)| *p <= place);
        before
            .max_by_key(|(path, p)| (*p, path.len()))
            .map(|(path, _)| path.as_str())
    }
}

enum Step {
    Key(String),
    Index(usize),
}

struct Tree(Vec<(Step, Place, Tree)>);

impl<'de> Deserialize<'de> for Tree {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Any;
        impl<'de> Visitor<'de> for Any {
            type Value = Tree;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("anything")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Tree, A::Error> {
                let mut tree = Vec::new();
                while let Some(key) = map.next_key::<Spanned<String>>()? {
                    let below = map.next_value()?;
                    tree.push((Step::Key(key.value), place(&key.referenced), below));
                }
                Ok(Tree(tree))
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Tree, A::Error> {
                let mut tree = Vec::new();
                while let Some(element) = seq.next_element::<Spanned<Tree>>()? {
                    tree.push((Step::Index(tree.len()), place(&element.referenced), element.value));
                }
                Ok(Tree(tree))
            }

            fn visit_str<E>(self, _: &str) -> Result<Tree, E> {
                Ok(Tree(Vec::new()))
            }
            fn visit_bool<E>(self, _: bool) -> Result<Tree, E> {
                Ok(Tree(Vec::new()))
            }
            fn visit_i64<E>(self, _: i64) -> Result<Tree, E> {
                Ok(Tree(Vec::new()))
            }
            fn visit_u64<E>(self, _: u64) -> Result<Tree, E> {
                Ok(Tree(Vec::new()))
            }
            fn visit_f64<E>(self, _: f64) -> Result<Tree, E> {
                Ok(Tree(Vec::new()))
            }
            fn visit_unit<E>(self) -> Result<Tree, E> {
                Ok(Tree(Vec::new()))
            }
            fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<Tree, D::Error> {
                deserializer.deserialize_any(self)
            }
        }
        deserializer.deserialize_any(Any)
    }
}

fn place(location: &serde_saphyr::Location) -> Place {
    Place {
        line: location.line(),
        column: location.column(),
    }
}
