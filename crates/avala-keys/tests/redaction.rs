//! What redaction hides, what it leaves, and how long it takes.

#![allow(clippy::unwrap_used, reason = "a test that cannot be set up has failed")]

use std::borrow::Cow;
use std::time::Instant;

use avala_keys::redact::{self, REDACTED};
use avala_keys::{ApiKey, Class, RandomnessFailed};
use proptest::prelude::*;
use serde_json::json;

const HEX40: &str = "3f2a9c0d1e4b5a69788796a5b4c3d2e1f0a9b8c7";
const HEX64: &str = "3f2a9c0d1e4b5a69788796a5b4c3d2e1f0a9b8c73f2a9c0d1e4b5a69788796a5";
const V1: &str = "avk_live_7Hk2mQ9xTbWc_0123456789abcdefghijklmnopqrstuvabcdef";

fn redacted(text: &str) -> String {
    redact::text(text).into_owned()
}

/// Whole-text expectations: input, then what is left of it (`§` for the replacement).
#[track_caller]
fn becomes(text: &str, expected: &str) {
    assert_eq!(redacted(text), expected.replace('§', REDACTED), "from {text}");
}

#[track_caller]
fn stays(text: &str) {
    assert!(
        matches!(redact::text(text), Cow::Borrowed(same) if same == text),
        "{text} became {}",
        redacted(text)
    );
}

// Covers: W7
#[test]
fn every_shape_of_avala_goes() {
    for secret in [
        V1.to_owned(),
        format!("avk_{HEX40}"),
        "avk_SomethingElse-99".to_owned(),
        "avala_sk_1a2b3c4d5e6f".to_owned(),
        "avala_key_abc123".to_owned(),
        "sk_live_1234567890abcdef".to_owned(),
        "dvt_9f8e7d6c5b".to_owned(),
        HEX64.to_owned(),
    ] {
        becomes(&secret, "§");
        becomes(
            &format!("the key {secret}, which was refused"),
            "the key §, which was refused",
        );
        becomes(&format!("a/{secret}/b"), "a/§/b");
        becomes(&format!("[\"{secret}\"]"), "[\"§\"]");
    }
    becomes(&format!("KEY_{V1}"), "KEY_§");
    becomes(&format!("x{V1}"), "x§");
    becomes(&format!("{V1}{V1}"), "§");
    becomes(&format!("{V1}.{V1}"), "§.§");
}

#[test]
fn the_shapes_of_others_go() {
    let jwt = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0In0.dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
    becomes(&format!("got {jwt}."), "got §.");
    becomes("id AKIAIOSFODNN7EXAMPLE!", "id §!");
    becomes("id ASIAIOSFODNN7EXAMPLE", "id §");
    becomes("x IQoJb3JpZ2luX2VjEJr//////////wEaCXVz+LXdlc3QtMg==.", "x §.");
    becomes("x?t=FwoGZXIvYXdzEBYaDMi%2Fexample%3D&y=1", "x?t=§&y=1");
    becomes("1//0gAbCdEfGhIjKlMnOpQrStUvWxYz-_12 done", "§ done");
    becomes("sk-proj-Abc123Def456Ghi789Jkl", "§");
    for token in [
        "pk_test_4eC39HqLyjWD",
        "secret_live_4eC39HqLyjWDarjt",
        "key_4eC39HqLyjWDarjtT1zdp7dc",
    ] {
        becomes(token, "§");
    }
    becomes("arn:aws:iam::123456789012:role/avala-reader, next", "§, next");
    becomes("Authorization: Bearer abc.def", "Authorization: §");
    becomes("sent bearer a1b2c3 to it", "sent bearer § to it");
    becomes(
        "GET https://user:pa%20ss@proxy.example:8080/x",
        "GET https://§@proxy.example:8080/x",
    );
    becomes("GET https://user@example.com/", "GET https://§@example.com/");
}

#[test]
fn private_key_blocks_go_whole_even_when_cut_off() {
    let block = "-----BEGIN RSA PRIVATE KEY-----\nMIIEow\nIBAAK\n-----END RSA PRIVATE KEY-----";
    becomes(&format!("a\n{block}\nb"), "a\n§\nb");
    becomes("a -----BEGIN PRIVATE KEY-----\nMIIEow", "a §");
    becomes(&json!({ "pem": block }).to_string(), "{\"pem\":\"§\"}");
    stays("-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----");
}

