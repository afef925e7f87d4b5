//! Where one batch ends and the next begins.

use super::order::Line;
use super::{Kind, MAX_BATCHES, PlanError};
use crate::fleet::Switch;
use crate::policy::Order;
use crate::settings::{Settings, Shape, Strategy};
use crate::units::Percent;

/// The share of the fleet that a canary has to reach before the rest follows.
pub(super) const GRAY_COVERAGE: i64 = 20;

/// Positions up to `end` that are cut into batches of at most `size`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Stage {
    pub end: u32,
    pub kind: Kind,
    pub size: u32,
}

/// The stages of a plan for `moving` of `total` instances.
pub(super) fn stages(settings: &Settings, moving: u32, total: u32) -> Vec<Stage> {
    let canary = settings.strategy == Strategy::Canary;
    let mut stages: Vec<Stage> = Vec::new();
    let mut add = |end: u32, kind: Kind, size: u32| {
        let end = end.min(moving);
        if stages.last().map_or(0, |s| s.end) < end {
            stages.push(Stage {
                end,
                kind,
                size: size.max(1),
            });
        }
    };
    if settings.strategy == Strategy::Recreate {
        add(moving, Kind::Everything, moving);
        return stages;
    }
    if let Shape::Ratios(ratios) = &settings.shape {
        let mut share = 0i64;
        for (index, ratio) in ratios.iter().enumerate() {
            share += i64::from(*ratio);
            let end = Percent::new(share.min(100))
                .unwrap_or(Percent::FULL)
                .of_ceil(moving);
            let kind = if canary && index == 0 {
                Kind::Canary
            } else {
                Kind::Rolling
            };
            add(end, kind, u32::MAX);
        }
        return stages;
    }
    if canary {
        for end in canary_ends(settings, total) {
            add(end.max(1), Kind::Canary, u32::MAX);
        }
    }
    let size = match &settings.shape {
        Shape::Percentage(percentage) => percentage.of_floor(total),
        _ => settings.batch_size,
    };
    add(moving, Kind::Rolling, size);
    stages
}

fn canary_ends(settings: &Settings, total: u32) -> Vec<u32> {
    if !settings.canary_stages.is_empty() {
        return settings
            .canary_stages
            .iter()
            .map(|share| share.of_ceil(total))
            .collect();
    }
    let first = settings.canary_percentage.of_ceil(total);
    let coverage = Percent::new(GRAY_COVERAGE).unwrap_or_default().of_ceil(total);
    match settings.canary_second_stage {
        true => vec![first, coverage],
        false => vec![first],
    }
}

/// Cuts the line: no batch is larger than its stage says, takes more instances away than `cap` with those that are down
/// anyway (or, by overlap, puts more beside others than the surge allows), or, where domains are spread, moves the last
/// instances of a failure domain. Batches that end at `ends` stay.
pub(super) fn cut(
    line: &Line,
    mut ends: Vec<(u32, Kind)>,
    stages: &[Stage],
    settings: &Settings,
    cap: u32,
) -> Result<Vec<(u32, Kind)>, PlanError> {
    let everything = settings.strategy == Strategy::Recreate;
    let spread = settings.order == Order::Spread && !everything;
    let mut down = count(line.down.iter().filter(|down| **down).count());
    let mut domains = spread.then(|| Domains::of(line));
    let mut begin = ends.last().map_or(0, |(end, _)| *end);
    for stage in stages {
        while begin < stage.end {
            let limit = begin.saturating_add(stage.size).min(stage.end);
            let down_before = down;
            let (mut end, mut healthy) = (begin, 0u32);
            while end < limit {
                let at = end as usize;
                if !line.down[at] {
                    let room = match settings.switch {
                        _ if everything => true,
                        Switch::InPlace => healthy.saturating_add(down_before) < cap,
                        Switch::Overlap => healthy < settings.max_surge,
                    };
                    if !room || domains.as_mut().is_some_and(|d| !d.take(line.domain[at], begin)) {
                        break;
                    }
                    healthy += 1;
                } else {
                    // It is down already: moving it takes nothing away, and it counts as up afterwards.
                    down -= 1;
                }
                end += 1;
            }
            if end == begin {
                return Err(PlanError::NoRoom { down, cap });
            }
            if let Some(domains) = &mut domains {
                domains.passed(line, begin, end);
            }
            ends.push((end, stage.kind));
            begin = end;
        }
    }
    match ends.len() > MAX_BATCHES as usize {
        true => Err(too_many(&ends, line.moving)),
        false => Ok(ends),
    }
}

fn too_many(ends: &[(u32, Kind)], moving: u32) -> PlanError {
    let canary = ends.iter().take_while(|(_, kind)| *kind == Kind::Canary);
    let (count_canary, last_canary) = (
        count(canary.clone().count()),
        canary.last().map_or(0, |(end, _)| *end),
    );
    let left = MAX_BATCHES.saturating_sub(count_canary).max(1);
    PlanError::TooManyBatches {
        batches: count(ends.len()),
        fits: (moving - last_canary).div_ceil(left),
    }
}

fn count(n: usize) -> u32 {
    u32::try_from(n).unwrap_or(u32::MAX)
}

/// What of each failure domain is up, and what of it the current batch takes away.
struct Domains {
    /// Up, by domain; none of unknown domains, which are not kept whole.
    up: Vec<Option<u32>>,
    /// Taken by the batch that begins at the second number.
    taken: Vec<(u32, u32)>,
}

impl Domains {
    fn of(line: &Line) -> Self {
        let mut up: Vec<Option<u32>> = line.domains.iter().map(|name| name.as_ref().map(|_| 0)).collect();
        for (domain, down) in line.domain.iter().zip(&line.down) {
            if let (Some(up), false) = (&mut up[*domain as usize], down) {
                *up += 1;
            }
        }
        Self {
            taken: vec![(0, u32::MAX); up.len()],
            up,
        }
    }

    /// Takes one instance of a domain; false when that would be its last one, unless it has only one.
    fn take(&mut self, domain: u32, batch: u32) -> bool {
        let domain = domain as usize;
        let Some(up) = self.up[domain] else { return true };
        let taken = match self.taken[domain] {
            (taken, begin) if begin == batch => taken,
            _ => 0,
        };
        if up >= 2 && taken + 1 >= up {
            return false;
        }
        self.taken[domain] = (taken + 1, batch);
        true
    }

    /// Instances that were down count as up once their batch has moved.
    fn passed(&mut self, line: &Line, begin: u32, end: u32) {
        for at in begin as usize..end as usize {
            if let (true, Some(up)) = (line.down[at], &mut self.up[line.domain[at] as usize]) {
                *up += 1;
            }
        }
    }
}
