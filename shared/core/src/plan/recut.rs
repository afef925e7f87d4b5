//! Another plan for the instances that have not been released.

use super::order::Line;
use super::*;

impl Plan {
    /// The plan with other settings: the first `kept` batches stay as they are, and what comes after them is cut anew. No
    /// instance changes its position. Who is down is not looked at: there is room for it or not at each release.
    ///
    /// # Errors
    /// See [`PlanError`]; nothing is planned then.
    pub fn recut(
        &self,
        settings: Settings,
        kept: u32,
        positions: &Positions,
        slots: &[Slot],
    ) -> Result<Self, PlanError> {
        let total = self.total_instances;
        let line = Line::placed(positions, slots, self.moving_instances());
        let stays = self.batches.iter().take(kept as usize);
        let ends = stays.clone().map(|b| (b.end.0, b.kind)).collect();
        let stages = cut::stages(&settings, line.moving, total);
        let ends = cut::cut(&line, ends, &stages, &settings, cap(&settings, total))?;
        let cut = batches(&ends, total);
        let batches: Vec<_> = stays.chain(cut.iter().skip(kept as usize)).copied().collect();
        Ok(Self {
            estimated_total_seconds: estimated_seconds(&settings, batches.len()),
            settings,
            batches,
            ..self.clone()
        })
    }
}
