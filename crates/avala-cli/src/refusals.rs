//! What is looked for in the arguments before they are parsed: secrets, which have no place there.

use std::{borrow::Cow, ffi::OsString};

use avala_keys::{Shape, classify, redact};

use crate::{args::Format, failure::Failure};

/// Options that other clients have and this one refuses: everybody on the machine can read a command line.
const SECRETS: &[(&str, &str)] = &[
    (
        "--api-key",
        "Set the AVALA_API_KEY environment variable, or name a file that sets it with --env-file FILE.",
    ),
    (
        "--password",
        "You are asked for it, or it comes from stdin with --password-stdin.",
    ),
    (
        "--s3-secret-access-key",
        "Name a file that holds it with --s3-secret-access-key-file FILE, or - for stdin.",
    ),
    (
        "--gc-storage-auth-json",
        "Name the service account's key file with --gc-storage-auth-json-file FILE, or - for stdin.",
    ),
    (
        "--config",
        "It may hold credentials: name a file that holds it with --config-file FILE, or - for stdin.",
    ),
    (
        "--provider-config",
        "It may hold credentials: name a file that holds it with --provider-config-file FILE, or - for stdin.",
    ),
    (
        "--secret",
        "It comes from stdin with --secret-stdin, or the server makes one.",
    ),
];

/// The refusal, if a secret is among the arguments. Never repeats it.
pub(crate) fn secret_in_arguments(arguments: &[OsString]) -> Option<Failure> {
    let (name, instead) = options(arguments).find_map(|argument| {
        let name = argument.split_once('=').map_or(argument, |(name, _)| name);
        SECRETS.iter().find(|(refused, _)| *refused == name)
    })?;
    let message = format!("{name} is not taken: a secret on the command line can be read by other users.");
    Some(Failure::usage(message).hint(*instead))
}

/// Whether errors are to be JSON, also when the command line cannot be understood.
pub(crate) fn asked_for_json(arguments: &[OsString]) -> Option<Format> {
    let mut previous = "";
    for argument in options(arguments) {
        let is_value = matches!(previous, "-o" | "--output") && argument == "json";
        if is_value || matches!(argument, "--output=json" | "-ojson" | "-o=json") {
            return Some(Format::Json);
        }
        previous = argument;
    }
    None
}

/// The parser's text without the keys it quotes; `None` if it quotes none.
pub(crate) fn without_quoted_keys(text: &str, arguments: &[OsString]) -> Option<String> {
    let mut quiet = text.to_owned();
    for argument in arguments.iter().filter_map(|argument| argument.to_str()) {
        let value = argument.split_once('=').map_or(argument, |(_, value)| value);
        for quoted in [argument, value] {
            let is_key = !matches!(classify(quoted), Shape::Unknown | Shape::Placeholder);
            if is_key || matches!(redact::text(quoted), Cow::Owned(_)) {
                quiet = quiet.replace(quoted, redact::REDACTED);
            }
        }
    }
    (quiet != text).then_some(quiet)
}

/// The arguments before `--`, without the program's name.
fn options(arguments: &[OsString]) -> impl Iterator<Item = &str> {
    arguments
        .iter()
        .skip(1)
        .map(|argument| argument.to_str().unwrap_or(""))
        .take_while(|argument| *argument != "--")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(text: &str) -> Vec<OsString> {
        text.split(' ').map(OsString::from).collect()
    }

    #[test]
    fn a_secret_is_refused_and_not_repeated() {
        for text in [
            "avala --api-key hunter2 whoami",
            "avala whoami --api-key=hunter2",
            "avala webhooks create --secret hunter2",
        ] {
            let failure = secret_in_arguments(&line(text)).unwrap();
            assert!(!format!("{failure:?}").contains("hunter2"), "{failure:?}");
            assert!(failure.hint.is_some());
        }
        assert!(secret_in_arguments(&line("avala webhooks create --secret-stdin")).is_none());
        assert!(
            secret_in_arguments(&line("avala signup a@b.example --password-stdin -- --api-key")).is_none()
        );
    }

    #[test]
    fn a_key_in_the_wrong_place_is_not_quoted_back() {
        let hex = "0123456789abcdef0123456789abcdef01234567";
        let text = format!("unexpected argument '{hex}' found; see --new-secret <X>");
        let quiet = without_quoted_keys(&text, &line(&format!("avala whoami {hex}"))).unwrap();
        assert_eq!(
            quiet,
            "unexpected argument '[redacted]' found; see --new-secret <X>"
        );
        let quiet = without_quoted_keys(&text, &line(&format!("avala whoami --active={hex}"))).unwrap();
        assert!(!quiet.contains(hex));
        assert_eq!(
            without_quoted_keys("unexpected argument 'x' found", &line("avala whoami x")),
            None
        );
    }

    #[test]
    fn every_spelling_of_json_is_seen() {
        for text in [
            "avala -o json x",
            "avala x --output json",
            "avala --output=json",
            "avala -ojson",
        ] {
            assert_eq!(asked_for_json(&line(text)), Some(Format::Json), "{text}");
        }
        for text in [
            "avala x",
            "avala --output table",
            "avala json",
            "avala -- --output json",
        ] {
            assert_eq!(asked_for_json(&line(text)), None, "{text}");
        }
    }
}
