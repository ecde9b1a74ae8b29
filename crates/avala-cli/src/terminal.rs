//! Asking people, and reading secrets from stdin and from files.

use std::{
    fs::File,
    io::{self, IsTerminal as _, Read},
    path::Path,
};

use avala_keys::Secret;
use serde_json::{Map, Value};
use tokio::task::spawn_blocking;

use crate::{failure::Failure, output, signals::Signals};

/// A longer secret is a mistake, such as the wrong file.
const LONGEST_SECRET: u64 = 16 * 1024;

/// Asks before something is destroyed. Without a person there must have been a `--yes`.
pub(crate) fn confirm(question: &str, yes: bool) -> Result<(), Failure> {
    if yes {
        return Ok(());
    }
    if !can_ask() {
        return Err(Failure::usage("There is nobody to ask, so this needs --yes.").hint("Nothing was sent."));
    }
    output::ask(&format!("{question} [y/N]"))?;
    let mut answer = String::new();
    io::stdin().read_line(&mut answer)?;
    match answer.trim().to_ascii_lowercase().as_str() {
        "y" | "yes" => Ok(()),
        _ => Err(Failure::local("Not done.").hint("Nothing was sent.")),
    }
}

/// Whether there is somebody to ask.
pub(crate) fn can_ask() -> bool {
    io::stdin().is_terminal() && io::stderr().is_terminal()
}

/// Whether there is somebody to ask for a number.
pub(crate) fn can_ask_for_count() -> Result<(), Failure> {
    if can_ask() {
        return Ok(());
    }
    Err(
        Failure::usage("There is nobody to ask, so this needs --count, as counted with --dry-run.")
            .hint("Nothing was sent."),
    )
}

/// Asks for a number before many things are destroyed: whoever types it has read it.
///
/// Once a command has waited for something, Ctrl-C is heard by its runtime: it must not be kept from hearing.
pub(crate) async fn confirm_count(question: &str, count: u64) -> Result<(), Failure> {
    output::ask(question)?;
    let read = spawn_blocking(|| {
        let mut answer = String::new();
        io::stdin().read_line(&mut answer).map(|_| answer)
    });
    let answer = read.await.map_err(io::Error::other)??;
    if answer.trim().parse() == Ok(count) {
        Ok(())
    } else {
        Err(Failure::local("Not done.").hint("Nothing was changed."))
    }
}

/// A new password: asked for twice, shown never.
pub(crate) fn new_password() -> Result<Secret, Failure> {
    if !io::stdin().is_terminal() {
        return Err(Failure::usage("There is nobody to ask for a password.")
            .hint("Pipe it in and say --password-stdin; it must not stand on the command line."));
    }
    let first = hidden("Password: ")?;
    let second = hidden("Once more: ")?;
    if first != second {
        return Err(Failure::usage("The two passwords differ.").hint("Nothing was sent."));
    }
    not_empty(first, "The password")
}

/// A secret that is there already: asked for, and shown never; or all of stdin, where nobody can be asked.
pub(crate) fn secret_asked_for(what: &str) -> Result<Secret, Failure> {
    if !io::stdin().is_terminal() {
        return secret_from_stdin(what);
    }
    not_empty(hidden(&format!("{what}: "))?, what)
}

/// What is typed and not shown. At Ctrl-C the signal is sent before the terminal is put in order: were it not heard, it would
/// end the process in between, and leave a terminal that shows nothing.
fn hidden(question: &str) -> Result<Secret, Failure> {
    let _heard = Signals::listen()?;
    match rpassword::prompt_password(question) {
        Err(error) if error.kind() == io::ErrorKind::Interrupted => Err(Failure::interrupted()),
        typed => Ok(Secret::from(typed?)),
    }
}

/// All of stdin, without the line end that `echo` adds.
pub(crate) fn secret_from_stdin(what: &str) -> Result<Secret, Failure> {
    secret(io::stdin().lock(), &format!("{what} on stdin"))
}

/// All of a file, or of stdin where the file is called `-`, without the last line end.
pub(crate) fn secret_from_file(what: &str, path: &Path) -> Result<Secret, Failure> {
    if path == Path::new("-") {
        return secret_from_stdin(what);
    }
    let file = File::open(path).map_err(|error| {
        Failure::usage(format!("{what} cannot be read from {}: {error}", path.display()))
            .hint("Nothing was sent.")
    })?;
    secret(file, &format!("{what} in {}", path.display()))
}

/// A JSON object of a file or of stdin, whose members may be secrets: no error quotes it.
pub(crate) fn object_from_file(what: &str, path: &Path) -> Result<Map<String, Value>, Failure> {
    let text = secret_from_file(what, path)?;
    serde_json::from_str(text.expose()).map_err(|error| {
        Failure::usage(format!(
            "{what} is not a JSON object: see line {}, column {}.",
            error.line(),
            error.column()
        ))
        .hint("Nothing was sent.")
    })
}

fn secret(source: impl Read, what: &str) -> Result<Secret, Failure> {
    let mut text = String::new();
    let read = source.take(LONGEST_SECRET + 1).read_to_string(&mut text);
    let given = Secret::from(text);
    read.map_err(|error| match error.kind() {
        io::ErrorKind::InvalidData => Failure::usage(format!("{what} is not UTF-8.")),
        io::ErrorKind::IsADirectory => Failure::usage(format!("{what} is a directory.")),
        _ => error.into(),
    })?;
    if given.expose().len() as u64 > LONGEST_SECRET {
        return Err(Failure::usage(format!(
            "{what} is longer than {LONGEST_SECRET} bytes."
        )));
    }
    let line = given.expose();
    let line = line.strip_suffix('\n').unwrap_or(line);
    not_empty(Secret::from(line.strip_suffix('\r').unwrap_or(line)), what)
}

fn not_empty(secret: Secret, what: &str) -> Result<Secret, Failure> {
    if secret.expose().is_empty() {
        return Err(Failure::usage(format!("{what} is empty.")).hint("Nothing was sent."));
    }
    Ok(secret)
}
