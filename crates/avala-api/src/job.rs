//! What goes on after the answer that started it.

use crate::Answer;

/// How a job stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Progress {
    /// It goes on. A status that this version does not know counts as this.
    Running,
    /// It has come to the end it was started for.
    Succeeded,
    /// It has ended otherwise: it failed, or somebody cancelled it.
    Failed,
}

/// An object that stands for work which goes on: it is fetched again until it has ended.
pub trait Job: Answer + Clone + Sync {
    /// How it stands.
    fn progress(&self) -> Progress;

    /// Its status as the server words it; `None` when the server told none.
    fn status(&self) -> Option<&str>;

    /// Why it failed, where the server says so.
    fn reason(&self) -> Option<&str> {
        None
    }
}
