//! Keys that another program prints: the one place that starts programs.

use std::{
    fmt, io,
    pin::pin,
    process::{ExitStatus, Stdio},
    time::Duration,
};

use avala_api::{Secret, Timestamp};
use avala_keys::redact;
use futures_util::future::{Either, select};
use serde::Deserialize;
use tokio::{
    io::{AsyncRead, AsyncReadExt, copy, sink},
    process::{Child, Command},
    time::timeout,
};
use zeroize::Zeroizing;

use super::{Credential, CredentialProvider, Environment, ProviderError, ProviderFuture, Source};

/// How long a program may take, unless it is told otherwise.
const TIME_LIMIT: Duration = Duration::from_secs(10);
/// How much a program may print. A key has less than a hundred bytes.
const OUTPUT_LIMIT: usize = 64 * 1024;
/// How much of its messages is looked at; only the beginning is shown.
const MESSAGES_LIMIT: usize = 16 * 1024;
/// How long its messages are waited for when it has ended.
const LAST_WORDS: Duration = Duration::from_millis(100);
/// How many characters of a text from outside are shown.
const LONGEST_SHOWN: usize = 200;
/// Shorter words are no keys.
const SHORTEST_KEY: usize = 8;
/// How many words of an output are looked for in the messages. An answer has hardly more.
const WORDS_COMPARED: usize = 16;

/// A key that another program prints: the command of a secret manager, or a script of your own.
///
/// The program is started without a shell, so nothing in its arguments is expanded. It can read nothing, and it is ended,
/// with its children, when it takes longer than its time limit, prints more than 64 KiB, or nobody waits for it any more. It
/// prints the key on one line, or says more about it:
///
/// ```json
/// {"version": 1, "api_key": "avk_your_api_key", "expires_at": "2026-12-01T00:00:00Z"}
/// ```
///
/// With `expires_at`, it is run again some time before; without, when a server refuses the key. Arguments can be seen by
/// everybody on the machine: do not put a secret there.
///
/// ```
/// # fn main() -> Result<(), avala::Error> {
/// let client = avala::Client::builder()
///     .credentials(avala::ExecKey::new(["fetch-avala-key", "--for", "recorder-7"]))
///     .build()?;
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct ExecKey {
    arguments: Vec<String>,
    environment: Environment,
    /// Variables set beside the environment.
    variables: &'static [(&'static str, &'static str)],
    time_limit: Duration,
    only_first_line: bool,
}

impl ExecKey {
    /// A program, by its name in the folders of `PATH` or by its path, and its arguments.
    pub fn new<A: Into<String>>(program_and_arguments: impl IntoIterator<Item = A>) -> Self {
        Self {
            arguments: program_and_arguments.into_iter().map(Into::into).collect(),
            environment: Environment::Process,
            variables: &[],
            time_limit: TIME_LIMIT,
            only_first_line: false,
        }
    }

    /// How long the program may take. 10 seconds unless set; a client waits for no source longer than 30 seconds.
    pub fn time_limit(mut self, time: Duration) -> Self {
        self.time_limit = time;
        self
    }

    /// The variables that the program gets, and no others; `PATH` among them is also where it is looked for. Those of the
    /// process unless set.
    pub fn environment(mut self, environment: Environment) -> Self {
        self.environment = environment;
        self
    }

    pub(super) fn variables(mut self, variables: &'static [(&'static str, &'static str)]) -> Self {
        self.variables = variables;
        self
    }

    /// What follows the first line is something else.
    pub(super) fn only_first_line(mut self) -> Self {
        self.only_first_line = true;
        self
    }

    async fn read(&self) -> Result<Credential, ProviderError> {
        let output = timeout(self.time_limit, self.run()).await.map_err(|_| {
            ProviderError::new(format!("it did not end within {:?}", self.time_limit))
                .with_hint("Run it yourself to see what it waits for: it can ask for nothing here.")
        })??;
        let output = std::str::from_utf8(output.bytes())
            .map_err(|_| unexpected("it printed something that is not text"))?;
        if self.only_first_line {
            let line = output.lines().next().unwrap_or_default().trim();
            // Asked for a folder, `pass` lists it under its name, and ends well.
            if self
                .arguments
                .last()
                .is_some_and(|name| name.trim_end_matches('/') == line)
            {
                return Err(
                    ProviderError::new("it printed the name it was asked for instead of a key")
                        .with_hint("Name an entry, not a folder."),
                );
            }
            return bare(line);
        }
        match output.trim() {
            json if json.starts_with('{') => answer(json),
            line => bare(line),
        }
    }

