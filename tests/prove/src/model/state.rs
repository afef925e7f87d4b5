//! What the world is like, and what may happen in it.

use sluice_core::lifecycle::Status;
use sluice_core::units::{Attempt, Epoch};

use super::scenario::Budget;
use super::world::{Function, Look, Word};

/// The world at one moment. Numbers are those of the tables.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
#[expect(missing_docs, reason = "each field is what it is called")]
pub struct State {
    pub upgrade: u32,
    pub channel: Option<u32>,
    pub lock: Lock,
    /// The new version's share as it is set on the route.
    pub route: Option<u8>,
    pub tally: u32,
    /// The instances as they are stored.
    pub stored: Vec<u32>,
    pub agents: Vec<Agent>,
    /// Executions that have not ended.
    pub works: Vec<Work>,
    /// A function that was given up by its caller and still runs.
    pub zombie: Option<Invocation>,
    /// What the relay has not delivered.
    pub bells: Vec<Bell>,
    /// The executions that were ever started: the forward one as 0, ways back by their epoch.
    pub started: Vec<u64>,
    /// A check-in that is long on its way.
    pub late: Option<(usize, u32)>,
    /// A copy of an answer that is long on its way, and whether its lease has run out.
    pub stray: Option<(usize, u32, bool)>,
    pub budget: Budget,
    pub witness: Witness,
}

/// What the properties remember of the way to a state.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub struct Witness {
    /// What must never happen and has happened.
    pub broken: Option<Broken>,
    /// Batches that a verdict on real data has passed.
    pub passed: u32,
    /// Where the last pause came from.
    pub paused_from: Option<Status>,
    /// The highest position that was ever released.
    pub released: u32,
    /// A function died between setting the route and writing the share down.
    pub route_adrift: bool,
}

/// Whose the component's lock is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[expect(missing_docs, reason = "each is what it is called")]
pub enum Lock {
    Free,
    Ours,
    Other,
}

/// An instance as its agent knows it.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Agent {
    /// What outlives the process.
    pub record: u32,
    /// How far a switch is.
    pub stage: Stage,
    /// The answer of an order that has not begun, and whether its lease has run out.
    pub order: Option<(u32, bool)>,
    /// An answer on its way, and whether its lease has run out.
    pub down: Option<(u32, bool)>,
    /// Whether what runs does not serve.
    pub sick: bool,
    /// Whether the agent has no state.
    pub fresh: bool,
    /// The newest command that ever reached it, with this state.
    pub newest: (Epoch, Attempt),
}

/// How far a switch is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[expect(missing_docs, reason = "each is what it is called")]
pub enum Stage {
    Idle,
    Begun,
    Linked,
}

/// An execution.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Work {
    /// Whether it watches a way back.
    pub back: bool,
    /// The input of its next function; none at its beginning.
    pub step: Option<u32>,
    /// Whether the function before failed.
    pub fault: bool,
    /// The function that runs.
    pub running: Option<Invocation>,
}

/// A function between its reads and its last write.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Invocation {
    /// What it read and what it is to do, by number.
    pub result: u32,
    /// Whether the record has changed since it was read.
    pub stale: bool,
    /// Whether the channel has changed since it was read.
    pub channel_stale: bool,
    /// How many of its changes are written.
    pub written: usize,
    /// Whether it has set the route, where it does.
    pub routed: bool,
}

/// What the relay is to start.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[expect(missing_docs, reason = "each is what it is called")]
pub enum Bell {
    Forward,
    Back,
}

/// What may happen next.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[expect(missing_docs, reason = "each is what it is called")]
pub enum Action {
    Operator(Word),
    SlowRollBack,
    Relay,
    Read(usize, Function, Look),
    Route(usize),
    Write(usize),
    Crash(usize),
    Abandon(usize),
    Fault(usize),
    ZombieRoute,
    ZombieWrite,
    CheckIn(usize),
    Delay(usize),
    LateCheckIn,
    Deliver(usize),
    Lose(usize),
    Copy(usize),
    DeliverStray,
    Expire(usize),
    Begin(usize),
    Link(usize),
    Finish(usize),
    Fail(usize),
    Restart(usize),
    Forget(usize),
    OtherBegins,
    OtherTakesTheChannel,
    OtherEnds,
}

/// What must never happen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[expect(missing_docs, reason = "told by the properties")]
pub enum Broken {
    BegunOutOfTurn,
    BegunUnreleased,
    ReleasedTooSoon,
    PassedWithoutData,
    SecondRunWrote,
    Forked,
    SupersededWrote,
    ChannelTaken,
    FrontierLowered,
    ResumedElsewhere,
    FailuresIgnored,
    HarmIgnored,
    ToldWrong,
    PassedUnpromoted,
}
