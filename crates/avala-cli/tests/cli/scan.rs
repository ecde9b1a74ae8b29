//! `avala scan`: what is found in files and in what is staged, and that no key is ever printed.

use std::{
    fs,
    path::Path,
    process::{Command, Stdio},
};

use avala_keys::{ApiKey, Class, RandomnessFailed};
use tempfile::TempDir;

use super::avala::{Outcome, Typed, avala};

const HEX: &str = "9b2f6c0d84e1a73f5c28d0e6b917a45f3d60c8e2";

/// A well-formed key that was never issued.
fn key(class: Class, mut seed: u64) -> ApiKey {
    let mut numbers = |bytes: &mut [u8]| -> Result<(), RandomnessFailed> {
        for byte in bytes {
            seed = seed
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1_442_695_040_888_963_407);
            *byte = seed.to_be_bytes()[0];
        }
        Ok(())
    };
    ApiKey::generate(class, &mut numbers).unwrap()
}

/// A directory, and `avala scan …` typed in it.
struct Place(TempDir);

impl Place {
    fn new() -> Self {
        Self(TempDir::new().unwrap())
    }

    /// A place with a git repository of its own, whatever this machine's settings are.
    fn repository() -> Self {
        let place = Self::new();
        place.git(&["init", "--quiet", "--template="]);
        place
    }

    fn path(&self) -> &Path {
        self.0.path()
    }

    fn write(&self, name: &str, content: impl AsRef<[u8]>) -> &Self {
        let path = self.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, content).unwrap();
        self
    }

    fn isolated<'c>(&self, command: &'c mut Command) -> &'c mut Command {
        let tools = Path::new(env!("CARGO_BIN_EXE_avala")).parent().unwrap().display();
        command
            .current_dir(self.path())
            .env_clear()
            .env("PATH", format!("{tools}:/usr/local/bin:/usr/bin:/bin"))
            .env("HOME", self.path())
            .env("GIT_CONFIG_NOSYSTEM", "1")
            .env("GIT_AUTHOR_NAME", "Ada")
            .env("GIT_AUTHOR_EMAIL", "ada@example.com")
            .env("GIT_COMMITTER_NAME", "Ada")
            .env("GIT_COMMITTER_EMAIL", "ada@example.com")
            .stdin(Stdio::null())
    }

    fn try_git(&self, arguments: &[&str]) -> Outcome {
        self.isolated(Command::new("git").args(arguments))
            .output()
            .unwrap()
            .into()
    }

    #[track_caller]
    fn git(&self, arguments: &[&str]) -> String {
        let outcome = self.try_git(arguments);
        assert_eq!(outcome.code, Some(0), "{outcome:?}");
        outcome.stdout
    }

    fn typed(&self, line: &str) -> Typed {
        let mut typed = avala(&format!("scan {line}"));
        self.isolated(&mut typed.command);
        typed
    }

    fn scan(&self, line: &str) -> Outcome {
        self.typed(line).run()
    }
}

/// Found, with exit code 1; the rows, and not one of the keys anywhere.
#[track_caller]
fn found(outcome: Outcome, keys: &[&str]) -> String {
    assert_eq!(outcome.code, Some(1), "{outcome:?}");
    for key in keys {
        let secret = &key[key.len().saturating_sub(38)..];
        for said in [&outcome.stdout, &outcome.stderr] {
            assert!(!said.contains(secret), "{said}");
        }
    }
    outcome.stdout
}

// Covers: R21
#[test]
fn a_key_in_a_file_is_told_by_place_kind_and_public_part() {
    // Given a tree with a live key, a test key and one of the other shapes.
    let (live, test) = (key(Class::Live, 1), key(Class::Test, 2));
    let place = Place::new();
    place
        .write(
            "src/main.py",
            format!("import avala\n\nc = \"ü\"; k = \"{}\"\n", live.expose()),
        )
        .write("tests/keys.txt", test.expose())
        .write(".env", format!("AVALA_API_KEY={HEX}\n"))
        .write(
            "README.md",
            "Set `AVALA_API_KEY=avk_your_api_key`, see commit 9b2f6c0d84e1a73f5c28d0e6b917a45f3d60c8e2.\n",
        );

    // When it is searched, then each is named, in the order of the files, and none is printed.
    let rows = found(place.scan(""), &[live.expose(), test.expose(), HEX]);
    let expected = format!(
        ".env:1:15\ta key of 40 hexadecimal digits\t…\nsrc/main.py:3:15\ta live key\t{}\ntests/keys.txt:1:1\ta test key\t{}\n",
        live.prefix(),
        test.prefix()
    );
    assert_eq!(rows, expected);

    // And programs get the same as JSON.
    let rows = found(place.scan("--output json"), &[live.expose(), test.expose(), HEX]);
    let rows: serde_json::Value = serde_json::from_str(&rows).unwrap();
    assert_eq!(
        rows[1],
        serde_json::json!({"path": "src/main.py", "line": 3, "column": 15, "kind": "live", "key": live.prefix()})
    );
    assert_eq!(
        (&rows[0]["kind"], &rows[2]["kind"]),
        (&"hex".into(), &"test".into())
    );
}

