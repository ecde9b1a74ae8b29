//! Changing profiles: what is written, who can read it, and what becomes of what was there.
#![cfg(all(unix, feature = "edit-profiles"))]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]

mod support;

use std::{
    fs::{self, Permissions},
    os::unix::fs::{PermissionsExt as _, chown, symlink},
    path::{Path, PathBuf},
    thread,
};

use avala::{
    Client, Environment, Error, Secret, Timestamp,
    profiles::{Profile, Profiles, SourceSpec},
};
use support::CANARY;

/// Somebody's home directory.
struct Home(tempfile::TempDir);

impl Home {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn environment(&self) -> Environment {
        [("HOME", self.0.path().to_str().unwrap())].into_iter().collect()
    }

    fn profiles(&self) -> Profiles {
        Profiles::open(&self.environment()).unwrap()
    }

    fn folder(&self) -> PathBuf {
        self.0.path().join(".config/avala")
    }

    fn settings(&self) -> PathBuf {
        self.folder().join("config.toml")
    }

    fn secrets(&self) -> PathBuf {
        self.folder().join("credentials.toml")
    }

    /// Somebody wrote the settings by hand.
    fn wrote(&self, text: &str) {
        fs::create_dir_all(self.folder()).unwrap();
        fs::set_permissions(self.folder(), Permissions::from_mode(0o755)).unwrap();
        fs::write(self.settings(), text).unwrap();
        fs::set_permissions(self.settings(), Permissions::from_mode(0o644)).unwrap();
    }

    fn client(&self, profile: &str) -> Result<Client, Error> {
        Client::builder()
            .environment(self.environment())
            .profile(profile)
            .build()
    }
}

fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o7777
}

fn staging() -> Profile {
    let mut profile = Profile::new("staging");
    profile.base_url = Some("https://staging.example/api/v1".to_owned());
    profile
}

// Covers: W9, R23
#[test]
fn a_profile_is_made_with_a_key_used_and_removed_and_nobody_else_can_read_it() {
    let home = Home::new();
    let mut profiles = home.profiles();
    assert!(profiles.list().is_empty() && !home.folder().exists());

    // When somebody makes a profile and stores its key.
    profiles.set(&staging()).unwrap();
    profiles.switch("staging").unwrap();
    let ends: Timestamp = "2999-01-01T00:00:00Z".parse().unwrap();
    profiles
        .store("staging", &Secret::from(CANARY), Some(ends))
        .unwrap();

    // Then a client finds it, and only its owner does.
    let client = home.client("staging").unwrap();
    let report = client.credential_report();
    assert_eq!(report.origin, "https://staging.example");
    assert_eq!(report.expires_at, Some(ends));
    assert!(report.masked_key.is_some_and(|key| key.starts_with(&CANARY[..8])));
    assert_eq!(mode(&home.folder()), 0o700);
    assert_eq!(mode(&home.settings()), 0o600);
    assert_eq!(mode(&home.secrets()), 0o600);
    assert!(!fs::read_to_string(home.settings()).unwrap().contains(CANARY));
    assert!(!format!("{profiles:?} {client:?}").contains(CANARY));

    // And when it is removed, so are its key and the choice of it.
    assert!(profiles.remove("staging").unwrap());
    assert!(!profiles.remove("staging").unwrap());
    assert_eq!((profiles.list(), profiles.default_name()), (&[][..], None));
    assert!(!fs::read_to_string(home.secrets()).unwrap().contains(CANARY));
    assert!(home.client("staging").is_err());
}

#[test]
fn what_people_wrote_stays_as_they_wrote_it() {
    let home = Home::new();
    home.wrote(
        "# Mine.\ncolor = \"green\" # for later\n\n[profiles.staging] # ask Anna\nbase_url   =  \"https://old.example/api/v1\"   # moved\noutput = \"json\"\nnote = 'x'\n\n# The real one.\n[profiles.production]\nsource = \"env:AVALA_PRODUCTION\"\n",
    );
    let mut profiles = home.profiles();
    let mut staging = staging();
    staging.organization = Some("acme".to_owned());
    profiles.set(&staging).unwrap();
    profiles.switch("production").unwrap();
    assert_eq!(
        fs::read_to_string(home.settings()).unwrap(),
        "# Mine.\ncolor = \"green\" # for later\ndefault = \"production\"\n\n[profiles.staging] # ask Anna\nbase_url   =  \"https://staging.example/api/v1\"   # moved\nnote = 'x'\nsource = \"stored\"\norganization = \"acme\"\n\n# The real one.\n[profiles.production]\nsource = \"env:AVALA_PRODUCTION\"\n"
    );
    assert_eq!(profiles.get("staging"), Some(&staging));
    let names: Vec<&str> = profiles
        .list()
        .iter()
        .map(|profile| profile.name.as_str())
        .collect();
    assert_eq!(names, ["production", "staging"]);

    // Nothing to change: the file is not touched.
    let before = fs::metadata(home.settings()).unwrap().modified().unwrap();
    profiles.set(&staging).unwrap();
    assert_eq!(fs::metadata(home.settings()).unwrap().modified().unwrap(), before);
}

