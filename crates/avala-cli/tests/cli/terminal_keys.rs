//! Keys of this machine on a real terminal: what is asked, what is shown, and what Ctrl-C leaves behind.

use super::{
    auth::Machine,
    terminal::{KEY, typed_with},
};

const CONSENT: &str = "[y/N]";
const CTRL_C: &str = "\u{3}";

impl Machine {
    /// Types a line at this machine's terminal.
    fn types(&self, line: &str, answers: &[(&str, &str)]) -> (Option<i32>, String) {
        typed_with([("HOME", self.home.path().to_str().unwrap())], line, answers)
    }

    fn types_login(&self, more: &str, answers: &[(&str, &str)]) -> (Option<i32>, String) {
        let url = &self.server.base_url;
        let line = format!("auth login --base-url {url} --allow-insecure-loopback{more}");
        self.types(&line, answers)
    }
}

// Covers: R4
#[test]
fn who_has_no_key_yet_is_told_the_four_steps_and_the_address() {
    let machine = Machine::new();
    let steps = "To make a key:
  1. Sign in at https://app.avala.ai
  2. Open Settings, then API Keys: https://app.avala.ai/settings/api-keys
  3. Press \"Create API Key\", and give it a name
  4. Copy the key: it is shown once
API key for https://api.avala.ai/api/v1: ";
    for line in ["auth login --file", "configure --file"] {
        let (code, text) = machine.types(line, &[(KEY, CTRL_C)]);
        assert_eq!(code, Some(130), "{text}");
        assert!(text.contains(steps), "{text}");
    }
    // A server of one's own has other steps.
    let (_, text) = machine.types_login(" --file", &[(KEY, CTRL_C)]);
    assert!(!text.contains("app.avala.ai"), "{text}");
    assert!(!machine.has(""));
}

// Covers: W9
#[test]
fn without_a_keychain_a_file_is_asked_about_and_the_key_is_never_shown() {
    let machine = Machine::new();
    let key = machine.key("laptop");
    let (code, text) = machine.types_login("", &[(CONSENT, "\n")]);
    assert_eq!(code, Some(1), "{text}");
    assert!(
        text.starts_with("This machine has no keychain: ") && text.contains("Nothing was stored."),
        "{text}"
    );
    assert!(!text.contains(KEY), "nobody types a key that is not kept: {text}");
    assert!(!machine.has(""));

    let typed = format!("{key}\n");
    let (code, text) = machine.types_login("", &[(CONSENT, "y\n"), (KEY, &typed)]);
    assert_eq!(code, Some(0), "{text}");
    assert!(
        text.contains("credentials.toml") && !text.contains(&key),
        "{text}"
    );
    assert_eq!(machine.secret(), key);
}

#[test]
fn ctrl_c_at_a_question_leaves_nothing_behind() {
    let machine = Machine::new();
    // Where nothing is hidden, it ends the process as it always does.
    for (answers, ends) in [
        ([(CONSENT, CTRL_C)].as_slice(), None),
        (&[(CONSENT, "y\n"), (KEY, CTRL_C)], Some(130)),
        (&[(CONSENT, "y\n"), (KEY, "avk_te\u{3}")], Some(130)),
    ] {
        let (code, text) = machine.types_login("", answers);
        assert_eq!(code, ends, "{text}");
        assert!(!machine.has(""), "{text}");
    }

    // Nor does it lose a key that is there.
    let key = machine.key("laptop");
    machine.login(&key, "");
    let (_, text) = machine.types_login(" --file", &[(KEY, CTRL_C)]);
    assert!(text.contains(KEY), "{text}");
    assert_eq!(machine.secret(), key);
}

#[test]
fn ctrl_c_is_heard_at_a_question_after_a_call_too() {
    let machine = Machine::new();
    let key = machine.key("laptop");
    machine.login(&key, "");
    let line = "keys revoke --where state=active --include-own";
    let (code, text) = machine.types(line, &[("how many there are", CTRL_C)]);
    assert_eq!(code, Some(130), "{text}");
    assert_eq!(machine.avala("whoami").run().code, Some(0), "nothing was revoked");
}

#[test]
fn a_key_is_shown_on_a_terminal_only_to_whoever_asks_to_see_it() {
    let machine = Machine::new();
    let key = machine.key("laptop");
    machine.login(&key, "");
    for line in ["auth token", "auth token -o json"] {
        let (code, text) = machine.types(line, &[]);
        assert_eq!(code, Some(2), "{text}");
        assert!(
            text.contains("stdout is a terminal") && text.contains("--show") && !text.contains(&key),
            "{text}"
        );
        let (code, text) = machine.types(&format!("{line} --show"), &[]);
        assert_eq!((code, text.matches(&key).count()), (Some(0), 1), "{text}");
    }
    let (code, text) = machine.types("auth status --explain", &[]);
    assert_eq!(code, Some(0), "{text}");
    assert!(text.contains(&key[..8]) && !text.contains(&key[..20]), "{text}");
}
