//! The only place that prints: data to stdout, messages to stderr.

mod cell;
mod progress;
mod rows;
mod table;

#[cfg(feature = "server")]
pub(crate) mod story;

use std::io::{self, IsTerminal as _, Write};

use serde::Serialize;

pub(crate) use cell::{Cell, clean};
pub(crate) use rows::Rows;

use crate::{args::Format, env, failure::Failure};

/// A thing shown as a list of its members.
pub(crate) trait Record: Serialize {
    /// Its members, in the order to show them.
    fn fields(&self) -> Vec<(&'static str, Cell)>;
}

/// A thing shown as a row of a table, too.
pub(crate) trait Row: Record {
    /// The members that a row shows. Their names are the column titles.
    const COLUMNS: &'static [&'static str];

    /// One cell for each column.
    fn cells(&self) -> Vec<Cell> {
        let mut fields = self.fields();
        let mut cell = |column| {
            let field = fields.iter_mut().find(|(name, _)| *name == column)?;
            Some(std::mem::replace(&mut field.1, Cell::Nothing))
        };
        Self::COLUMNS
            .iter()
            .map(|column| cell(*column).unwrap_or(Cell::Nothing))
            .collect()
    }
}

/// How stdout and stderr are to be used.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Output {
    style: Style,
    /// Whether stdout is a terminal.
    pub(crate) terminal: bool,
    /// Escape sequences on stdout.
    colour: bool,
    /// Escape sequences on stderr.
    message_colour: bool,
    /// How many columns a line may have; `None` for any number.
    width: Option<usize>,
}

/// In which form data is printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Style {
    Table,
    TabSeparated,
    Json,
}

impl Output {
    /// What the streams are, and what was asked for.
    pub(crate) fn new(format: Option<Format>) -> Self {
        let terminal = io::stdout().is_terminal();
        let colours = !env::is_set(env::NO_COLOR);
        let style = match format {
            Some(Format::Json) => Style::Json,
            Some(Format::Table) => Style::Table,
            None if terminal => Style::Table,
            None => Style::TabSeparated,
        };
        let width = terminal
            .then(terminal_size::terminal_size)
            .flatten()
            .map(|(width, _)| usize::from(width.0));
        Self {
            style,
            terminal,
            colour: terminal && colours,
            message_colour: io::stderr().is_terminal() && colours,
            width,
        }
    }

    /// Whether programs read what is printed.
    pub(crate) fn is_json(self) -> bool {
        self.style == Style::Json
    }

    /// Prints one thing.
    pub(crate) fn record(self, record: &impl Record) -> io::Result<()> {
        let mut stdout = io::stdout().lock();
        match self.style {
            Style::Json => return json(record),
            Style::Table => table::write_fields(&mut stdout, &record.fields(), self.colour, self.width)?,
            Style::TabSeparated => {
                for (name, cell) in record.fields() {
                    writeln!(stdout, "{name}\t{}", cell.tab_separated())?;
                }
            }
        }
        stdout.flush()
    }

    /// Begins a list.
    pub(crate) fn rows<R: Row>(self) -> Rows<R, io::Stdout> {
        Rows::new(io::stdout(), self.style, self.colour, self.width)
    }

    /// Says something on stderr. It is not data: whether it can be written changes nothing.
    pub(crate) fn note(self, text: &str) {
        let mut stderr = io::stderr().lock();
        let _nobody_listens = if self.is_json() {
            writeln!(stderr, "{}", serde_json::json!({ "note": text }))
        } else {
            writeln!(stderr, "{}", clean(text))
        };
    }

    /// Says why the command failed.
    pub(crate) fn failure(self, failure: &Failure) {
        let mut stderr = io::stderr().lock();
        let _nobody_listens = if self.is_json() {
            serde_json::to_writer(&mut stderr, failure)
                .map_err(io::Error::from)
                .and_then(|()| writeln!(stderr))
        } else {
            stderr.write_all(self.failure_text(failure).as_bytes())
        };
    }

    fn failure_text(self, failure: &Failure) -> String {
        let label = |name: &str, colour: &str| {
            if self.message_colour {
                format!("\u{1b}[1;{colour}m{name}:\u{1b}[0m")
            } else {
                format!("{name}:")
            }
        };
        // Without a text of its own, the message is the list of fields that follows anyway.
        let listed = !failure.fields.is_empty() && failure.message == failure.fields.to_string();
        let message = if listed {
            "The server does not accept these values:"
        } else {
            &failure.message
        };
        let mut lines = vec![format!("{} {}", label("error", "31"), clean(message))];
        for (field, messages) in &failure.fields.0 {
            lines.push(format!("  {}: {}", clean(field), clean(&messages.join(" "))));
        }
        if let Some(hint) = &failure.hint {
            lines.push(format!("{} {}", label("hint", "36"), clean(hint)));
        }
        if let Some(id) = &failure.request_id {
            lines.push(format!("request id: {}", clean(id)));
        }
        lines.join("\n") + "\n"
    }
}

/// Prints a value as JSON.
pub(crate) fn json(value: &(impl Serialize + ?Sized)) -> io::Result<()> {
    let mut stdout = io::stdout().lock();
    serde_json::to_writer_pretty(&mut stdout, value)?;
    writeln!(stdout)?;
    stdout.flush()
}

/// Prints a value as JSON on one line, for programs that read line by line.
#[cfg(feature = "server")]
pub(crate) fn json_line(value: &(impl Serialize + ?Sized)) -> io::Result<()> {
    let mut stdout = io::stdout().lock();
    serde_json::to_writer(&mut stdout, value)?;
    writeln!(stdout)?;
    stdout.flush()
}

/// Prints lines that are data in every format but JSON: an issued key, lines for a shell.
pub(crate) fn lines(lines: &[&str]) -> io::Result<()> {
    let mut stdout = io::stdout().lock();
    for line in lines {
        writeln!(stdout, "{line}")?;
    }
    stdout.flush()
}

/// Asks something on stderr, without ending the line.
pub(crate) fn ask(question: &str) -> io::Result<()> {
    let mut stderr = io::stderr().lock();
    write!(stderr, "{} ", clean(question))?;
    stderr.flush()
}

/// Prints what the argument parser has to say: help and version to stdout, mistakes to stderr. `quiet` is its text
/// where that must not be printed as it is.
pub(crate) fn parser_message(message: &clap::Error, quiet: Option<&str>) -> io::Result<()> {
    match quiet {
        Some(text) => io::stderr().lock().write_all(text.as_bytes()),
        None => message.print(),
    }
}
