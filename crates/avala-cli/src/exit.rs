//! The exit codes of the command. They are stable: scripts depend on them.

use std::{fmt::Write as _, process::ExitCode};

/// How the command ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Exit(u8);

impl Exit {
    /// All went well.
    pub const OK: Self = Self(0);
    /// It failed, and no other code says why.
    pub const FAILURE: Self = Self(1);
    /// The command was called in a way it cannot be, or a setting is wrong or missing.
    pub const USAGE: Self = Self(2);
    /// The thing asked for does not exist.
    pub const NOT_FOUND: Self = Self(3);
    /// The server does not accept the key.
    pub const AUTHENTICATION: Self = Self(4);
    /// The key is good and lacks the right.
    pub const FORBIDDEN: Self = Self(5);
    /// Too many requests.
    pub const RATE_LIMITED: Self = Self(6);
    /// The server could not be reached in time.
    pub const NETWORK: Self = Self(7);
    /// The server failed.
    pub const SERVER: Self = Self(8);
    /// The server refused the values.
    pub const VALIDATION: Self = Self(9);
    /// The quota is used up.
    pub const QUOTA: Self = Self(10);
    /// A job that was waited for failed.
    pub const JOB_FAILED: Self = Self(11);
    /// Interrupted from the keyboard.
    pub const INTERRUPTED: Self = Self(130);

    /// The code of a failed call.
    pub(crate) fn of(error: &avala::Error) -> Self {
        Self(error.exit_code())
    }

    /// The number the process ends with.
    pub const fn code(self) -> u8 {
        self.0
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        exit.0.into()
    }
}

/// Every exit code and what it means: the source of the help text and of the reference.
pub const EXIT_CODES: &[(Exit, &str)] = &[
    (Exit::OK, "All went well."),
    (Exit::FAILURE, "It failed, and no other code says why."),
    (
        Exit::USAGE,
        "The command line is wrong, or a setting is wrong or missing, such as the key.",
    ),
    (
        Exit::NOT_FOUND,
        "The thing asked for does not exist, or belongs to someone else.",
    ),
    (Exit::AUTHENTICATION, "The server does not accept the API key."),
    (Exit::FORBIDDEN, "The key is accepted and lacks the right."),
    (
        Exit::RATE_LIMITED,
        "Too many requests; `retry_after` says how long to wait.",
    ),
    (
        Exit::NETWORK,
        "The server could not be reached, or did not answer in time.",
    ),
    (Exit::SERVER, "The server failed."),
    (
        Exit::VALIDATION,
        "The server refused the values, or the state they meet.",
    ),
    (Exit::QUOTA, "The quota is used up, or something is too large."),
    (
        Exit::JOB_FAILED,
        "The job that was waited for failed or was cancelled.",
    ),
    (Exit::INTERRUPTED, "Interrupted from the keyboard."),
];

/// The table as the help shows it.
pub(crate) fn help() -> String {
    let mut text = String::from("Exit codes:\n");
    for (exit, meaning) in EXIT_CODES {
        let _infallible = writeln!(text, "  {:>3}  {meaning}", exit.0);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_code_is_listed_once_and_in_order() {
        let codes: Vec<u8> = EXIT_CODES.iter().map(|(exit, _)| exit.code()).collect();
        assert_eq!(codes, [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 130]);
    }
}
