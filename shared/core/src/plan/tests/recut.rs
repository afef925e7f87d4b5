//! What is cut anew keeps what is released.

use super::*;
use crate::settings::Changes;

fn changes(text: &str) -> Changes {
    serde_json::from_str(text).unwrap()
}

#[test]
fn what_is_not_released_is_cut_anew() {
    let canary = r#"{"strategy":"CANARY"}"#;
    let before = "c2:0>10 c2:10>20 r5:20>45 r5:45>70 r5:70>95 r1:100>100";
    let rows = [
        (canary, 0, r#"{"failureThreshold":1}"#, before),
        (canary, 3, r#"{"batchDelaySeconds":1}"#, before),
        (
            canary,
            2,
            r#"{"batchSize":4}"#,
            "c2:0>10 c2:10>20 r4:20>40 r4:40>60 r4:60>80 r4:100>100",
        ),
        (
            canary,
            3,
            r#"{"batchSize":2}"#,
            "c2:0>10 c2:10>20 r5:20>45 r2:45>55 r2:55>65 r2:65>75 r2:75>85 r2:85>95 r1:100>100",
        ),
        // The canary's stages are the canary's.
        (
            canary,
            1,
            r#"{"batchPercentage":5}"#,
            "c2:0>10 c2:10>20 r1:20>25 r1:25>30 r1:30>35 r1:35>40 r1:40>45 r1:45>50 r1:50>55 r1:55>60 r1:60>65 r1:65>70 \
             r1:70>75 r1:75>80 r1:80>85 r1:85>90 r1:90>95 r1:100>100",
        ),
        // No more than may be unavailable, whatever is asked.
        (
            canary,
            4,
            r#"{"batchSize":9}"#,
            "c2:0>10 c2:10>20 r5:20>45 r5:45>70 r5:70>95 r1:100>100",
        ),
        (canary, 6, r#"{"batchSize":1}"#, before),
        (
            r#"{"strategy":"RECREATE"}"#,
            1,
            r#"{"batchSize":1}"#,
            "e20:100>100",
        ),
    ];
    for (asked, kept, changed, expected) in rows {
        let given = slots(20, 0);
        let (plan, positions) = Plan::make(request(given.clone(), &wishes(asked))).unwrap();
        let settings = plan.settings.changed(&changes(changed)).unwrap();
        let next = plan.recut(settings, kept, &positions, &given).unwrap();
        assert_eq!(drawn(&next), expected, "{asked} {kept} {changed}");
        assert_ne!(next.hash(), plan.hash(), "{changed}");
    }
}

proptest! {
    /// Released batches stay, the others are cut as a new plan would cut them: each position once, no batch above the cap.
    #[test]
    fn released_batches_stay(
        count in 1u32..80,
        domains in 0u32..5,
        strategy in prop::sample::select(vec!["CANARY", "ROLLING"]),
        size in 1i64..20,
        kept in 0u32..90,
        gone in 0u32..10,
    ) {
        let given = slots(count, domains);
        let asked = wishes(&format!(r#"{{"strategy":"{strategy}"}}"#));
        let (plan, positions) = Plan::make(request(given.clone(), &asked)).unwrap();
        let kept = kept.min(plan.batch_count());
        let changed = changes(&format!(r#"{{"batchSize":{size},"failureThreshold":7}}"#));
        let settings = plan.settings.changed(&changed).unwrap();
        // Some have left since, and of those nothing is known.
        let present: Vec<_> = given.into_iter().skip(gone as usize).collect();
        let next = plan.recut(settings, kept, &positions, &present).unwrap();
        let stays = kept as usize;
        prop_assert_eq!(&next.batches[..stays], &plan.batches[..stays]);
        prop_assert_eq!(&next.positions_digest, &plan.positions_digest);
        let mut begin = 0;
        for (index, batch) in (0u32..).zip(&next.batches) {
            prop_assert_eq!((batch.index, batch.begin.0), (index, begin));
            prop_assert!(batch.size() > 0);
            if index >= kept {
                prop_assert!(batch.size() <= plan.max_unavailable());
                prop_assert!(batch.kind == Kind::Canary || i64::from(batch.size()) <= size);
            }
            begin = batch.end.0;
        }
        prop_assert_eq!(begin, count);
        let last = next.batches.last().unwrap();
        prop_assert_eq!((last.weight_before, last.weight_after), (Percent::FULL, Percent::FULL));
        if gone == 0 {
            let anew = wishes(&format!(r#"{{"strategy":"{strategy}","batchSize":{size}}}"#));
            let whole = Plan::make(request(present.clone(), &anew)).unwrap().0;
            let cut = plan.recut(next.settings, 0, &positions, &present).unwrap();
            prop_assert_eq!(cut.batches, whole.batches);
        }
    }
}
