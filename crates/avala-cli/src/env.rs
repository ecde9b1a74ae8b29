//! Every environment variable that changes what the command does.
//!
//! The client reads those that begin with `AVALA_` itself, when a client is built and not before; this file is the one
//! place where they are explained.

use std::fmt::Write as _;

/// An environment variable.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Variable {
    /// Its name.
    pub name: &'static str,
    /// What it does.
    pub meaning: &'static str,
}

/// The API key.
pub const API_KEY: Variable = Variable {
    name: "AVALA_API_KEY",
    meaning: "The API key. Set but empty is an error.",
};

/// A file with the API key.
pub const API_KEY_FILE: Variable = Variable {
    name: "AVALA_API_KEY_FILE",
    meaning: "A file that holds the API key and nothing else.",
};

/// The profile.
pub const PROFILE: Variable = Variable {
    name: "AVALA_PROFILE",
    meaning: "The profile to use, unless a key is given otherwise.",
};

/// Where profiles are kept.
pub const CONFIG_DIR: Variable = Variable {
    name: "AVALA_CONFIG_DIR",
    meaning: "Where profiles are kept, instead of ~/.config/avala.",
};

/// The server.
pub const BASE_URL: Variable = Variable {
    name: "AVALA_BASE_URL",
    meaning: "The server, such as https://api.avala.ai/api/v1 (the default).",
};

/// Plain HTTP to this machine.
pub const ALLOW_INSECURE_BASE_URL: Variable = Variable {
    name: "AVALA_ALLOW_INSECURE_BASE_URL",
    meaning: "1, true, yes or on: plain HTTP to localhost is allowed.",
};

/// Certificates beside the operating system's.
pub const CA_BUNDLE: Variable = Variable {
    name: "AVALA_CA_BUNDLE",
    meaning: "A file of CA certificates (PEM) to trust besides the system's.",
};

/// Certificates in place of the operating system's.
pub const SSL_CERT_FILE: Variable = Variable {
    name: "SSL_CERT_FILE",
    meaning: "A file of CA certificates (PEM) to trust, and no others.",
};

/// The way out.
pub const HTTPS_PROXY: Variable = Variable {
    name: "HTTPS_PROXY",
    meaning: "The proxy to go through; NO_PROXY names hosts to reach without it.",
};

/// The database of a server.
pub const DATABASE_URL: Variable = Variable {
    name: "AVALA_DATABASE_URL",
    meaning: "For `serve`, `server …`: postgres://USER:PASSWORD@HOST/DATABASE.",
};

/// The file with the database of a server.
pub const DATABASE_URL_FILE: Variable = Variable {
    name: "AVALA_DATABASE_URL_FILE",
    meaning: "For `serve`, `server …`: a private file with that URL.",
};

/// No colours.
pub const NO_COLOR: Variable = Variable {
    name: "NO_COLOR",
    meaning: "Not empty: no colours (https://no-color.org).",
};

/// All of them: the source of the help text and of the reference.
pub const VARIABLES: &[Variable] = &[
    API_KEY,
    API_KEY_FILE,
    PROFILE,
    CONFIG_DIR,
    BASE_URL,
    ALLOW_INSECURE_BASE_URL,
    CA_BUNDLE,
    SSL_CERT_FILE,
    HTTPS_PROXY,
    DATABASE_URL,
    DATABASE_URL_FILE,
    NO_COLOR,
];

/// Whether a variable is set and not empty.
pub(crate) fn is_set(variable: Variable) -> bool {
    std::env::var_os(variable.name).is_some_and(|value| !value.is_empty())
}

/// The text of a variable that is set and not empty.
pub(crate) fn text(variable: Variable) -> Option<String> {
    std::env::var_os(variable.name)
        .filter(|value| !value.is_empty())
        .map(|value| value.to_string_lossy().into_owned())
}

/// The list as the help shows it.
pub(crate) fn help() -> String {
    let mut text = String::from("Environment:\n");
    let width = VARIABLES
        .iter()
        .map(|variable| variable.name.len())
        .max()
        .unwrap_or(0);
    for Variable { name, meaning } in VARIABLES {
        let _infallible = writeln!(text, "  {name:width$}  {meaning}");
    }
    text
}
