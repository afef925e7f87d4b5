//! Fences: a share that follows from an older record than one that was seen comes too late.

use http::HeaderMap;

/// The header that names the record.
pub const HEADER: &str = "sluice-fence";

/// Epoch and number of the record that a share follows from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Fence(u64, u64);

/// Why a fence is refused.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// Not of the documented form.
    #[error("the fence must be two whole numbers with a dot between them")]
    Malformed,
    /// A later one was seen.
    #[error("the fence is older than the last one")]
    Late,
}

impl Refused {
    /// Its stable name.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Malformed => "fence-malformed",
            Self::Late => "fence-late",
        }
    }
}

/// Takes a request's fence when none later was seen. Whoever sets weights by hand shows none, and is let through.
///
/// # Errors
/// [`Refused`]; nothing has changed then.
pub fn pass(seen: &mut Option<Fence>, headers: &HeaderMap) -> Result<(), Refused> {
    let Some(given) = headers.get(HEADER) else {
        return Ok(());
    };
    let text = given.to_str().map_err(|_| Refused::Malformed)?;
    let (epoch, seq) = text.split_once('.').ok_or(Refused::Malformed)?;
    let (Ok(epoch), Ok(seq)) = (epoch.parse(), seq.parse()) else {
        return Err(Refused::Malformed);
    };
    let fence = Fence(epoch, seq);
    if seen.is_some_and(|seen| fence < seen) {
        return Err(Refused::Late);
    }
    *seen = Some(fence);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Fences in the order in which they arrive, however late.
    #[test]
    fn what_comes_too_late_changes_nothing() {
        let mut seen = None;
        let rows = [
            (Some("1.4"), Ok(())),
            (Some("1.4"), Ok(())),
            (None, Ok(())),
            (Some("1.12"), Ok(())),
            (Some("1.9"), Err(Refused::Late)),
            (Some("2.13"), Ok(())),
            (Some("1.99"), Err(Refused::Late)),
            (Some("2.12"), Err(Refused::Late)),
            (Some("10.1"), Ok(())),
            (Some("9.9"), Err(Refused::Late)),
            (Some("11"), Err(Refused::Malformed)),
            (Some("a.b"), Err(Refused::Malformed)),
            (Some("-1.2"), Err(Refused::Malformed)),
        ];
        for (given, expected) in rows {
            let mut headers = HeaderMap::new();
            if let Some(given) = given {
                headers.insert(HEADER, given.parse().unwrap());
            }
            let before = seen;
            let passed = pass(&mut seen, &headers);
            assert_eq!(passed, expected, "{given:?}");
            assert!(passed.is_ok() || seen == before, "{given:?}");
        }
    }
}
