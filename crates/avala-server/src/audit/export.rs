//! The audit as text: JSON lines, or CSV for a spreadsheet that must not calculate with it.

use std::{
    fmt::Write as _,
    io::{self, Write},
};

use serde::Serialize;

use super::Audit;
use crate::{
    error::AuthorityError,
    hex,
    store::audit::{self, Chained},
};

/// How the audit is written out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// An object in each line, exact.
    JsonLines,
    /// For people: a text that a spreadsheet would take for a formula begins with `'`.
    Csv,
}

/// A line as it is written out.
#[derive(Serialize)]
struct Written<'a> {
    position: i64,
    at: String,
    organization: Option<&'a str>,
    actor_kind: &'a str,
    actor_key: Option<&'a str>,
    actor_user: Option<&'a str>,
    action: &'a str,
    object: &'a str,
    code: Option<&'a str>,
    requests: Option<i64>,
    seq: Option<i64>,
    hash: Option<String>,
}

const COLUMNS: &str =
    "position,at,organization,actor_kind,actor_key,actor_user,action,object,code,requests,seq,hash";

impl Audit {
    /// Writes out all lines, oldest first, and tells how many there were. It does not verify them.
    pub async fn export(&self, format: Format, mut to: impl Write) -> Result<u64, AuthorityError> {
        if format == Format::Csv {
            writeln!(to, "{COLUMNS}")?;
        }
        let (mut position, mut count) = (i64::MIN, 0);
        loop {
            let lines = audit::after(self.0.reader(), position).await?;
            let Some(last) = lines.last() else {
                to.flush()?;
                return Ok(count);
            };
            position = last.position;
            for line in &lines {
                let text = Written::of(line).text(format)?;
                writeln!(to, "{text}")?;
                count += 1;
            }
        }
    }
}

impl<'a> Written<'a> {
    fn of(chained: &'a Chained) -> Self {
        let line = &chained.line;
        Self {
            position: chained.position,
            at: line.at().to_string(),
            organization: line.organization.as_deref(),
            actor_kind: &line.actor_kind,
            actor_key: line.actor_key.as_deref(),
            actor_user: line.actor_user.as_deref(),
            action: &line.action,
            object: &line.object,
            code: line.code.as_deref(),
            requests: line.requests,
            seq: line.seq,
            hash: chained.hash.as_deref().map(hex::encode),
        }
    }

    fn text(&self, format: Format) -> Result<String, io::Error> {
        Ok(match format {
            // Only texts can hold such characters, and in texts their escapes are the same characters.
            Format::JsonLines => escaped(&serde_json::to_string(self)?),
            Format::Csv => {
                let number =
                    |number: Option<i64>| number.map_or_else(String::new, |number| number.to_string());
                let fields = [
                    &number(Some(self.position)),
                    &self.at,
                    self.organization.unwrap_or_default(),
                    self.actor_kind,
                    self.actor_key.unwrap_or_default(),
                    self.actor_user.unwrap_or_default(),
                    self.action,
                    self.object,
                    self.code.unwrap_or_default(),
                    &number(self.requests),
                    &number(self.seq),
                    self.hash.as_deref().unwrap_or_default(),
                ];
                fields.map(cell).join(",")
            }
        })
    }
}

/// A field in quotes, so that it is one cell whatever separates cells.
fn cell(text: &str) -> String {
    // Also in the full width of East Asian texts.
    let is_formula = text.starts_with(['=', '+', '-', '@', '\t', '\r', '＝', '＋', '－', '＠']);
    let text = escaped(text).replace('"', "\"\"");
    format!("\"{}{text}\"", if is_formula { "'" } else { "" })
}

/// With escapes for what a terminal or an editor would not show as a character in its place.
fn escaped(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    for character in text.chars() {
        if is_hidden(character) {
            // All of them are below U+10000. Writing to a text cannot fail.
            let _ = write!(shown, "\\u{:04x}", u32::from(character));
        } else {
            shown.push(character);
        }
    }
    shown
}

/// Control characters, marks of the writing direction, and separators of lines.
fn is_hidden(character: char) -> bool {
    character.is_control()
        || matches!(
            character,
            '\u{61c}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}'
        )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_spreadsheet_calculates_nothing_and_sees_one_cell() {
        for (text, written) in [
            ("plain", r#""plain""#),
            ("=1+1", r#""'=1+1""#),
            ("+1", r#""'+1""#),
            ("-1", r#""'-1""#),
            ("@SUM(1)", r#""'@SUM(1)""#),
            ("\t=1", r#""'\u0009=1""#),
            ("\r=1", r#""'\u000d=1""#),
            ("＝1", r#""'＝1""#),
            ("a,\"b\";=1", r#""a,""b"";=1""#),
            ("a\nb", r#""a\u000ab""#),
            ("abc\u{202e}fed", r#""abc\u202efed""#),
            ("\u{1b}[31mred", r#""\u001b[31mred""#),
            ("", r#""""#),
        ] {
            assert_eq!(cell(text), written, "{text:?}");
        }
    }

    #[test]
    fn json_lines_keep_every_character_and_show_none_that_hides() {
        let object = "=a\"\\\n\u{202e}\u{85}\u{2066}ä";
        let line = Written {
            position: 1,
            at: String::new(),
            organization: None,
            actor_kind: "",
            actor_key: None,
            actor_user: None,
            action: "",
            object,
            code: None,
            requests: None,
            seq: None,
            hash: None,
        };
        let text = line.text(Format::JsonLines).unwrap();
        assert!(!text.chars().any(is_hidden), "{text:?}");
        let read: serde_json::Value = serde_json::from_str(&text).unwrap();
        assert_eq!(read["object"], object);
    }
}