#[test]
fn every_source_is_read_back_as_it_was_set() {
    let home = Home::new();
    let mut profiles = home.profiles();
    let command = ["op", "read", "op://My Vault/it's \"mine\"/key"].map(str::to_owned);
    let mut sources: Vec<SourceSpec> = [
        "stored",
        "env:KEY",
        "file:~/key",
        "keychain:a b",
        "aws-sm:prod/avala#key",
        "gcp-sm:projects/p/secrets/s",
    ]
    .iter()
    .map(|text| text.parse().unwrap())
    .collect();
    sources.push(SourceSpec::Exec {
        command: command.into(),
    });
    for source in sources {
        let mut profile = Profile::new("one");
        profile.source = source;
        profiles.set(&profile).unwrap();
        assert_eq!(home.profiles().get("one"), Some(&profile));
    }
}

#[test]
fn what_others_could_read_is_closed_before_a_key_is_written() {
    let home = Home::new();
    home.wrote("[profiles.staging]\n");
    fs::write(home.secrets(), "# old\n").unwrap();
    fs::set_permissions(home.secrets(), Permissions::from_mode(0o644)).unwrap();
    home.profiles()
        .store("staging", &Secret::from(CANARY), None)
        .unwrap();
    assert_eq!((mode(&home.folder()), mode(&home.secrets())), (0o700, 0o600));
    assert!(fs::read_to_string(home.secrets()).unwrap().contains("# old\n"));

    // A directory that is everybody's, such as /tmp, stays so, and takes no keys.
    let shared = tempfile::tempdir().unwrap();
    fs::set_permissions(shared.path(), Permissions::from_mode(0o1777)).unwrap();
    let path = shared.path().to_str().unwrap();
    let environment: Environment = [("AVALA_CONFIG_DIR", path)].into_iter().collect();
    // Its settings could be anybody's, too; there are none yet.
    assert!(Profiles::open(&environment).is_err());
    assert_eq!(mode(shared.path()), 0o1777);

    // Nor is a directory ours to close that holds other things, such as a project.
    let project = tempfile::tempdir().unwrap();
    fs::write(project.path().join("main.rs"), "").unwrap();
    fs::set_permissions(project.path(), Permissions::from_mode(0o755)).unwrap();
    let path = project.path().to_str().unwrap();
    let environment: Environment = [("AVALA_CONFIG_DIR", path)].into_iter().collect();
    let error = Profiles::open(&environment).unwrap().set(&staging()).unwrap_err();
    assert!(error.message().contains("a directory of their own"), "{error}");
    assert_eq!(mode(project.path()), 0o755);
}

#[test]
fn a_writer_that_was_ended_in_the_middle_leaves_no_key_behind() {
    let home = Home::new();
    home.profiles().set(&staging()).unwrap();
    let left = home.folder().join("credentials.toml.unfinished");
    fs::write(&left, CANARY).unwrap();
    home.profiles().forget("staging").unwrap();
    assert!(left.exists(), "nothing is stored, so nothing is touched");
    home.profiles()
        .store("staging", &Secret::from("avk_next"), None)
        .unwrap();
    assert!(!left.exists());
}

/// Only root can give files away.
#[test]
fn settings_of_another_user_decide_nothing() {
    if !rustix::process::geteuid().is_root() {
        return;
    }
    let home = Home::new();
    home.wrote("[profiles.staging]\nsource = \"exec:id\"\n");
    assert!(Profiles::open(&home.environment()).is_ok());
    for path in [home.settings(), home.folder()] {
        chown(&path, Some(12_345), None).unwrap();
        let error = Profiles::open(&home.environment()).unwrap_err();
        assert!(error.message().contains("belongs to another user"), "{error}");
        chown(&path, Some(0), None).unwrap();
    }
}

