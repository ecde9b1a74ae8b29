//! One line on stderr that says how something goes on: for people, and gone when it is over.

use std::io::{self, IsTerminal as _, Write as _};

use unicode_width::UnicodeWidthStr as _;

use super::{Output, clean, table};

/// The line. Programs and files never see it.
pub(crate) struct Progress {
    shown: bool,
    /// How much of the line is written on.
    used: usize,
}

impl Output {
    /// Begins the line; nothing is written yet.
    pub(crate) fn progress(self) -> Progress {
        Progress {
            shown: io::stderr().is_terminal() && !self.is_json(),
            used: 0,
        }
    }
}

impl Progress {
    /// Writes the line anew.
    pub(crate) fn say(&mut self, text: &str) {
        if !self.shown {
            return;
        }
        let width =
            terminal_size::terminal_size_of(io::stderr()).map_or(80, |(width, _)| usize::from(width.0));
        // The last column stays free: some terminals begin a new line there.
        let text = table::cut(&clean(text), width.saturating_sub(1));
        // Spaces instead of an escape sequence: every terminal understands them.
        let rest = " ".repeat(self.used.saturating_sub(text.width()));
        self.used = text.width();
        let mut stderr = io::stderr().lock();
        let _nobody_listens = write!(stderr, "\r{text}{rest}").and_then(|()| stderr.flush());
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        if self.used > 0 {
            let mut stderr = io::stderr().lock();
            let _nobody_listens =
                write!(stderr, "\r{}\r", " ".repeat(self.used)).and_then(|()| stderr.flush());
        }
    }
}