#[test]
fn what_is_assigned_to_a_secret_name_goes() {
    becomes("AVALA_API_KEY=abc", "AVALA_API_KEY=§");
    becomes("export AVALA_API_KEY='a b c'; ls", "export AVALA_API_KEY='§'; ls");
    becomes("X-Avala-Api-Key: hunter", "X-Avala-Api-Key: §");
    becomes(
        "curl -H \"x-avala-api-key:hunter\" url",
        "curl -H \"x-avala-api-key:§\" url",
    );
    becomes(
        "curl -H 'Authorization: Basic dXNlcjpwYXNz' url",
        "curl -H 'Authorization: §' url",
    );
    becomes("Cookie: a=b; c=d\r\nHost: x", "Cookie: §\r\nHost: x");
    becomes(r#"{"password": "a\"b", "n": 1}"#, r#"{"password": "§", "n": 1}"#);
    becomes(r#"{"password":"a\\","n":1}"#, r#"{"password":"§","n":1}"#);
    becomes(
        r#"{\"token\": \"abc\", \"n\": 1}"#,
        r#"{\"token\": \"§\", \"n\": 1}"#,
    );
    becomes(r#"{"token":123,"live":true}"#, r#"{"token":§,"live":true}"#);
    becomes(
        r#"{"api_keys": ["a]", {"b": "}"}], "n": 1}"#,
        r#"{"api_keys": §, "n": 1}"#,
    );
    becomes(
        "{\n  \"secret\":\n    \"abc\"\n}",
        "{\n  \"secret\":\n    \"§\"\n}",
    );
    becomes(
        "https://x/?a=1&access_token=abc&b=2",
        "https://x/?a=1&access_token=§&b=2",
    );
    becomes(
        "Client(api_key=\"abc\", timeout=3)",
        "Client(api_key=\"§\", timeout=3)",
    );
    becomes("Config { token: abc, n: 1 }", "Config { token: §, n: 1 }");
    becomes("api_key: str = \"abc\"", "api_key: str = \"§\"");
    becomes(
        "avala --api-key abc datasets list",
        "avala --api-key § datasets list",
    );
    becomes("password: hunter\nuser: bob", "password: §\nuser: bob");
    becomes("API key: hunter2", "API key: §");
    becomes(
        "aws_secret_access_key = wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY",
        "aws_secret_access_key = §",
    );
    becomes(r#""private_key_id": "0123abcd""#, r#""private_key_id": "§""#);
    becomes("password=é≠ü&x", "password=§&x");
    becomes("token=\"never closed", "token=\"§");
}

#[test]
fn forty_hexadecimal_digits_are_a_key_beside_a_secret_name_only() {
    for text in [
        "AVALA_API_KEY=@",
        "X-Avala-Api-Key: @",
        "{\"api_key\": \"@\"}",
        "{\"key\":\"@\"}",
        "Client(api_key=\"@\")",
        "new Avala({apiKey: '@'})",
        "--api-key @",
        "using API key @ now",
        "the key is @",
        "Invalid key `@`",
        "AVALA=@",
        "sent Token @",
        "key-@",
        "x-token-@",
        "api_key: str = \"@\"",
        "avala_@",
    ] {
        becomes(&text.replace('@', HEX40), &text.replace('@', "§"));
    }
    for text in [
        "@",
        "commit @",
        "fixed in @.",
        "commit: @",
        "{\"commit\": \"@\"}",
        "{\"sha\":\"@\"}",
        "at @ (main)",
        "https://example.com/avala/commit/@",
        "git checkout @",
        "rev = \"@\"",
        "author @",
        "v1-3-@",
        "The key was rotated. Commit @ has it.",
    ] {
        stays(&text.replace('@', HEX40));
    }
}

#[test]
fn sixty_four_hexadecimal_digits_are_a_secret_unless_called_a_digest() {
    becomes(&format!("secret {HEX64}"), "secret §");
    becomes(&format!("{{\"value\":\"{HEX64}\"}}"), "{\"value\":\"§\"}");
    stays(&format!("sha256:{HEX64}"));
    stays(&format!("{{\"response_body_sha256\":\"{HEX64}\"}}"));
    stays(&HEX64[..63]);
    stays(&format!("{HEX64}0"));
}

#[test]
fn a_cut_may_end_inside_of_a_word() {
    becomes("AKIAABCDEFGHIJKLMNOP-", "§-");
    becomes("-AKIAABCDEFGHIJKLMNOP-AKIAABCDEFGHIJKLMNOP_x", "-§-§_x");
    becomes(&format!("key-{HEX40}-x"), "key-§-x");
    becomes(&format!("key: {HEX40}_v2"), "key: §_v2");
    becomes(&format!("key: {HEX40}_v2 {HEX40}"), &format!("key: §_v2 {HEX40}"));
    becomes("AKIAABCDEFGHIJKLMNOP_token=abc", "§_token=§");
    becomes(&format!("AKIAABCDEFGHIJKLMNOP-{V1}é"), "§-§é");
    becomes(&format!("{HEX64}{V1}"), "§§");
    becomes("Bearer avk_=tokenavk_avk_-", "Bearer avk_=token§");
    becomes("Bearer avk_=token[redacted]", "Bearer avk_=token§");
    becomes(&format!("{HEX64}avk_your_api_key"), "§avk_your_api_key");
}

#[test]
fn what_is_no_secret_stays_readable() {
    for text in [
        "",
        "No API key provided. Pass api_key= or set the AVALA_API_KEY environment variable.",
        "export AVALA_API_KEY=\"avk_...\"",
        "export AVALA_API_KEY=\"avk_your_api_key\"",
        "AVALA_API_KEY=$AVALA_API_KEY",
        "api_key: ${{ secrets.AVALA_API_KEY }}",
        "--api-key <KEY>",
        "Pass --api-key or log in.",
        "avk_test and avk_from_env are placeholders",
        "key avk_live_7Hk2mQ9xTbWc was revoked",
        "avk_live_7Hk2mQ9xTbWc_…",
        "Invalid token: expired.",
        "password: must be at least 8 characters",
        "{\"token\": null, \"secret\": \"\"}",
        "avala::auth::token::Kind",
        "author: Ada, next_page_token: 7",
        "the bearer token is missing",
        "https://api.avala.ai/api/v1/datasets/?cursor=abc",
        "key_prefix, token_expires_at, secret_manager and sk-learn",
        "mail bob@example.com",
        "ärger ≠ ünïcode",
    ] {
        stays(text);
    }
}

#[test]
fn json_is_redacted_by_name_and_by_shape() {
    let mut value = json!({
        "user": {"uid": "u1", "author": "Ada"},
        "api_key": V1,
        "apiKey": 12,
        "deviceToken": true,
        "secret": null,
        "credentials": {"type": "x", "n": [1]},
        "api_keys": ["a", "b"],
        "note": format!("uses {V1}"),
        "commit": HEX40,
        "key": HEX40,
        "keys": [HEX40],
        "sha256": HEX64,
        "items": [{"signing_secret": "s"}, "dvt_123abc", 7, false],
        V1: "name",
    });
    redact::json(&mut value);
    assert_eq!(
        value,
        json!({
            "user": {"uid": "u1", "author": "Ada"},
            "api_key": REDACTED,
            "apiKey": REDACTED,
            "deviceToken": REDACTED,
            "secret": null,
            "credentials": REDACTED,
            "api_keys": REDACTED,
            "note": format!("uses {REDACTED}"),
            "commit": HEX40,
            "key": REDACTED,
            "keys": [REDACTED],
            "sha256": HEX64,
            "items": [{"signing_secret": REDACTED}, REDACTED, 7, false],
            REDACTED: "name",
        })
    );
}

#[test]
fn hostile_texts_take_linear_time() {
    // Lengths double, so that a quadratic scanner fails at a middle length instead of running for hours.
    for length in (12..=17).map(|power| 1_usize << power) {
        for unit in [
            "avk_",
            "avk-",
            "avk_your_",
            "avala_sk_",
            "dvt_",
            "sk-",
            "sk_",
            "key_live_",
            "eyJ",
            "eyJ-",
            "eyJ.",
            "FwoG-",
            "1//",
            "arn:",
            "bearer ",
            "Bearer",
            "-----BEGIN ",
            "-----BEGIN PRIVATE KEY ",
            "://",
            "a://b@",
            "a://b:",
            "token",
            "token=",
            "token:",
            "token: ",
            "token=\"",
            "token=\\\"",
            "token='{{",
            "\"token\":[",
            "\"token\":{",
            "\"token\": ",
            "token=...",
            "--token ",
            "API key ",
            "api_key: str ",
            "\\",
            "\"",
            " ",
            "_",
            "-",
            "0123456789abcdef",
            "key is ",
            "é",
            "-AKIAABCDEFGHIJKLMNOP",
        ] {
            let text = unit.repeat(length / unit.len());
            let started = Instant::now();
            let _ = redact::text(&text);
            assert!(
                started.elapsed().as_secs() < 5,
                "{length} bytes of {unit}: {:?}",
                started.elapsed()
            );
        }
    }
}

fn any_key() -> impl Strategy<Value = ApiKey> {
    (any::<bool>(), prop::array::uniform32(any::<u8>())).prop_map(|(live, seed)| {
        let mut counter = 0_u32;
        let mut source = |bytes: &mut [u8]| -> Result<(), RandomnessFailed> {
            for byte in bytes {
                counter += 1;
                let input = [&seed[..], &counter.to_be_bytes()].concat();
                *byte = crc32fast::hash(&input).to_be_bytes()[1];
            }
            Ok(())
        };
        ApiKey::generate(if live { Class::Live } else { Class::Test }, &mut source).unwrap()
    })
}

/// What texts with secrets in them are made of, `§` for a generated key.
fn any_tokens() -> impl Strategy<Value = Vec<&'static str>> {
    let token = prop::sample::select(vec![
        "§",
        "§",
        "AKIAABCDEFGHIJKLMNOP",
        HEX40,
        HEX64,
        "avk_",
        "sk-",
        "key",
        "token",
        "api_key",
        "sha256",
        "is",
        "x",
        "Bearer",
        "-",
        "_",
        "=",
        ":",
        " ",
        "\"",
        "'",
        "\\",
        ".",
        "[",
        "]",
        "é",
        "≠",
        "🦀",
    ]);
    prop::collection::vec(token, 0..16)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2048))]

    #[test]
    fn tokens_in_any_order_are_redacted_once_and_leave_no_key(key in any_key(), tokens in any_tokens()) {
        let once = redacted(&tokens.concat().replace('§', key.expose()));
        prop_assert!(!once.contains(&key.expose()[22..]), "{}", once);
        prop_assert_eq!(redacted(&once), once);
    }
}

