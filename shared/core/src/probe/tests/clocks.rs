//! The bake's clock, and the way back.

use super::*;

#[test]
fn the_bake_stands_still_while_paused() {
    let rows = [
        (RELEASED.to_owned(), 60_000),
        (BAKING.to_owned(), 60_000),
        (format!("{BAKING}; wait 20"), 40_000),
        (format!("{BAKING}; wait 20; pause; wait 100"), 40_000),
        (format!("{BAKING}; wait 20; pause; wait 100; resume"), 40_000),
        (
            format!("{BAKING}; wait 20; pause; wait 100; resume; wait 30"),
            10_000,
        ),
        (format!("{BAKING}; wait 70"), 0),
    ];
    for (script, expected) in rows {
        let course = Course::after(plan(4, CANARY), &script);
        assert_eq!(
            bake_left_ms(&course.upgrade, &course.plan, course.now),
            expected,
            "{script}"
        );
    }
}

/// Three of four were released: two may be away, so the first one that is back lets all the traffic go back.
#[test]
fn the_way_back() {
    let moved = format!("{BAKING}; pass; release; moved 2 0; shifted 75; rollback");
    let off = |epoch| Seen {
        off: (epoch, 0),
        ..none()
    };
    let rows = [
        (moved.clone(), none(), "shift"),
        (format!("{moved}; shifted 50"), none(), "wait"),
        (format!("{moved}; shifted 50"), reports(1, 0), "shift"),
        (format!("{moved}; shifted 0"), reports(2, 0), "wait"),
        (
            format!("{moved}; shifted 0"),
            reports(3, 0),
            "rollback.completed: 3",
        ),
        (
            format!("{moved}; shifted 0"),
            reports(2, 1),
            "upgrade.failed: of 3 instances 1 could not be brought back and 0 did not answer",
        ),
        (
            format!("{moved}; shifted 0; wait 600"),
            reports(1, 1),
            "upgrade.failed: of 3 instances 1 could not be brought back and 1 did not answer",
        ),
        (format!("{moved}; wait 600"), reports(0, 0), "shift"),
        // A share that was set and never confirmed is not believed to be gone.
        (
            "start; validate; release; moved 1 0; rollback".to_owned(),
            reports(1, 0),
            "shift",
        ),
        (
            "start; validate; release; moved 1 0; rollback; shifted 0".to_owned(),
            reports(1, 0),
            "rollback.completed: 1",
        ),
        (moved.clone(), off(1), "superseded"),
        (BAKING.to_owned(), none(), "superseded"),
        (format!("{moved}; shifted 0; rolled-back 3"), none(), "ended"),
    ];
    for (script, seen, expected) in rows {
        let course = Course::after(plan(4, CANARY), &script);
        assert_eq!(look(&course, &seen, decide_revert), expected, "{script}");
    }
}