#[test]
fn a_stored_key_belongs_to_the_url_it_was_stored_for() {
    let home = Home::new();
    let mut profiles = home.profiles();
    profiles.set(&staging()).unwrap();
    profiles.store("staging", &Secret::from(CANARY), None).unwrap();
    let mut moved = staging();
    moved.base_url = Some("https://elsewhere.example/api/v1".to_owned());
    profiles.set(&moved).unwrap();
    let error = home.client("staging").unwrap_err();
    assert!(
        error.message().contains("staging.example") && error.message().contains("elsewhere.example"),
        "{error}"
    );
    // Storing the key of the new place makes it good again.
    profiles.store("staging", &Secret::from(CANARY), None).unwrap();
    assert_eq!(
        home.client("staging").unwrap().credential_report().origin,
        "https://elsewhere.example"
    );
    assert!(profiles.forget("staging").unwrap());
    assert!(!profiles.forget("staging").unwrap());
    assert!(
        home.client("staging")
            .unwrap_err()
            .message()
            .contains("no key is stored")
    );
}

#[test]
fn many_who_write_at_once_lose_nothing_and_readers_see_whole_files() {
    let home = Home::new();
    home.profiles().set(&Profile::new("first")).unwrap();
    thread::scope(|scope| {
        for writer in 0..8 {
            let home = &home;
            scope.spawn(move || {
                for number in 0..4 {
                    let name = format!("p{writer}-{number}");
                    let mut profiles = home.profiles();
                    profiles.set(&Profile::new(&name)).unwrap();
                    profiles.store(&name, &Secret::from(CANARY), None).unwrap();
                }
            });
        }
        for _ in 0..200 {
            assert!(home.profiles().get("first").is_some());
        }
    });
    let profiles = home.profiles();
    assert_eq!(profiles.list().len(), 33);
    for profile in profiles.list().iter().filter(|profile| profile.name != "first") {
        home.client(&profile.name).unwrap();
    }
    let left: Vec<String> = fs::read_dir(home.folder())
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .filter(|name| name.contains("unfinished"))
        .collect();
    assert!(left.is_empty(), "{left:?}");
}

#[test]
fn settings_that_are_kept_elsewhere_stay_there() {
    let home = Home::new();
    home.wrote("");
    let kept = home.0.path().join("dotfiles.toml");
    fs::rename(home.settings(), &kept).unwrap();
    symlink(&kept, home.settings()).unwrap();
    home.profiles().set(&staging()).unwrap();
    assert!(fs::symlink_metadata(home.settings()).unwrap().is_symlink());
    assert!(fs::read_to_string(kept).unwrap().contains("staging.example"));
}

#[test]
fn what_makes_no_sense_is_refused_and_changes_nothing() {
    let home = Home::new();
    home.wrote("profiles = { one = {} }\n");
    let mut profiles = home.profiles();
    let with_url = |url: &str| {
        let mut profile = staging();
        profile.base_url = Some(url.to_owned());
        profile
    };
    for bad in [
        Profile::new(""),
        Profile::new("a b"),
        Profile::new("a\"]\n[x"),
        with_url("http://staging.example"),
        with_url("https://user:pass@staging.example"),
        Profile::new("one"),
    ] {
        assert!(profiles.set(&bad).is_err(), "{bad:?}");
    }
    assert!(profiles.switch("two").is_err());
    assert!(profiles.store("two", &Secret::from(CANARY), None).is_err());
    assert_eq!(
        fs::read_to_string(home.settings()).unwrap(),
        "profiles = { one = {} }\n"
    );
    // Without a home there is no place for profiles.
    let mut nowhere = Profiles::open(&Environment::empty()).unwrap();
    let error = nowhere.set(&staging()).unwrap_err();
    assert!(error.hint().unwrap().contains("AVALA_CONFIG_DIR"));
    assert!(!nowhere.remove("staging").unwrap());
}

#[test]
fn a_source_that_could_not_be_read_back_takes_no_profile_away() {
    let home = Home::new();
    home.profiles().set(&staging()).unwrap();
    for source in [
        SourceSpec::File { path: "key".into() },
        SourceSpec::Keychain {
            account: String::new(),
        },
        SourceSpec::Exec { command: Vec::new() },
        SourceSpec::Environment {
            variable: "A B".to_owned(),
        },
    ] {
        let mut bad = Profile::new("bad");
        bad.source = source;
        let error = home.profiles().set(&bad).unwrap_err();
        assert!(error.message().contains("Known sources are"), "{error}");
        assert_eq!(home.profiles().list().len(), 1);
    }
    // One that a newer version wrote stays as it is.
    home.wrote("[profiles.staging]\nsource = \"vault:secret/avala\" # theirs\n");
    let mut profile = home.profiles().get("staging").unwrap().clone();
    assert!(home.client("staging").is_err());
    profile.output = Some("json".to_owned());
    home.profiles().set(&profile).unwrap();
    let text = fs::read_to_string(home.settings()).unwrap();
    assert!(
        text.contains("source = \"vault:secret/avala\" # theirs") && text.contains("json"),
        "{text}"
    );
}