#[test]
fn a_clean_tree_is_0_and_says_nothing() {
    let place = Place::new();
    place.write("README.md", "export AVALA_API_KEY=avk_...\n");
    assert_eq!(place.scan("").printed(), "");
    assert_eq!(place.scan("--output json").json(), serde_json::json!([]));
}

#[test]
fn what_git_ignores_is_not_searched_and_what_is_named_is() {
    let key = key(Class::Live, 3);
    let place = Place::new();
    place
        .write(".gitignore", "/target\n.env\n")
        .write("target/out.txt", key.expose())
        .write(".env", key.expose())
        .write(".git/config", key.expose());
    assert_eq!(place.scan("").printed(), "");
    let rows = found(place.scan(".env target/out.txt .env"), &[key.expose()]);
    assert_eq!(
        rows.lines().count(),
        2,
        "a path that is given twice is told once: {rows}"
    );
    assert!(rows.starts_with(".env:1:1\t"), "{rows}");
}

#[test]
fn a_line_that_says_so_is_let_through_and_no_other() {
    let key = key(Class::Test, 4);
    let place = Place::new();
    let allowed = format!("key = {0} {0} # avala:allow\n", key.expose());
    place.write("fixture.py", &allowed);
    assert_eq!(place.scan("").printed(), "");

    place.write("fixture.py", format!("{allowed}key = {}\n", key.expose()));
    let rows = found(place.scan(""), &[key.expose()]);
    assert!(
        rows.starts_with("fixture.py:2:7\t") && rows.lines().count() == 1,
        "{rows}"
    );
}

#[test]
fn binary_and_large_files_are_not_searched_and_that_is_said() {
    let key = key(Class::Live, 5);
    let place = Place::new();
    let mut large = vec![b' '; 5 * 1024 * 1024];
    place.write("exactly.txt", &large);
    large.push(b' ');
    large[..60].copy_from_slice(key.expose().as_bytes());
    place
        .write("large.txt", large)
        .write("binary", [key.expose().as_bytes(), b"\0"].concat());
    let outcome = place.scan("");
    assert_eq!((outcome.code, outcome.stdout.as_str()), (Some(0), ""));
    assert_eq!(
        outcome.stderr,
        "Not searched, because binary: binary.\nNot searched, because larger than 5 MiB: large.txt.\n"
    );
}

#[test]
fn utf_16_is_text() {
    let key = key(Class::Live, 6);
    let text = format!("\r\nAVALA_API_KEY={}\r\n", key.expose());
    let little: Vec<u8> = text.encode_utf16().flat_map(u16::to_le_bytes).collect();
    let big: Vec<u8> = text.encode_utf16().flat_map(u16::to_be_bytes).collect();
    let place = Place::new();
    place
        .write("big", [&[0xfe, 0xff], &big[..]].concat())
        .write("little", [&[0xff, 0xfe], &little[..]].concat());
    let rows = found(place.scan(""), &[key.expose()]);
    let places: Vec<&str> = rows.lines().filter_map(|row| row.split('\t').next()).collect();
    assert_eq!(places, ["big:2:15", "little:2:15"]);
}

#[test]
fn a_search_that_cannot_be_made_is_2_and_never_1() {
    let place = Place::new();
    assert!(place.scan("missing").failed(2).contains("missing cannot be read"));
    assert!(place.scan("--staged").failed(2).contains("not a git repository"));
    assert!(
        place
            .scan("--install-hook")
            .failed(2)
            .contains("not a git repository")
    );
    place.scan("--staged .").failed(2);
    place.scan("--install-hook --staged").failed(2);
    let nowhere = place.typed("--staged").env("PATH", "/nowhere").run();
    assert!(nowhere.failed(2).contains("git cannot be started"));
}

