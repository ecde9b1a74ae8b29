//! What is left of a key in the memory of this process once it was given up. A program of its own: nothing else
//! runs in it.
#![cfg(target_os = "linux")]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]

use std::{
    fs::{self, File, OpenOptions},
    hint::black_box,
    io::Write as _,
    os::unix::fs::{DirBuilderExt as _, FileExt as _, OpenOptionsExt as _},
    path::{Path, PathBuf},
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicU8, Ordering},
    },
    time::Duration,
};

use avala::{
    Client, ClientBuilder, Credential, CredentialProvider, Environment, ExecKey, KeyFile, ProviderFuture,
    Secret, Source,
    transport::{Limits, Transport, TransportFuture},
};
use bytes::Bytes;
use static_alloc::Bump;
use tokio::runtime::{self, Runtime};

/// The beginning of each key. It never stands whole in the program: only hidden, as its neighbours in the alphabet.
const HIDDEN: &[u8] = b"bwl`tboe`boe`tfb`boe`xjoe`boe`gph`";
/// Memory that was given back is not used again here: what was not wiped stays, and is found.
#[global_allocator]
static MEMORY: Bump<[u8; 32 << 20]> = Bump::uninit();

/// One story at a time: what is read for one must not be found by another.
static ALONE: Mutex<()> = Mutex::new(());

/// The key, made anew in this buffer.
fn write_key(number: u8, buffer: &mut Vec<u8>) {
    buffer.clear();
    buffer.extend(black_box(HIDDEN).iter().map(|byte| byte - 1));
    buffer.extend(format!("{:03}", black_box(number)).bytes());
}

/// How often the key stands in memory, wherever it can be written.
fn copies(number: u8) -> usize {
    let memory = File::open("/proc/self/mem").unwrap();
    let mut needle = Vec::with_capacity(64);
    write_key(number, &mut needle);
    // In reverse, so that what is looked for is not found itself.
    needle.reverse();
    let (last, rest) = needle.split_last().unwrap();
    let mut found = 0;
    let mut buffer = vec![0_u8; 1 << 16];
    let own = buffer.as_ptr() as u64..buffer.as_ptr() as u64 + buffer.len() as u64;
    for line in fs::read_to_string("/proc/self/maps").unwrap().lines() {
        let mut words = line.split(' ');
        let (range, rights) = (words.next().unwrap(), words.next().unwrap());
        let is_kernels = line.ends_with("[vvar]") || line.ends_with("[vsyscall]") || line.ends_with("[vdso]");
        if !rights.starts_with("rw") || is_kernels {
            continue;
        }
        let (start, end) = range.split_once('-').unwrap();
        let mut at = u64::from_str_radix(start, 16).unwrap();
        let end = u64::from_str_radix(end, 16).unwrap();
        while at < end {
            let length = buffer.len().min(usize::try_from(end - at).unwrap());
            let Ok(read @ 1..) = memory.read_at(&mut buffer[..length], at) else {
                break;
            };
            found += memchr::memchr_iter(*last, &buffer[..read])
                .filter(|&offset| !own.contains(&(at + offset as u64)))
                .filter(|&offset| {
                    buffer[offset + 1..read]
                        .iter()
                        .take(rest.len())
                        .eq(rest.iter().rev())
                })
                .count();
            if at + read as u64 >= end {
                break;
            }
            // The next piece begins a little earlier: a copy may lie across.
            at += (read - needle.len().min(read - 1)) as u64;
        }
    }
    buffer.fill(0);
    needle.fill(0);
    found
}

/// The key as a text that wipes itself.
fn key(number: u8) -> Secret {
    let mut text = Vec::with_capacity(64);
    write_key(number, &mut text);
    Secret::from(String::from_utf8(text).unwrap())
}

/// A place of its own, with files that nobody else can read.
struct Folder(tempfile::TempDir);

