//! A list, printed while it arrives.

use std::{
    io::{self, Write},
    marker::PhantomData,
};

use super::{Cell, Row, Style, table::Columns};

/// Rows that are looked at before the widths of a table are fixed.
const LOOK_AHEAD: usize = 100;

/// A list under way. `finish` must be called, or the last rows are missing.
pub(crate) struct Rows<R, W: Write> {
    out: W,
    style: Style,
    colour: bool,
    width: Option<usize>,
    written: u64,
    waiting: Vec<Vec<Cell>>,
    columns: Option<Columns>,
    row: PhantomData<fn(R)>,
}

impl<R: Row, W: Write> Rows<R, W> {
    pub(super) fn new(out: W, style: Style, colour: bool, width: Option<usize>) -> Self {
        Self {
            out,
            style,
            colour,
            width,
            written: 0,
            waiting: Vec::new(),
            columns: None,
            row: PhantomData,
        }
    }

    /// Adds a row.
    pub(crate) fn push(&mut self, row: &R) -> io::Result<()> {
        self.written += 1;
        match self.style {
            Style::TabSeparated => {
                let cells: Vec<String> = row.cells().iter().map(Cell::tab_separated).collect();
                writeln!(self.out, "{}", cells.join("\t"))
            }
            Style::Json => {
                self.out
                    .write_all(if self.written == 1 { b"[\n" } else { b",\n" })?;
                let item = serde_json::to_string_pretty(row)?;
                write!(self.out, "  {}", item.replace('\n', "\n  "))
            }
            Style::Table => {
                self.waiting.push(row.cells());
                if self.columns.is_some() || self.waiting.len() >= LOOK_AHEAD {
                    self.write_waiting()
                } else {
                    Ok(())
                }
            }
        }
    }

    /// What has been added so far becomes visible.
    pub(crate) fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }

    /// Ends the list.
    pub(crate) fn finish(mut self) -> io::Result<()> {
        match self.style {
            Style::TabSeparated => {}
            Style::Json if self.written == 0 => writeln!(self.out, "[]")?,
            Style::Json => writeln!(self.out, "\n]")?,
            Style::Table => self.write_waiting()?,
        }
        self.out.flush()
    }

    fn write_waiting(&mut self) -> io::Result<()> {
        let rows = std::mem::take(&mut self.waiting);
        if rows.is_empty() {
            return Ok(());
        }
        let columns = if let Some(columns) = self.columns.take() {
            columns
        } else {
            let titles: Vec<String> = R::COLUMNS.iter().map(|name| name.to_uppercase()).collect();
            let titles: Vec<&str> = titles.iter().map(String::as_str).collect();
            let columns = Columns::measure(&titles, &rows, self.width);
            columns.write_titles(&mut self.out, &titles, self.colour)?;
            columns
        };
        for row in &rows {
            columns.write_row(&mut self.out, row)?;
        }
        self.columns = Some(columns);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use serde::Serialize;

    use super::*;
    use crate::output::Record;

    #[derive(Serialize)]
    struct Ship {
        name: &'static str,
        crew: i64,
    }

    impl Row for Ship {
        const COLUMNS: &'static [&'static str] = &["name", "crew"];
    }

    impl Record for Ship {
        fn fields(&self) -> Vec<(&'static str, Cell)> {
            vec![("crew", self.crew.into()), ("name", self.name.into())]
        }
    }

    fn printed(style: Style, ships: &[Ship]) -> String {
        let mut out = Vec::new();
        let mut rows = Rows::new(&mut out, style, false, None);
        for ship in ships {
            rows.push(ship).unwrap();
        }
        rows.finish().unwrap();
        String::from_utf8(out).unwrap()
    }

    const FLEET: &[Ship] = &[
        Ship {
            name: "Argo",
            crew: 50,
        },
        Ship {
            name: "Nautilus",
            crew: 7,
        },
    ];

    #[test]
    fn a_table_has_titles_and_aligned_columns() {
        assert_eq!(
            printed(Style::Table, FLEET),
            "NAME      CREW\nArgo      50\nNautilus  7\n"
        );
    }

    #[test]
    fn a_pipe_gets_rows_without_titles() {
        assert_eq!(printed(Style::TabSeparated, FLEET), "Argo\t50\nNautilus\t7\n");
    }

    #[test]
    fn json_is_one_array_even_when_there_is_nothing() {
        let rows: serde_json::Value = serde_json::from_str(&printed(Style::Json, FLEET)).unwrap();
        assert_eq!(rows[1]["name"], "Nautilus");
        assert_eq!(printed(Style::Json, &[]), "[]\n");
        assert_eq!(printed(Style::Table, &[]), "");
    }

    #[test]
    fn rows_after_the_look_ahead_keep_the_columns_they_found() {
        let mut fleet: Vec<Ship> = (0..LOOK_AHEAD)
            .map(|_| Ship {
                name: "Argo",
                crew: 50,
            })
            .collect();
        fleet.push(Ship {
            name: "A much longer name",
            crew: 1,
        });
        let text = printed(Style::Table, &fleet);
        assert_eq!(text.lines().count(), LOOK_AHEAD + 2);
        assert_eq!(text.lines().last(), Some("A much longer name  1"));
    }
}
