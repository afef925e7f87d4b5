//! What services count comes with check-ins, and is written with what is written anyway.

use semver::Version;
use sluice_core::fleet::MinuteCounts;

use super::desk::*;
use super::*;

/// A check-in that brings along what was counted in the minutes before this one.
fn counted(desk: &Desk, minutes: i64, errors: u64) -> CheckInRequest {
    let now = desk.now.as_second().div_euclid(60);
    let counters = (1..=minutes).rev().map(|back| MinuteCounts {
        minute: now - back,
        version: Version::new(1, 0, 0),
        requests: 10,
        errors,
        slow: None,
    });
    CheckInRequest {
        counters: counters.collect(),
        ..request(0, Some(0))
    }
}

fn kept(desk: &Desk) -> usize {
    let version = Version::new(1, 0, 0);
    desk.stored(0)
        .map_or(0, |stored| stored.counters.of(&version).count())
}

/// Rows: how the fleet stands, and how many minutes are stored after each of six check-ins, a minute apart.
#[tokio::test]
async fn counters_are_written_at_once_only_while_something_moves() {
    type Set = fn(&Desk);
    let rows: [(&str, Set, [usize; 6]); 4] = [
        ("no channel", |_| {}, [1, 1, 1, 1, 1, 6]),
        (
            "an upgrade",
            |d| d.set(Mode::Run, (1, 0), 2, false),
            [1, 2, 3, 4, 5, 6],
        ),
        (
            "held afterwards",
            |d| d.set(Mode::Run, (1, 0), 4, true),
            [1, 1, 1, 1, 1, 6],
        ),
        (
            "going back",
            |d| d.set(Mode::Revert, (2, 0), 2, false),
            [1, 1, 1, 1, 1, 6],
        ),
    ];
    for (name, set, expected) in rows {
        let mut desk = Desk::new();
        let begin = desk.now;
        set(&desk);
        let mut stored = Vec::new();
        for minute in 0..6 {
            desk.now = begin + jiff::SignedDuration::from_mins(minute);
            desk.says(&counted(&desk, minute + 1, 0)).await.unwrap();
            stored.push(kept(&desk));
        }
        assert_eq!(stored, expected, "{name}");
    }
}

/// An instance is never left without an answer for what its service counts.
#[tokio::test]
async fn what_contradicts_itself_is_left_out_and_the_check_in_goes_on() {
    let desk = Desk::new();
    desk.set(Mode::Run, (1, 0), 2, false);
    desk.says(&counted(&desk, 3, 11)).await.unwrap();
    assert_eq!((kept(&desk), desk.stored(0).is_some()), (0, true));
}