impl Folder {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    /// A file with the key between two texts, put there piece by piece: no copy is made on the way.
    fn file(&self, name: &str, [before, after]: [&str; 2], number: u8) -> PathBuf {
        let path = self.0.path().join(name);
        let folder = path.parent().unwrap();
        fs::DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(folder)
            .unwrap();
        let mut options = OpenOptions::new();
        let mut file = options.write(true).create(true).mode(0o600).open(&path).unwrap();
        let key = key(number);
        for piece in [before, key.expose(), after] {
            file.write_all(piece.as_bytes()).unwrap();
        }
        path
    }
}

/// A secret manager of one's own.
#[derive(Debug)]
struct Vault(u8);

impl CredentialProvider for Vault {
    fn source(&self) -> Source {
        Source::named("the vault")
    }

    fn provide(&self) -> ProviderFuture<'_> {
        Box::pin(async { Ok(Some(Credential::new(key(self.0)))) })
    }
}

fn runtime() -> Runtime {
    runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap()
}

/// Nothing is sent, and no memory is used for what would.
#[derive(Debug)]
struct Nowhere;

impl Transport for Nowhere {
    fn call(&self, _request: http::Request<Bytes>, _limits: Limits) -> TransportFuture<'_> {
        panic!("nothing is sent")
    }
}

fn program(arguments: [&str; 2]) -> ExecKey {
    ExecKey::new(arguments).environment(Environment::empty())
}

/// A client that has its key, and gives it up before it sent anything.
fn leaves_nothing(number: u8, what: &str, builder: ClientBuilder) {
    let runtime = runtime();
    runtime.block_on(async {
        let client = builder.build().unwrap();
        drop(client.expose_api_key().await.unwrap());
        assert!(
            black_box(client.credential_report()).masked_key.is_some(),
            "{what}"
        );
        assert!(copies(number) >= 1, "{what}: the client has a key");
    });
    assert_eq!(copies(number), 0, "{what}");
}

/// A secret manager that has another key each time it is asked, which is each time one is needed.
#[derive(Debug)]
struct Rotating(AtomicU8);

impl CredentialProvider for Rotating {
    fn source(&self) -> Source {
        Source::named("the rotating vault")
    }

    fn provide(&self) -> ProviderFuture<'_> {
        let credential = Credential::new(key(self.0.fetch_add(1, Ordering::SeqCst)));
        Box::pin(async { Ok(Some(credential.read_again_after(Duration::ZERO))) })
    }
}

