//! A disk that is full: keys open as before, changes are refused and say so, and it recovers by itself.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stderr,
    reason = "a test fails by panicking"
)]

use std::{
    fs,
    io::Write as _,
    path::Path,
    process::{Command, Stdio},
};

use avala::{Error, api::EventName, api::webhooks::Webhook, blocking::Client};
use avala_tests::{ServeProcess, avala};

/// Runs a program that sees a small disk of its own in a folder.
const ON_A_SMALL_DISK: &str = r#"mount -t tmpfs -o size=3m,mode=0700 small "$1" && shift && exec "$@""#;

/// How file systems can be mounted here that nobody else sees: as root, or as a user who is root to himself.
fn namespace() -> Option<&'static [&'static str]> {
    let ways: [&[&str]; 2] = [&["--mount"], &["--user", "--map-root-user", "--mount"]];
    let folder = tempfile::tempdir().unwrap();
    let found = ways.into_iter().find(|way| {
        let mut tried = Command::new("unshare");
        tried.args(*way).args(["sh", "-c", ON_A_SMALL_DISK, "sh"]);
        tried.arg(folder.path()).arg("true").stderr(Stdio::null());
        tried.status().is_ok_and(|status| status.success())
    });
    let is_ci = std::env::var_os("CI").is_some_and(|value| value == "true");
    assert!(
        found.is_some() || !is_ci,
        "nothing may be skipped, and no file system can be mounted here"
    );
    if found.is_none() {
        eprintln!("skipped: a full disk (no file system can be mounted here)");
    }
    found
}

fn create(client: &Client) -> Result<Webhook, Error> {
    client
        .webhooks()
        .create("https://example.com/hook", [EventName::TaskCompleted])
        .send()
}

/// Full, or busy.
fn says_so(error: &Error) -> bool {
    error
        .status()
        .is_some_and(|status| [507, 503].contains(&status.as_u16()))
}

/// Writes until nothing more fits.
fn fill(path: &Path) {
    let mut file = fs::File::create(path).unwrap();
    for size in [64 * 1024, 4096, 1] {
        while file.write(&vec![7; size]).is_ok_and(|written| written > 0) {}
    }
}

#[test]
fn on_a_full_disk_keys_open_changes_are_refused_and_it_recovers_by_itself() {
    let Some(namespace) = namespace() else { return };
    let folder = tempfile::tempdir().unwrap();
    let mut command = Command::new("unshare");
    command.args(namespace).args(["sh", "-c", ON_A_SMALL_DISK, "sh"]);
    command.arg(folder.path()).arg(avala(&[]).get_program());
    let server = ServeProcess::start_by(&mut command, &folder.path().join("data"), &[]);
    let client = server.client();
    // What the server sees there, and nobody else.
    let seen = Path::new("/proc")
        .join(server.id().to_string())
        .join("root")
        .join(folder.path().strip_prefix("/").unwrap());
    let mut made = vec![create(&client).unwrap().uid];

    // Given a disk on which nothing fits any more, once what was set aside is used up.
    fill(&seen.join("filler"));
    let refused = (0..2_000).find_map(|_| match create(&client) {
        Ok(webhook) => {
            made.push(webhook.uid);
            None
        }
        Err(error) => Some(error),
    });
    let refused = refused.expect("the disk is full in the end");
    assert!(says_so(&refused), "{refused:?}");

    // Then keys open, rows are read, and each change is refused in the same way.
    for _ in 0..50 {
        client.users().me().send().unwrap();
        let listed = client.webhooks().list().limit(1).send().unwrap();
        assert_eq!(listed.items.len(), 1);
        let error = create(&client).unwrap_err();
        assert!(says_so(&error), "{error:?}");
    }

    // When there is room again, then changes are made again, by the same process, and what was acknowledged is there.
    fs::remove_file(seen.join("filler")).unwrap();
    made.push(create(&client).unwrap().uid);
    let there: Vec<_> = client
        .webhooks()
        .list()
        .limit(1000)
        .items()
        .map(|row| row.unwrap().uid)
        .collect();
    assert!(made.iter().all(|uid| there.contains(uid)));
    assert_eq!(there.len(), made.len(), "nothing that was refused is there");
    server.stop();
}
