//! Bodies of requests: one clear error that names the field, what is wrong with it, and what is accepted.

use serde::de::DeserializeOwned;
use sluice_contract::problem::{Code, Problem};
use sluice_core::settings::FieldError;

/// Reads a JSON body.
///
/// # Errors
/// [`Code::InvalidRequest`] with the field, where one is to blame.
pub fn parse<T: DeserializeOwned>(body: &[u8]) -> Result<T, Problem> {
    let mut json = serde_json::Deserializer::from_slice(body);
    let value = serde_path_to_error::deserialize(&mut json).map_err(|error| {
        let path = error.path().to_string();
        explain(&path, error.inner())
    })?;
    json.end().map_err(|e| {
        Problem::new(
            Code::InvalidRequest,
            format!("the body is not one JSON value: {e}"),
        )
    })?;
    Ok(value)
}

fn explain(path: &str, error: &serde_json::Error) -> Problem {
    let text = error.to_string();
    let message = text.split(" at line ").next().unwrap_or(&text);
    if !error.is_data() {
        return Problem::new(Code::InvalidRequest, format!("the body is not JSON: {text}"));
    }
    // For a missing or unknown field the path is that of the object, and the message has the name.
    let named = message
        .split('`')
        .nth(1)
        .filter(|_| message.contains(" field `"))
        .unwrap_or_default();
    let field = match (path, named) {
        (".", "") => "body".to_owned(),
        (".", name) => name.to_owned(),
        (path, "") => path.to_owned(),
        (path, name) if path == name || path.ends_with(&format!(".{name}")) => path.to_owned(),
        (path, name) => format!("{path}.{name}"),
    };
    let (problem, accepted) = if message.starts_with("missing field") {
        ("is missing".to_owned(), "a value".to_owned())
    } else if message.starts_with("unknown field") {
        let accepted = message
            .split_once("expected ")
            .map_or("the documented fields", |(_, rest)| rest);
        ("is not a field of this request".to_owned(), accepted.to_owned())
    } else {
        match message.split_once(", expected ") {
            Some((problem, accepted)) => (problem.to_owned(), accepted.to_owned()),
            None => (message.to_owned(), "see the API's description".to_owned()),
        }
    };
    Problem::fields(vec![FieldError::new(&field, problem, accepted)])
}

/// Reads a parameter that is true or false.
///
/// # Errors
/// [`Code::InvalidRequest`] for anything else.
pub fn flag(field: &str, given: Option<&str>) -> Result<bool, Problem> {
    match given {
        None | Some("false") => Ok(false),
        Some("true" | "") => Ok(true),
        Some(other) => {
            let error = FieldError::new(field, format!("is {other:?}"), "true or false");
            Err(Problem::fields(vec![error]))
        }
    }
}

#[cfg(test)]
mod tests {
    use sluice_contract::api::UpgradeRequest;

    use super::*;

    #[test]
    fn each_mistake_is_named() {
        let id = "\"00000000-0000-0000-0000-000000000001\"";
        let full =
            |more: &str| format!(r#"{{"componentId":{id},"fromVersionId":{id},"toVersionId":{id}{more}}}"#);
        for (body, expected) in [
            ("".to_owned(), "the body is not JSON: EOF"),
            ("{".to_owned(), "the body is not JSON: EOF"),
            ("[]x".to_owned(), "body: invalid length 0"),
            ("{}".to_owned(), "componentId: is missing"),
            (full(" "), ""),
            (full("} {"), "the body is not one JSON value"),
            (
                full(r#","batchSize":"five""#),
                "batchSize: invalid type: string \"five\"; accepted: i64",
            ),
            (
                full(r#","batchSize":1.5"#),
                "batchSize: invalid type: floating point `1.5`; accepted: i64",
            ),
            (
                full(r#","colour":1"#),
                "colour: is not a field of this request; accepted: one of `componentId`",
            ),
            (full(r#","fleetId":"a b""#), "fleetId: must be 1 to 64 characters"),
            (
                full(r#","strategy":"FAST""#),
                "strategy: unknown variant `FAST`; accepted: one of `ROLLING`",
            ),
            (
                full(r#","autoRollbackEnabled":1"#),
                "autoRollbackEnabled: invalid type: integer `1`; accepted: a boolean",
            ),
            (
                r#"{"componentId":"x"}"#.to_owned(),
                "componentId: UUID parsing failed",
            ),
        ] {
            match parse::<UpgradeRequest>(body.as_bytes()) {
                Ok(_) => assert_eq!(expected, "", "{body}"),
                Err(problem) => assert!(
                    !expected.is_empty() && problem.detail.starts_with(expected),
                    "{body}: {}",
                    problem.detail
                ),
            }
        }
    }
}