    /// The command line for people, without what looks like a secret.
    fn line(&self) -> String {
        let mut line = Vec::with_capacity(self.arguments.len());
        let mut secret_follows = false;
        for argument in &self.arguments {
            let (name, value) = argument.split_once('=').unwrap_or((argument, ""));
            let names_secret = redact::is_secret_name(name);
            line.push(match value {
                _ if secret_follows => redact::REDACTED.to_owned(),
                "" => argument.clone(),
                _ if names_secret => format!("{name}={}", redact::REDACTED),
                _ => argument.clone(),
            });
            secret_follows = names_secret && value.is_empty() && name.starts_with('-');
        }
        shown(&line.join(" "))
    }

    /// Runs the program to its end and gives what it printed.
    async fn run(&self) -> Result<Text, ProviderError> {
        let mut program = Running(self.command()?.spawn().map_err(|error| not_started(&error))?);
        let (mut printed, mut messages) = (Text::up_to(OUTPUT_LIMIT), Text::up_to(MESSAGES_LIMIT));
        let (stdout, stderr) = (program.0.stdout.take(), program.0.stderr.take());
        let said = messages.read_beginning(stderr);
        let ended = async {
            printed.read_whole(stdout).await?;
            program.0.wait().await.map_err(|error| unreadable(&error))
        };
        let status = match select(pin!(said), pin!(ended)).await {
            Either::Left((_, ended)) => ended.await?,
            Either::Right((status, said)) => {
                // Something that it started and left behind may hold this end for as long as it lives.
                let _kept_open = timeout(LAST_WORDS, said).await;
                status?
            }
        };
        if !status.success() {
            return Err(refused(status, &messages.shown_without(&printed)));
        }
        Ok(printed)
    }

    fn command(&self) -> Result<Command, ProviderError> {
        let [program, arguments @ ..] = self.arguments.as_slice() else {
            return Err(ProviderError::new("no program is named")
                .with_hint("Give the program and its arguments, each as a text of its own."));
        };
        let mut command = Command::new(program);
        if let Environment::Map(variables) = &self.environment {
            let variables = variables.iter().map(|(name, value)| (name, value.expose()));
            command.env_clear().envs(variables);
        }
        command
            .args(arguments)
            .envs(self.variables.iter().copied())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true);
        // A group of its own, so that its children end with it.
        #[cfg(unix)]
        command.process_group(0);
        Ok(command)
    }
}

impl CredentialProvider for ExecKey {
    fn source(&self) -> Source {
        Source::Exec { program: self.line() }
    }

    fn provide(&self) -> ProviderFuture<'_> {
        Box::pin(async { self.read().await.map(Some) })
    }
}

impl fmt::Debug for ExecKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ExecKey")
            .field("program", &self.line())
            .field("environment", &self.environment)
            .field("time_limit", &self.time_limit)
            .finish_non_exhaustive()
    }
}

/// A program that runs. When it is dropped before its end, its whole group ends.
struct Running(Child);

#[cfg(unix)]
impl Drop for Running {
    fn drop(&mut self) {
        // It has no id once its end was seen. Until then, nothing else can have its number.
        let group = self.0.id().and_then(|id| i32::try_from(id).ok());
        if let Some(group) = group.and_then(rustix::process::Pid::from_raw) {
            // Already gone is as good.
            let _gone = rustix::process::kill_process_group(group, rustix::process::Signal::KILL);
        }
    }
}

/// What comes out of a program: in one place that is never moved, and wiped in the end.
struct Text {
    bytes: Zeroizing<Vec<u8>>,
    length: usize,
}

impl Text {
    fn up_to(limit: usize) -> Self {
        Self {
            bytes: Zeroizing::new(vec![0; limit]),
            length: 0,
        }
    }

    fn bytes(&self) -> &[u8] {
        self.bytes.get(..self.length).unwrap_or_default()
    }

    /// Reads until nothing comes any more or there is no room; true if there may be more.
    async fn fill(&mut self, from: &mut (impl AsyncRead + Unpin)) -> io::Result<bool> {
        while let Some(room) = self.bytes.get_mut(self.length..).filter(|room| !room.is_empty()) {
            match from.read(room).await? {
                0 => return Ok(false),
                read => self.length += read,
            }
        }
        Ok(true)
    }

    /// All of it, or an error if it is too much.
    async fn read_whole(&mut self, from: Option<impl AsyncRead + Unpin>) -> Result<(), ProviderError> {
        let Some(mut from) = from else { return Ok(()) };
        let full = self.fill(&mut from).await.map_err(|error| unreadable(&error))?;
        if full && from.read(&mut [0]).await.map_err(|error| unreadable(&error))? > 0 {
            return Err(unexpected(&format!(
                "it printed more than {} KiB",
                self.bytes.len() / 1024
            )));
        }
        Ok(())
    }

