//! What the template says twice, in other words, elsewhere in the repository.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

const TEMPLATE: &str = include_str!("../../infra/template.yaml");
const MACHINES: [&str; 3] = ["upgrade", "batch", "rollback"];

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

fn capitalised(name: &str) -> String {
    name.split('-')
        .map(|word| word[..1].to_uppercase() + &word[1..])
        .collect()
}

/// The lines of one resource, without its name.
fn resource(name: &str) -> Vec<&'static str> {
    let head = format!("  {name}:");
    let mut lines = TEMPLATE.lines().skip_while(|line| **line != head);
    assert!(lines.next().is_some(), "the template has no resource {name}");
    lines
        .take_while(|line| line.is_empty() || line.starts_with("   "))
        .collect()
}

/// What stands between `before` and `after`, wherever both are found in a line.
fn between<'a>(lines: impl IntoIterator<Item = &'a str>, before: &str, after: &str) -> BTreeSet<String> {
    let found = lines
        .into_iter()
        .filter_map(|line| line.split_once(before)?.1.split_once(after));
    found.map(|(name, _)| name.to_owned()).collect()
}

/// Names that a definition leaves to be filled in.
fn placeholders(definition: &str) -> BTreeSet<String> {
    let parts = definition.split("${").skip(1);
    parts
        .filter_map(|part| Some(part.split_once('}')?.0.to_owned()))
        .collect()
}

#[test]
fn every_function_is_deployed_and_nothing_else() {
    let folders = fs::read_dir(root().join("functions")).unwrap();
    let folders: BTreeSet<_> = folders
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    assert_eq!(
        between(TEMPLATE.lines(), "Key: !Sub ${CodePrefix}/", ".zip"),
        folders
    );
}

#[test]
fn a_machine_is_given_what_its_definition_asks_for() {
    for machine in MACHINES {
        let definition = root().join(format!("statemachine/{machine}.asl.json"));
        let definition = fs::read_to_string(definition).unwrap();
        let lines = resource(&format!("{}Machine", capitalised(machine)));
        let given = lines
            .iter()
            .skip_while(|line| line.trim() != "DefinitionSubstitutions:")
            .skip(1);
        let given = given.take_while(|line| line.starts_with("        "));
        let given: BTreeSet<_> = given
            .filter_map(|line| Some(line.trim().split_once(':')?.0.to_owned()))
            .collect();
        assert_eq!(given, placeholders(&definition), "{machine}");
    }
}

#[test]
fn a_machine_may_call_the_functions_that_it_is_given_and_no_others() {
    for machine in MACHINES {
        let machine = capitalised(machine);
        let functions = |name: String| between(resource(&name), "!GetAtt ", "Function.Arn");
        assert_eq!(
            functions(format!("{machine}MachineRole")),
            functions(format!("{machine}Machine")),
            "{machine}"
        );
    }
}

#[test]
fn every_function_has_a_role_and_a_log_of_its_own() {
    for function in between(TEMPLATE.lines(), "Key: !Sub ${CodePrefix}/", ".zip") {
        let name = capitalised(&function);
        let lines = resource(&format!("{name}Function")).join("\n");
        assert!(
            lines.contains(&format!("Role: !GetAtt {name}Role.Arn")),
            "{function}"
        );
        assert!(
            lines.contains(&format!("LogGroup: !Ref {name}Logs")),
            "{function}"
        );
        let logs = resource(&format!("{name}Logs")).join("\n");
        assert!(
            logs.contains("RetentionInDays: !Ref LogRetentionDays"),
            "{function}"
        );
    }
}

#[test]
fn no_route_is_open() {
    let routes = TEMPLATE
        .lines()
        .filter(|line| line.starts_with("  ") && line.ends_with("Route:"));
    let names: Vec<_> = routes
        .map(|line| line.trim().trim_end_matches(':').to_owned())
        .collect();
    assert_eq!(
        names.len(),
        TEMPLATE.matches("AWS::ApiGatewayV2::Route\n").count()
    );
    assert!(!names.is_empty());
    for name in names {
        let route = resource(&name).join("\n");
        // What instances call: the function checks their secrets.
        if ["EnrolRoute", "CheckInRoute"].contains(&name.as_str()) {
            assert!(route.contains("Target: !Sub integrations/${HeartbeatIntegration}"));
            continue;
        }
        assert!(route.contains("AuthorizationType: JWT"), "{name}");
        assert!(route.contains("AuthorizerId: !Ref JwtAuthorizer"), "{name}");
    }
}
