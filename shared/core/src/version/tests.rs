use super::*;

fn v(text: &str) -> Version {
    text.parse().unwrap()
}

#[test]
fn steps_are_named() {
    for (from, to, step) in [
        ("1.2.3", "2.0.0", Step::Major),
        ("1.9.9", "10.0.0", Step::Major),
        ("0.2.0", "0.3.0", Step::Major),
        ("0.2.0", "0.2.1", Step::Patch),
        ("1.2.3", "1.3.0", Step::Minor),
        ("1.2.3", "1.2.4", Step::Patch),
        ("1.2.3-rc.1", "1.2.3", Step::PreRelease),
        ("1.2.3-rc.1", "1.2.3-rc.2", Step::PreRelease),
        ("1.2.3-rc.10", "1.2.3-rc.9", Step::Downgrade),
        ("1.2.3", "1.2.3-rc.1", Step::Downgrade),
        ("1.2.3", "1.2.3", Step::Same),
        ("1.2.3+a", "1.2.3+b", Step::Build),
        ("2.0.0", "1.9.9", Step::Downgrade),
    ] {
        assert_eq!(Step::between(&v(from), &v(to)), step, "{from} to {to}");
    }
}

fn catalog(text: &str) -> Vec<Listed> {
    let row = |line: &str| {
        let mut parts = line.split('|').map(str::trim);
        let mut next = || parts.next().unwrap_or_default().to_owned();
        let (component, version, state, from, requires) = (next(), next(), next(), next(), next());
        let requires = requires.split(';').filter_map(|r| r.trim().split_once(' '));
        Listed {
            component,
            version: v(&version),
            lifecycle_state: serde_json::from_value(state.into()).unwrap(),
            upgrades_from: (!from.is_empty()).then(|| from.parse().unwrap()),
            requires: requires
                .map(|(name, range)| (name.to_owned(), range.parse().unwrap()))
                .collect(),
            changes_storage: false,
        }
    };
    text.lines().filter(|l| !l.trim().is_empty()).map(row).collect()
}

const SHOP: &str = "
    web | 1.0.0      | live     |                |
    web | 1.5.0      | live     | >=1.0.0, <1.5  |
    web | 2.0.0      | live     | >=1.5.0, <2    | db >=15, <17
    web | 2.1.0      | draft    | >=2.0.0        |
    web | 3.0.0      | blessed  | >=2.0.0, <3    | db ^16; cache ~7.2
    web | 0.9.0      | archived |                |
    db  | 16.1.0     | live     |                |
";

#[test]
fn blockers_say_what_stands_in_the_way() {
    let rows = [
        ("1.0.0", "1.5.0", "", ""),
        (
            "1.0.0",
            "2.0.0",
            "db 16.1.0",
            "2.0.0 is reached from >=1.5.0, <2 only, not from 1.0.0; the shortest way is 1.0.0, 1.5.0, 2.0.0",
        ),
        ("1.5.0", "2.0.0", "db 16.1.0", ""),
        (
            "1.5.0",
            "2.0.0",
            "db 17.0.0",
            "2.0.0 needs db >=15, <17, and 17.0.0 is installed",
        ),
        ("1.5.0", "2.0.0", "db 16.0.0-rc.1", ""),
        (
            "1.5.0",
            "2.0.0",
            "db 15.0.0-rc.1",
            "2.0.0 needs db >=15, <17, and 15.0.0-rc.1 is installed",
        ),
        (
            "1.5.0",
            "2.0.0",
            "",
            "2.0.0 needs db >=15, <17, and installedComponents does not name it",
        ),
        (
            "2.0.0",
            "2.1.0",
            "",
            "2.1.0 is draft and cannot be upgraded to; accepted: blessed, live",
        ),
        ("2.0.0", "3.0.0", "db 16.4.0; cache 7.2.9", ""),
        (
            "2.0.0",
            "3.0.0",
            "db 16.4.0; cache 7.3.0",
            "3.0.0 needs cache ~7.2, and 7.3.0 is installed",
        ),
        (
            "0.9.0",
            "1.0.0",
            "",
            "0.9.0 is archived and cannot be rolled back to",
        ),
        ("2.0.0", "9.0.0", "", "the catalog has no version 9.0.0 of web"),
        (
            "2.0.0",
            "2.0.0",
            "db 16.1.0",
            "2.0.0 is the version to leave and the version to get",
        ),
        (
            "2.5.0",
            "2.0.0",
            "db 16.1.0",
            "2.0.0 is reached from >=1.5.0, <2 only, not from 2.5.0; and no way over other versions is known",
        ),
    ];
    for (from, to, installed, blocker) in rows {
        let installed = installed.split(';').filter_map(|i| i.trim().split_once(' '));
        let installed = installed
            .map(|(name, version)| (name.to_owned(), v(version)))
            .collect();
        let judged = judge("web", &v(from), &v(to), &catalog(SHOP), &installed).unwrap();
        assert_eq!(
            judged.blockers.first().map_or("", String::as_str),
            blocker,
            "{from} to {to}: {judged:?}"
        );
    }
}

#[test]
fn circles_are_named() {
    for (text, circle) in [
        (
            "a|1.0.0|live||b *\nb|1.0.0|live||c *\nc|1.0.0|live||a *",
            Some("a > b > c > a"),
        ),
        ("a|1.0.0|live||a *", Some("a > a")),
        (
            "a|1.0.0|live||b *; c *\nb|1.0.0|live||d *\nc|1.0.0|live||d *\nd|1.0.0|live||",
            None,
        ),
        (
            "a|1.0.0|live||b *\nx|1.0.0|live||y *\ny|1.0.0|live||x *",
            Some("x > y > x"),
        ),
    ] {
        let judged = judge("a", &v("1.0.0"), &v("1.1.0"), &catalog(text), &BTreeMap::new());
        let said = judged.err().map(|w| w.problem);
        assert_eq!(
            said,
            circle.map(|c| format!("{c} need each other in a circle")),
            "{text}"
        );
    }
}
