//! The commands that the manuals show exist: those of `sluice` as its own test lists them, and what cargo is asked for.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;

use super::{read, root};

/// The manuals.
const MANUALS: [&str; 8] = [
    "README.md",
    "ARCHITECTURE.md",
    "CONTRIBUTING.md",
    "CHANGELOG.md",
    "clients/agent/README.md",
    "clients/cli/README.md",
    "infra/README.md",
    "statemachine/README.md",
];

/// Lines of a text in which backslashes join one to the next, without what follows a `#`.
fn lines(text: &str) -> Vec<String> {
    let joined = text.replace("\\\n", " ");
    joined
        .lines()
        .map(|l| l.split(" #").next().unwrap_or_default().to_owned())
        .collect()
}

/// The options of each command of `sluice`, those before the command included.
fn known() -> BTreeMap<String, BTreeSet<String>> {
    let listed = read("clients/cli/tests/cli/commands.txt");
    let split = listed.lines().map(|l| l.split_once(':').unwrap());
    let mut known: BTreeMap<_, BTreeSet<_>> = split
        .map(|(name, options)| {
            let options = options.split_whitespace().filter(|o| o.starts_with("--"));
            (
                name.to_owned(),
                options.map(|o| o.trim_end_matches('!').to_owned()).collect(),
            )
        })
        .collect();
    let general = known["sluice"].clone();
    known
        .values_mut()
        .for_each(|options| options.extend(general.iter().cloned()));
    known
}

#[test]
fn every_command_of_sluice_in_a_manual_exists() {
    let known = known();
    let mut seen = 0;
    for manual in MANUALS {
        for line in lines(&read(manual)) {
            if !shows(&line) {
                continue;
            }
            for command in line.split("sluice ").skip(1) {
                let command = command.split(['`', '|', ')', ';']).next().unwrap_or_default();
                let words: Vec<_> = command.split_whitespace().collect();
                let options: Vec<_> = words.iter().filter(|w| w.starts_with("--")).collect();
                let plain: Vec<_> = words
                    .iter()
                    .filter(|w| !w.starts_with('-') && w.chars().all(|c| c.is_ascii_lowercase() || c == '-'))
                    .collect();
                let named = [2, 1, 0].into_iter().find_map(|n| {
                    let name: Vec<_> = ["sluice"]
                        .into_iter()
                        .chain(plain.iter().take(n).map(|w| **w))
                        .collect();
                    known.get_key_value(&name.join(" "))
                });
                let (name, accepted) = named.unwrap();
                assert!(name != "sluice" || plain.is_empty(), "{manual}: {line}");
                for option in options {
                    assert!(accepted.contains(*option), "{manual}: {name} has no {option}");
                }
                seen += 1;
            }
        }
    }
    assert!(seen > 20, "{seen}");
}

/// Whether a line is a command, or has one in it.
fn shows(line: &str) -> bool {
    ["sluice ", "$ sluice "]
        .iter()
        .any(|begin| line.starts_with(begin))
        || ["`sluice ", "$(sluice "].iter().any(|begin| line.contains(begin))
}

/// Packages and test targets that are named behind `-p`, `--package` and `--test`.
#[test]
fn every_package_and_test_in_a_manual_exists() {
    let (mut packages, mut targets) = (BTreeSet::new(), BTreeSet::new());
    let mut folders = vec![root()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).unwrap().map(|e| e.unwrap().path()) {
            let name = entry.file_stem().unwrap().to_string_lossy().into_owned();
            if entry.ends_with("Cargo.toml") {
                let manifest: toml::Table = fs::read_to_string(&entry).unwrap().parse().unwrap();
                packages.extend(
                    manifest
                        .get("package")
                        .and_then(|p| p["name"].as_str())
                        .map(str::to_owned),
                );
            } else if folder.ends_with("tests") {
                targets.insert(name.clone());
            }
            if entry.is_dir() && name != "target" && !name.starts_with('.') {
                folders.push(entry);
            }
        }
    }
    let mut seen = 0;
    for manual in MANUALS {
        for line in lines(&read(manual)).iter().filter(|l| l.contains("cargo ")) {
            let words: Vec<_> = line
                .split(|c: char| c.is_whitespace() || c == '`' || c == ',')
                .collect();
            for pair in words.windows(2) {
                let (known, what) = match pair[0] {
                    "-p" | "--package" => (&packages, "package"),
                    "--test" => (&targets, "test"),
                    _ => continue,
                };
                assert!(
                    known.contains(pair[1]),
                    "{manual}: there is no {what} {}",
                    pair[1]
                );
                seen += 1;
            }
        }
    }
    assert!(seen > 6, "{seen}");
}
