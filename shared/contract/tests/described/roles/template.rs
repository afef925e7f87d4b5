//! The template's roles, and what the template itself makes them need.

use std::collections::BTreeSet;

use serde_json::Value;

use super::super::asl::{Machine, State, text_of};

/// An action and what it may be done to.
pub type Permission = (String, String);

pub fn parse(text: &str) -> Value {
    serde_saphyr::from_str(text).unwrap()
}

/// The values of what may be one or several.
fn several(value: &Value) -> Vec<String> {
    match value {
        Value::Array(values) => values.iter().map(text_of).collect(),
        one => vec![text_of(one)],
    }
}

/// What a role allows.
pub fn granted(template: &Value, role: &str) -> BTreeSet<Permission> {
    let policies = template["Resources"][role]["Properties"]["Policies"].as_array();
    let statements = policies
        .unwrap_or_else(|| panic!("there is no role {role}"))
        .iter()
        .flat_map(|p| p["PolicyDocument"]["Statement"].as_array().unwrap());
    let mut granted = BTreeSet::new();
    for statement in statements {
        assert_eq!(statement["Effect"], "Allow", "{role}");
        for action in several(&statement["Action"]) {
            let resources = several(&statement["Resource"]);
            granted.extend(resources.into_iter().map(|resource| (action.clone(), resource)));
        }
    }
    granted
}

fn all(actions: &[&str], resource: &str) -> BTreeSet<Permission> {
    actions
        .iter()
        .map(|a| ((*a).to_owned(), resource.to_owned()))
        .collect()
}

/// What a function needs for its log, its stream and its dead letters.
pub fn needed_by_function(template: &Value, name: &str) -> BTreeSet<Permission> {
    let properties = &template["Resources"][format!("{name}Function")]["Properties"];
    let logs = format!("{name}Logs.Arn");
    let mut needed = all(&["logs:CreateLogStream", "logs:PutLogEvents"], &logs);
    let events = properties["Events"]
        .as_object()
        .into_iter()
        .flat_map(|e| e.values());
    let mut letters = vec![&properties["DeadLetterQueue"]["TargetArn"]];
    for event in events.filter(|e| e["Type"] == "DynamoDB") {
        let stream = [
            "dynamodb:DescribeStream",
            "dynamodb:GetRecords",
            "dynamodb:GetShardIterator",
        ];
        needed.extend(all(&stream, event["Properties"]["Stream"].as_str().unwrap()));
        needed.extend(all(&["dynamodb:ListStreams"], "*"));
        letters.push(&event["Properties"]["DestinationConfig"]["OnFailure"]["Destination"]);
    }
    for queue in letters.into_iter().filter_map(Value::as_str) {
        needed.extend(all(&["sqs:SendMessage"], queue));
    }
    needed
}

const DELIVER_LOGS: [&str; 8] = [
    "logs:CreateLogDelivery",
    "logs:DeleteLogDelivery",
    "logs:DescribeLogGroups",
    "logs:DescribeResourcePolicies",
    "logs:GetLogDelivery",
    "logs:ListLogDeliveries",
    "logs:PutResourcePolicy",
    "logs:UpdateLogDelivery",
];

fn arn(service: &str, rest: &str) -> String {
    format!("arn:${{AWS::Partition}}:{service}:${{AWS::Region}}:${{AWS::AccountId}}:{rest}")
}

/// The ARN of a state machine by the placeholder that stands for it, from its name and not from its resource.
pub fn machine_arn(placeholder: &str) -> String {
    let name = placeholder
        .trim_start_matches("${")
        .trim_end_matches("MachineArn}")
        .to_lowercase();
    arn("states", &format!("stateMachine:${{AWS::StackName}}-{name}"))
}

/// What a state machine needs for its tasks and its log.
pub fn needed_by_machine(machine: &Machine) -> BTreeSet<Permission> {
    let mut needed = all(&DELIVER_LOGS, "*");
    for state in machine.states.iter().filter(|s| s.kind() == "Task") {
        needed.extend(needed_by_task(state));
    }
    needed
}

fn needed_by_task(state: &State) -> BTreeSet<Permission> {
    let parameters = &state.body["Parameters"];
    let resource = text_of(&state.body["Resource"]);
    let resource = resource.strip_prefix("arn:aws:states:::").unwrap_or_default();
    let started = machine_arn(&text_of(&parameters["StateMachineArn"]));
    match resource {
        "lambda:invoke" => {
            let function = text_of(&parameters["FunctionName"]);
            let function = function.trim_start_matches("${").trim_end_matches("Arn}");
            all(&["lambda:InvokeFunction"], &format!("{function}.Arn"))
        }
        "states:startExecution" => all(&["states:StartExecution"], &started),
        "states:startExecution.sync:2" => {
            let executions = started.replace(":stateMachine:", ":execution:") + ":*";
            let rule = arn(
                "events",
                "rule/StepFunctionsGetEventsForStepFunctionsExecutionRule",
            );
            let mut needed = all(&["states:StartExecution"], &started);
            needed.extend(all(
                &["states:DescribeExecution", "states:StopExecution"],
                &executions,
            ));
            needed.extend(all(
                &["events:DescribeRule", "events:PutRule", "events:PutTargets"],
                &rule,
            ));
            needed
        }
        other => panic!("{}: say here what {other} needs", state.name),
    }
}
