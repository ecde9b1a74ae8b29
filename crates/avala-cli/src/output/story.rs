//! The demo's story: chapters and facts, each fact printed once it has been checked.

use std::{
    fmt::Debug,
    future::Future,
    io::{self, Write as _},
    time::{Duration, Instant},
};

use avala_keys::redact;
use serde_json::json;
use unicode_width::UnicodeWidthStr as _;

use super::{Output, clean};

/// Where the times stand.
const TIME_COLUMN: usize = 84;

/// A story under way.
pub(crate) struct Story {
    out: Output,
    began: Instant,
    chapters: u32,
    facts: u32,
}

/// Something that should be so, and is being checked.
pub(crate) struct Fact<'a> {
    story: &'a mut Story,
    text: String,
    began: Instant,
}

/// The first fact that is not so.
#[derive(Debug)]
pub(crate) struct Broken {
    fact: String,
    what: String,
    expected: String,
    came: String,
}

impl Story {
    pub(crate) fn begin(out: Output, title: &str) -> io::Result<Self> {
        let story = Self {
            out,
            began: Instant::now(),
            chapters: 0,
            facts: 0,
        };
        if !out.is_json() {
            print_line(&story.styled(title, "1"))?;
        }
        Ok(story)
    }

    /// Opens a chapter.
    pub(crate) fn chapter(&mut self, title: &str) -> io::Result<()> {
        self.chapters += 1;
        if self.out.is_json() {
            return print_event(&json!({ "chapter": title }));
        }
        let title = self.styled(&format!("{}  {title}", self.chapters), "1");
        print_line(&format!("\n{title}"))
    }

    /// Begins to check a fact. Nothing is printed before it holds.
    pub(crate) fn fact(&mut self, text: impl Into<String>) -> Fact<'_> {
        Fact {
            story: self,
            text: text.into(),
            began: Instant::now(),
        }
    }

    /// Tells which fact does not hold.
    pub(crate) fn broken(&self, broken: &Broken) -> io::Result<()> {
        let Broken {
            fact,
            what,
            expected,
            came,
        } = broken;
        // What came may quote an answer that holds a key.
        let [fact, what, expected, came] =
            [fact, what, expected, came].map(|text| clean(&redact::text(text)));
        if self.out.is_json() {
            return print_event(&json!({ "broken": fact, "what": what, "expected": expected, "came": came }));
        }
        let mark = self.styled("✗", "1;31");
        print_line(&format!(
            "   {mark} {fact}\n       {what}\n       expected  {expected}\n       came      {came}"
        ))
    }

    /// The last lines: what was seen, and what to type next.
    pub(crate) fn end(&self, next: &[&str]) -> io::Result<()> {
        let Self { facts, chapters, .. } = self;
        let seconds = self.began.elapsed().as_secs_f64();
        if self.out.is_json() {
            return print_event(&json!({ "facts": facts, "chapters": chapters, "seconds": seconds }));
        }
        let summary = self.styled(&format!("{facts} facts hold, in {seconds:.1} s."), "1;32");
        print_line(&format!("\n{summary}"))?;
        next.iter().try_for_each(|line| print_line(line))
    }

    fn styled(&self, text: &str, style: &str) -> String {
        if self.out.colour {
            format!("\u{1b}[{style}m{text}\u{1b}[0m")
        } else {
            text.to_owned()
        }
    }

    fn holds(&mut self, text: &str, took: Duration) -> io::Result<()> {
        self.facts += 1;
        let millis = took.as_secs_f64() * 1000.0;
        if self.out.is_json() {
            return print_event(&json!({ "fact": text, "ms": (millis * 10.0).round() / 10.0 }));
        }
        let text = clean(text);
        let gap = " ".repeat(TIME_COLUMN.saturating_sub(text.width()));
        let time = self.styled(&format!("{millis:>8.1} ms"), "2");
        print_line(&format!("   {} {text}{gap}{time}", self.styled("✓", "32")))
    }
}

fn print_line(text: &str) -> io::Result<()> {
    let mut stdout = io::stdout().lock();
    writeln!(stdout, "{text}")?;
    stdout.flush()
}

fn print_event(event: &serde_json::Value) -> io::Result<()> {
    print_line(&event.to_string())
}

impl Fact<'_> {
    /// It must be this and nothing else.
    #[allow(
        clippy::needless_pass_by_value,
        reason = "what is expected is mostly written down on the spot"
    )]
    pub(crate) fn equal<T: PartialEq + Debug>(&self, what: &str, expected: T, came: T) -> Result<(), Broken> {
        if expected == came {
            Ok(())
        } else {
            Err(self.broken(what, format!("{expected:?}"), format!("{came:?}")))
        }
    }

    /// It must be so.
    pub(crate) fn is(&self, what: &str, so: bool, came: impl Debug) -> Result<(), Broken> {
        if so {
            Ok(())
        } else {
            Err(self.broken(what, "so", format!("{came:?}")))
        }
    }

    /// It must be there.
    pub(crate) fn some<T>(&self, what: &str, came: Option<T>) -> Result<T, Broken> {
        came.ok_or_else(|| self.broken(what, "something", "nothing"))
    }

    /// It must work.
    pub(crate) fn works<T, E: std::fmt::Display>(&self, what: &str, came: Result<T, E>) -> Result<T, Broken> {
        came.map_err(|error| self.broken(what, "success", error.to_string()))
    }

    /// The call must succeed.
    pub(crate) async fn answer<T>(
        &self,
        call: impl Future<Output = Result<T, avala::Error>>,
    ) -> Result<T, Broken> {
        self.works("the call", call.await)
    }

    /// It must fail, and this is how it did.
    pub(crate) fn fails<T: Debug, E>(&self, what: &str, came: Result<T, E>) -> Result<E, Broken> {
        match came {
            Ok(value) => Err(self.broken(what, "a refusal", format!("{value:?}"))),
            Err(error) => Ok(error),
        }
    }

    /// Changes the text by what has been learnt.
    pub(crate) fn tell(&mut self, text: impl Into<String>) {
        self.text = text.into();
    }

    /// Everything about it has been checked: it is printed.
    pub(crate) fn holds(self) -> Result<(), Broken> {
        let took = self.began.elapsed();
        let printed = self.story.holds(&self.text, took);
        printed.map_err(|error| self.broken("printing it", "success", error.to_string()))
    }

    pub(crate) fn broken(&self, what: &str, expected: impl Into<String>, came: impl Into<String>) -> Broken {
        Broken {
            fact: self.text.clone(),
            what: what.to_owned(),
            expected: expected.into(),
            came: came.into(),
        }
    }
}
