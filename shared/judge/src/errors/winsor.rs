//! The worst hosts count no more than the next worst one.

/// Errors and requests of one host over some time.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub(crate) struct HostSum {
    pub errors: f64,
    pub requests: f64,
}

impl HostSum {
    pub fn minus(self, other: Self) -> Self {
        Self {
            errors: self.errors - other.errors,
            requests: self.requests - other.requests,
        }
    }

    pub fn rate(self) -> f64 {
        self.errors / self.requests
    }
}

/// How many of `hosts` hosts are held down to the next worst one: none when there is only one, since nothing would be
/// left, one of two or three, and from four on one and a tenth of them.
#[must_use]
pub fn winsorised_hosts(hosts: usize) -> usize {
    match hosts {
        0 | 1 => 0,
        2 | 3 => 1,
        n => 1 + n.div_ceil(10),
    }
}

/// The worst hosts as their rates and places, the worst first, and sums over all hosts. Hosts without requests are none.
#[derive(Debug, Clone, Default)]
pub(crate) struct Worst {
    found: Vec<(f64, usize)>,
    hosts: usize,
    total: HostSum,
}

impl Worst {
    /// Looks through hosts, once.
    pub fn find(&mut self, hosts: impl ExactSizeIterator<Item = HostSum>) {
        self.found.clear();
        (self.hosts, self.total) = (0, HostSum::default());
        // One more than are ever held down of so many: the next worst one.
        let keep = winsorised_hosts(hosts.len()) + 1;
        for (place, host) in hosts.enumerate().filter(|(_, h)| h.requests > 0.0) {
            self.hosts += 1;
            self.total.errors += host.errors;
            self.total.requests += host.requests;
            self.offer(host.rate(), place, keep);
        }
    }

    fn offer(&mut self, rate: f64, place: usize, keep: usize) {
        if self.found.len() == keep {
            if self.found.last().is_some_and(|(least, _)| rate <= *least) {
                return;
            }
            self.found.pop();
        }
        let at = self.found.iter().rposition(|(r, _)| *r >= rate);
        self.found.insert(at.map_or(0, |i| i + 1), (rate, place));
    }

    /// Those that are held down.
    pub fn held(&self) -> &[(f64, usize)] {
        &self.found[..winsorised_hosts(self.hosts).min(self.found.len())]
    }

    /// The part of all errors that is left when the worst hosts are scaled down to the next worst one, their requests
    /// kept.
    pub fn part_left(&self, host: impl Fn(usize) -> HostSum) -> f64 {
        let held = self.held();
        if held.is_empty() || self.total.errors <= 0.0 {
            return 1.0;
        }
        let next_worst = self.found.get(held.len()).map_or(0.0, |(rate, _)| *rate);
        let taken_off: f64 = held
            .iter()
            .map(|(_, place)| host(*place))
            .map(|h| h.errors - h.requests * next_worst)
            .sum();
        (1.0 - taken_off / self.total.errors).clamp(0.0, 1.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Rows: errors of hosts with 100 requests each, and the errors that are left.
    #[test]
    fn the_worst_count_no_more_than_the_next_worst() {
        let rows: &[(&[f64], f64)] = &[
            (&[50.0], 50.0),
            (&[50.0, 1.0], 2.0),
            (&[50.0, 1.0, 2.0], 5.0),
            (&[50.0, 40.0, 3.0, 1.0], 10.0),
            (&[0.0, 0.0, 0.0, 9.0], 0.0),
            (&[2.0, 2.0, 2.0, 2.0], 8.0),
        ];
        for (errors, left) in rows {
            let host = |place: usize| HostSum {
                errors: errors[place],
                requests: 100.0,
            };
            let mut worst = Worst::default();
            worst.find((0..errors.len()).map(host));
            let part = worst.part_left(host);
            let sum: f64 = errors.iter().sum();
            assert!((part * sum - left).abs() < 1e-9, "{errors:?}: {}", part * sum);
        }
    }
}
