//! A server that answers what the test wants and remembers what it was asked, and the command beside it.

pub mod upgrade;

use std::collections::{BTreeMap, VecDeque};
use std::path::Path;
use std::process::{Command, Output};
use std::sync::{Arc, Mutex, PoisonError};

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, Method, StatusCode, Uri};
use serde_json::Value;

pub const TOKEN: &str = "let-me-in";

/// What the server was asked.
#[derive(Debug, Clone)]
pub struct Asked {
    /// Method, path and query, as one line.
    pub line: String,
    pub headers: BTreeMap<String, String>,
    pub body: Vec<u8>,
}

impl Asked {
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap()
    }
}

/// What the server answers.
#[derive(Debug, Clone)]
pub struct Told {
    status: u16,
    headers: Vec<(&'static str, &'static str)>,
    body: String,
}

pub fn told(status: u16, body: impl ToString) -> Told {
    let (headers, body) = (Vec::new(), body.to_string());
    Told {
        status,
        headers,
        body,
    }
}

impl Told {
    pub fn with(mut self, name: &'static str, value: &'static str) -> Self {
        self.headers.push((name, value));
        self
    }
}

#[derive(Default)]
struct Inner {
    asked: Vec<Asked>,
    answers: VecDeque<Told>,
}

/// Gives its answers one after the other, and 500 when there are none left.
#[derive(Clone)]
pub struct Server {
    pub url: String,
    inner: Arc<Mutex<Inner>>,
}

impl Server {
    pub fn start(answers: impl IntoIterator<Item = Told>) -> Self {
        let inner = Arc::new(Mutex::new(Inner {
            answers: answers.into_iter().collect(),
            ..Inner::default()
        }));
        let router = Router::new().fallback(answer).with_state(inner.clone());
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        listener.set_nonblocking(true).unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build()
                .unwrap();
            runtime.block_on(async {
                let listener = tokio::net::TcpListener::from_std(listener).unwrap();
                axum::serve(listener, router).await.unwrap();
            });
        });
        Self { url, inner }
    }

    /// For answers that name the server itself.
    pub fn then(&self, told: Told) {
        self.lock().answers.push_back(told);
    }

    pub fn asked(&self) -> Vec<Asked> {
        self.lock().asked.clone()
    }

    pub fn lines(&self) -> Vec<String> {
        self.asked().into_iter().map(|asked| asked.line).collect()
    }

    /// Runs the command against this server.
    pub fn run(&self, args: &[&str]) -> Ran {
        run(command()
            .args(["--api-url", &self.url, "--tenant", "acme", "--token", TOKEN])
            .args(args))
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

type Answer = (StatusCode, HeaderMap, String);

async fn answer(
    State(inner): State<Arc<Mutex<Inner>>>,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> Answer {
    let named = |(name, value): (&axum::http::HeaderName, &axum::http::HeaderValue)| {
        (name.to_string(), value.to_str().unwrap().to_owned())
    };
    let mut inner = inner.lock().unwrap();
    inner.asked.push(Asked {
        line: format!("{method} {uri}"),
        headers: headers.iter().map(named).collect(),
        body: body.to_vec(),
    });
    let told = inner
        .answers
        .pop_front()
        .unwrap_or_else(|| told(500, "no answer left"));
    let mut headers = HeaderMap::new();
    for (name, value) in told.headers {
        headers.insert(name, value.parse().unwrap());
    }
    (StatusCode::from_u16(told.status).unwrap(), headers, told.body)
}

/// How a command ended.
#[derive(Debug)]
pub struct Ran {
    pub code: i32,
    pub stdout: String,
    pub stderr: String,
}

impl Ran {
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.stdout).unwrap_or_else(|e| panic!("{e}: {self:#?}"))
    }
}

/// The command with nothing of this machine's environment.
pub fn command() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_sluice"));
    command.env_clear();
    command
}

pub fn run(command: &mut Command) -> Ran {
    let Output {
        status,
        stdout,
        stderr,
    } = command.output().unwrap();
    Ran {
        code: status.code().unwrap(),
        stdout: String::from_utf8(stdout).unwrap(),
        stderr: String::from_utf8(stderr).unwrap(),
    }
}

/// A path as an argument.
pub fn arg(path: &Path) -> &str {
    path.to_str().unwrap()
}
