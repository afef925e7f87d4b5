//! What a metric has to be.

use serde::{Deserialize, Serialize};
use sluice_judge::threshold::Comparison;

/// A number, or a comparison with one: `1`, `">0"`, `"<=250"`, `"!=0"`, `"<5%"`.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Expected(pub Comparison);

#[cfg(test)]
impl schemars::JsonSchema for Expected {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Expected".into()
    }

    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({
            "description": "What a metric has to be: a number, or a comparison with one such as \">0\".",
            "oneOf": [
                { "type": "number" },
                {
                    "type": "string",
                    "pattern": "^\\s*(|<|<=|>|>=|=|==|!=)\\s*[-+]?[0-9.]+([eE][-+]?[0-9]+)?\\s*%?\\s*$"
                }
            ]
        })
    }
}
