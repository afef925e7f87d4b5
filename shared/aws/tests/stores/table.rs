//! What only the table can show.

use aws_sdk_dynamodb::types::AttributeValue;
use sluice_app::ports::{Begun, Idempotency, Look, Outbox, PortErrorKind, StoredResponse, Upgrades};
use sluice_aws::dynamodb::Table;
use sluice_core::units::Seq;
use sluice_core::upgrade::Command;

use crate::local::{self, Local};
use crate::lossy;
use crate::made::{Course, at, creation, failure, fleet, is_conflict, plan, tenant, upgrade_id};

impl Local {
    /// Writes the lock of the first component, whoever has it.
    async fn set_lock(&self, upgrade: Option<u128>) {
        let fleet = fleet("acme", 1);
        let pk = AttributeValue::S(format!("LOCK#{}#{}", fleet.tenant_id, fleet.component_id));
        let sk = AttributeValue::S("LOCK".to_owned());
        if let Some(upgrade) = upgrade {
            let id = AttributeValue::S(upgrade_id(upgrade).to_string());
            let call = self
                .raw
                .put_item()
                .table_name(self.name())
                .item("pk", pk)
                .item("sk", sk);
            call.item("upgrade_id", id).send().await.unwrap();
        } else {
            self.raw
                .delete_item()
                .table_name(self.name())
                .key("pk", pk)
                .key("sk", sk)
                .send()
                .await
                .unwrap();
        }
    }
}

#[tokio::test]
async fn a_lost_lock_does_not_keep_an_upgrade_from_its_end() {
    for holder in [None, Some(9)] {
        let local = local::start().await;
        let fleet = fleet("acme", 1);
        let mut course = Course::begin(&local.table, 1, &fleet, None).await;
        course.go(&local.table, Command::Start).await;
        local.set_lock(holder).await;
        let change = course.go(&local.table, failure()).await;
        assert_eq!(
            local.table.upgrade(upgrade_id(1)).await,
            Ok(Some(change.upgrade.clone())),
            "{holder:?}"
        );
        let active = local.table.active(&fleet.tenant_id, fleet.component_id).await;
        assert_eq!(active, Ok(holder.map(upgrade_id)), "another's lock is left alone");
        local.table.commit(&change).await.unwrap();
    }
}

/// The other conditions hold too where the lock is lost.
#[tokio::test]
async fn a_lost_lock_excuses_nothing_else() {
    let local = local::start().await;
    let mut course = Course::begin(&local.table, 1, &fleet("acme", 1), None).await;
    course.go(&local.table, Command::Start).await;
    let (mine, late) = (
        course.change(failure(), "user:alice"),
        course.change(failure(), "user:bob"),
    );
    local.table.commit(&mine).await.unwrap();
    local.set_lock(Some(9)).await;
    is_conflict(local.table.commit(&late).await);
    assert_eq!(local.table.upgrade(upgrade_id(1)).await, Ok(Some(mine.upgrade)));
}

/// Not even where the record says that its place is free.
#[tokio::test]
async fn an_event_is_never_replaced() {
    let local = local::start().await;
    let course = Course::begin(&local.table, 1, &fleet("acme", 1), None).await;
    let (mine, stray) = (
        course.change(Command::Start, "user:alice"),
        course.change(Command::Start, "user:bob").event,
    );
    let call = local.raw.put_item().table_name(local.name());
    let text = |text: String| AttributeValue::S(text);
    call.item("pk", text(format!("UPG#{}", upgrade_id(1))))
        .item("sk", text("EVENT#0000000002".to_owned()))
        .item("doc", text(serde_json::to_string(&stray).unwrap()))
        .send()
        .await
        .unwrap();
    is_conflict(local.table.commit(&mine).await);
    assert_eq!(local.table.upgrade(upgrade_id(1)).await, Ok(Some(course.upgrade)));
    assert_eq!(
        local.table.events(upgrade_id(1), Seq(1), 10).await,
        Ok(vec![stray])
    );
}

#[tokio::test]
async fn an_older_look_does_not_replace_a_newer_one() {
    let local = local::start().await;
    let look = |ms| Look {
        at: at(ms),
        gate: Some(format!("look {ms}")),
    };
    local.table.put_look(upgrade_id(1), &look(2)).await.unwrap();
    local.table.put_look(upgrade_id(1), &look(1)).await.unwrap();
    assert_eq!(local.table.look(upgrade_id(1)).await, Ok(Some(look(2))));
}

#[tokio::test]
async fn an_answer_is_kept_for_a_day() {
    let acme = tenant("acme");
    let made = StoredResponse {
        status: 200,
        body: "made".to_owned(),
    };
    let local = local::start().await;
    let store = &local.table;
    is_conflict(store.finish(&acme, "key", &made).await);
    assert_eq!(store.begin(&acme, "key", "print", at(0)).await, Ok(Begun::Fresh));
    store.finish(&acme, "key", &made).await.unwrap();
    is_conflict(
        store
            .finish(
                &acme,
                "key",
                &StoredResponse {
                    status: 500,
                    ..made.clone()
                },
            )
            .await,
    );
    assert_eq!(
        store.begin(&acme, "key", "print", at(86_399_999)).await,
        Ok(Begun::Answered(made))
    );
    assert_eq!(
        store.begin(&acme, "key", "other", at(86_400_000)).await,
        Ok(Begun::Fresh)
    );
}

#[tokio::test]
async fn failures_have_their_kinds() {
    let local = local::start().await;
    let course = Course::begin(&local.table, 1, &fleet("acme", 1), None).await;
    let change = course.change(Command::Start, "user:alice");
    // Nothing listens on the discard port.
    let away = local.config_by("http://127.0.0.1:9");
    for (config, name, kind) in [
        (&local.config, "no-such-table", PortErrorKind::NotFound),
        (&away, local.name(), PortErrorKind::Unavailable),
    ] {
        let table = Table::new(config, name);
        assert_eq!(table.upgrade(upgrade_id(1)).await.unwrap_err().kind, kind);
        assert_eq!(table.commit(&change).await.unwrap_err().kind, kind);
    }
}

#[tokio::test]
async fn a_lost_answer_is_looked_up() {
    let lossy = lossy::start().await;
    let fleet = fleet("acme", 1);
    let plan = plan(&fleet);
    let created = creation(1, &plan, 0);
    lossy.lose(1);
    lossy.table.create(&created, &plan).await.unwrap();
    let course = Course {
        plan,
        upgrade: created.upgrade,
        channel: None,
    };
    let mine = course.change(Command::Start, "user:alice");
    // The answer to the question is lost as well: nothing is known, and asking again tells.
    lossy.lose(2);
    assert_eq!(
        lossy.table.commit(&mine).await.unwrap_err().kind,
        PortErrorKind::Unavailable
    );
    lossy.table.commit(&mine).await.unwrap();
    // Another change in the same place is a conflict, though the refusal got lost.
    let other = course.change(Command::Start, "user:bob");
    lossy.lose(1);
    is_conflict(lossy.table.commit(&other).await);
    assert_eq!(
        lossy.local.table.upgrade(upgrade_id(1)).await,
        Ok(Some(mine.upgrade))
    );
}
