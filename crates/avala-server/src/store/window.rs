//! A window onto a long list: so many rows, from here on, forwards or backwards.

use super::{Reader, Row, Statement, StoreError};

/// Which rows of a list are asked for.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Window {
    pub(crate) edge: Option<Edge>,
    pub(crate) limit: u32,
    pub(crate) oldest_first: bool,
}

/// The row just outside of the window.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Edge {
    pub(crate) position: i64,
    /// The window ends at the edge instead of beginning there.
    pub(crate) backwards: bool,
}

/// The rows in the window, and the edges of its neighbours.
#[derive(Debug)]
pub(crate) struct Rows<T> {
    pub(crate) items: Vec<T>,
    pub(crate) next: Option<Edge>,
    pub(crate) previous: Option<Edge>,
}

impl Window {
    /// Runs a query whose `WHERE` clause has begun, and which selects `position`.
    pub(super) async fn fetch<T>(
        self,
        mut query: Statement,
        reader: &Reader,
        read: impl Fn(&Row) -> Result<T, StoreError>,
    ) -> Result<Rows<T>, StoreError> {
        let backwards = self.edge.is_some_and(|edge| edge.backwards);
        let downwards = self.oldest_first == backwards;
        if let Some(edge) = self.edge {
            query = query
                .push(if downwards {
                    " AND position < "
                } else {
                    " AND position > "
                })
                .push_bind(edge.position);
        }
        let mut rows = query
            .push(if downwards {
                " ORDER BY position DESC LIMIT "
            } else {
                " ORDER BY position LIMIT "
            })
            // One row more than asked for tells whether there is another page.
            .push_bind(i64::from(self.limit) + 1)
            .fetch_all(reader)
            .await?;

        let limit = self.limit as usize;
        let more = rows.len() > limit;
        rows.truncate(limit);
        if backwards {
            rows.reverse();
        }
        // Beyond the last row, the way back must begin at the edge row itself.
        let beyond = self
            .edge
            .map_or(0, |edge| edge.position + if downwards { -1 } else { 1 });
        let position = |row: Option<&Row>| row.map_or(Ok(beyond), |row| row.get("position"));
        let (has_next, has_previous) = if backwards {
            (true, more)
        } else {
            (more, self.edge.is_some())
        };
        let next = Edge {
            position: position(rows.last())?,
            backwards: false,
        };
        let previous = Edge {
            position: position(rows.first())?,
            backwards: true,
        };
        Ok(Rows {
            items: rows.iter().map(read).collect::<Result<_, _>>()?,
            next: has_next.then_some(next),
            previous: has_previous.then_some(previous),
        })
    }
}
