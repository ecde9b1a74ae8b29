//! A strict reader of `.env` files. It expands nothing, changes nothing, and quotes nothing in its errors.

use std::path::Path;

use avala_api::Secret;
use zeroize::Zeroizing;

use super::{
    ProviderError,
    small_file::{self, Reach},
};

/// The variables of one file.
pub(crate) struct DotenvFile {
    variables: Vec<(String, Secret)>,
}

impl DotenvFile {
    /// Reads a file. `Ok(None)` when there is none.
    pub(crate) fn read(path: &Path) -> Result<Option<Self>, ProviderError> {
        let shown = path.display();
        let read = small_file::read(path, Reach::Everybody);
        let Some(text) = read.map_err(|refused| refused.about(&shown))? else {
            return Ok(None);
        };
        let variables = parse(text.expose())
            .map_err(|(line, reason)| ProviderError::new(format!("{shown}, line {line}: {reason}")))?;
        Ok(Some(Self { variables }))
    }

    /// A variable's value. The last line that sets it counts, as in a shell.
    pub(crate) fn get(&self, name: &str) -> Option<&Secret> {
        self.variables
            .iter()
            .rev()
            .find(|(given, _)| given == name)
            .map(|(_, value)| value)
    }
}

type BadLine = (usize, &'static str);

fn parse(text: &str) -> Result<Vec<(String, Secret)>, BadLine> {
    let mut variables = Vec::new();
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    for (index, line) in text.lines().enumerate() {
        let line = line.trim();
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        let variable = assignment(line).map_err(|reason| (index + 1, reason))?;
        variables.push(variable);
    }
    Ok(variables)
}

fn assignment(line: &str) -> Result<(String, Secret), &'static str> {
    let line = line
        .strip_prefix("export")
        .filter(|rest| rest.starts_with([' ', '\t']))
        .map_or(line, str::trim_start);
    let (name, value) = line.split_once('=').ok_or("expected NAME=value")?;
    let name = name.trim_end();
    let is_name = !name.is_empty()
        && !name.starts_with(|c: char| c.is_ascii_digit())
        && name
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
    if !is_name {
        return Err("the part before `=` is not a variable's name");
    }
    Ok((name.to_owned(), value_of(value)?))
}

fn value_of(text: &str) -> Result<Secret, &'static str> {
    let quoted = text.trim_start();
    let Some(quote @ ('"' | '\'')) = quoted.chars().next() else {
        // Unquoted: up to a comment, which needs a space before it (`a#b` is a value).
        let end = [" #", "\t#"]
            .iter()
            .filter_map(|mark| text.find(mark))
            .min()
            .unwrap_or(text.len());
        return Ok(Secret::from(text.get(..end).unwrap_or(text).trim()));
    };
    let inner = quoted.get(1..).unwrap_or_default();
    let mut value = Zeroizing::new(String::with_capacity(inner.len()));
    let mut rest = inner.char_indices();
    while let Some((at, c)) = rest.next() {
        if c == quote {
            let after = inner.get(at + 1..).unwrap_or_default().trim_start();
            return if after.is_empty() || after.starts_with('#') {
                Ok(Secret::from(value.as_str()))
            } else {
                Err("something stands after the closing quote")
            };
        }
        if c == '\\' && quote == '"' {
            match rest.next().map(|(_, escaped)| escaped) {
                Some('n') => value.push('\n'),
                Some('t') => value.push('\t'),
                Some(escaped @ ('\\' | '"' | '$')) => value.push(escaped),
                _ => return Err("unknown escape in a double-quoted value"),
            }
        } else {
            value.push(c);
        }
    }
    Err("a quote is not closed")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Vec<(String, String)>, BadLine> {
        parse(text).map(|all| {
            all.into_iter()
                .map(|(name, value)| (name, value.expose().to_owned()))
                .collect()
        })
    }

    #[test]
    fn the_usual_lines_are_read() {
        let file = "\u{feff}# a comment\n\nexport AVALA_API_KEY = plain # note\nA='single $HOME # kept'\nB=\"double \\\"q\\\" \\$x\"\nC=a#b\nD=\r\nE= # nothing\nexport\tF=tab\n";
        let expected = [
            ("AVALA_API_KEY", "plain"),
            ("A", "single $HOME # kept"),
            ("B", "double \"q\" $x"),
            ("C", "a#b"),
            ("D", ""),
            ("E", ""),
            ("F", "tab"),
        ];
        let expected: Vec<_> = expected
            .iter()
            .map(|(a, b)| ((*a).to_owned(), (*b).to_owned()))
            .collect();
        assert_eq!(read(file).unwrap(), expected);
    }

    #[test]
    fn nothing_is_expanded() {
        assert_eq!(read("A=$HOME${USER}`id`").unwrap()[0].1, "$HOME${USER}`id`");
    }

    // Covers: R11
    #[test]
    fn a_bad_line_is_named_by_number_and_never_quoted() {
        for (text, line) in [
            ("A=1\nsecret-value", 2),
            ("1A=x", 1),
            ("A=\"x", 1),
            ("A='x' y", 1),
            ("A=\"\\q\"", 1),
            ("=x", 1),
        ] {
            let (found, reason) = read(text).unwrap_err();
            assert_eq!(found, line, "{text}");
            assert!(!reason.contains("secret"), "{reason}");
        }
    }

    #[test]
    fn a_missing_file_is_absent_and_an_unreadable_one_is_an_error() {
        let folder = tempfile::tempdir().unwrap();
        assert!(DotenvFile::read(&folder.path().join(".env")).unwrap().is_none());
        assert!(DotenvFile::read(folder.path()).is_err());
        let large = folder.path().join("large");
        std::fs::write(&large, "A=1\n".repeat(20_000)).unwrap();
        assert!(DotenvFile::read(&large).is_err());
    }
}