    /// The beginning; the rest is thrown away, or the program would wait for a reader.
    async fn read_beginning(&mut self, from: Option<impl AsyncRead + Unpin>) -> Result<(), ProviderError> {
        let Some(mut from) = from else { return Ok(()) };
        if self.fill(&mut from).await.map_err(|error| unreadable(&error))? {
            copy(&mut from, &mut sink())
                .await
                .map_err(|error| unreadable(&error))?;
        }
        Ok(())
    }

    /// The text for people, without what was printed elsewhere: that may be the key.
    fn shown_without(&self, printed: &Self) -> String {
        let mut text = Zeroizing::new(String::from_utf8_lossy(self.bytes()).into_owned());
        let printed = Zeroizing::new(String::from_utf8_lossy(printed.bytes()).into_owned());
        let words = printed.split(|character: char| character.is_whitespace() || character == '"');
        for word in words
            .filter(|word| word.len() >= SHORTEST_KEY)
            .take(WORDS_COMPARED)
        {
            if text.contains(word) {
                text = Zeroizing::new(text.replace(word, redact::REDACTED));
            }
        }
        shown(&text)
    }
}

/// A text from outside in one line: redacted first, then cut, so that no half of a secret stays.
fn shown(text: &str) -> String {
    let clean = redact::text(text.trim());
    let mut characters = clean.chars().map(|one| if one.is_control() { ' ' } else { one });
    let mut line: String = characters.by_ref().take(LONGEST_SHOWN).collect();
    if characters.next().is_some() {
        line.push('…');
    }
    line
}

/// The key alone.
fn bare(text: &str) -> Result<Credential, ProviderError> {
    match text.trim() {
        "" => Err(unexpected("it printed no key")),
        lines if lines.contains('\n') => Err(unexpected("it printed several lines")),
        key => Ok(Credential::new(key)),
    }
}

/// The key and what the program says about it.
fn answer(json: &str) -> Result<Credential, ProviderError> {
    #[derive(Deserialize)]
    struct Versioned {
        version: Option<u64>,
    }
    #[derive(Deserialize)]
    struct Answer {
        api_key: Option<Secret>,
        expires_at: Option<String>,
    }
    // The errors of the reader quote what they read.
    let versioned: Versioned = serde_json::from_str(json).map_err(|error| {
        unexpected(if error.is_data() {
            "the version in its JSON is no whole number"
        } else {
            "its JSON cannot be read"
        })
    })?;
    match versioned.version {
        Some(1) => {}
        None => return Err(unexpected("its JSON has no version")),
        Some(other) => {
            return Err(unexpected(&format!(
                "its JSON has version {other}, and only version 1 is known"
            )));
        }
    }
    let answer: Answer =
        serde_json::from_str(json).map_err(|_| unexpected("a value in its JSON is no text"))?;
    let key = answer
        .api_key
        .ok_or_else(|| unexpected("its JSON has no api_key"))?;
    let credential = bare(key.expose())?;
    let Some(end) = answer.expires_at else {
        return Ok(credential);
    };
    let end: Timestamp = end
        .parse()
        .map_err(|_| unexpected("expires_at in its JSON is no time as in RFC 3339"))?;
    Ok(credential.expires_at(end))
}

fn unexpected(what: &str) -> ProviderError {
    ProviderError::new(what).with_hint("It must print nothing but the key on one line, or JSON with version, api_key and, if it likes, expires_at.")
}

fn unreadable(error: &io::Error) -> ProviderError {
    ProviderError::new(format!("what it printed cannot be read: {}", error.kind()))
}

fn not_started(error: &io::Error) -> ProviderError {
    match error.kind() {
        io::ErrorKind::NotFound => ProviderError::new("there is no such program")
            .with_hint("Install it, put its folder into PATH, or give its whole path."),
        io::ErrorKind::PermissionDenied => ProviderError::new("it may not be executed")
            .with_hint("Look whether it is a program and whether you have the right to run it."),
        kind => ProviderError::new(format!("it could not be started: {kind}")),
    }
}

fn refused(status: ExitStatus, messages: &str) -> ProviderError {
    #[cfg(unix)]
    let signal = std::os::unix::process::ExitStatusExt::signal(&status);
    #[cfg(not(unix))]
    let signal: Option<i32> = None;
    let ended = match (signal, status.code()) {
        (Some(signal), _) => format!("it was ended by signal {signal}"),
        (None, Some(code)) => format!("it failed with status {code}"),
        (None, None) => "it failed".to_owned(),
    };
    let said = match messages {
        "" => " and said nothing".to_owned(),
        messages => format!(" and said: {messages}"),
    };
    ProviderError::new(format!("{ended}{said}"))
        .with_hint("Run it yourself to see what it needs, such as signing in.")
}
