//! What may happen, and how often: small enough to be explored to the end.

/// A part of the world, explored to the end.
#[derive(Debug, Clone, Copy)]
pub struct Scenario {
    /// Its name.
    pub name: &'static str,
    /// How many instances.
    pub instances: u32,
    /// More fields of the request, as JSON.
    pub request: &'static str,
    /// Whether answers take their time on the way; else each check-in is answered at once.
    pub network: bool,
    /// How often each may happen.
    pub budget: Budget,
}

/// How often what does not belong to the course of things may happen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
#[expect(missing_docs, reason = "named like the actions")]
pub struct Budget {
    pub pause: u8,
    pub cancel: u8,
    pub roll_back: u8,
    pub promote: u8,
    pub fail: u8,
    pub fail_back: u8,
    pub restart: u8,
    pub lose: u8,
    pub late: u8,
    pub stray: u8,
    pub crash: u8,
    pub zombie: u8,
    pub fault: u8,
    pub away: u8,
    pub other: u8,
}

const NONE: Budget = Budget {
    pause: 0,
    cancel: 0,
    roll_back: 0,
    promote: 0,
    fail: 0,
    fail_back: 0,
    restart: 0,
    lose: 0,
    late: 0,
    stray: 0,
    crash: 0,
    zombie: 0,
    fault: 0,
    away: 0,
    other: 0,
};

/// Two instances in two batches, the first one a canary.
const TWO: &str = r#","canaryPercentage":50,"canarySecondStage":false,"maxUnavailablePercentage":50"#;

/// The same, and an operator has the last word about the canary.
const MANUAL: &str = r#","canaryPercentage":50,"canarySecondStage":false,"maxUnavailablePercentage":50,"canaryPromotion":"manual""#;

/// Two instances in one batch; one failure ends the upgrade.
const PAIR: &str = r#","canaryPercentage":100,"canarySecondStage":false,"maxUnavailablePercentage":100,"failureThreshold":1"#;

/// One instance: everything else may then go wrong around it.
const ONE: &str = r#","canaryPercentage":100,"canarySecondStage":false,"maxUnavailablePercentage":100"#;

const fn scenario(name: &'static str, instances: u32, request: &'static str, budget: Budget) -> Scenario {
    Scenario {
        name,
        instances,
        request,
        network: false,
        budget,
    }
}

/// Everything that is explored, the smallest first.
pub const SCENARIOS: [Scenario; 12] = [
    scenario("a way back", 1, ONE, Budget { roll_back: 1, ..NONE }),
    scenario(
        "operators",
        1,
        ONE,
        Budget {
            pause: 1,
            cancel: 1,
            roll_back: 2,
            ..NONE
        },
    ),
    scenario(
        "promotion",
        2,
        MANUAL,
        Budget {
            promote: 1,
            pause: 1,
            ..NONE
        },
    ),
    scenario(
        "executions",
        1,
        ONE,
        Budget {
            roll_back: 1,
            crash: 1,
            zombie: 1,
            ..NONE
        },
    ),
    scenario(
        "faults",
        1,
        ONE,
        Budget {
            pause: 1,
            fault: 1,
            away: 1,
            ..NONE
        },
    ),
    Scenario {
        network: true,
        ..scenario(
            "messages",
            1,
            ONE,
            Budget {
                roll_back: 1,
                late: 1,
                stray: 1,
                ..NONE
            },
        )
    },
    Scenario {
        network: true,
        ..scenario(
            "agents",
            1,
            ONE,
            Budget {
                roll_back: 1,
                fail: 1,
                fail_back: 1,
                restart: 1,
                lose: 1,
                ..NONE
            },
        )
    },
    // It begins, dies, undoes what it had begun, and says on the way back that it is where it was.
    Scenario {
        network: true,
        ..scenario(
            "begun and undone",
            1,
            ONE,
            Budget {
                roll_back: 1,
                restart: 2,
                late: 1,
                ..NONE
            },
        )
    },
    scenario(
        "two upgrades",
        1,
        ONE,
        Budget {
            roll_back: 2,
            cancel: 1,
            zombie: 1,
            other: 1,
            ..NONE
        },
    ),
    scenario(
        "failures",
        2,
        PAIR,
        Budget {
            fail: 1,
            fail_back: 1,
            ..NONE
        },
    ),
    scenario(
        "pauses",
        2,
        TWO,
        Budget {
            pause: 1,
            cancel: 1,
            ..NONE
        },
    ),
    scenario("going back", 2, TWO, Budget { roll_back: 1, ..NONE }),
];
