use proptest::prelude::{prop, prop_assert, prop_assert_eq, proptest};

use super::*;
use crate::upgrade::tests::course::{BEGIN, plan};

const EPOCH: Epoch = Epoch(3);

/// A plan whose second batch has the positions from `begin` to `end`, and in which `cap` may be unavailable, or `cap` may
/// run beside another one.
fn with(total: u32, (begin, end): (u32, u32), cap: u32, switch: Switch) -> (Plan, Batch) {
    let mut plan = plan(total, r#"{"maxUnavailablePercentage":100}"#);
    plan.settings.max_unavailable = Some(cap);
    plan.settings.max_surge = cap;
    plan.settings.switch = switch;
    let batch = Batch {
        index: 1,
        begin: Position(begin),
        end: Position(end),
        ..plan.batches[0]
    };
    (plan, batch)
}

/// A place as a letter says: `.` fine and not released, `d` down and not released, `s` silent and not released, `m` on the
/// way, `x` silent on the way, `a` arrived, `f` down since it settled, `u` unable and not released.
fn troubled(at: u32, letter: char) -> Option<Placed> {
    let (trouble, settled_in) = match letter {
        '.' | 'm' | 'a' => return None,
        'd' => (Trouble::Unhealthy, Some(Epoch(1))),
        's' | 'x' => (Trouble::Silent, None),
        'f' => (Trouble::Unhealthy, Some(EPOCH)),
        'u' => (Trouble::Unable, None),
        _ => panic!("no place {letter}"),
    };
    let ordinal = Ordinal(100 + at);
    let troubled = Troubled {
        ordinal,
        trouble,
        settled_in,
    };
    Some((Some(Position(at)), troubled))
}

/// The places of a fleet in the order of their positions; a batch is in brackets.
fn seen(text: &str, cap: u32, switch: Switch) -> Room {
    let begin = u32::try_from(text.find('[').expect(text)).unwrap();
    let end = u32::try_from(text.find(']').expect(text)).unwrap() - 1;
    let letters: Vec<char> = text.chars().filter(|c| !"[]".contains(*c)).collect();
    let placed: Vec<_> = (0..)
        .zip(&letters)
        .filter_map(|(at, c)| troubled(at, *c))
        .collect();
    let inside = &letters[begin as usize..end as usize];
    let count = |wanted: &str| u32::try_from(inside.iter().filter(|c| wanted.contains(**c)).count()).unwrap();
    let (plan, batch) = with(u32::try_from(letters.len()).unwrap(), (begin, end), cap, switch);
    room(&Standing {
        plan: &plan,
        batch: &batch,
        epoch: EPOCH,
        released: Position(begin + count("mxaf")),
        reported: count("af"),
        troubled: &placed,
        complete: true,
    })
}

#[test]
fn a_batch_is_released_as_far_as_there_is_room() {
    let rows = [
        ("aaaa[....]....", 4, 8),
        ("aaaa[....]....", 2, 6),
        // Who is down anywhere takes room: behind, before, or in the batch once it has settled.
        ("aaaf[....]....", 4, 7),
        ("aaaa[....]d.s.", 4, 6),
        ("aaaa[af..]....", 4, 8),
        ("aaaa[af..]....", 2, 7),
        ("aaaa[mm..]....", 3, 7),
        ("aaaa[mm..]....", 2, 6),
        // Who is down already takes none when its turn comes.
        ("aaaa[dd..]....", 2, 6),
        ("aaaa[dd..]....", 3, 7),
        ("aaaa[.d..]....", 2, 6),
        ("aaaa[dddd]....", 1, 8),
        // Who was left behind is allowed for by a limit of its own.
        ("axxa[....]....", 2, 6),
        ("aaaa[x...]....", 2, 6),
        // One more than may be down is no reason to take back what is released.
        ("aaaa[mm..]dddd", 2, 6),
        ("aaaa[....]dddd", 4, 4),
    ];
    for (text, cap, expected) in rows {
        let found = seen(text, cap, Switch::InPlace);
        assert_eq!(found.to, Position(expected), "{text} with {cap}");
        assert_eq!(
            found.waits_for.is_none(),
            text.find(']') == Some(expected as usize + 1),
            "{text}"
        );
    }
}

#[test]
fn what_is_waited_for_is_named() {
    let cause = seen("aaaf[..]d.", 2, Switch::InPlace).waits_for.unwrap();
    assert_eq!(
        cause.to_string(),
        "batch 1 has no room: 2 instances are down, and no more than 2 may be unavailable: 103, 106"
    );
    let cause = seen("aa[.u]u", 2, Switch::Overlap).waits_for.unwrap();
    assert_eq!(
        cause.to_string(),
        "instances of batch 1 cannot switch by overlap: 103"
    );
}

#[test]
fn an_overlap_takes_what_the_surge_leaves() {
    let rows = [
        ("aaaa[....]....", 2, 6),
        ("aaaa[m...]....", 2, 6),
        ("aaaa[mm..]....", 2, 6),
        ("aaaa[am..]....", 2, 7),
        ("aaaf[....]dddd", 4, 8),
        // One that cannot holds its batch and no other.
        ("aaaa[..u.]....", 4, 4),
        ("aaaa[m.u.]....", 4, 5),
        ("aaaa[....]u...", 4, 8),
    ];
    for (text, surge, expected) in rows {
        assert_eq!(
            seen(text, surge, Switch::Overlap).to,
            Position(expected),
            "{text} with {surge}"
        );
    }
}

/// A list that is not complete lets nothing pass.
#[test]
fn what_is_not_known_is_no_room() {
    for switch in [Switch::InPlace, Switch::Overlap] {
        let (plan, batch) = with(8, (4, 8), 4, switch);
        let standing = Standing {
            plan: &plan,
            batch: &batch,
            epoch: EPOCH,
            released: Position(4),
            reported: 0,
            troubled: &[],
            complete: false,
        };
        let found = room(&standing);
        assert!(
            found.to == Position(4) && found.waits_for.is_some(),
            "{switch:?} {found:?}"
        );
    }
}

#[test]
fn all_at_once_asks_for_no_room() {
    let (mut plan, batch) = with(4, (0, 4), 1, Switch::InPlace);
    plan.settings.strategy = Strategy::Recreate;
    let placed: Vec<_> = (0..4).filter_map(|at| troubled(at, 'd')).collect();
    let found = room(&Standing {
        plan: &plan,
        batch: &batch,
        epoch: EPOCH,
        released: Position(0),
        reported: 0,
        troubled: &placed,
        complete: false,
    });
    assert_eq!(found.to, Position(4));
}

#[test]
fn silence_begins_after_the_longest_sleep() {
    let plan = plan(4, "{}");
    let seconds = BEGIN.duration_since(silent_before(&plan, BEGIN)).as_secs();
    assert!(seconds > SEEN_EVERY_SECONDS + i64::from(plan.idle_seconds));
}

proptest! {
    /// Against a judge that counts who would be unavailable: never more than the cap, or not one more than are already;
    /// and as far as that allows.
    #[test]
    fn never_more_unavailable_than_the_cap(
        before in prop::collection::vec(prop::sample::select(vec!['a', 'f', 'x']), 0..6),
        moved in prop::collection::vec(prop::sample::select(vec!['a', 'f', 'm', 'x']), 0..6),
        rest in prop::collection::vec(prop::sample::select(vec!['.', 'd', 's']), 1..8),
        after in prop::collection::vec(prop::sample::select(vec!['.', 'd', 's']), 0..6),
        cap in 1u32..8,
    ) {
        let text: String = before.iter().chain(&['[']).chain(&moved).chain(&rest).chain(&[']']).chain(&after).collect();
        let found = seen(&text, cap, Switch::InPlace);
        let released = u32::try_from(before.len() + moved.len()).unwrap();
        let is = |letters: &[char], wanted: &str| letters.iter().map(|c| u32::from(wanted.contains(*c))).sum::<u32>();
        let unavailable = is(&before, "f") + is(&moved, "fmx") + is(&rest, "ds") + is(&after, "ds");
        let with = |taken: usize| unavailable + is(&rest[..taken], ".");
        let allowed = |taken: usize| with(taken) <= cap.max(unavailable);
        let expected = (0..=rest.len()).rev().find(|taken| allowed(*taken)).unwrap();
        prop_assert_eq!(found.to.0, released + u32::try_from(expected).unwrap(), "{} with {}", text, cap);
        prop_assert!(found.to.0 >= released);
        prop_assert_eq!(found.waits_for.is_none(), expected == rest.len());
    }
}
