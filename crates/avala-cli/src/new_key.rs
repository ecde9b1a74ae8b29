//! Where a new API key goes: to a private file, to whoever reads stdout, or onto a terminal if that was asked for.

use std::{io, path::PathBuf};

use avala_keys::Secret;
use serde::Serialize;

use crate::{
    args,
    exit::Exit,
    failure::Failure,
    key_file::KeyFile,
    output::{self, Output},
};

/// Where a new key goes.
pub(crate) enum Destination {
    /// Into a file, which is there already and empty.
    File(PathBuf, KeyFile),
    /// To stdout.
    Stdout,
}

impl Destination {
    /// Chosen before anything is sent: a key that cannot be kept must not be made.
    pub(crate) fn choose(out: Output, args: &args::NewKey) -> Result<Self, Failure> {
        match &args.out {
            Some(path) => Ok(Self::File(path.clone(), KeyFile::create(path)?)),
            None if out.terminal && !args.show => Err(Failure::usage(
                "The answer will hold an API key, and stdout is a terminal.",
            )
            .hint("Say --out FILE to keep the key in a private file, or --show to see it here. Nothing was sent.")),
            None => Ok(Self::Stdout),
        }
    }

    /// Hands the key over and says so; answers the file it is in. `answer` is what programs read instead, key included.
    pub(crate) fn hand_over(
        self,
        out: Output,
        key: &Secret,
        made: &str,
        answer: &impl Serialize,
    ) -> Result<Option<PathBuf>, Failure> {
        match self {
            Self::File(path, file) => {
                file.keep(key)?;
                out.note(&format!("{made} The key is in {}.", path.display()));
                return Ok(Some(path));
            }
            Self::Stdout if out.is_json() => output::json(answer).map_err(not_taken)?,
            Self::Stdout => {
                out.note(&format!("{made} This is the key; it is not shown again."));
                output::lines(&[key.expose()]).map_err(not_taken)?;
            }
        }
        Ok(None)
    }
}

/// Says what to do where the server may have made a key and nobody has heard of it.
pub(crate) fn if_the_answer_was_lost(failure: Failure, hint: &str) -> Failure {
    match failure.exit {
        Exit::NETWORK | Exit::SERVER => failure.hint(hint),
        _ => failure,
    }
}

/// Unlike with other output, nobody reading it is a failure: the key is lost.
#[allow(clippy::needless_pass_by_value, reason = "the form that map_err takes")]
fn not_taken(error: io::Error) -> Failure {
    Failure::local(format!("The key could not be written to stdout: {error}."))
}
