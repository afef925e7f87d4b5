//! What can go wrong, and the exit code for each.

use serde::Deserialize;
use sluice_contract::problem::Code;
use sluice_core::policy::Refusal as FileRefusal;
use sluice_core::settings::FieldError;

/// The exit codes, for scripts to rely on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum Exit {
    /// It worked; a watched upgrade is `COMPLETED`.
    Fine = 0,
    /// Nothing that a caller can foresee.
    Unexpected = 1,
    /// Wrong arguments, or a file that is not what it should be.
    BadInput = 2,
    /// The watched upgrade is `ROLLED_BACK`.
    RolledBack = 3,
    /// The watched upgrade is `FAILED` or `CANCELLED`.
    Unsuccessful = 4,
    /// The API refused (4xx).
    Refused = 5,
    /// The API does not answer, or what stands before it says so (502, 503, 504).
    Unreachable = 6,
}

/// Why a command did not do what it was asked for.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    /// An argument or a file is not what it should be.
    #[error("{what}: {problem}")]
    Input {
        /// Which one.
        what: String,
        /// What is wrong with it.
        problem: String,
    },
    /// Files are not what they should be; each refusal has its place.
    #[error("{}", .0.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n"))]
    Files(Vec<FileRefusal>),
    /// The API answered, and not with what was asked for.
    #[error("{}", .0.title)]
    Refused(Box<Refusal>),
    /// No answer came.
    #[error("{peer} cannot be reached: {cause}")]
    Unreachable {
        /// Who did not answer.
        peer: String,
        /// What the connection says.
        cause: String,
    },
    /// Anything else.
    #[error("{doing}: {problem}")]
    Unexpected {
        /// What was being done.
        doing: String,
        /// What went wrong.
        problem: String,
    },
}

impl Failure {
    /// A [`Failure::Input`].
    #[expect(
        clippy::needless_pass_by_value,
        reason = "errors are handed over here, and end"
    )]
    pub fn input(what: impl Into<String>, problem: impl ToString) -> Self {
        Self::Input {
            what: what.into(),
            problem: problem.to_string(),
        }
    }

    /// A [`Failure::Unexpected`].
    #[expect(
        clippy::needless_pass_by_value,
        reason = "errors are handed over here, and end"
    )]
    pub fn unexpected(doing: impl Into<String>, problem: impl ToString) -> Self {
        Self::Unexpected {
            doing: doing.into(),
            problem: problem.to_string(),
        }
    }

    /// The exit code that tells of it.
    #[must_use]
    pub fn exit(&self) -> Exit {
        match self {
            Self::Input { .. } | Self::Files(_) => Exit::BadInput,
            Self::Refused(refusal) => refusal.exit(),
            Self::Unreachable { .. } => Exit::Unreachable,
            Self::Unexpected { .. } => Exit::Unexpected,
        }
    }
}

/// A refusal as it came. Read more loosely than the API's own type: a gateway may have answered, or a newer API with
/// a code that this version does not know.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Refusal {
    /// The HTTP status.
    pub status: u16,
    /// The kind of problem in words.
    pub title: String,
    /// What is wrong this time.
    pub detail: String,
    /// Stable machine-readable name; empty when the answer has none.
    pub code: String,
    /// Each field that is wrong.
    pub errors: Vec<FieldError>,
    /// The problem document: the API's own, or one made of a gateway's answer.
    pub document: String,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Body {
    title: String,
    detail: String,
    code: String,
    message: String,
    errors: Vec<FieldError>,
}

/// The most of an answer that is no problem document which is shown, in characters.
const MAX_SHOWN: usize = 300;

impl Refusal {
    /// Reads what came with a status that is no success.
    #[must_use]
    pub fn read(status: u16, reason: &str, body: &[u8]) -> Self {
        let text = String::from_utf8_lossy(body);
        let read: Option<Body> = serde_json::from_slice(body).ok();
        if let Some(problem) = read.as_ref().filter(|b| !b.title.is_empty()) {
            return Self {
                status,
                title: problem.title.clone(),
                detail: problem.detail.clone(),
                code: problem.code.clone(),
                errors: problem.errors.clone(),
                document: text.into_owned(),
            };
        }
        let said = read.map(|b| b.message).filter(|m| !m.is_empty());
        let detail: String = said
            .unwrap_or_else(|| text.trim().to_owned())
            .chars()
            .take(MAX_SHOWN)
            .collect();
        let document = serde_json::json!({
            "type": "about:blank", "title": reason, "status": status, "detail": detail,
        });
        Self {
            status,
            title: reason.to_owned(),
            detail,
            document: document.to_string(),
            ..Self::default()
        }
    }

    /// Whether the same request may work a little later.
    #[must_use]
    pub fn is_passing(&self) -> bool {
        let names = |code: Code| serde_json::to_value(code).is_ok_and(|name| name == self.code.as_str());
        matches!(self.status, 429 | 502..=504) || names(Code::Conflict) || names(Code::IdempotencyKeyInUse)
    }

    fn exit(&self) -> Exit {
        match self.status {
            400..=499 => Exit::Refused,
            502..=504 => Exit::Unreachable,
            _ => Exit::Unexpected,
        }
    }

    /// For a person: title, code and status, then the detail, then each field.
    #[must_use]
    pub fn told(&self) -> String {
        let code = match self.code.as_str() {
            "" => String::new(),
            code => format!("{code}, "),
        };
        let mut lines = vec![format!("{} ({code}HTTP {})", self.title, self.status)];
        let fields: Vec<_> = self.errors.iter().map(ToString::to_string).collect();
        // Where the detail only repeats the fields, they are easier to read one by one.
        if !self.detail.is_empty()
            && self.detail != fields.join("; ")
            && !self.detail.eq_ignore_ascii_case(&self.title)
        {
            lines.push(format!("  {}", self.detail));
        }
        lines.extend(fields.iter().map(|field| format!("  - {field}")));
        lines.join("\n")
    }
}
