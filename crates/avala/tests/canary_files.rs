//! A known key goes through everything that writes or locks files, and stands in none but the one that is there to keep it.
#![cfg(all(unix, feature = "edit-profiles"))]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]

mod support;

use std::{
    collections::BTreeSet,
    env, fs,
    io::{Read as _, Write as _},
    net::TcpListener,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    thread,
    time::Duration,
};

use avala::{
    Environment, ExecKey, KeyFile, Secret, Timestamp, blocking,
    profiles::{Profile, Profiles, SourceSpec},
};
use support::CANARY;

/// By this, the program knows that it is the one with a home of its own.
const AT_HOME: &str = "AVALA_TEST_AT_HOME";
/// A key that was stored, and then replaced.
const REPLACED: &str = "avk_test_Replaced0000_ReplacedReplacedReplacedReplacedRepla";
/// A key that was stored, and then removed with its profile.
const REMOVED: &str = "avk_test_Removed00000_RemovedRemovedRemovedRemovedRemovedR";

/// Whose files we may look at: a machine's that is made for this, down to its temporary files.
struct Machine(tempfile::TempDir);

impl Machine {
    fn new() -> Self {
        let machine = Self(tempfile::tempdir().unwrap());
        for folder in ["home", "work", "tmp", "run", "cache", "data", "state"] {
            fs::create_dir(machine.at(folder)).unwrap();
        }
        machine
    }

