//! What is logged on stderr, and only when asked for.

use std::io;

use tracing_subscriber::{EnvFilter, filter::LevelFilter};

use crate::{args::Global, failure::Failure};

/// Starts logging. `usual` is the level of our own crates when nothing was asked for.
pub(crate) fn start(global: &Global, usual: Option<LevelFilter>) -> Result<(), Failure> {
    let asked = if global.verbose {
        Some("debug")
    } else {
        global.log.as_deref()
    };
    let filter = match (asked, usual) {
        (Some(text), _) => parse(text)?,
        (None, Some(level)) => parse(&level.to_string())?,
        (None, None) => return Ok(()),
    };
    let started = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(io::stderr)
        .with_ansi(false)
        .try_init();
    // Somebody else in this process logs already: theirs counts.
    drop(started);
    Ok(())
}

/// A level is meant for our own crates; anything more is a filter as it stands.
fn parse(text: &str) -> Result<EnvFilter, Failure> {
    let bad = || {
        Failure::usage(
            "--log takes error, warn, info, debug, trace, or a list such as avala=debug,hyper=info.",
        )
    };
    let filter = if text.contains(['=', ',']) {
        text.to_owned()
    } else {
        let level: LevelFilter = text.parse().map_err(|_| bad())?;
        // A target is a prefix: this is every one of our crates.
        format!("warn,avala={level}")
    };
    EnvFilter::builder().parse(filter).map_err(|_| bad())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_level_or_a_filter_is_understood_and_anything_else_refused() {
        for good in ["debug", "TRACE", "avala=debug,hyper=info"] {
            assert!(parse(good).is_ok(), "{good}");
        }
        for bad in ["loud", "avala=loud"] {
            assert!(parse(bad).is_err(), "{bad}");
        }
    }
}
