use sluice_contract::check_in::CheckInRequest;
use sluice_core::fleet::InstanceStatus;
use sluice_core::units::Incarnation;

use super::*;
use crate::caller::Caller;
use crate::heartbeat::tests::desk::{Desk, fleet_key, report, request};
use crate::registry;

fn admin() -> Caller {
    Caller::from_claims(Some("ada"), Some("acme"), Some("admin:policy")).unwrap()
}

fn asks(ordinal: u32, name: &str) -> EnrolRequest {
    let key = fleet_key();
    EnrolRequest {
        contract: 1,
        tenant_id: key.tenant_id,
        component_id: key.component_id,
        fleet_id: key.fleet_id,
        instance_id: name.parse().unwrap(),
        ordinal: Ordinal(ordinal),
        failure_domain: None,
    }
}

async fn secret(desk: &Desk, random: u8) -> Secret {
    let made = registry::renew_enrolment_secret(&desk.world, &admin(), &fleet_key(), [random; 32]).await;
    made.unwrap().enrolment_secret
}

async fn enrols(desk: &Desk, secret: &Secret, name: &str, random: u8) -> EnrolAnswer {
    enrol(&desk.world, secret, &asks(0, name), [random; 32], desk.now)
        .await
        .unwrap()
}

fn speaks(name: &str, incarnation: u64) -> CheckInRequest {
    CheckInRequest {
        instance_id: name.parse().unwrap(),
        incarnation: Incarnation(incarnation),
        ..request(0, Some(0))
    }
}

#[tokio::test]
async fn only_the_newest_secret_enrols() {
    let desk = Desk::new();
    let none = Secret::new(Use::Enrolment, [0; 32]);
    let first = secret(&desk, 1).await;
    let second = secret(&desk, 2).await;
    for (shown, refused) in [(&none, true), (&first, true), (&second, false)] {
        let answer = enrol(&desk.world, shown, &asks(0, "i-0"), [9; 32], desk.now).await;
        let code = answer.as_ref().err().map(|p| p.code);
        assert_eq!(code, refused.then_some(Code::InvalidCredential), "{answer:?}");
    }
    let elsewhere = EnrolRequest {
        fleet_id: "other".parse().unwrap(),
        ..asks(0, "i-0")
    };
    let answer = enrol(&desk.world, &second, &elsewhere, [9; 32], desk.now).await;
    assert_eq!(answer.unwrap_err().code, Code::InvalidCredential);
    let far = asks(10_000_000, "i-0");
    let answer = enrol(&desk.world, &second, &far, [9; 32], desk.now).await;
    assert_eq!(answer.unwrap_err().code, Code::InvalidRequest);
}

/// Each row: who speaks with which credential as whom, and what it is refused with.
#[tokio::test]
async fn a_credential_speaks_for_one_machine_and_one_incarnation() {
    let desk = Desk::new();
    let secret = secret(&desk, 1).await;
    let first = enrols(&desk, &secret, "m-1", 1).await;
    let second = enrols(&desk, &secret, "m-2", 2).await;
    assert_eq!(
        (first.incarnation, second.incarnation),
        (Incarnation(1), Incarnation(2))
    );
    let by = |answer: &EnrolAnswer| answer.credential.clone();
    let rows = [
        (by(&second), speaks("m-2", 2), None),
        (by(&second), speaks("m-1", 2), Some(Code::NotThisInstance)),
        (by(&second), speaks("m-2", 1), Some(Code::NotThisInstance)),
        (by(&second), speaks("m-2", 3), Some(Code::NotThisInstance)),
        (by(&first), speaks("m-1", 1), Some(Code::StaleIncarnation)),
        (by(&first), speaks("m-2", 2), Some(Code::StaleIncarnation)),
        (secret, speaks("m-2", 2), Some(Code::InvalidCredential)),
        (
            by(&second),
            CheckInRequest {
                ordinal: Ordinal(1),
                ..speaks("m-2", 2)
            },
            Some(Code::InvalidCredential),
        ),
        (
            by(&second),
            CheckInRequest {
                fleet_id: "other".parse().unwrap(),
                ..speaks("m-2", 2)
            },
            Some(Code::InvalidCredential),
        ),
    ];
    for (number, (speaker, said, refused)) in rows.into_iter().enumerate() {
        let before = desk.stored(0);
        let answer = desk.hears(&speaker, &said, 0.5).await;
        assert_eq!(answer.err().map(|p| p.code), refused, "row {number}");
        if refused.is_some() {
            assert_eq!(desk.stored(0), before, "row {number}");
        }
    }
}

/// A new machine begins with nothing, whatever the one before it said, keeps its ordinal, and is not counted a second
/// time.
#[tokio::test]
async fn a_replacement_is_counted_once() {
    let desk = Desk::new();
    desk.set(sluice_core::channel::Mode::Run, (1, 0), 2, false);
    let secret = secret(&desk, 1).await;
    for random in 1..=3 {
        let enrolled = enrols(&desk, &secret, "m", random).await;
        let stored = desk.stored(0).unwrap();
        assert_eq!((stored.running, stored.report), (None, None));
        let done = CheckInRequest {
            report: Some(report(1, 0, InstanceStatus::Completed)),
            running: request(0, Some(1)).running,
            ..speaks("m", random.into())
        };
        desk.hears(&enrolled.credential, &done, 0.5).await.unwrap();
        assert_eq!(desk.counted(), (1, 0));
    }
}

#[tokio::test]
async fn making_a_secret_needs_the_scope_and_a_fleet() {
    let desk = Desk::new();
    let reader = Caller::from_claims(Some("r"), Some("acme"), Some("upgrade:read")).unwrap();
    let other = Caller::from_claims(Some("r"), Some("other"), Some("admin:policy")).unwrap();
    let undeclared = FleetKey {
        fleet_id: "undeclared".parse().unwrap(),
        ..fleet_key()
    };
    for (caller, key, code) in [
        (reader, fleet_key(), Code::MissingScope),
        (other, fleet_key(), Code::NotFound),
        (admin(), undeclared, Code::NotFound),
    ] {
        let made = registry::renew_enrolment_secret(&desk.world, &caller, &key, [1; 32]).await;
        assert_eq!(made.unwrap_err().code, code);
    }
    assert!(desk.world.state().enrolment_secrets.is_empty());
}
