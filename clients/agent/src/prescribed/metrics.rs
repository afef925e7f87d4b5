//! Values of metrics in a text: Prometheus' format, of which plain lines of a name and a value are a part.
//!
//! Read here because the parsers to be had bring a regular expression engine and a second library of times for one
//! kind of line.

/// The value of the one series of a metric. Several series are not added up: for a gauge that would be no value of
/// anything.
///
/// # Errors
/// One sentence when there is none, more than one, or no number.
pub(super) fn value(text: &str, name: &str) -> Result<f64, String> {
    let mut found = text.lines().filter_map(|line| sample(line.trim(), name));
    let first = found.next().ok_or_else(|| format!("there is no metric {name}"))?;
    let more = found.count();
    if more > 0 {
        return Err(format!(
            "the metric {name} has {} series, and one can be compared",
            more + 1
        ));
    }
    first
        .parse()
        .map_err(|_| format!("the metric {name} is {first:?}, which is no number"))
}

/// The sum of all series of a counter.
///
/// # Errors
/// One sentence when there is none, or one that is no count.
pub(crate) fn sum(text: &str, name: &str) -> Result<u64, String> {
    let mut found = text
        .lines()
        .filter_map(|line| sample(line.trim(), name))
        .peekable();
    if found.peek().is_none() {
        return Err(format!("there is no counter {name}"));
    }
    found.try_fold(0u64, |sum, text| {
        let count = text
            .parse::<f64>()
            .ok()
            .filter(|c| (0.0..=MOST_COUNT).contains(c));
        let count = count.ok_or_else(|| format!("the counter {name} is {text:?}, which is no count"))?;
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "within 0 to 2^53"
        )]
        Ok(sum.saturating_add(count as u64))
    })
}

/// The largest count that a floating-point number tells exactly, 2^53.
const MOST_COUNT: f64 = 9_007_199_254_740_992.0;

/// The text of a line's value, if the line is about this metric.
fn sample<'a>(line: &'a str, name: &str) -> Option<&'a str> {
    let rest = line.strip_prefix(name)?;
    let rest = match rest.chars().next() {
        Some('{') => behind_labels(rest).unwrap_or(""),
        Some(c) if c.is_whitespace() => rest,
        None => rest,
        Some(_) => return None,
    };
    Some(rest.split_whitespace().next().unwrap_or(""))
}

/// What follows the closing brace; label values may hold braces and escaped quotes.
fn behind_labels(text: &str) -> Option<&str> {
    let (mut quoted, mut escaped) = (false, false);
    for (index, c) in text.char_indices() {
        match c {
            _ if escaped => escaped = false,
            '\\' if quoted => escaped = true,
            '"' => quoted = !quoted,
            '}' if !quoted => return text.get(index + 1..),
            _ => {}
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = r#"
# HELP redis_up Whether it is there.
# TYPE redis_up gauge
redis_up 1
redis_up_time 77
redis_connected_clients{addr="a}\"b",role="x y"} 3 1700000000000
redis_db_keys{db="0"} 5
redis_db_keys{db="1"} 6
process_cpu 1.5e-3
age +Inf
broken
worse{a="b
odd up
nothing NaN
"#;

    #[test]
    fn the_series_of_a_counter_are_added_up() {
        for (name, expected) in [
            ("redis_up", Ok(1)),
            ("redis_db_keys", Ok(11)),
            ("redis", Err("there is no counter redis")),
            ("odd", Err("the counter odd is \"up\", which is no count")),
            ("age", Err("the counter age is \"+Inf\", which is no count")),
            (
                "nothing",
                Err("the counter nothing is \"NaN\", which is no count"),
            ),
        ] {
            assert_eq!(sum(TEXT, name), expected.map_err(str::to_owned));
        }
        assert!(sum("x -1", "x").is_err());
    }

    #[test]
    fn one_series_is_read() {
        for (name, expected) in [
            ("redis_up", Ok(1.0)),
            ("redis_connected_clients", Ok(3.0)),
            ("process_cpu", Ok(0.0015)),
            ("age", Ok(f64::INFINITY)),
            ("redis", Err("there is no metric redis")),
            (
                "redis_db_keys",
                Err("the metric redis_db_keys has 2 series, and one can be compared"),
            ),
            ("broken", Err("the metric broken is \"\", which is no number")),
            ("worse", Err("the metric worse is \"\", which is no number")),
            ("odd", Err("the metric odd is \"up\", which is no number")),
        ] {
            assert_eq!(value(TEXT, name), expected.map_err(str::to_owned));
        }
        assert!(value(TEXT, "nothing").unwrap().is_nan());
    }
}