#[cfg(unix)]
#[test]
fn links_are_not_followed_and_what_is_no_file_is_not_waited_for() {
    use std::os::unix::{fs::symlink, net::UnixListener};
    let key = key(Class::Live, 7);
    let outside = Place::new();
    outside.write("key.txt", key.expose());
    let place = Place::new();
    symlink("missing", place.path().join("nowhere")).unwrap();
    symlink(outside.path(), place.path().join("elsewhere")).unwrap();
    // Its name is a key: that is not printed, either.
    let name = format!("{}.sock", key.expose());
    let _socket = UnixListener::bind(place.path().join(&name)).unwrap();
    assert_eq!(place.scan("").printed(), "");

    let said = place.typed("").arg(&name).run().failed(2);
    assert!(said.contains("is neither a file nor a directory"), "{said}");
    assert!(!said.contains(key.expose()), "{said}");
}

/// The memory of a process is a file that opens and cannot be read from its beginning, even by root.
#[cfg(target_os = "linux")]
#[test]
fn a_file_that_cannot_be_read_makes_no_clean_result() {
    let key = key(Class::Live, 11);
    let place = Place::new();
    place.write("clean.txt", "nothing").write("key.txt", key.expose());
    let said = place.scan("/proc/self/mem clean.txt").failed(2);
    assert!(
        said.contains("Not everything could be read: /proc/self/mem."),
        "{said}"
    );
    found(place.scan("/proc/self/mem key.txt"), &[key.expose()]);
}

#[test]
fn a_reader_that_leaves_does_not_make_the_result_clean() {
    let key = key(Class::Live, 12);
    let place = Place::new();
    place.write("key.txt", key.expose());
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    let mut typed = place.typed("");
    let status = typed
        .command
        .stdout(writer)
        .stderr(Stdio::null())
        .status()
        .unwrap();
    assert_eq!(status.code(), Some(1));
}

#[test]
fn what_is_staged_counts_and_not_what_the_file_holds_by_now() {
    // Given a repository without a commit, where nothing is staged.
    let key = key(Class::Live, 8);
    let place = Place::repository();
    place.write("config.py", format!("KEY = \"{}\"\n", key.expose()));
    assert_eq!(place.scan("--staged").printed(), "");

    // When the file is staged, and the key is then taken out of it in the working tree only.
    place.git(&["add", "."]);
    place.write("config.py", "KEY = None\n");

    // Then it is found: it would be committed.
    let rows = found(place.scan("--staged"), &[key.expose()]);
    assert_eq!(rows, format!("config.py:1:8\ta live key\t{}\n", key.prefix()));

    // And once that is staged, or what held it is deleted, it is not.
    place.git(&["add", "."]);
    assert_eq!(place.scan("--staged").printed(), "");
    place.git(&["commit", "--quiet", "-m", "First"]);
    place.git(&["rm", "--quiet", "config.py"]);
    assert_eq!(place.scan("--staged").printed(), "");
}

#[cfg(unix)]
#[test]
fn staged_paths_may_have_any_bytes() {
    use std::{ffi::OsStr, os::unix::ffi::OsStrExt as _};
    let place = Place::repository();
    let names: [&[u8]; 5] = [b"a b", b"-n", b"new\nline", b"quote\"$(touch x)`", b"\xff\xfe"];
    let keys: Vec<ApiKey> = (0..5).map(|seed| key(Class::Live, 20 + seed)).collect();
    for (name, key) in names.iter().zip(&keys) {
        fs::write(place.path().join(OsStr::from_bytes(name)), key.expose()).unwrap();
    }
    place.git(&["add", "."]);
    let secrets: Vec<&str> = keys.iter().map(ApiKey::expose).collect();
    let rows = found(place.scan("--staged"), &secrets);
    assert_eq!(rows.lines().count(), 5, "{rows}");
    for key in &keys {
        assert!(rows.contains(&key.prefix()), "{rows}");
    }
    assert!(!place.path().join("x").exists());
}

