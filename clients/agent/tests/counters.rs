//! What the service counts goes out with the check-ins.

#![allow(clippy::unwrap_used, reason = "helpers of tests fail like tests")]

mod support;

use std::time::{Duration, Instant};

use support::world::World;

/// A minute, and time for a busy machine.
const PATIENCE: Duration = Duration::from_secs(90);

/// The clock's minutes are real ones here, so that one has to end.
#[tokio::test]
async fn totals_in_a_file_become_minutes_of_the_version_that_serves() {
    let mut world = World::new("").await;
    let file = world.home.path().join("totals");
    let counters = format!(
        "[counters]\nfile = \"{}\"\nrequests = \"requests_total\"\nerrors = \"errors_total\"\n\n[trusted_keys]",
        file.display()
    );
    world.configure("[trusted_keys]", &counters);
    let write = |requests: u64, errors: u64| {
        let text = format!(
            "requests_total{{code=\"200\"}} {}\nrequests_total{{code=\"500\"}} {errors}\nerrors_total {errors}\n",
            requests - errors
        );
        std::fs::write(&file, text).unwrap();
    };
    write(1_000, 10);
    world.start();
    world.is_well_on("1.0.0").await;
    tokio::time::sleep(Duration::from_millis(500)).await;
    write(1_040, 13);
    let begin = Instant::now();
    let told = loop {
        assert!(
            begin.elapsed() < PATIENCE,
            "no minute was told: {:?}",
            world.server.last()
        );
        let last = world.server.last().unwrap();
        // The totals may have been read in the next minute.
        if last.counters.iter().map(|m| m.requests).sum::<u64>() > 0 {
            break last;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    };
    let sums = told.counters.iter().map(|m| (m.requests, m.errors));
    let sums = sums.fold((0, 0), |a, b| (a.0 + b.0, a.1 + b.1));
    assert_eq!(sums, (40, 3), "what was before the first reading does not count");
    assert_eq!(told.counters[0].version.to_string(), "1.0.0");
    assert!(told.running.unwrap().healthy);
}
