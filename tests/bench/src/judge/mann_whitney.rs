//! The two-sample test of Mann and Whitney, by its normal approximation.

/// Normal quantile of a two-sided confidence of 98%.
pub const Z_OF_98_PERCENT: f64 = 2.326_347_874_040_841;

/// Where the difference of two samples lies.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Shift {
    /// The lower end of the confidence interval.
    pub lower: f64,
    /// The difference that fits best.
    pub estimate: f64,
}

/// The shift of `x` against `y` with a two-sided confidence interval of which `z` is the normal quantile. None when
/// all values are equal, or one sample is empty.
#[must_use]
pub fn shift(x: &[f64], y: &[f64], z: f64) -> Option<Shift> {
    let least = |v: &[f64]| v.iter().copied().fold(f64::INFINITY, f64::min);
    let most = |v: &[f64]| v.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let (low, high) = (least(x) - most(y), most(x) - least(y));
    if x.is_empty() || y.is_empty() || low == high {
        return None;
    }
    let mut pooled = Pooled::new(x.len(), y.len());
    let mut root = |target: f64, correct: bool| {
        let mut at = |d: f64| pooled.statistic(x, y, d, correct) - target;
        // The statistic falls as the shift grows; where it jumps over the target, the jump is the answer.
        let (mut a, mut b) = (low, high);
        if at(a) <= 0.0 {
            return a;
        }
        if at(b) >= 0.0 {
            return b;
        }
        for _ in 0..60 {
            let middle = f64::midpoint(a, b);
            if at(middle) > 0.0 {
                a = middle;
            } else {
                b = middle;
            }
            if b - a <= 1e-9 * (high - low) {
                break;
            }
        }
        // What is not told from 0 by the solver is 0: at a tie of many pairs the answer lies there.
        let found = f64::midpoint(a, b);
        if found.abs() <= 1e-6 * (high - low) {
            0.0
        } else {
            found
        }
    };
    let lower = root(z, true);
    let estimate = root(0.0, false);
    Some(Shift { lower, estimate })
}

/// Room for both samples together.
struct Pooled {
    values: Vec<(f64, bool)>,
    n: (f64, f64),
}

impl Pooled {
    fn new(n: usize, m: usize) -> Self {
        Self {
            values: Vec::with_capacity(n + m),
            n: (n as f64, m as f64),
        }
    }

    /// The standardised rank sum of `x - d`, ties at their middle rank.
    fn statistic(&mut self, x: &[f64], y: &[f64], d: f64, correct: bool) -> f64 {
        self.values.clear();
        self.values.extend(x.iter().map(|v| (v - d, true)));
        self.values.extend(y.iter().map(|v| (*v, false)));
        self.values.sort_unstable_by(|a, b| a.0.total_cmp(&b.0));
        let (mut ranks, mut ties, mut begin) = (0.0, 0.0, 0);
        while begin < self.values.len() {
            let value = self.values[begin].0;
            let equal = self.values[begin..].iter().take_while(|v| v.0 == value).count();
            let of_x = self.values[begin..begin + equal].iter().filter(|v| v.1).count();
            ranks += of_x as f64 * (begin as f64 + (equal as f64 + 1.0) / 2.0);
            let t = equal as f64;
            ties += t * t * t - t;
            begin += equal;
        }
        let (n, m) = self.n;
        let centred = ranks - n * (n + 1.0) / 2.0 - n * m / 2.0;
        let variance = n * m / 12.0 * (n + m + 1.0 - ties / ((n + m) * (n + m - 1.0)));
        if variance <= 0.0 {
            return 0.0;
        }
        let correction = if correct { 0.5 * centred.signum() } else { 0.0 };
        let correction = if centred == 0.0 { 0.0 } else { correction };
        (centred - correction) / variance.sqrt()
    }
}
