//! The table: what was measured, what is asked for, and whether it is reached.

use serde::Serialize;

/// What a value has to be.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Target {
    /// So much or less.
    AtMost(f64),
    /// So much or more.
    AtLeast(f64),
    /// Nothing is asked for.
    None,
}

/// One measurement.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Row {
    /// What was measured, with its unit.
    pub name: String,
    /// The value; none when it never happened.
    pub value: Option<f64>,
    /// What it has to be, such as `<= 1.3`; none when nothing is asked for.
    pub target: Option<String>,
    /// Whether it is; none when nothing is asked for.
    pub ok: Option<bool>,
}

impl Row {
    /// A value beside its target. A value that never happened reaches none.
    #[must_use]
    pub fn new(name: impl Into<String>, value: Option<f64>, target: Target) -> Self {
        let value = value.map(|v| (v * 1000.0).round() / 1000.0);
        let (text, ok) = match target {
            Target::AtMost(limit) => (
                Some(format!("<= {limit}")),
                Some(value.is_some_and(|v| v <= limit)),
            ),
            Target::AtLeast(limit) => (
                Some(format!(">= {limit}")),
                Some(value.is_some_and(|v| v >= limit)),
            ),
            Target::None => (None, None),
        };
        Self {
            name: name.into(),
            value,
            target: text,
            ok,
        }
    }
}

/// The rows as Markdown.
#[must_use]
pub fn markdown(rows: &[Row]) -> String {
    let mut text = "| what | measured | target | reached |\n|---|---|---|---|\n".to_owned();
    for row in rows {
        let value = row.value.map_or_else(|| "never".to_owned(), |v| v.to_string());
        let ok = row.ok.map_or("", |ok| if ok { "yes" } else { "NO" });
        let target = row.target.as_deref().unwrap_or("");
        text.push_str(&format!("| {} | {value} | {target} | {ok} |\n", row.name));
    }
    text
}
