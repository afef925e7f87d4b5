//! Approvals by rows: what is done with one, and what it is worth then.

use super::*;
use crate::credential::Use;
use crate::upgrade::tests::course::BEGIN;

fn token(number: u8) -> Secret {
    Secret::new(Use::Approval, [number; 32])
}

fn decide(all: &mut Approvals, number: u64, by: &str, grants: bool, hour: i64) -> Result<(), Refused> {
    let hash = token(1).hash();
    let verdict = if grants {
        Word::Grant(&hash)
    } else {
        Word::Deny("too big")
    };
    let now = BEGIN + SignedDuration::from_hours(hour);
    all.decide(
        number,
        "plan",
        &[("ann", "asked for the upgrade")],
        Decision { by, now, verdict },
    )
}

fn asked() -> Approvals {
    let mut all = Approvals::default();
    all.ask(Approval::asked(1, Action::Start, "plan", "eve", BEGIN));
    all
}

/// Who decides, how and after how many hours; what is said to it.
#[test]
fn who_may_decide_and_when() {
    let rows = [
        ("bob", 1, true, 1, ""),
        ("bob", 1, false, 23, ""),
        (
            "bob",
            1,
            true,
            24,
            "approval 1 cannot be decided: it expired at 2026-01-02T00:00:00Z",
        ),
        ("bob", 2, true, 1, "there is no approval 2"),
        (
            "ann",
            1,
            true,
            1,
            "approval 1 cannot be decided by ann, who asked for the upgrade: somebody else has to",
        ),
        (
            "eve",
            1,
            false,
            1,
            "approval 1 cannot be decided by eve, who has asked for it: somebody else has to",
        ),
    ];
    for (by, number, grants, hour, expected) in rows {
        let (before, mut all) = (asked(), asked());
        match decide(&mut all, number, by, grants, hour) {
            Ok(()) => assert_eq!(expected, "", "{by}"),
            Err(refused) => {
                assert_eq!(refused.to_string(), expected, "{by}");
                assert_eq!(all, before, "a refusal changes nothing");
            }
        }
    }
}

/// A granted approval is good for one action of one plan, once, for a day, by its token.
#[test]
fn what_a_token_is_worth() {
    let granted = || {
        let mut all = asked();
        decide(&mut all, 1, "bob", true, 1).unwrap();
        all
    };
    let denied = || {
        let mut all = asked();
        decide(&mut all, 1, "bob", false, 1).unwrap();
        all
    };
    let used = || {
        let mut all = granted();
        all.consume(Action::Start, "plan", BEGIN + SignedDuration::from_hours(2))
            .unwrap();
        all
    };
    let needs = "start needs an approval: ";
    let rows = [
        (granted(), Action::Start, "plan", token(1), 2, String::new()),
        (granted(), Action::Start, "plan", token(1), 24, String::new()),
        (
            granted(),
            Action::Start,
            "plan",
            token(1),
            25,
            format!("{needs}1 expired at 2026-01-02T01:00:00Z"),
        ),
        (
            granted(),
            Action::Start,
            "other",
            token(1),
            2,
            format!("{needs}1 is about another plan"),
        ),
        (
            granted(),
            Action::Start,
            "plan",
            token(2),
            2,
            "the approval token does not hold: it is not that of the approval for start".to_owned(),
        ),
        (
            granted(),
            Action::Rollback,
            "plan",
            token(1),
            2,
            "rollback needs an approval: none was asked for".to_owned(),
        ),
        (
            asked(),
            Action::Start,
            "plan",
            token(1),
            2,
            format!("{needs}nobody has decided 1 yet"),
        ),
        (
            denied(),
            Action::Start,
            "plan",
            token(1),
            2,
            format!("{needs}bob has denied 1: too big"),
        ),
        (
            used(),
            Action::Start,
            "plan",
            token(1),
            2,
            format!("{needs}1 has been used"),
        ),
    ];
    for (number, (mut all, action, plan, token, hour, expected)) in rows.into_iter().enumerate() {
        let now = BEGIN + SignedDuration::from_hours(hour);
        let said = all.admits(action, plan, &token, now).err().map(|e| e.to_string());
        assert_eq!(said.unwrap_or_default(), expected, "row {number}");
        let before = all.clone();
        let consumed = all.consume(action, plan, now);
        let holds = expected.is_empty() || expected.contains("token");
        assert_eq!(consumed.is_ok(), holds, "row {number}: {consumed:?}");
        assert_eq!(all == before, !holds, "row {number}");
    }
}

#[test]
fn what_expired_is_found_and_noted_once() {
    let mut all = asked();
    let at = |hours| BEGIN + SignedDuration::from_hours(hours);
    assert_eq!(all.overdue(at(23)), None);
    assert_eq!(all.overdue(at(24)), Some(1));
    assert!(all.expire(1, at(23)).is_err());
    all.expire(1, at(24)).unwrap();
    assert_eq!(
        (all.overdue(at(25)), all.expire(1, at(25)).is_err()),
        (None, true)
    );
}

#[test]
fn open_ones_are_kept_when_there_are_many() {
    let mut all = asked();
    for number in 2..40 {
        all.ask(Approval::asked(number, Action::Rollback, "plan", "eve", BEGIN));
        decide(&mut all, number, "bob", false, 1).unwrap();
    }
    assert_eq!(all.all().len(), MAX_KEPT);
    assert_eq!(all.newest(Action::Start).map(|a| a.number), Some(1));
}
