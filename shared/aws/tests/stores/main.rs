//! What every implementation of the stores has to do, run on the table (an embedded DynamoDB, by HTTP) and on the
//! in-memory world that other tests use: a test on the world says something about the table only while both pass.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test may panic, and so may what it is made of"
)]

mod fleets;
mod idempotency;
mod local;
mod locks;
mod lossy;
mod made;
mod outbox;
mod places;
mod policies;
mod registry;
mod table;
mod upgrades;

macro_rules! on_both {
    ($($module:ident: $($case:ident),+;)+) => {
        mod on_the_table {
            $($(
                #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
                async fn $case() {
                    let local = crate::local::start().await;
                    crate::$module::$case(local.table.clone()).await;
                }
            )+)+
        }
        mod on_the_world {
            $($(
                #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
                async fn $case() {
                    crate::$module::$case(sluice_app::fakes::World::new()).await;
                }
            )+)+
        }
    };
}

on_both! {
    upgrades: a_new_upgrade_is_there_whole, a_course_is_stored, a_whole_chain_verifies, a_change_may_come_twice,
        an_identity_is_used_once, a_stale_channel_is_a_conflict, a_gap_is_a_conflict, of_two_changes_one_is_made, lists_have_pages,
        a_look_is_remembered, what_is_not_complete_is_open;
    locks: a_component_has_one_active_upgrade, an_end_gives_the_lock_back, a_way_back_takes_the_lock,
        of_many_creations_one_is_made;
    fleets: a_fleet_may_be_declared_anew, an_instance_is_written_on_its_revision, instances_come_in_order,
        an_enrolment_secret_is_replaced_on_its_revision,
        troubled_instances_are_listed, some_instances_are_read_at_once,
        large_blocks_are_read_whole, reports_at_once_are_all_counted, a_report_is_counted_once,
        groups_are_counted_apart;
    outbox: events_come_in_order, the_cursor_moves_from_where_it_is;
    registry: a_release_is_fixed_but_for_its_state, a_version_has_one_component, a_key_is_fixed,
        tenants_do_not_meet;
    places: a_place_is_taken_once_and_given_back, of_many_no_more_than_allowed_get_a_place;
    policies: the_newest_revision_holds, of_two_policies_one_is_kept, the_longest_policy_is_kept;
    idempotency: a_request_is_answered_once, a_claim_lapses, a_key_belongs_to_one_request;
}
