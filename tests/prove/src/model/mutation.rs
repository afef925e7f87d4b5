//! Ways to break Sluice on purpose: each has to be caught by a property.
//!
//! A mutation perturbs what goes into the product's code or what comes out of it; the code itself has no switch for it.

/// What is broken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, serde::Serialize)]
#[serde(rename_all = "kebab-case")]
#[expect(missing_docs, reason = "each says what it breaks in `breaks`")]
pub enum Mutation {
    NoEpochCheck,
    NoLease,
    NoSeqCondition,
    NoRevCondition,
    ResumeElsewhere,
    LockKept,
    LockNotRetaken,
    ThresholdOffByOne,
    ReleaseWhilePaused,
    LoopEndsInPause,
    SupersededWrites,
    RevertTellsTo,
    HoldTellsTo,
    CountedTwice,
    FrontierLowered,
    BackWithoutAcknowledgement,
    WeightAboveVerdict,
    NoDataPasses,
    HarmIgnoredInPause,
    SameEpochBack,
    RelayForgets,
    TrafficForgotten,
    PromotionIgnored,
}

impl Mutation {
    /// All of them.
    pub const ALL: [Self; 23] = [
        Self::NoEpochCheck,
        Self::NoLease,
        Self::NoSeqCondition,
        Self::NoRevCondition,
        Self::ResumeElsewhere,
        Self::LockKept,
        Self::LockNotRetaken,
        Self::ThresholdOffByOne,
        Self::ReleaseWhilePaused,
        Self::LoopEndsInPause,
        Self::SupersededWrites,
        Self::RevertTellsTo,
        Self::HoldTellsTo,
        Self::CountedTwice,
        Self::FrontierLowered,
        Self::BackWithoutAcknowledgement,
        Self::WeightAboveVerdict,
        Self::NoDataPasses,
        Self::HarmIgnoredInPause,
        Self::SameEpochBack,
        Self::RelayForgets,
        Self::TrafficForgotten,
        Self::PromotionIgnored,
    ];

    /// What it breaks, in a few words.
    #[must_use]
    pub fn breaks(self) -> &'static str {
        match self {
            Self::NoEpochCheck => "the agent obeys an answer whose epoch is not the newest it has seen",
            Self::NoLease => "the agent begins a move whose lease has run out",
            Self::NoSeqCondition => "a change of the record is written without the condition `seq`",
            Self::NoRevCondition => "a change of the channel is written without the condition `rev`",
            Self::ResumeElsewhere => "resume returns to IN_PROGRESS, wherever the pause came from",
            Self::LockKept => "a terminal transition keeps the lock",
            Self::LockNotRetaken => "a rollback of an ended upgrade does not take the lock again",
            Self::ThresholdOffByOne => "one failure more than the threshold is let pass",
            Self::ReleaseWhilePaused => "releasing a batch does not look at the pause",
            Self::LoopEndsInPause => "the looks end with a pause",
            Self::SupersededWrites => "the watch over an older way back acts in the newer one's name",
            Self::RevertTellsTo => "on the way back an instance is told the new version again",
            Self::HoldTellsTo => "while on hold an instance that has not begun is told to begin",
            Self::CountedTwice => "that an instance has been counted is forgotten",
            Self::FrontierLowered => "a pause lowers the frontier",
            Self::BackWithoutAcknowledgement => "ROLLED_BACK is reached without acknowledgements",
            Self::WeightAboveVerdict => "the traffic is shifted further than the last verdict allows",
            Self::NoDataPasses => "metrics that are absent are taken for good ones",
            Self::HarmIgnoredInPause => "harm is not acted upon while paused",
            Self::SameEpochBack => "the way back keeps the epoch of the way forward",
            Self::RelayForgets => "the relay drops the start of a way back",
            Self::TrafficForgotten => "the way back ends with traffic on the new version",
            Self::PromotionIgnored => "the rest follows a canary that nobody has promoted",
        }
    }
}
