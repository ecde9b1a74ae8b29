//! Typing a command, and what comes of it.

use std::{
    io::Write as _,
    process::{Command, Output, Stdio},
};

/// A command line, typed into a shell with an empty environment: without a bus, there is no keychain either.
pub(crate) struct Typed {
    pub(crate) command: Command,
    stdin: Option<String>,
}

/// What came of it.
#[derive(Debug)]
pub(crate) struct Outcome {
    pub(crate) code: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

/// `avala …`, words separated by spaces.
pub(crate) fn avala(line: &str) -> Typed {
    let mut command = Command::new(env!("CARGO_BIN_EXE_avala"));
    command
        .env_clear()
        .args(line.split(' ').filter(|word| !word.is_empty()));
    Typed { command, stdin: None }
}

impl Typed {
    pub(crate) fn env(mut self, name: &str, value: &str) -> Self {
        self.command.env(name, value);
        self
    }

    /// With this key, against this server.
    pub(crate) fn on(self, base_url: &str, key: &str) -> Self {
        self.env("AVALA_API_KEY", key).server(base_url)
    }

    /// Against this server.
    pub(crate) fn server(self, base_url: &str) -> Self {
        self.env("AVALA_BASE_URL", base_url)
            .env("AVALA_ALLOW_INSECURE_BASE_URL", "true")
    }

    pub(crate) fn arg(mut self, argument: &str) -> Self {
        self.command.arg(argument);
        self
    }

    pub(crate) fn stdin(mut self, text: &str) -> Self {
        self.stdin = Some(text.to_owned());
        self
    }

    pub(crate) fn run(mut self) -> Outcome {
        self.command.stdout(Stdio::piped()).stderr(Stdio::piped());
        let Some(stdin) = self.stdin else {
            return self.command.stdin(Stdio::null()).output().unwrap().into();
        };
        let mut child = self.command.stdin(Stdio::piped()).spawn().unwrap();
        // A command that refuses does not read what it is given.
        let _refused = child.stdin.take().unwrap().write_all(stdin.as_bytes());
        child.wait_with_output().unwrap().into()
    }
}

impl From<Output> for Outcome {
    fn from(output: Output) -> Self {
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
        Self {
            code: output.status.code(),
            stdout: text(output.stdout),
            stderr: text(output.stderr),
        }
    }
}

impl Outcome {
    /// It succeeded, and this is what it printed.
    #[track_caller]
    pub(crate) fn printed(self) -> String {
        assert_eq!((self.code, self.stderr.as_str()), (Some(0), ""), "{self:?}");
        self.stdout
    }

    /// It failed with this code and printed nothing on stdout; this is what it said.
    #[track_caller]
    pub(crate) fn failed(self, code: i32) -> String {
        assert_eq!((self.code, self.stdout.as_str()), (Some(code), ""), "{self:?}");
        self.stderr
    }

    /// What it printed, as JSON.
    #[track_caller]
    pub(crate) fn json(self) -> serde_json::Value {
        assert_eq!(self.code, Some(0), "{self:?}");
        serde_json::from_str(&self.stdout).unwrap()
    }

    /// The error object of `--output json`, and nothing else, on stderr.
    #[track_caller]
    pub(crate) fn error_object(self, code: i32) -> serde_json::Value {
        let stderr = self.failed(code);
        assert_eq!(stderr.lines().count(), 1, "{stderr}");
        serde_json::from_str(&stderr).unwrap()
    }
}