#[test]
fn settings_of_a_repository_hide_nothing_and_run_nothing() {
    let key = key(Class::Live, 9);
    let place = Place::repository();
    place
        .write("sub/inner.txt", "nothing")
        .write("key.txt", key.expose())
        .write(".gitattributes", "*.txt diff=hide\n");
    for (name, value) in [
        ("diff.relative", "true"),
        ("diff.renames", "copies"),
        ("diff.external", "touch external-ran"),
        ("diff.hide.textconv", "touch textconv-ran"),
        ("core.fsmonitor", "touch fsmonitor-ran"),
        ("core.quotePath", "true"),
        ("color.ui", "always"),
    ] {
        place.git(&["config", name, value]);
    }
    place.git(&["-c", "core.fsmonitor=false", "add", "."]);
    let mut typed = place.typed("--staged");
    typed.command.current_dir(place.path().join("sub"));
    let rows = found(typed.run(), &[key.expose()]);
    assert!(rows.starts_with("key.txt:1:1\t"), "{rows}");
    let ran: Vec<_> = fs::read_dir(place.path())
        .unwrap()
        .filter(|entry| {
            entry
                .as_ref()
                .unwrap()
                .file_name()
                .to_string_lossy()
                .ends_with("-ran")
        })
        .collect();
    assert!(ran.is_empty(), "{ran:?}");
}

// Covers: R21
#[cfg(unix)]
#[test]
fn the_hook_keeps_a_key_out_of_a_commit() {
    // Given a repository with the hook.
    let key = key(Class::Live, 10);
    let place = Place::repository();
    let made = place.scan("--install-hook");
    assert_eq!((made.code, made.stdout.as_str()), (Some(0), ""), "{made:?}");
    let again = place.scan("--install-hook");
    assert!(
        again.code == Some(0) && again.stderr.contains("is there already"),
        "{again:?}"
    );

    // When a key is to be committed, then it is refused, told where it is, and nothing is committed.
    place.write("main.py", format!("KEY = \"{}\"\n", key.expose()));
    place.git(&["add", "."]);
    let commit = place.try_git(&["commit", "-m", "First"]);
    assert_eq!(commit.code, Some(1), "{commit:?}");
    let said = format!("{}{}", commit.stdout, commit.stderr);
    assert!(
        said.contains("main.py:1:8") && said.contains(&key.prefix()),
        "{said}"
    );
    assert!(!said.contains(key.expose()), "{said}");
    assert_ne!(place.try_git(&["rev-parse", "--verify", "HEAD"]).code, Some(0));

    // And without the key it goes through, also when git uses another index, as it does for `commit --all`.
    place.write("main.py", "KEY = None\n");
    place.git(&["add", "."]);
    place.git(&["commit", "--quiet", "-m", "First"]);
    place.write("main.py", format!("KEY = \"{}\"\n", key.expose()));
    assert_eq!(place.try_git(&["commit", "--all", "-m", "Second"]).code, Some(1));
}

#[test]
fn a_hook_of_somebody_else_is_left_as_it_is() {
    let place = Place::repository();
    place.git(&["config", "core.hooksPath", "tools/hooks"]);
    place.write("tools/hooks/pre-commit", "#!/bin/sh\nexit 0\n");
    let said = place.scan("--install-hook").failed(2);
    assert!(said.contains("avala scan --staged || exit $?"), "{said}");
    let hook = fs::read_to_string(place.path().join("tools/hooks/pre-commit")).unwrap();
    assert_eq!(hook, "#!/bin/sh\nexit 0\n");
}

#[test]
fn the_hook_goes_where_hooks_are_and_not_when_only_reading_is_allowed() {
    let place = Place::repository();
    place.git(&["config", "core.hooksPath", "tools/hooks"]);
    place.write("sub/file", "");
    place.scan("--install-hook --read-only").failed(2);
    assert!(!place.path().join("tools").exists());
    let mut typed = place.typed("--install-hook");
    typed.command.current_dir(place.path().join("sub"));
    assert_eq!(typed.run().code, Some(0));
    assert!(place.path().join("tools/hooks/pre-commit").exists());
}

#[test]
fn this_repository_holds_no_key() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(2).unwrap();
    let outcome = avala("scan").arg(root.to_str().unwrap()).run();
    assert_eq!(
        (outcome.code, outcome.stdout.as_str()),
        (Some(0), ""),
        "{outcome:?}"
    );
}
