//! An instance that obeys: whatever it is told and however far it is, it comes to rest where the channel wants it, and
//! its outcome then says so.

use proptest::prelude::{Just, Strategy, any, prop_assert_eq, prop_oneof, proptest};

use super::*;

/// A naive instance. A switch takes four check-ins: begun, linked, started, verified.
struct Obedient {
    instance: Instance,
    switch: Option<Switch>,
    fails_forward: bool,
    fails_back: bool,
}

#[derive(Clone, Copy, PartialEq)]
struct Switch {
    target: u64,
    back: bool,
    stage: u32,
}

impl Obedient {
    /// One check-in; true when it changed nothing.
    fn round(&mut self, channel: &Channel, position: Option<Position>) -> bool {
        let (instance, switch) = (self.instance.clone(), self.switch);
        let told = answer(channel, position, &self.instance, NOW).desired;
        if let Desired::Move { version, .. } = told {
            let target = version.version.minor;
            let back = channel.mode == Mode::Revert;
            if self.switch.is_none_or(|s| (s.target, s.back) != (target, back)) {
                self.switch = Some(Switch {
                    target,
                    back,
                    stage: 0,
                });
            }
        }
        let before = self.instance.report.as_ref();
        let known = before.is_some_and(|r| (r.epoch, r.attempt) == (channel.epoch, channel.attempt));
        match self.switch {
            Some(switch) => self.advance(channel, switch),
            None if !known => self.say(channel, InstanceStatus::Pending),
            None => {}
        }
        self.instance == instance && self.switch == switch
    }

    fn advance(&mut self, channel: &Channel, switch: Switch) {
        let Switch { target, back, stage } = switch;
        let failed = if back { self.fails_back } else { self.fails_forward };
        let ran = self.instance.running.clone().map(|r| r.version);
        match stage {
            0 => {
                self.instance.left = self.instance.left.clone().or(ran);
                self.say(channel, InstanceStatus::Draining);
            }
            1 => self.say(channel, InstanceStatus::Upgrading),
            2 => {
                self.instance.running = instance(Some((target, false)), None, None).running;
                self.say(channel, InstanceStatus::HealthChecking);
            }
            _ if failed => {
                // A way forward is undone; a way back leaves things as they are.
                let number = if back { target } else { 0 };
                self.instance.running = instance(Some((number, !back)), None, None).running;
                self.say(channel, InstanceStatus::Failed);
            }
            _ => {
                self.instance.running = instance(Some((target, true)), None, None).running;
                self.say(
                    channel,
                    if back {
                        InstanceStatus::RolledBack
                    } else {
                        InstanceStatus::Completed
                    },
                );
            }
        }
        self.switch = (stage < 3).then_some(Switch {
            stage: stage + 1,
            ..switch
        });
    }

    fn say(&mut self, channel: &Channel, status: InstanceStatus) {
        self.instance.report = Some(report(7, channel.epoch.0, channel.attempt.0, status));
    }

    /// Rounds until nothing changes any more; none when that never comes.
    fn rest(&mut self, channel: &Channel, position: Option<Position>) -> Option<u32> {
        (0..12).find(|_| self.round(channel, position))
    }

    fn running(&self) -> u64 {
        self.instance.running.as_ref().unwrap().version.version.minor
    }
}

proptest! {
    #[test]
    fn it_comes_to_rest_where_it_is_wanted(
        place in prop_oneof![Just(None), (0u32..4).prop_map(|p| Some(Position(p)))],
        rounds in 0u32..7,
        fails_forward in any::<bool>(),
        fails_back in any::<bool>(),
        mode in prop_oneof![Just(Mode::Run), Just(Mode::Hold), Just(Mode::Revert)],
        held in any::<bool>(),
    ) {
        let mut obedient =
            Obedient { instance: instance(Some((0, true)), None, None), switch: None, fails_forward, fails_back };
        for _ in 0..rounds {
            obedient.round(&channel(Mode::Run, (1, 0), 2, false), place);
        }
        let epoch = if mode == Mode::Revert { 2 } else { 1 };
        let last = channel(mode, (epoch, 0), 2, held && mode == Mode::Run);
        prop_assert_eq!(obedient.rest(&last, place).is_some(), true, "it never rests: {:?}", obedient.instance);
        prop_assert_eq!(&answer(&last, place, &obedient.instance, NOW).desired, &Desired::Stay);

        let released = place.is_some_and(|p| p < Position(2));
        let touched = released && rounds > 0;
        let follows = match mode {
            Mode::Run => released || (place.is_none() && last.held_until.is_some()),
            Mode::Hold => touched,
            Mode::Revert => false,
        };
        let failed = match mode {
            Mode::Run | Mode::Hold => follows && fails_forward,
            Mode::Revert => touched && fails_back,
        };
        prop_assert_eq!(obedient.running(), u64::from(follows && !failed));
        let expected = match (released, failed) {
            (true, true) => Some(Outcome::Failed),
            (true, false) if follows || mode == Mode::Revert => Some(Outcome::Arrived),
            _ => None,
        };
        prop_assert_eq!(outcome(&last, place, &obedient.instance), expected, "{:?}", obedient.instance);
    }
}
