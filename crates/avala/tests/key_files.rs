//! Files that hold a key: what is refused, and what git says about them.
#![cfg(unix)]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]

mod support;

use std::{
    fs,
    os::unix::fs::PermissionsExt as _,
    path::Path,
    process::Command,
    time::{Duration, Instant},
};

use avala::{Client, CredentialChain, CredentialProvider as _, Environment, KeyFile};
use support::CANARY;

fn folder() -> tempfile::TempDir {
    tempfile::tempdir().unwrap()
}

async fn refusal(path: &Path) -> String {
    let error = KeyFile::new(path).provide().await.unwrap_err();
    error.message().to_owned()
}

// Covers: W9
#[tokio::test]
async fn what_is_no_key_file_is_refused_at_once_and_unread() {
    let folder = folder();
    // A pipe, which whoever opens it would wait for.
    let pipe = folder.path().join("pipe");
    assert!(Command::new("mkfifo").arg(&pipe).status().unwrap().success());
    assert_eq!(refusal(&pipe).await, "the file is not a regular file");

    let large = folder.path().join("large");
    fs::write(&large, CANARY.repeat(2000)).unwrap();
    assert_eq!(refusal(&large).await, "the file is larger than 65536 bytes");

    let binary = folder.path().join("binary");
    fs::write(&binary, [b"avk_".as_slice(), &[0xff, 0xfe]].concat()).unwrap();
    assert_eq!(refusal(&binary).await, "the file is not UTF-8");
}

#[tokio::test]
async fn in_a_chain_of_ones_own_a_missing_file_is_no_key_and_an_exposed_one_a_failure() {
    let folder = folder();
    let (first, second) = (folder.path().join("first"), folder.path().join("second"));
    fs::write(&second, CANARY).unwrap();
    fs::set_permissions(&second, fs::Permissions::from_mode(0o600)).unwrap();
    let chain = CredentialChain::default()
        .then(KeyFile::new(&first))
        .then(KeyFile::new(&second));
    assert!(chain.provide().await.unwrap().is_some());

    fs::write(&first, CANARY).unwrap();
    fs::set_permissions(&first, fs::Permissions::from_mode(0o666)).unwrap();
    let error = chain.provide().await.unwrap_err();
    assert!(error.message().contains("can be written by others"), "{error}");
    assert!(!format!("{error:?} {chain:?}").contains(CANARY));
}

/// A repository with a `.env` file in a folder of it.
struct Repository {
    root: tempfile::TempDir,
    path: String,
}

impl Repository {
    fn new() -> Self {
        let root = folder();
        let repository = Self {
            root,
            path: std::env::var("PATH").unwrap(),
        };
        repository.git(&["init", "--quiet"]);
        fs::create_dir(repository.root.path().join("app")).unwrap();
        fs::write(repository.dotenv(), format!("AVALA_API_KEY={CANARY}\n")).unwrap();
        repository
    }

    fn git(&self, arguments: &[&str]) {
        let mut git = Command::new("git");
        git.args(arguments)
            .current_dir(self.root.path())
            .env_remove("GIT_DIR");
        assert!(git.status().unwrap().success());
    }

    fn dotenv(&self) -> std::path::PathBuf {
        self.root.path().join("app/.env")
    }

    fn notes(&self) -> Vec<String> {
        let environment = [("PATH", self.path.clone())].into_iter().collect::<Environment>();
        let builder = Client::builder()
            .environment(environment)
            .dotenv_file(self.dotenv());
        let client = builder.build().unwrap();
        client.credential_report().notes
    }
}

// Covers: R11, R21
#[test]
fn a_dotenv_file_that_git_tracks_or_does_not_ignore_is_told_of() {
    let repository = Repository::new();
    let [note] = repository.notes().try_into().unwrap();
    assert!(
        note.ends_with("app/.env is not ignored by git: add it to .gitignore before its key is committed")
    );

    fs::write(repository.root.path().join(".gitignore"), ".env\n").unwrap();
    assert_eq!(repository.notes(), [""; 0]);

    repository.git(&["add", "--force", "app/.env"]);
    let [note] = repository.notes().try_into().unwrap();
    assert!(
        note.contains("app/.env is tracked by git") && !note.contains(CANARY),
        "{note}"
    );
}

#[test]
fn without_git_or_with_one_that_hangs_there_is_nothing_to_tell() {
    let mut repository = Repository::new();
    let programs = folder();
    repository.path = programs.path().to_str().unwrap().to_owned();
    assert_eq!(repository.notes(), [""; 0]);

    let git = programs.path().join("git");
    let program = |text: &str| {
        fs::write(&git, text).unwrap();
        fs::set_permissions(&git, fs::Permissions::from_mode(0o700)).unwrap();
    };
    program("#!/bin/sh\nexec /bin/sleep 60\n");
    let begun = Instant::now();
    assert_eq!(repository.notes(), [""; 0]);
    assert!(begun.elapsed() < Duration::from_secs(20));

    // A relative entry of the search path could lead to anybody's program: it is not run.
    let ran = programs.path().join("ran");
    program(&format!("#!/bin/sh\n: > {}\n", ran.display()));
    repository.path = "../".repeat(40) + programs.path().to_str().unwrap().trim_start_matches('/');
    assert_eq!(repository.notes(), [""; 0]);
    assert!(!ran.exists());
}
