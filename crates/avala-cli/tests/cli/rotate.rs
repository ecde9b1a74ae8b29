//! `avala auth rotate`: whatever happens on the way, the key that is stored opens, and in the end no other does.

use std::{fs, os::unix::fs::PermissionsExt as _, process::Stdio, sync::Mutex, time::SystemTime};

use avala::Timestamp;

use super::{
    auth::Machine,
    avala::{Outcome, avala},
    proxy::{Proxy, Tamper},
};

/// A machine with a stored key, and a server that is reached through a proxy.
struct Stage {
    machine: Machine,
    proxy: Proxy,
    first: String,
}

impl Stage {
    fn new() -> Self {
        Self::with(|_| {})
    }

    fn with(tamper: Tamper) -> Self {
        let machine = Machine::new();
        let proxy = Proxy::before(&machine.server.url, tamper);
        let first = machine.key("robot");
        let line = format!(
            "auth login --file --base-url {}/api/v1 --allow-insecure-loopback",
            proxy.url
        );
        let told = machine.avala(&line).stdin(&first).run();
        assert_eq!(told.code, Some(0), "{told:?}");
        Self {
            machine,
            proxy,
            first,
        }
    }

    fn rotate(&self) -> Outcome {
        self.machine.avala("auth rotate").run()
    }

    /// Rotates, and is killed while it waits for the answer to this.
    fn rotate_and_die_at(&self, path: &'static str) {
        self.proxy.loses(Some(path));
        let mut typed = self.machine.avala("auth rotate");
        let quiet = typed.command.stdout(Stdio::null()).stderr(Stdio::null());
        let mut child = quiet.spawn().unwrap();
        self.proxy.has_lost_one();
        child.kill().unwrap();
        child.wait().unwrap();
        self.proxy.loses(None);
    }

    fn opens(&self, key: &str) -> bool {
        avala("whoami").on(&self.machine.server.base_url, key).run().code == Some(0)
    }

    /// How many keys of that name open.
    fn living(&self) -> usize {
        let now = Timestamp::from(SystemTime::now());
        let listed = self.machine.server.avala("keys list --all -o json").run();
        let rows = listed.json();
        let in_grace = |row: &serde_json::Value| {
            let until = row["grace_until"]
                .as_str()
                .map(|until| until.parse::<Timestamp>().unwrap());
            row["state"] == "rotated" && until.is_some_and(|until| until > now)
        };
        let lives =
            |row: &&serde_json::Value| row["name"] == "robot" && (row["state"] == "active" || in_grace(row));
        rows.as_array().unwrap().iter().filter(lives).count()
    }
}

#[test]
fn a_rotation_that_is_killed_at_any_step_is_simply_done_again() {
    let stage = Stage::new();
    // Given a rotation that ended while the server made the key, checked it, or ended the old one,
    for step in ["/rotate/", "/users/me/", "/end-grace/"] {
        let before = stage.machine.secret();
        stage.rotate_and_die_at(step);
        // then what is stored opens, and when it is done again
        let stored = stage.machine.secret();
        assert!(stage.opens(&stored), "{step}");
        assert_eq!(stored != before, step != "/rotate/", "{step}");
        let again = stage.rotate();
        assert_eq!(again.code, Some(0), "{step}: {again:?}");
        // it opens, and nothing else does.
        let now = stage.machine.secret();
        assert!(stage.opens(&now) && !stage.opens(&before), "{step}");
        assert_eq!(now == stored, step != "/rotate/", "{step}");
        assert_eq!(stage.living(), 1, "{step}");
    }
    assert!(!stage.opens(&stage.first));
}

/// What stands in place of the secret of each rotation, if anything does.
static ANOTHER: Mutex<Option<String>> = Mutex::new(None);

