//! The official Python clients, unmodified, as judges of our server.

use std::{path::PathBuf, process::Command};

use crate::prerequisite;

/// The interpreter that has the official packages.
pub fn python() -> Option<PathBuf> {
    prerequisite(
        "AVALA_TEST_PYTHON",
        "the official Python clients against our server",
    )
}

/// A script of `official/`, with the environment that it reads.
#[derive(Debug)]
pub struct Judge(Command);

impl Judge {
    pub fn new(python: &PathBuf, script: &str, base_url: &str, key: &str) -> Self {
        let script = PathBuf::from(env!("CARGO_MANIFEST_DIR"))
            .join("official")
            .join(script);
        let mut command = Command::new(python);
        command
            .arg(script)
            .env_remove("VIRTUAL_ENV")
            .env("PYTHONDONTWRITEBYTECODE", "1")
            .env("AVALA_BASE_URL", base_url)
            .env("AVALA_ALLOW_INSECURE_BASE_URL", "true")
            .env("AVALA_API_KEY", key);
        Self(command)
    }

    #[must_use]
    pub fn arg(mut self, argument: &str) -> Self {
        self.0.arg(argument);
        self
    }

    #[must_use]
    pub fn given(mut self, variable: &str, value: &str) -> Self {
        self.0.env(variable, value);
        self
    }

    /// Lets the judge work; its verdict must be good.
    pub async fn is_content(mut self) {
        let output = tokio::task::spawn_blocking(move || self.0.output().expect("the judge runs"));
        let output = output.await.expect("the judge ends");
        let said = format!(
            "{}{}",
            String::from_utf8_lossy(&output.stdout),
            String::from_utf8_lossy(&output.stderr)
        );
        assert!(
            output.status.success(),
            "the official client is not content:\n{said}"
        );
        assert!(
            said.contains("ok "),
            "a judge that checked nothing proves nothing:\n{said}"
        );
    }
}
