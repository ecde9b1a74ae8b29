//! Why a command failed: one kind of failure, whatever the reason.

use std::{io, ops::Deref};

use avala_api::FieldErrors;
use serde::Serialize;

use crate::exit::Exit;

/// Why a command failed. Serialized, it is the error object of `--output json`.
#[derive(Debug, Serialize)]
#[serde(transparent)]
pub(crate) struct Failure(Box<Details>);

/// What is told about it.
#[derive(Debug, Serialize)]
pub(crate) struct Details {
    /// The reason, for programs.
    pub(crate) kind: &'static str,
    /// The reason, for people. One line.
    pub(crate) message: String,
    /// The HTTP status, when a server answered.
    pub(crate) status: Option<u16>,
    /// The server's own name for the reason.
    pub(crate) code: Option<String>,
    /// The request's name in the server's log.
    pub(crate) request_id: Option<String>,
    /// What to do.
    pub(crate) hint: Option<String>,
    /// How long to wait, in seconds.
    pub(crate) retry_after: Option<f64>,
    /// What is wrong, by field.
    pub(crate) fields: FieldErrors,
    /// How the process ends.
    #[serde(skip)]
    pub(crate) exit: Exit,
}

impl Failure {
    fn new(kind: &'static str, exit: Exit, message: impl Into<String>) -> Self {
        Self(Box::new(Details {
            kind,
            message: message.into(),
            status: None,
            code: None,
            request_id: None,
            hint: None,
            retry_after: None,
            fields: FieldErrors::default(),
            exit,
        }))
    }

    /// The command was called in a way it cannot be.
    pub(crate) fn usage(message: impl Into<String>) -> Self {
        Self::new("usage", Exit::USAGE, message)
    }

    /// The argument parser does not understand. `text` is what it says, on several lines.
    pub(crate) fn of_parser(text: &str) -> Self {
        let about: Vec<&str> = text
            .lines()
            .map(str::trim)
            .take_while(|line| !line.is_empty())
            .collect();
        Self::usage(about.join(" ").trim_start_matches("error: ")).hint("Try `--help`.")
    }

    /// `--read-only` forbids it.
    pub(crate) fn read_only(operation: &str) -> Self {
        Self::new(
            "read_only",
            Exit::USAGE,
            format!("`{operation}` changes something, and --read-only forbids that."),
        )
        .hint("Nothing was sent. Leave out --read-only to do it.")
    }

    /// It went wrong on this machine.
    pub(crate) fn local(message: impl Into<String>) -> Self {
        Self::new("failure", Exit::FAILURE, message)
    }

    /// It was stopped from the keyboard.
    pub(crate) fn interrupted() -> Self {
        Self::new("interrupted", Exit::INTERRUPTED, "Interrupted.")
    }

    /// Whoever read stdout has left.
    pub(crate) fn reader_left() -> Self {
        Self::new(READER_LEFT, Exit::OK, "Nobody reads the output.")
    }

    /// Whether there is nobody to tell.
    pub(crate) fn is_reader_left(&self) -> bool {
        self.kind == READER_LEFT
    }

    /// Adds what is wrong, by field.
    pub(crate) fn fields(mut self, fields: FieldErrors) -> Self {
        self.0.fields = fields;
        self
    }

    /// Adds what to do.
    pub(crate) fn hint(mut self, hint: impl Into<String>) -> Self {
        self.0.hint = Some(hint.into());
        self
    }

    /// Adds to what there is to do.
    pub(crate) fn and_hint(self, more: &str) -> Self {
        match self.0.hint.clone() {
            Some(hint) => self.hint(format!("{hint} {more}")),
            None => self.hint(more),
        }
    }
}

const READER_LEFT: &str = "reader_left";

impl Deref for Failure {
    type Target = Details;

    fn deref(&self) -> &Details {
        &self.0
    }
}

impl From<io::Error> for Failure {
    /// An error of stdout or stdin.
    fn from(error: io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::BrokenPipe => Self::reader_left(),
            _ => Self::local(format!("Cannot read or write: {error}")),
        }
    }
}

impl From<avala::Error> for Failure {
    fn from(error: avala::Error) -> Self {
        Self(Box::new(Details {
            kind: error.kind().as_str(),
            message: error.message().to_owned(),
            status: error.status().map(|status| status.as_u16()),
            code: error.code().map(str::to_owned),
            request_id: error.request_id().map(str::to_owned),
            // Here, they are options.
            hint: error.hint().map(|hint| {
                hint.replace("`with_timeout`", "`--timeout 2m`").replace(
                    "set AVALA_ALLOW_INSECURE_BASE_URL",
                    "say --allow-insecure-loopback, or set AVALA_ALLOW_INSECURE_BASE_URL",
                )
            }),
            retry_after: error.retry_after().map(|wait| wait.as_secs_f64()),
            fields: error.field_errors().clone(),
            exit: Exit::of(&error),
        }))
    }
}
