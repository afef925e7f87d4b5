//! The commands of cargo that the manuals and `.ci/run` show exist, with their options.

#![cfg(test)]

use std::fs;
use std::path::Path;
use std::process::Command;

const MANUALS: [&str; 6] = [
    "README.md",
    "ARCHITECTURE.md",
    "CONTRIBUTING.md",
    "infra/README.md",
    "clients/cli/README.md",
    ".ci/run",
];

fn help(command: &str) -> String {
    let mut asked = Command::new(env!("CARGO_BIN_EXE_xtask"));
    let output = asked.args([command, "--help"]).output().unwrap();
    assert!(output.status.success(), "there is no cargo xtask {command}");
    String::from_utf8(output.stdout).unwrap()
}

/// The words behind each `cargo xtask`, up to the end of the command.
fn commands(text: &str) -> Vec<Vec<String>> {
    let found = text.split("cargo xtask ").skip(1).map(|rest| {
        let end = rest.find(['`', '\n', '#', ';', ')', ':']).unwrap_or(rest.len());
        let words = rest[..end]
            .split_whitespace()
            .map(|w| w.trim_end_matches([',', '.']).to_owned());
        words.collect()
    });
    found.collect()
}

#[test]
fn every_command_in_a_manual_exists() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let mut seen = 0;
    for manual in MANUALS {
        let text = fs::read_to_string(root.join(manual)).unwrap();
        for words in commands(&text)
            .iter()
            .filter(|w| w[0].chars().all(char::is_alphanumeric))
        {
            let help = help(&words[0]);
            for option in words.iter().filter(|w| w.starts_with("--")) {
                let name = option.split('=').next().unwrap_or(option);
                assert!(
                    help.contains(name),
                    "{manual}: cargo xtask {} has no {option}",
                    words[0]
                );
            }
            if let Some(place) = words.iter().position(|w| w == "--only") {
                for part in words[place + 1].split(',') {
                    assert!(
                        help.contains(&format!("- {part}:")),
                        "{manual}: there is no part {part}"
                    );
                }
            }
            seen += 1;
        }
    }
    assert!(seen > 8, "{seen}");
}

/// What has to pass before a change lands is what the README tells people to run.
#[test]
fn the_readmes_two_commands_are_those_that_have_to_pass() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let readme = fs::read_to_string(root.join("README.md")).unwrap();
    let (_, section) = readme.split_once("## Two commands").unwrap();
    let shown = section.split("```").nth(1).unwrap();
    let ci = fs::read_to_string(root.join(".ci/run")).unwrap();
    let first = |text: &str| {
        let mut names: Vec<_> = commands(text).into_iter().map(|words| words[0].clone()).collect();
        names.sort();
        names
    };
    assert_eq!(first(shown), first(&ci));
}
