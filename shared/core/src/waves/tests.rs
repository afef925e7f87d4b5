use proptest::prelude::{any, prop, prop_assert, proptest};

use super::*;
use crate::upgrade::tests::course::{BEGIN, plan};

fn after(seconds: i64) -> Timestamp {
    BEGIN
        .checked_add(jiff::SignedDuration::from_secs(seconds))
        .unwrap()
}

#[test]
fn sizes() {
    for (count, wishes, failures, expected) in [
        (20, "{}", 0, 5),
        (20, "{}", 2, 3),
        (20, "{}", 9, 1),
        (3, "{}", 0, 1),
        (20, r#"{"maxUnavailablePercentage":50}"#, 0, 10),
        (20, r#"{"maxUnavailablePercentage":5}"#, 0, 5),
        (20, r#"{"rollbackMaxUnavailablePercentage":10}"#, 0, 2),
        (20, r#"{"rollbackMaxUnavailablePercentage":100}"#, 0, 20),
        (20, r#"{"strategy":"RECREATE"}"#, 3, 20),
    ] {
        let waves = Waves::of(&plan(count, wishes), failures);
        assert_eq!(waves.size, expected, "{count} {wishes} {failures}");
    }
}

/// Twelve of twenty were released, five at a time: position, acknowledged, seconds since the word, wait in seconds.
#[test]
fn the_newest_go_first() {
    let waves = Waves {
        size: 5,
        patience_ms: 300_000,
    };
    for (position, acknowledged, seconds, expected) in [
        (Some(11), 0, 0, 0),
        (Some(7), 0, 0, 0),
        (Some(6), 0, 0, 300),
        (Some(6), 0, 299, 1),
        (Some(6), 0, 300, 0),
        (Some(6), 1, 0, 0),
        (Some(0), 0, 0, 600),
        (Some(0), 6, 0, 600),
        (Some(0), 7, 0, 0),
        (None, 6, 0, 600),
        (None, 7, 0, 0),
        (Some(15), 0, 0, 0),
    ] {
        let wait = waves.wait_ms(
            Position(12),
            position.map(Position),
            acknowledged,
            BEGIN,
            after(seconds),
        );
        assert_eq!(wait, expected * 1_000, "{position:?} {acknowledged} {seconds}");
    }
}

#[test]
fn one_wave_is_back_within_a_minute() {
    let waves = Waves {
        size: 5,
        patience_ms: 300_000,
    };
    assert!(estimated_seconds(waves, Position(5), 10_000) < 60);
    assert_eq!(estimated_seconds(waves, Position(6), 10_000), 60);
}

/// An instance as the naive judge sees it.
#[derive(Clone, Copy, PartialEq)]
enum State {
    New,
    Away { until: i64 },
    Back,
}

proptest! {
    /// Whatever the order and lateness of check-ins: never more away than the wave is large while nobody is silent
    /// for longer than patience lasts, and all come back.
    #[test]
    fn never_more_away_than_allowed(
        frontier in 1u32..40,
        size in 1u32..12,
        pauses in prop::collection::vec(1i64..30, 40),
        switches in prop::collection::vec(1i64..20, 40),
        stale in any::<bool>(),
    ) {
        // Patience far beyond what the slowest takes, so that acknowledgements alone move the window.
        let waves = Waves { size, patience_ms: 100_000_000 };
        let mut states = vec![State::New; frontier as usize];
        let (mut acknowledged, mut seen) = (0, 0);
        for second in 0..10_000i64 {
            for position in 0..frontier as usize {
                if second % pauses[position] != 0 {
                    continue;
                }
                let now = after(second);
                let place = Some(Position(u32::try_from(position).unwrap()));
                match states[position] {
                    State::New if waves.wait_ms(Position(frontier), place, seen, BEGIN, now) == 0 => {
                        states[position] = State::Away { until: second + switches[position] };
                    }
                    State::Away { until } if until <= second => {
                        states[position] = State::Back;
                        acknowledged += 1;
                    }
                    _ => {}
                }
                let away = states.iter().filter(|s| matches!(s, State::Away { .. })).count();
                prop_assert!(away <= size as usize, "{away} of {size} are away");
            }
            // What a check-in counts may be as old as it likes.
            if !stale || second % 7 == 0 {
                seen = acknowledged;
            }
            if acknowledged == frontier {
                return Ok(());
            }
        }
        prop_assert!(false, "only {acknowledged} of {frontier} are back");
    }

    /// A silent instance holds nobody longer than patience allows.
    #[test]
    fn nobody_waits_for_ever(frontier in 1u32..1_000, size in 1u32..50, position in 0u32..1_000, acknowledged in 0u32..1_000) {
        let waves = Waves { size, patience_ms: 1_000 };
        let end = after(i64::from(waves.count(Position(frontier))));
        let wait = waves.wait_ms(Position(frontier), Some(Position(position)), acknowledged, BEGIN, end);
        prop_assert!(wait == 0, "{wait}");
    }
}