    fn at(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    /// This program again, with nothing of the real machine but its programs. What it printed.
    fn runs(&self, story: &str) -> String {
        let path = env::var_os("PATH").unwrap();
        let mut child = Command::new(env::current_exe().unwrap())
            .args(["--exact", story, "--nocapture"])
            .current_dir(self.at("work"))
            .env_clear()
            .env(AT_HOME, "1")
            .env("PATH", path)
            .env("HOME", self.at("home"))
            .env("TMPDIR", self.at("tmp"))
            .env("XDG_RUNTIME_DIR", self.at("run"))
            .env("XDG_CACHE_HOME", self.at("cache"))
            .env("XDG_DATA_HOME", self.at("data"))
            .env("XDG_STATE_HOME", self.at("state"))
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut errors = child.stderr.take().unwrap();
        let errors = thread::spawn(move || {
            let mut text = String::new();
            errors.read_to_string(&mut text).map(|_| text)
        });
        let mut text = String::new();
        child.stdout.take().unwrap().read_to_string(&mut text).unwrap();
        text += &errors.join().unwrap().unwrap();
        assert!(child.wait().unwrap().success(), "{text}");
        text
    }

    /// Every file, and what is in it.
    fn files(&self) -> Vec<(PathBuf, Vec<u8>)> {
        let mut found = Vec::new();
        let mut folders = vec![self.0.path().to_owned()];
        while let Some(folder) = folders.pop() {
            for entry in fs::read_dir(folder).unwrap() {
                let path = entry.unwrap().path();
                if path.is_dir() {
                    folders.push(path);
                } else {
                    let name = path.strip_prefix(self.0.path()).unwrap().to_owned();
                    found.push((name, fs::read(&path).unwrap()));
                }
            }
        }
        found
    }

    /// The files in which a key stands, whole or by its secret part.
    fn with(&self, key: &str) -> BTreeSet<PathBuf> {
        let secret = &key.as_bytes()[22..40];
        let mut files = self.files();
        files.retain(|(_, content)| content.windows(secret.len()).any(|part| part == secret));
        files.into_iter().map(|(name, _)| name).collect()
    }
}

/// A server on this machine that answers some calls, each on a connection of its own.
fn server(calls: usize) -> (String, thread::JoinHandle<()>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/api/v1", listener.local_addr().unwrap());
    let serving = thread::spawn(move || {
        for _ in 0..calls {
            let (mut stream, _) = listener.accept().unwrap();
            stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
            let mut asked = Vec::new();
            let mut buffer = [0; 1024];
            while !asked.windows(4).any(|end| end == b"\r\n\r\n") {
                let read = stream.read(&mut buffer).unwrap();
                assert!(read > 0, "a whole request");
                asked.extend_from_slice(&buffer[..read]);
            }
            let body = r#"{"uid":"u","username":"anna"}"#;
            let head = "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Type: application/json";
            write!(stream, "{head}\r\nContent-Length: {}\r\n\r\n{body}", body.len()).unwrap();
        }
    });
    (url, serving)
}

fn git(arguments: &[&str]) {
    let status = Command::new("git").args(arguments).stdout(Stdio::null()).status();
    assert!(status.unwrap().success(), "git {arguments:?}");
}

fn stored(profiles: &mut Profiles, name: &str, url: &str, key: &str) {
    let mut profile = Profile::new(name);
    profile.base_url = Some(url.to_owned());
    profile.allow_insecure_base_url = true;
    profiles.set(&profile).unwrap();
    let ends: Timestamp = "2999-01-01T00:00:00Z".parse().unwrap();
    profiles.store(name, &Secret::from(key), Some(ends)).unwrap();
}

/// What somebody does on that machine, with the log at its finest.
fn a_day_at_work() {
    tracing_subscriber::fmt()
        .with_max_level(tracing_subscriber::filter::LevelFilter::TRACE)
        .with_writer(std::io::stderr)
        .init();
    let (url, serving) = server(4);
    let mut profiles = Profiles::open(&Environment::Process).unwrap();
    stored(&mut profiles, "staging", &url, REPLACED);
    stored(&mut profiles, "staging", &url, CANARY);
    stored(&mut profiles, "old", &url, REMOVED);
    assert!(profiles.remove("old").unwrap());
    let mut mounted = Profile::new("mounted");
    mounted.source = SourceSpec::File {
        path: "~/mounted.key".into(),
    };
    profiles.set(&mounted).unwrap();
    profiles.switch("staging").unwrap();
    // Two who want to write at once, and one that has nothing to write.
    let others: Vec<_> = (0..4)
        .map(|number| {
            let url = url.clone();
            thread::spawn(move || {
                let mut profiles = Profiles::open(&Environment::Process).unwrap();
                stored(&mut profiles, &format!("robot-{number}"), &url, CANARY);
            })
        })
        .collect();
    for other in others {
        other.join().unwrap();
    }
    assert!(!profiles.forget("mounted").unwrap());

    let home = PathBuf::from(env::var_os("HOME").unwrap());
    fs::write(home.join("mounted.key"), CANARY).unwrap();
    fs::write(".env", format!("AVALA_API_KEY={CANARY}\nAVALA_BASE_URL={url}\n")).unwrap();
    git(&["init", "--quiet"]);

    let builder = || {
        blocking::Client::builder()
            .base_url(&url)
            .allow_insecure_loopback()
    };
    let key = home.join("mounted.key");
    for builder in [
        blocking::Client::builder().profile("staging"),
        builder().dotenv(),
        builder().credentials(KeyFile::new(&key)),
        builder().credentials(ExecKey::new(["cat", key.to_str().unwrap()])),
    ] {
        let client = builder.build().unwrap();
        assert_eq!(client.users().me().send().unwrap().username, "anna");
    }
    serving.join().unwrap();
}

// Covers: W6
#[test]
fn of_all_files_the_one_for_keys_alone_holds_one() {
    if env::var_os(AT_HOME).is_some() {
        return a_day_at_work();
    }
    // Given a machine on which everything was done that writes or locks a file.
    let machine = Machine::new();
    let printed = machine.runs("of_all_files_the_one_for_keys_alone_holds_one");
    let names: BTreeSet<PathBuf> = machine.files().into_iter().map(|(name, _)| name).collect();
    let folder = Path::new("home/.config/avala");
    for name in ["config.toml", "credentials.toml", "lock"] {
        assert!(names.contains(&folder.join(name)), "{name} in {names:?}");
    }
    assert!(
        printed.contains("avala.operation") && printed.contains("is not ignored by git"),
        "the log and the warnings were on: {printed}"
    );

    // Then the key stands where people put it themselves, and in our file of keys.
    let expected = [
        "home/mounted.key",
        "work/.env",
        "home/.config/avala/credentials.toml",
    ];
    assert_eq!(machine.with(CANARY), expected.map(PathBuf::from).into());
    // What was replaced or removed stands nowhere.
    for gone in [REPLACED, REMOVED] {
        assert_eq!(machine.with(gone), BTreeSet::new());
    }
    for key in [CANARY, REPLACED, REMOVED] {
        assert!(!printed.contains(&key[22..40]), "{printed}");
    }
}
