//! The list of commands and options, which scripts rely on.

use clap::CommandFactory as _;
use sluice_cli::cli::Cli;

/// A line for each command: its name, what it takes, its own options.
fn listed(command: &clap::Command, name: &str, lines: &mut Vec<String>) {
    let own: Vec<_> = command
        .get_arguments()
        .map(|arg| match arg.get_long() {
            Some(long) if arg.is_required_set() => format!("--{long}!"),
            Some(long) => format!("--{long}"),
            None => arg.get_id().to_string().to_uppercase(),
        })
        .collect();
    lines.push(format!("{name}: {}", own.join(" ")).trim_end().to_owned());
    for sub in command.get_subcommands() {
        listed(sub, &format!("{name} {}", sub.get_name()), lines);
    }
}

#[test]
fn commands_and_options_are_the_known_ones() {
    Cli::command().debug_assert();
    let mut lines = Vec::new();
    listed(&Cli::command(), "sluice", &mut lines);
    let expected: Vec<_> = include_str!("commands.txt").lines().collect();
    assert_eq!(lines, expected, "\n{}\n", lines.join("\n"));
}

#[test]
fn the_readme_names_every_command() {
    let readme = include_str!("../../README.md");
    let mut lines = Vec::new();
    listed(&Cli::command(), "sluice", &mut lines);
    for name in lines.iter().filter_map(|line| line.split(':').next()) {
        assert!(readme.contains(name), "{name}");
    }
}

#[test]
fn help_tells_the_exit_codes_and_no_secret() {
    let output = std::process::Command::new(env!("CARGO_BIN_EXE_sluice"))
        .arg("--help")
        .env("SLUICE_TOKEN", "very-secret")
        .output()
        .unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    assert_eq!(output.status.code(), Some(0));
    assert!(text.contains("Exit codes: 0 fine"), "{text}");
    assert!(!text.contains("very-secret"));
}
