//! The agent's manual shows every way to run it, with options that there are.

#![cfg(test)]

use std::process::Command;

const MANUAL: &str = include_str!("../README.md");

fn help(arguments: &[&str]) -> String {
    let output = Command::new(env!("CARGO_BIN_EXE_sluice-agent"))
        .args(arguments)
        .arg("--help")
        .output()
        .unwrap();
    assert!(output.status.success(), "sluice-agent {arguments:?} --help");
    String::from_utf8(output.stdout).unwrap()
}

/// The options that a help text lists.
fn options(help: &str) -> Vec<&str> {
    let words = help.split_whitespace().filter(|w| w.starts_with("--"));
    let mut options: Vec<_> = words
        .map(|w| w.trim_end_matches(|c: char| !c.is_ascii_alphanumeric()))
        .filter(|w| !["--help", "--version"].contains(w))
        .collect();
    options.sort_unstable();
    options.dedup();
    options
}

#[test]
fn the_manual_shows_every_way_with_its_options() {
    let shown: Vec<_> = MANUAL
        .lines()
        .filter(|l| l.starts_with("sluice-agent "))
        .collect();
    let ways: [&[&str]; 3] = [&[], &["check"], &["install"]];
    for way in ways {
        let of_way = |line: &&&str| match way.first() {
            Some(name) => line.starts_with(&format!("sluice-agent {name} ")),
            None => line.starts_with("sluice-agent --"),
        };
        let lines: Vec<_> = shown.iter().filter(of_way).collect();
        assert!(!lines.is_empty(), "{way:?} is not shown");
        let help = help(way);
        let known = options(&help);
        let used: Vec<_> = lines
            .iter()
            .flat_map(|l| l.split(" #").next().unwrap_or_default().split_whitespace())
            .filter(|w| w.starts_with("--"))
            .collect();
        for option in &known {
            let general = *option == "--config";
            assert!(
                general || used.contains(option),
                "the manual does not show {way:?} {option}"
            );
        }
        for option in used {
            assert!(known.contains(&option), "{way:?} has no {option}");
        }
    }
}
