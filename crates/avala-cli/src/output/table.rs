//! Aligned columns, cut where the terminal ends.

use std::io::{self, Write};

use unicode_width::{UnicodeWidthChar as _, UnicodeWidthStr as _};

use super::Cell;

const GAP: usize = 2;
/// The length of a line where nothing says how long it may be.
const USUAL_LINE: usize = 100;
/// A column is not cut below this.
const NARROWEST: usize = 12;

/// The widths of a table's columns.
pub(super) struct Columns {
    widths: Vec<usize>,
    /// Whether a cell wider than its column is cut. In a table without a limit it is shown whole.
    cut: bool,
}

impl Columns {
    /// Widths that fit these rows, and the terminal where that is possible.
    pub(super) fn measure(titles: &[&str], rows: &[Vec<Cell>], limit: Option<usize>) -> Self {
        let mut widths: Vec<usize> = titles.iter().map(|title| title.width()).collect();
        // The first column names the row, and half a time or a number is worse than none: only words are cut.
        let mut words = vec![false; widths.len()];
        for row in rows {
            for ((width, words), cell) in widths.iter_mut().zip(&mut words).zip(row) {
                *width = (*width).max(cell.readable().width());
                *words |= matches!(cell, Cell::Text(_) | Cell::Names(_));
            }
        }
        if let Some(limit) = limit {
            shrink(&mut widths, &words, limit);
        }
        Self {
            widths,
            cut: limit.is_some(),
        }
    }

    pub(super) fn write_titles(&self, out: &mut impl Write, titles: &[&str], colour: bool) -> io::Result<()> {
        let line = self.line(titles.iter().copied());
        if colour {
            writeln!(out, "\u{1b}[1m{line}\u{1b}[0m")
        } else {
            writeln!(out, "{line}")
        }
    }

    pub(super) fn write_row(&self, out: &mut impl Write, row: &[Cell]) -> io::Result<()> {
        let cells: Vec<String> = row.iter().map(Cell::readable).collect();
        writeln!(out, "{}", self.line(cells.iter().map(String::as_str)))
    }

    fn line<'a>(&self, cells: impl Iterator<Item = &'a str>) -> String {
        let mut line = String::new();
        for (width, cell) in self.widths.iter().zip(cells) {
            let shown = if self.cut {
                cut(cell, *width)
            } else {
                cell.to_owned()
            };
            line.push_str(&shown);
            line.extend(std::iter::repeat_n(
                ' ',
                width.saturating_sub(shown.width()) + GAP,
            ));
        }
        line.truncate(line.trim_end().len());
        line
    }
}

/// Takes from the widest column of words, but the first, until the line fits.
fn shrink(widths: &mut [usize], words: &[bool], limit: usize) {
    let total = |widths: &[usize]| widths.iter().sum::<usize>() + GAP * widths.len().saturating_sub(1);
    while total(widths) > limit {
        let words = widths
            .iter_mut()
            .zip(words)
            .skip(1)
            .filter(|(_, words)| **words)
            .map(|(width, _)| width);
        match words
            .max_by_key(|width| **width)
            .filter(|width| **width > NARROWEST)
        {
            Some(width) => *width -= 1,
            None => return,
        }
    }
}

pub(super) fn cut(text: &str, width: usize) -> String {
    if text.width() <= width {
        return text.to_owned();
    }
    let mut shown = String::new();
    let mut used = 1;
    for character in text.chars() {
        used += character.width().unwrap_or(0);
        if used > width {
            break;
        }
        shown.push(character);
    }
    shown + "…"
}

/// One thing: names on the left, values on the right.
pub(super) fn write_fields(
    out: &mut impl Write,
    fields: &[(&str, Cell)],
    colour: bool,
    limit: Option<usize>,
) -> io::Result<()> {
    let width = fields.iter().map(|(name, _)| name.width()).max().unwrap_or(0) + GAP;
    let room = limit.unwrap_or(USUAL_LINE).saturating_sub(width).max(NARROWEST);
    for (name, cell) in fields {
        let padding = " ".repeat(width - name.width());
        let value = match cell {
            Cell::Names(names) if !names.is_empty() => {
                wrap(names, room).join(&format!("\n{}", " ".repeat(width)))
            }
            cell => cell.readable(),
        };
        if colour {
            writeln!(out, "\u{1b}[2m{name}\u{1b}[0m{padding}{value}")?;
        } else {
            writeln!(out, "{name}{padding}{value}")?;
        }
    }
    Ok(())
}

/// Names with commas, on as many lines as they need.
fn wrap(names: &[String], room: usize) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for name in names {
        let name = super::clean(name);
        match lines.last_mut() {
            Some(line) if line.width() + name.width() + 3 <= room => {
                line.push_str(", ");
                line.push_str(&name);
            }
            Some(line) => {
                line.push(',');
                lines.push(name);
            }
            None => lines.push(name),
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table(rows: &[[&str; 3]], limit: Option<usize>) -> Vec<String> {
        let cells: Vec<Vec<Cell>> = rows.iter().map(|row| row.map(Cell::from).to_vec()).collect();
        let columns = Columns::measure(&["UID", "URL", "EVENTS"], &cells, limit);
        rows.iter().map(|row| columns.line(row.iter().copied())).collect()
    }

    #[test]
    fn wide_characters_keep_the_columns_straight() {
        assert_eq!(
            table(&[["日本", "a", "b"], ["x", "a", "b"]], None),
            ["日本  a    b", "x     a    b"]
        );
    }

    #[test]
    fn a_line_fits_the_terminal_and_the_first_column_stays_whole() {
        let uid = "6f9619ff-8b86-d011-b42d-00c04fc964ff";
        let lines = table(
            &[[
                uid,
                "https://example.com/a/very/long/path/of/a/hook",
                "dataset.created",
            ]],
            Some(80),
        );
        assert!(
            lines[0].width() <= 80 && lines[0].starts_with(uid) && lines[0].contains('…'),
            "{lines:?}"
        );
    }

    #[test]
    fn many_names_take_as_many_lines_as_they_need() {
        let names = ["agents.read", "agents.write", "qc.read"].map(str::to_owned);
        assert_eq!(wrap(&names, 26), ["agents.read, agents.write,", "qc.read"]);
        assert_eq!(wrap(&names, 5), ["agents.read,", "agents.write,", "qc.read"]);
    }

    #[test]
    fn a_terminal_that_is_far_too_narrow_still_gets_every_column() {
        let lines = table(
            &[[
                "0123456789abcdef0123",
                "https://example.com/path",
                "dataset.created",
            ]],
            Some(10),
        );
        assert_eq!(lines, ["0123456789abcdef0123  https://exa…  dataset.cre…"]);
    }
}
