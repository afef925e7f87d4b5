//! Gate files.

use std::path::Path;

use sluice_judge::gate::Rules;

use crate::failure::Failure;
use crate::input;

/// Reads and checks a gate file.
///
/// # Errors
/// [`Failure::Input`] with the place or field that is wrong, and what is accepted.
pub fn read(path: &Path) -> Result<Rules, Failure> {
    let text = input::text(path)?;
    let wrong = |problem: String| Failure::input(path.display().to_string(), problem);
    let rules: Rules = serde_saphyr::from_str(&text).map_err(|e| wrong(e.to_string()))?;
    rules.check().map_err(|bad| {
        let field = bad.field.rsplit(['.', ']']).next().unwrap_or_default().to_owned();
        let line = text.lines().position(|l| l.contains(&format!("{field}:")));
        let place = line.map_or_else(String::new, |l| format!("line {}: ", l + 1));
        wrong(format!("{place}{bad}"))
    })?;
    Ok(rules)
}
