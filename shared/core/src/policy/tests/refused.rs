//! What is refused, where it is, and what would be right.

use super::*;

/// All that is said of a policy.
fn said(text: &str) -> Vec<String> {
    let policy = match read::<Policy>("p.yaml", text) {
        Ok(policy) => policy,
        Err(refusal) => return vec![refusal.to_string()],
    };
    let placed = place("p.yaml", text, &check(&policy, &files()));
    placed.iter().map(ToString::to_string).collect()
}

#[test]
fn what_is_wrong_is_named_with_its_place_and_what_would_be_right() {
    let window = |keys: &str| format!("approval: never\nwindows:\n  - name: w\n    {keys}\n");
    let rows = [
        (
            "strategy: CANARY\nstratgy: ROLLING\n".to_owned(),
            "p.yaml:2:1: stratgy: unknown field `stratgy`; accepted: ",
        ),
        (
            "strategy: SOMETIMES\n".to_owned(),
            "p.yaml:1:11: strategy: unknown variant `SOMETIMES`; accepted: ROLLING, CANARY, BLUE_GREEN",
        ),
        (
            "canary:\n  percentage: 101\n".to_owned(),
            "p.yaml:2:15: canary.percentage: must be a whole number from 0 to 100, and is 101",
        ),
        (
            "strategy: CANARY\nstrategy: ROLLING\n".to_owned(),
            "p.yaml:2:1: strategy: duplicate mapping key: strategy",
        ),
        (
            "batches: {count: 3, percentage: 5}\n".to_owned(),
            "p.yaml:1:21: batches.percentage: contradicts: batches.count, batches.percentage are given; accepted: one of them",
        ),
        (
            "batches: {count: 3}\nrollingUpdate: {partition: 1}\n".to_owned(),
            "p.yaml:2:17: rollingUpdate.partition: contradicts",
        ),
        (
            "batches: {ratios: [10, 20, 60]}\n".to_owned(),
            "p.yaml:1:11: batches.ratios: sum to 90; accepted: percentages of 1 or more that sum to 100",
        ),
        (
            "batches: {ratios: [0, 100]}\n".to_owned(),
            "p.yaml:1:11: batches.ratios: have a 0",
        ),
        (
            "batches: {ratios: []}\n".to_owned(),
            "p.yaml:1:11: batches.ratios: sum to 0",
        ),
        (
            "rollingUpdate:\n  maxSurge: 0\n  maxUnavailable: 0\n".to_owned(),
            "p.yaml:3:3: rollingUpdate.maxUnavailable: is 0 while maxSurge is 0 too",
        ),
        (
            "rollback: {enabled: false, onFailure: true}\n".to_owned(),
            "p.yaml:1:28: rollback.onFailure: is true while enabled is false",
        ),
        (
            "strategy: RECREATE\ncanary: {percentage: 5}\n".to_owned(),
            "p.yaml:2:1: canary: does not go with RECREATE",
        ),
        (
            "canary: {stages: [10, 5]}\n".to_owned(),
            "p.yaml:1:10: canary.stages: do not grow",
        ),
        (
            "watch: {missingData: {alertAfter: 5m, actAfter: 1m}}\n".to_owned(),
            "p.yaml:1:39: watch.missingData.actAfter: is 60s, before the alert after 300s",
        ),
        (
            "batches: {delay: soon}\n".to_owned(),
            "p.yaml:1:18: batches.delay: \"soon\" is no length of time; accepted: seconds as a whole number",
        ),
        (
            "postUpgradeVerify: {type: http}\n".to_owned(),
            "p.yaml:1:1: postUpgradeVerify.endpoint: is \"\"; accepted: a path that begins with /",
        ),
        (
            "postUpgradeVerify: {type: exec, command: a, endpoint: /}\n".to_owned(),
            "p.yaml:1:45: postUpgradeVerify.endpoint: is not of this type; accepted: only with type http",
        ),
        ("windows: []\n".to_owned(), "p.yaml:1:1: windows: are none"),
        (
            window("zone: Europe/Bonn"),
            "p.yaml:4:11: windows[0].zone: there is no time zone \"Europe/Bonn\"; accepted: a name of the IANA",
        ),
        (
            window("zone: UTC"),
            "p.yaml:3:5: windows[0]: says nothing about when; accepted: one of weekly, cron, rrule or once",
        ),
        (
            window("cron: 0 2 * * *\n    duration: 1h"),
            "p.yaml:3:5: windows[0].zone: is missing, and the window recurs",
        ),
        (
            window("zone: UTC\n    cron: 0 0 30 2 *\n    duration: 1h"),
            "p.yaml:5:5: windows[0].cron: never opens",
        ),
        (
            window("zone: UTC\n    cron: \"* * * * *\"\n    duration: 1h"),
            "p.yaml:5:5: windows[0].cron: would open more often than once an hour",
        ),
        (
            window("zone: UTC\n    cron: 0 25 * * *\n    duration: 1h"),
            "p.yaml:5:5: windows[0].cron: is no pattern",
        ),
        (
            window("zone: UTC\n    cron: 0 2 * *\n    duration: 1h"),
            "p.yaml:5:5: windows[0].cron: has 4 fields",
        ),
        (
            window(
                "zone: UTC\n    rrule: FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=30\n    start: 2026-01-01T00:00\n    duration: 1h",
            ),
            "p.yaml:5:5: windows[0].rrule: never opens",
        ),
        (
            window("zone: UTC\n    rrule: FREQ=HOURLY\n    start: 2026-01-01T00:00\n    duration: 1h"),
            "p.yaml:5:5: windows[0].rrule: FREQ is \"HOURLY\"",
        ),
        (
            window("zone: UTC\n    rrule: FREQ=DAILY\n    duration: 1h"),
            "p.yaml:3:5: windows[0].start: is missing",
        ),
        (
            window("zone: UTC\n    weekly: {days: [], start: \"02:00\"}\n    duration: 1h"),
            "p.yaml:5:14: windows[0].weekly.days: never opens",
        ),
        (
            window("zone: UTC\n    weekly: {days: [sun], start: \"02:00\"}"),
            "p.yaml:3:5: windows[0].duration: is missing or below a minute",
        ),
        (
            window("once: {from: 2026-03-02T00:00:00Z, to: 2026-03-01T00:00:00Z}"),
            "p.yaml:4:40: windows[0].once.to: is not after once.from",
        ),
        (
            window("once: {from: 2026-03-02T00:00, to: 2026-03-03T00:00}"),
            "p.yaml:3:5: windows[0].zone: is missing",
        ),
        (
            window("zone: UTC\n    once: {from: 2026-03-02T00:00, to: 2026-03-03T00:00Z}"),
            "p.yaml:5:5: windows[0].once: one moment has an offset",
        ),
        (
            "freezes: [{name: f, zone: UTC, calendar: h.ics}]\n".to_owned(),
            "p.yaml:1:32: freezes[0].calendar: there is no file \"h.ics\"; accepted: holidays.ics",
        ),
        ("strategy: CANARY\nbatches: \"\n".to_owned(), "p.yaml:"),
        ("- a\n".to_owned(), "p.yaml:1:1: "),
    ];
    let mut missed = Vec::new();
    for (text, expected) in rows {
        let said = said(&text);
        if !said.iter().any(|s| s.starts_with(expected)) {
            missed.push(format!("{text}said: {said:#?}\nexpected: {expected}"));
        }
    }
    assert!(missed.is_empty(), "{}", missed.join("\n\n"));
}

#[test]
fn texts_made_to_hurt_are_refused_at_once() {
    let large = format!("# {}\n", "x".repeat(10 << 20));
    assert_eq!(
        said(&large),
        ["p.yaml: has 10485763 bytes; accepted: up to 1048576"]
    );
    let mut laughs = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n".to_owned();
    for n in 1..12 {
        let uses = vec![format!("*a{}", n - 1); 10].join(", ");
        laughs += &format!("a{n}: &a{n} [{uses}]\n");
    }
    let deep = "a: ".to_owned() + &"[".repeat(5_000) + &"]".repeat(5_000);
    let many = format!(
        "freezes: [{}]",
        "{name: a, zone: UTC, dates: [2026-12-24]},".repeat(20_000)
    );
    for (text, what) in [
        (laughs, "aliases in aliases"),
        (deep, "nested"),
        (many, "many nodes"),
    ] {
        let begun = std::time::Instant::now();
        let said = said(&text);
        assert!(said.len() == 1, "{what}: {said:?}");
        assert!(begun.elapsed().as_secs() < 5, "{what} took {:?}", begun.elapsed());
    }
}
