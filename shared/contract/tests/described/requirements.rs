//! `tests/requirements.toml` has each number once, and what it says is done has a file that does it and a test.

use std::fs;

use toml::{Table, Value};

use super::{read, root};

/// How many requirements there are.
const NUMBERS: usize = 410;

/// Everything that is wrong with the list.
fn problems(text: &str) -> Vec<String> {
    let parsed = match text.parse::<Table>() {
        Ok(parsed) => parsed,
        Err(error) => return vec![error.to_string()],
    };
    let rows = parsed["requirements"].as_table().unwrap();
    let expected: Vec<_> = (1..=NUMBERS).map(|n| format!("{n:03}")).collect();
    let missing = expected
        .iter()
        .filter(|n| !rows.contains_key(*n))
        .map(|n| format!("{n}: is missing"));
    let unknown = rows
        .keys()
        .filter(|n| !expected.contains(n))
        .map(|n| format!("{n}: is no number of a requirement"));
    let wrong = rows.iter().flat_map(|(number, row)| {
        let wrong = row
            .as_table()
            .map_or_else(|| vec!["is no row".to_owned()], wrong_with);
        wrong
            .into_iter()
            .map(move |problem| format!("{number}: {problem}"))
    });
    missing.chain(unknown).chain(wrong).collect()
}

fn wrong_with(row: &Table) -> Vec<String> {
    let mut wrong = Vec::new();
    for (field, value) in row {
        if value.as_str().is_none_or(|text| text.trim().is_empty()) {
            wrong.push(format!("{field} says nothing"));
        }
    }
    let mut fields: Vec<_> = row.keys().map(String::as_str).collect();
    fields.sort_unstable();
    let text = |field: &str| row.get(field).and_then(Value::as_str).unwrap_or_default();
    match fields[..] {
        ["open", "what"] | ["not_applicable", "what"] => {}
        ["proof", "what", "where"] => {
            if !root().join(text("where")).exists() {
                wrong.push(format!("where: there is no {}", text("where")));
            }
            wrong.extend(no_proof(text("proof")));
        }
        _ => wrong.push(format!(
            "has {fields:?}; accepted: what, with where and proof, with open, or with not_applicable"
        )),
    }
    wrong
}

/// Why a proof is none; nothing when it is one.
fn no_proof(proof: &str) -> Option<String> {
    let Some((path, name)) = proof.split_once("::") else {
        return Some(format!("proof: {proof} is not path::test"));
    };
    let Ok(text) = fs::read_to_string(root().join(path)) else {
        return Some(format!("proof: there is no {path}"));
    };
    let lines: Vec<_> = text.lines().map(str::trim).collect();
    let begins = [format!("fn {name}("), format!("async fn {name}(")];
    let Some(at) = lines.iter().position(|l| begins.iter().any(|b| l.starts_with(b))) else {
        return Some(format!("proof: {path} has no {name}"));
    };
    let mut before = lines[..at]
        .iter()
        .rev()
        .take_while(|l| l.starts_with("#[") || l.starts_with("//"));
    let is_test = before.any(|l| l.starts_with("#[test") || l.starts_with("#[tokio::test"));
    (!is_test).then(|| format!("proof: {name} of {path} is no test"))
}

#[test]
fn each_number_is_there_once_with_what_shows_it() {
    let problems = problems(&read("tests/requirements.toml"));
    assert!(problems.is_empty(), "{problems:#?}");
}

#[test]
fn a_row_that_is_not_true_is_found() {
    let this = "shared/contract/tests/described/requirements.rs";
    let good = |proof: &str| format!("where = \"{this}\", proof = \"{proof}\"");
    let rows = [
        (format!("where = \"{this}\""), "has [\"what\", \"where\"]"),
        (
            "open = \"x\", not_applicable = \"y\"".to_owned(),
            "has [\"not_applicable\", \"open\", \"what\"]",
        ),
        ("open = \"\"".to_owned(), "open says nothing"),
        ("open = 1".to_owned(), "open says nothing"),
        (
            "where = \"no/such.rs\", proof = \"a\"".to_owned(),
            "where: there is no no/such.rs",
        ),
        (good("a"), "proof: a is not path::test"),
        (good("no/such.rs::a"), "proof: there is no no/such.rs"),
        (good(&format!("{this}::gone")), "has no gone"),
        (good(&format!("{this}::problems")), "problems of"),
    ];
    for (row, expected) in rows {
        let text = format!("[requirements]\n001 = {{ what = \"x\", {row} }}\n");
        let found: Vec<_> = problems(&text)
            .into_iter()
            .filter(|p| p.starts_with("001: "))
            .collect();
        assert!(found.iter().any(|p| p.contains(expected)), "{row}: {found:?}");
    }
    let twice =
        "[requirements]\n001 = { what = \"x\", open = \"y\" }\n001 = { what = \"x\", open = \"y\" }\n";
    assert!(problems(twice)[0].contains("duplicate"), "{:?}", problems(twice));
    let other = problems("[requirements]\n411 = { what = \"x\", open = \"y\" }\n");
    assert_eq!(other.len(), NUMBERS + 1, "{:?}", other.last());
}