proptest! {
    #[test]
    fn no_generated_key_survives_in_any_text(key in any_key(), before in ".{0,40}", after in ".{0,40}") {
        let clean = redacted(&format!("{before}{}{after}", key.expose()));
        prop_assert!(!clean.contains(&key.expose()[22..]), "{}", clean);
    }

    #[test]
    fn no_generated_key_survives_among_names_quotes_and_signs(
        key in any_key(),
        before in "(token|api_key|Bearer|avk_|sk-|eyJ|[\"'=: \\\\\\[{@/_-]){0,8}",
        after in "(token|avk_|[\"'=: \\\\\\]}@/_.-]){0,8}",
    ) {
        let clean = redacted(&format!("{before}{}{after}", key.expose()));
        prop_assert!(!clean.contains(&key.expose()[22..]), "{}", clean);
    }

    #[test]
    fn no_generated_key_survives_in_json(key in any_key(), name in "[a-z_]{0,12}", before in ".{0,12}") {
        let mut value = json!({ name: [{ "x": format!("{before}{}", key.expose()) }] });
        let mut text = value.to_string();
        text = redacted(&text);
        redact::json(&mut value);
        prop_assert!(!value.to_string().contains(&key.expose()[22..]));
        prop_assert!(!text.contains(&key.expose()[22..]));
    }

    #[test]
    fn redacting_twice_changes_nothing_more(text in "(token|api_key|Bearer|https://|[a-z0-9\"'=: \\\\\\[\\]{}@,.é_-]){0,30}") {
        let once = redacted(&text);
        prop_assert_eq!(redacted(&once), once);
    }

    #[test]
    fn any_text_is_taken_without_a_panic(text in "\\PC{0,200}") {
        let _ = redact::text(&text);
    }
}
