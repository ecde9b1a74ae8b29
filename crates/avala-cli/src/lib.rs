//! The `avala` command as a library: what can be typed, what it does, and the tables its documentation is made from.
//!
//! The command itself is `avala_cli::main(std::env::args_os())`. Nothing but the arguments is looked at before a
//! command needs it: no environment, no runtime, no TLS.

pub mod args;
mod commands;
pub mod env;
mod exit;
mod failure;
mod key_file;
mod logging;
mod new_key;
mod output;
mod preferences;
mod refusals;
mod session;
mod signals;
mod terminal;

use std::{ffi::OsString, process::ExitCode};

use clap::{CommandFactory as _, Parser as _, error::ErrorKind};

pub use commands::calls;
pub use exit::{EXIT_CODES, Exit};

use crate::{args::Cli, failure::Failure, output::Output};

/// Runs the command line, from the program's name on.
pub fn main(arguments: impl IntoIterator<Item = OsString>) -> ExitCode {
    let arguments: Vec<OsString> = arguments.into_iter().collect();
    run(&arguments).into()
}

/// The definition of the command line, for completions, manual pages and the reference.
pub fn command_line() -> clap::Command {
    Cli::command()
}

fn run(arguments: &[OsString]) -> Exit {
    if let Some(failure) = refusals::secret_in_arguments(arguments) {
        return report(Output::new(refusals::asked_for_json(arguments)), &failure);
    }
    let cli = match Cli::try_parse_from(arguments) {
        Ok(cli) => cli,
        Err(message) => return parser_message(arguments, &message),
    };
    let out = match preferences::output(&cli) {
        Ok(format) => Output::new(format),
        Err(failure) => return report(Output::new(None), &failure),
    };
    match commands::run(cli, out) {
        Ok(exit) => exit,
        Err(failure) => report(out, &failure),
    }
}

fn report(out: Output, failure: &Failure) -> Exit {
    if !failure.is_reader_left() {
        out.failure(failure);
    }
    failure.exit
}

/// Help and version are answers; everything else is a mistake, told as JSON where that was asked for.
fn parser_message(arguments: &[OsString], message: &clap::Error) -> Exit {
    let out = Output::new(refusals::asked_for_json(arguments));
    // Whether anybody reads it changes nothing.
    if matches!(message.kind(), ErrorKind::DisplayHelp | ErrorKind::DisplayVersion) {
        let _reader_left = output::parser_message(message, None);
        return Exit::OK;
    }
    let text = message.to_string();
    let quiet = refusals::without_quoted_keys(&text, arguments);
    if out.is_json() {
        return report(out, &Failure::of_parser(quiet.as_deref().unwrap_or(&text)));
    }
    let _reader_left = output::parser_message(message, quiet.as_deref());
    Exit::USAGE
}

/// What `avala --help` shows after the commands.
pub(crate) fn long_help() -> String {
    format!("{}\n{}", env::help(), exit::help())
}
