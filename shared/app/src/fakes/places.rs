//! Places in memory.

use jiff::Timestamp;

use super::World;
use crate::ports::{Holder, Places, PortResult, Taken, Whose};

impl Places for World {
    async fn take_place(
        &self,
        whose: &Whose,
        holder: &Holder,
        most: Option<u32>,
        now: Timestamp,
    ) -> PortResult<bool> {
        let (whose, holder) = (whose.clone(), holder.clone());
        self.call("taking a place", |s| {
            let taken = s.places.entry(whose).or_default();
            let free = most.is_none_or(|most| taken.holders.len() < most as usize);
            if !free && !taken.holders.contains(&holder) {
                return Ok(false);
            }
            taken.holders.insert(holder);
            taken.last_at = Some(now);
            Ok(true)
        })
    }

    async fn give_place_back(&self, whose: &Whose, holder: &Holder) -> PortResult<()> {
        self.call("giving a place back", |s| {
            if let Some(taken) = s.places.get_mut(whose) {
                taken.holders.remove(holder);
            }
            Ok(())
        })
    }

    async fn taken_places(&self, whose: &Whose) -> PortResult<Taken> {
        self.call("reading places", |s| {
            Ok(s.places.get(whose).cloned().unwrap_or_default())
        })
    }
}