fn builder(variables: impl IntoIterator<Item = (&'static str, String)>) -> ClientBuilder {
    Client::builder()
        .environment(variables.into_iter().collect())
        .transport(Nowhere)
}

fn shown(path: &Path) -> String {
    path.to_str().unwrap().to_owned()
}

// Covers: W6
#[test]
fn of_what_sent_nothing_no_copy_of_the_key_is_left() {
    let _alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
    // Given a search that finds what is there, or nothing that follows means anything.
    let mut plain = Vec::with_capacity(64);
    write_key(1, &mut plain);
    assert!(copies(1) >= 1, "a copy that is there is found");
    plain.fill(0);
    black_box(&plain);
    assert_eq!(copies(1), 0, "one that was wiped is not");

    let secret = key(2);
    let another = secret.clone();
    assert!(copies(2) >= 2);
    drop((secret, another));
    assert_eq!(copies(2), 0, "a secret that was dropped");

    // Then of every source from which a key is read here, nothing stays when its client is gone.
    let nowhere = || builder([]);
    leaves_nothing(10, "an explicit key", nowhere().api_key(key(10)));
    leaves_nothing(11, "a source of one's own", nowhere().credentials(Vault(11)));

    let map: Environment = [("AVALA_API_KEY", key(12))].into_iter().collect();
    leaves_nothing(12, "a variable", builder([]).environment(map));

    let folder = Folder::new();
    let mounted = folder.file("mounted", ["", "\n"], 13);
    leaves_nothing(13, "a key file", nowhere().credentials(KeyFile::new(&mounted)));
    let named = [("AVALA_API_KEY_FILE", shown(&mounted))];
    leaves_nothing(13, "a key file that a variable names", builder(named));

    for (number, around) in [
        (14, ["AVALA_API_KEY=", "\n"]),
        (15, ["# mine\nexport AVALA_API_KEY = \"", "\" # a note\n"]),
        (16, ["AVALA_API_KEY='", "'\nOTHER=x\n"]),
    ] {
        let path = folder.file(&format!("{number}.env"), around, number);
        leaves_nothing(number, ".env", nowhere().dotenv_file(path));
    }

    let stored = Folder::new();
    stored.file(
        ".config/avala/credentials.toml",
        [
            "[profiles.other]\napi_key = \"avk_other\"\n\n[profiles.mine]\napi_key = \"",
            "\"\nexpires_at = \"2999-01-01T00:00:00Z\"\n",
        ],
        17,
    );
    let settings = stored.0.path().join(".config/avala/config.toml");
    fs::write(
        settings,
        "default = \"mine\"\n[profiles.mine]\nsource = \"stored\"\n",
    )
    .unwrap();
    let home = [("HOME", shown(stored.0.path()))];
    leaves_nothing(17, "a profile's own file of secrets", builder(home));

    let line = folder.file("line", ["", "\n"], 18);
    let said = program(["/bin/cat", &shown(&line)]);
    leaves_nothing(18, "what a program printed", nowhere().credentials(said));
    let json = folder.file("json", ["{\"version\":1,\"api_key\":\"", "\"}"], 19);
    let said = program(["/bin/cat", &shown(&json)]);
    leaves_nothing(19, "what a program printed as JSON", nowhere().credentials(said));
}

// Covers: W6
#[test]
fn of_a_key_that_was_replaced_no_copy_is_left_while_the_client_goes_on() {
    let _alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
    runtime().block_on(async {
        let vault = Rotating(AtomicU8::new(20));
        let client = builder([]).credentials(vault).build().unwrap();
        for number in 20..25 {
            drop(client.expose_api_key().await.unwrap());
            assert!(copies(number) >= 1, "the client has a key");
            assert_eq!(copies(number - 1), 0, "the one before");
        }
    });
}

// Covers: W6
#[test]
fn of_what_was_read_in_vain_no_copy_of_the_key_is_left() {
    let _alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
    // Given files and programs that hold a key in what cannot be used.
    let folder = Folder::new();
    let refused = |number, what: &str, builder: ClientBuilder| {
        let runtime = runtime();
        runtime.block_on(async {
            let failed = match builder.build() {
                Ok(client) => client.expose_api_key().await.map(drop),
                Err(error) => Err(error),
            };
            drop(failed.unwrap_err());
        });
        assert_eq!(copies(number), 0, "{what}");
    };
    let nowhere = || builder([]);
    let dotenv = [
        (30, ["AVALA_API_KEY=\"", "\\q\"\n"], "an escape that is none"),
        (31, ["AVALA_API_KEY='", "\n"], "a quote that is not closed"),
        (32, ["AVALA_API_KEY=", "\nno assignment\n"], "a line that is none"),
    ];
    for (number, around, what) in dotenv {
        let path = folder.file(&format!("{number}.env"), around, number);
        refused(number, what, nowhere().dotenv_file(path));
    }
    let path = folder.file("two", ["avk_other\n", "\n"], 33);
    refused(33, "two lines", nowhere().credentials(KeyFile::new(path)));
    let path = folder.file("newer", ["{\"version\":2,\"api_key\":\"", "\"}"], 34);
    let said = program(["/bin/cat", &shown(&path)]);
    refused(34, "another version", nowhere().credentials(said));
    let path = folder.file(
        "number",
        ["{\"version\":1,\"api_key\":\"", "\",\"expires_at\":7}"],
        35,
    );
    let said = program(["/bin/cat", &shown(&path)]);
    refused(35, "an end that is no text", nowhere().credentials(said));
    let path = folder.file("failing", ["", "\n"], 36);
    let script = format!("cat {0}; cat {0} >&2; exit 3", shown(&path));
    let said = ExecKey::new(["/bin/sh", "-c", &script]);
    refused(36, "a program that failed", nowhere().credentials(said));
}
