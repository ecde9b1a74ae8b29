//! Mistakes on the command line, all of them found before anything is sent.

use super::{avala::avala, canned::canned, server::server};

/// A server address where nobody listens: whatever is sent there would fail with 7.
const NOBODY: &str = "http://127.0.0.1:9/api/v1";

#[test]
fn an_unknown_word_is_a_usage_error() {
    let text = avala("webhook list").run().failed(2);
    assert!(text.contains("webhooks"), "the near miss is named: {text}");
}

#[test]
fn without_a_key_the_command_says_where_it_looked_and_what_to_do() {
    let text = avala("webhooks list").run().failed(2);
    assert!(text.starts_with("error: No API key provided."), "{text}");
    assert!(
        text.contains("AVALA_API_KEY") && text.contains("--env-file"),
        "{text}"
    );
    assert!(
        !text.contains("Client::builder"),
        "advice for programmers: {text}"
    );
}

#[test]
fn a_key_that_is_set_but_empty_is_not_taken_for_a_missing_one() {
    let text = avala("whoami").env("AVALA_API_KEY", "").run().failed(2);
    assert!(
        text.contains("is empty") && !text.contains("No API key provided"),
        "{text}"
    );
}

fn is_no_missing_key(text: &str) -> bool {
    !text.contains("No API key provided") && !text.contains("avala auth login")
}

// Covers: W28, W29
#[test]
fn what_goes_wrong_is_told_as_it_is_and_not_as_a_missing_key() {
    // Given reasons why no client can be made.
    for (variable, value, says) in [
        ("AVALA_CA_BUNDLE", "/no/such/bundle.pem", "/no/such/bundle.pem"),
        ("AVALA_BASE_URL", "nonsense", "Invalid base_url"),
        ("HTTPS_PROXY", "nonsense://", "HTTPS_PROXY"),
        ("AVALA_CONFIG_DIR", "", "AVALA_CONFIG_DIR"),
    ] {
        let key = if variable == "AVALA_CONFIG_DIR" {
            "AVALA_UNRELATED"
        } else {
            "AVALA_API_KEY"
        };
        let text = avala("whoami").env(key, "k").env(variable, value).run().failed(2);
        assert!(
            text.contains(says) && is_no_missing_key(&text),
            "{variable}: {text}"
        );
    }

    // Or a server that speaks of API keys.
    let url = canned(
        "400 Bad Request",
        "",
        r#"{"detail": "The api key field of this webhook is too long."}"#,
    );
    let text = avala("webhooks list").on(&url, "key").run().failed(9);
    assert!(
        text.contains("of this webhook is too long") && is_no_missing_key(&text),
        "{text}"
    );
}

// Covers: W28
#[test]
fn a_bad_base_url_is_not_taken_for_a_missing_key() {
    let text = avala("whoami --base-url http://avala.example/")
        .env("AVALA_API_KEY", "k")
        .run()
        .failed(2);
    assert!(text.contains("Base URL must use HTTPS."), "{text}");
}

#[test]
fn a_change_of_nothing_is_refused() {
    for line in [
        "keys update 7Hk2mQ9xTbWc",
        "webhooks update some-uid",
        "agents update some-uid",
        "inference-providers update some-uid",
        "exports create --name of-nothing",
        "exports create --project p --dataset d",
    ] {
        avala(line).on(NOBODY, "key").run().failed(2);
    }
    avala("agents update some-uid --project p --clear-project")
        .on(NOBODY, "key")
        .run()
        .failed(2);
    avala("webhooks update some-uid --show-secret")
        .on(NOBODY, "key")
        .run()
        .failed(2);
}

#[test]
fn read_only_refuses_every_operation_that_changes_something_before_anything_is_sent() {
    let changing = avala_api::catalogue::DECLARED
        .iter()
        .filter(|route| !route.is_read_only());
    let mut checked = 0;
    for route in changing {
        let line = match route.operation {
            "api_keys.create" => "keys create --name n --full-access --out /no-such-directory/key",
            "api_keys.import" => "keys import --name n --full-access",
            "api_keys.revoke_many" => "keys revoke --where legacy=true --count 1",
            "api_keys.update_policy" => "keys policy update --most-keys 1",
            "api_keys.update" => "keys update 7Hk2mQ9xTbWc --name n",
            "api_keys.rotate" => "keys rotate 7Hk2mQ9xTbWc --out /no-such-directory/key",
            "api_keys.end_grace" => "keys end-grace 7Hk2mQ9xTbWc",
            "api_keys.revoke" => "keys revoke 7Hk2mQ9xTbWc --yes",
            "api_keys.disable" => "keys disable 7Hk2mQ9xTbWc",
            "api_keys.enable" => "keys enable 7Hk2mQ9xTbWc",
            "organizations.update_member_role" => "organizations set-role s u member",
            "organizations.remove_member" => "organizations remove-member s u --yes",
            "organizations.leave" => "organizations leave s --yes",
            "service_accounts.create" => "service-accounts create --name n",
            "service_accounts.disable" => "service-accounts disable u",
            "service_accounts.enable" => "service-accounts enable u",
            "setup.create" => "setup a@b.example --password-stdin",
            "signup.create" => "signup a@b.example --password-stdin",
            "webhooks.create" => "webhooks create --target-url https://b.example --events a.b",
            "webhooks.update" => "webhooks update u --active true",
            "webhooks.delete" => "webhooks delete u --yes",
            "webhooks.test" => "webhooks test u",
            "agents.create" => "agents create --name n",
            "agents.update" => "agents update u --clear-project",
            "agents.delete" => "agents delete u --yes",
            "datasets.create" => "datasets create --name n --slug s --data-type image",
            "exports.create" => "exports create --project p --wait",
            "storage_configs.create" => {
                "storage-configs create --name n --provider aws_s3 --s3-secret-access-key-file no-such-file"
            }
            "storage_configs.delete" => "storage-configs delete u --yes",
            "storage_configs.test" => "storage-configs test u",
            "inference_providers.create" => {
                "inference-providers create --name n --provider-type http --config-file no-such-file"
            }
            "inference_providers.update" => "inference-providers update u --active true",
            "inference_providers.delete" => "inference-providers delete u --yes",
            "inference_providers.test" => "inference-providers test u",
            "auto_label_jobs.create" => "auto-label-jobs create --project p",
            "auto_label_jobs.cancel" => "auto-label-jobs cancel u --yes",
            "agent_actions.create" => "agent-actions create --execution e --action skip",
            other => panic!("no command line for {other}"),
        };
        for line in [
            format!("--read-only {line}"),
            format!("{line} --read-only --output json"),
        ] {
            let text = avala(&line).on(NOBODY, "key").run().failed(2);
            assert!(text.contains(&format!("`{}`", route.operation)), "{line}: {text}");
        }
        checked += 1;
    }
    assert_eq!(checked, 37);
}

#[test]
fn read_only_lets_reading_through() {
    let server = server();
    server.avala("--read-only webhooks list").run().printed();
    server.avala("whoami --read-only").run().printed();
}

#[test]
fn deleting_without_a_person_needs_a_yes() {
    let text = avala("webhooks delete some-uid")
        .on(NOBODY, "key")
        .stdin("y\n")
        .run()
        .failed(2);
    assert!(text.contains("--yes"), "{text}");
}

#[test]
fn options_of_every_command_stand_before_or_after_the_verb() {
    let server = server();
    let before = server
        .avala("--output json --timeout 30s webhooks list")
        .run()
        .printed();
    let after = server
        .avala("webhooks list --timeout 30s --output json")
        .run()
        .printed();
    assert_eq!(before, after);
}
