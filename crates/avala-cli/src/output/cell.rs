//! One value as people and as programs read it.

use avala_api::Timestamp;

/// One value.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Cell {
    Nothing,
    Text(String),
    Names(Vec<String>),
    Number(i64),
    Flag(bool),
    Time(Timestamp),
}

impl Cell {
    /// Names, such as events.
    pub(crate) fn names<T: ToString>(names: &[T]) -> Self {
        Self::Names(names.iter().map(ToString::to_string).collect())
    }

    /// Text of anything that can be shown.
    pub(crate) fn text(value: &impl ToString) -> Self {
        Self::Text(value.to_string())
    }

    /// Text of anything that can be shown, if it is there.
    pub(crate) fn optional<T: ToString>(value: Option<&T>) -> Self {
        value.map_or(Self::Nothing, Self::text)
    }

    /// For people. Never more than one line, and nothing a terminal would obey.
    pub(crate) fn readable(&self) -> String {
        match self {
            Self::Nothing => "-".to_owned(),
            Self::Text(text) if text.is_empty() => "-".to_owned(),
            Self::Text(text) => clean(text),
            Self::Names(names) if names.is_empty() => "-".to_owned(),
            Self::Names(names) => clean(&names.join(", ")),
            Self::Number(number) => number.to_string(),
            Self::Flag(flag) => if *flag { "yes" } else { "no" }.to_owned(),
            Self::Time(time) => readable_time(*time),
        }
    }

    /// For programs: nothing is lost, and no tab or line end is left in it.
    pub(crate) fn tab_separated(&self) -> String {
        match self {
            Self::Nothing => String::new(),
            Self::Text(text) => escape(text),
            Self::Names(names) => escape(&names.join(",")),
            Self::Number(number) => number.to_string(),
            Self::Flag(flag) => flag.to_string(),
            Self::Time(time) => time.to_string(),
        }
    }
}

impl<T: Into<Cell>> From<Option<T>> for Cell {
    fn from(value: Option<T>) -> Self {
        value.map_or(Self::Nothing, Into::into)
    }
}

impl From<String> for Cell {
    fn from(text: String) -> Self {
        Self::Text(text)
    }
}

impl From<&str> for Cell {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

impl From<i64> for Cell {
    fn from(number: i64) -> Self {
        Self::Number(number)
    }
}

impl From<bool> for Cell {
    fn from(flag: bool) -> Self {
        Self::Flag(flag)
    }
}

impl From<Timestamp> for Cell {
    fn from(time: Timestamp) -> Self {
        Self::Time(time)
    }
}

/// `2026-01-31 12:00:05 UTC`
fn readable_time(time: Timestamp) -> String {
    let text = Timestamp::from_unix_seconds(time.unix_seconds()).to_string();
    text.trim_end_matches('Z').replace('T', " ") + " UTC"
}

/// A line break, a tab and a backslash as two characters each; other control characters as spaces.
fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '\t' => escaped.push_str("\\t"),
            '\n' => escaped.push_str("\\n"),
            '\r' => escaped.push_str("\\r"),
            '\\' => escaped.push_str("\\\\"),
            character if character.is_control() => escaped.push(' '),
            character => escaped.push(character),
        }
    }
    escaped
}

/// Text without control characters: a server's answer must not drive the terminal.
pub(crate) fn clean(text: &str) -> String {
    // Bidirectional overrides can make a line read as what it is not.
    let is_unsafe =
        |c: char| c.is_control() || matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    text.chars()
        .map(|character| if is_unsafe(character) { ' ' } else { character })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn people_and_programs_read_the_same_value_differently() {
        let time = Cell::Time(Timestamp::from_unix_millis(1_769_860_805_250));
        assert_eq!(time.readable(), "2026-01-31 12:00:05 UTC");
        assert_eq!(time.tab_separated(), "2026-01-31T12:00:05.25Z");
        assert_eq!(
            (Cell::Flag(true).readable(), Cell::Flag(true).tab_separated()),
            ("yes".into(), "true".into())
        );
        assert_eq!(
            (Cell::Nothing.readable(), Cell::Nothing.tab_separated()),
            ("-".into(), String::new())
        );
        let names = Cell::names(&["a", "b"]);
        assert_eq!(
            (names.readable(), names.tab_separated()),
            ("a, b".into(), "a,b".into())
        );
    }

    #[test]
    fn an_answer_can_neither_drive_the_terminal_nor_break_a_row() {
        let hostile = Cell::from("a\tb\n\u{1b}[31mred\u{202e}\\");
        assert_eq!(hostile.readable(), "a b  [31mred \\");
        assert_eq!(hostile.tab_separated(), "a\\tb\\n [31mred\u{202e}\\\\");
    }
}