fn give_another(answer: &mut http::Response<bytes::Bytes>) {
    let body = String::from_utf8_lossy(answer.body()).into_owned();
    let Some(another) = ANOTHER.lock().unwrap().clone() else {
        return;
    };
    if body.contains("rotated_from")
        && let Some((before, rest)) = body.split_once(r#""secret":""#)
        && let Some((_, after)) = rest.split_once('"')
    {
        *answer.body_mut() = format!("{before}\"secret\":\"{another}\"{after}").into();
    }
}

#[test]
fn a_new_key_that_the_server_refuses_gives_its_place_back() {
    // Given answers that hold a key which the server does not take,
    let stage = Stage::with(give_another);
    let revoked = stage.machine.key("other");
    let id = &revoked["avk_test_".len()..][..12];
    stage
        .machine
        .server
        .avala(&format!("keys revoke {id} --yes"))
        .run();
    *ANOTHER.lock().unwrap() = Some(revoked);
    // when the key is rotated, then the old one is back, and opens.
    let refused = stage.rotate().failed(1);
    assert!(
        refused.contains("The old key is in its place again."),
        "{refused}"
    );
    assert_eq!(stage.machine.secret(), stage.first);
    assert!(stage.opens(&stage.first));
    // And done again, with answers that are whole, it is replaced.
    *ANOTHER.lock().unwrap() = None;
    assert_eq!(stage.rotate().code, Some(0));
    assert!(stage.opens(&stage.machine.secret()) && !stage.opens(&stage.first));
    assert_eq!(stage.living(), 1);
}

#[test]
fn a_lost_answer_is_told_with_how_long_the_old_key_opens() {
    let stage = Stage::new();
    stage.proxy.loses(Some("/rotate/"));
    let told = stage.machine.avala("auth rotate --timeout 2s").run();
    stage.proxy.loses(None);
    assert!(
        told.stderr
            .contains("If only the answer was lost, the old key opens until 20"),
        "{told:?}"
    );
    assert_eq!(stage.rotate().code, Some(0));
    assert_eq!(stage.living(), 1);

    // So is the end of the old key, which is then all that is left to do.
    stage.proxy.loses(Some("/end-grace/"));
    let told = stage.machine.avala("auth rotate --timeout 2s").run();
    stage.proxy.loses(None);
    assert!(told.stderr.contains("Do it again to end it."), "{told:?}");
    let stored = stage.machine.secret();
    let again = stage.rotate();
    assert!(
        again.stderr.contains("An earlier rotation is finished"),
        "{again:?}"
    );
    assert_eq!((stage.machine.secret(), stage.living()), (stored, 1));
}

#[test]
fn a_key_that_may_only_replace_itself_leaves_the_old_one_to_its_grace() {
    let machine = Machine::new();
    let made = machine
        .server
        .avala("keys create --name robot --scope keys.self_rotate --scope agents.read")
        .run();
    let first = made.stdout.trim_end().to_owned();
    machine.login(&first, "--unchecked");

    let rotated = machine.avala("auth rotate").run();

    assert_eq!(rotated.code, Some(0), "{rotated:?}");
    assert!(rotated.stderr.contains("opens until"), "{rotated:?}");
    let second = machine.secret();
    assert_ne!(second, first);
    for key in [&first, &second] {
        let agents = avala("agents list").on(&machine.server.base_url, key).run();
        assert_eq!(agents.code, Some(0), "{agents:?}");
    }
    // Where it may not even do that, it is as it was.
    let made = machine
        .server
        .avala("keys create --name reader --scope agents.read")
        .run();
    let reader = made.stdout.trim_end().to_owned();
    machine.login(&reader, "--unchecked --profile reader");
    machine.avala("auth rotate --profile reader").run().failed(5);
    let stored = machine.avala("auth token --profile reader").run().printed();
    assert_eq!(stored.trim_end(), reader);
    let note = machine.home.path().join(".config/avala/rotation-reader");
    assert_eq!(
        fs::read_to_string(note).unwrap(),
        "",
        "there is nothing to go on with"
    );
}

#[test]
fn who_changes_a_profile_does_not_do_so_behind_a_rotation() {
    let stage = Stage::new();
    let folder = stage.machine.home.path().join(".config/avala");
    let lock = fs::File::create(folder.join("rotation-default")).unwrap();
    lock.lock().unwrap();
    for line in ["auth logout", "profile remove default"] {
        let told = stage.machine.avala(line).run().failed(2);
        assert!(told.contains("somebody else"), "{line}: {told}");
    }
    let line = format!(
        "auth login --unchecked --file --base-url {}/api/v1 --allow-insecure-loopback",
        stage.proxy.url
    );
    let told = stage.machine.avala(&line).stdin("avk_another").run().failed(2);
    assert!(
        told.contains("somebody else") && told.contains("Nothing was stored."),
        "{told}"
    );
    assert_eq!(stage.machine.secret(), stage.first);
    drop(lock);
    assert_eq!(stage.machine.avala("profile remove default").run().code, Some(0));
    assert!(!folder.join("rotation-default").exists());
}

#[test]
fn nothing_is_asked_of_the_server_before_it_is_known_that_a_key_can_be_stored() {
    let stage = Stage::new();
    let folder = stage.machine.home.path().join(".config/avala");
    // Given another rotation that goes on,
    let lock = fs::File::create(folder.join("rotation-default")).unwrap();
    lock.lock().unwrap();
    // when the key is rotated, then this one waits for nobody, and no key is made.
    let told = stage.rotate().failed(2);
    assert!(told.contains("somebody else"), "{told}");
    assert_eq!(stage.living(), 1);
    drop(lock);

    // Nor where the place of its note cannot be written.
    fs::remove_file(folder.join("rotation-default")).unwrap();
    fs::create_dir(folder.join("rotation-default")).unwrap();
    let told = stage.rotate().failed(2);
    assert!(told.contains("cannot be opened"), "{told}");
    assert_eq!(stage.living(), 1);
    fs::remove_dir(folder.join("rotation-default")).unwrap();

    // And when it can be, the note is as private as the key.
    assert_eq!(stage.rotate().code, Some(0));
    let note = fs::metadata(folder.join("rotation-default")).unwrap();
    assert_eq!((note.permissions().mode() & 0o777, note.len()), (0o600, 0));
}

#[test]
fn a_profile_that_was_written_by_hand_is_rotated_like_any_other() {
    let stage = Stage::new();
    // Given a server on this machine, and a profile that does not say that plain HTTP is meant,
    let path = stage.machine.home.path().join(".config/avala/config.toml");
    let written = fs::read_to_string(&path).unwrap();
    let by_hand = written.replace("allow_insecure_base_url = true\n", "");
    assert_ne!(by_hand, written);
    fs::write(&path, by_hand).unwrap();
    // then the new key is checked as the old one was asked for, and the old one is ended.
    let rotated = stage.rotate();
    assert_eq!(rotated.code, Some(0), "{rotated:?}");
    assert_eq!(stage.living(), 1);
}

#[test]
fn what_somebody_else_rotated_is_not_ended_for_them() {
    let stage = Stage::new();
    // Given a fleet that was given a new key, and a week for all of it to follow,
    let id = &stage.first["avk_test_".len()..][..12];
    let made = avala(&format!("keys rotate {id} --grace 7d"))
        .on(&stage.machine.server.base_url, &stage.first)
        .run();
    let second = made.stdout.trim_end();
    stage.machine.login(second, "--profile fleet");
    // when one machine of it rotates its own key,
    let rotated = stage.machine.avala("auth rotate --profile fleet").run();
    assert_eq!(rotated.code, Some(0), "{rotated:?}");
    // then the first key opens as long as it was promised.
    assert!(stage.opens(&stage.first) && !stage.opens(second));
}

#[test]
fn a_key_is_shown_to_no_other_server_than_its_own() {
    let stage = Stage::new();
    let elsewhere = "http://127.0.0.1:9/api/v1";
    let told = stage
        .machine
        .avala("auth rotate --allow-insecure-loopback --base-url")
        .arg(elsewhere)
        .run()
        .failed(2);
    assert!(told.contains("names another server"), "{told}");
    for line in ["auth rotate", "auth login --file", "whoami"] {
        let told = stage.machine.avala(line).server(elsewhere).stdin("avk_x").run();
        let told = told.failed(2);
        assert!(
            told.contains(elsewhere) || told.contains("names another server"),
            "{told}"
        );
    }
    assert_eq!(stage.living(), 1);
    let short = stage.machine.avala("auth rotate --grace 500ms").run().failed(2);
    assert!(short.contains("whole seconds"), "{short}");
    let short = stage.machine.avala("auth rotate --grace 10s").run().failed(2);
    assert!(short.contains("a minute at least"), "{short}");
}
