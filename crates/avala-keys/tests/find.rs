//! What is found in a text, what is left alone, and how long it takes.

#![allow(clippy::unwrap_used, reason = "a test that cannot be set up has failed")]

use std::time::{Duration, Instant};

use avala_keys::find::{self, Found};
use avala_keys::{ApiKey, Class, RandomnessFailed, Shape};
use proptest::collection::vec;
use proptest::prelude::*;

const HEX: &str = "9b2f6c0d84e1a73f5c28d0e6b917a45f3d60c8e2";
const RANDOM: &str = "q8Zr3LxV0pTn5WbY";

fn key(class: Class, mut seed: u64) -> ApiKey {
    let mut numbers = |bytes: &mut [u8]| -> Result<(), RandomnessFailed> {
        for byte in bytes {
            seed = seed
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1_442_695_040_888_963_407);
            *byte = (seed >> 56) as u8;
        }
        Ok(())
    };
    ApiKey::generate(class, &mut numbers).unwrap()
}

/// The shapes of what is found, after checking that it is found where it stands.
#[track_caller]
fn shapes(text: &str, value: &str) -> Vec<Shape> {
    let found = find::keys(text.as_bytes());
    for one in &found {
        assert_eq!(&text[one.at.clone()], value, "in {text}");
    }
    found.into_iter().map(|found| found.shape).collect()
}

proptest! {
    #[test]
    fn a_key_is_found_anywhere_in_any_bytes(
        before in vec(any::<u8>(), 0..200), after in vec(any::<u8>(), 0..200), live: bool, seed: u64,
    ) {
        let key = key(if live { Class::Live } else { Class::Test }, seed);
        let text = [&before, key.expose().as_bytes(), &after].concat();
        let at = before.len()..before.len() + 60;
        let found = find::keys(&text);
        prop_assert!(found.iter().any(|found| found.at == at
            && found.shape == Shape::V1(key.class())
            && found.id == Some(key.id())
            && found.is_certain()));
    }

    #[test]
    fn keys_that_touch_or_stand_in_a_word_are_all_found(seed: u64, glue in "[a-zA-Z0-9_-]{0,8}") {
        let (one, other) = (key(Class::Live, seed), key(Class::Test, !seed));
        let text = format!("{glue}{}{glue}{}{glue}", one.expose(), other.expose());
        let ids: Vec<_> = find::keys(text.as_bytes()).iter().filter_map(|found| found.id).collect();
        prop_assert_eq!(ids, [one.id(), other.id()]);
    }

    #[test]
    fn random_bytes_hold_nothing_and_are_survived(text in vec(any::<u8>(), 0..2000)) {
        prop_assert_eq!(find::keys(&text), []);
    }

    #[test]
    fn what_is_shown_of_a_key_is_not_its_secret(seed: u64) {
        let key = key(Class::Live, seed);
        let text = format!("AVALA_API_KEY={}", key.expose());
        let found = &find::keys(text.as_bytes())[0];
        prop_assert_eq!(found.public_part(), key.prefix());
        let secret = &key.expose()[22..54];
        let said = format!("{found:?}");
        prop_assert!(!said.contains(secret));
    }
}

#[test]
fn a_damaged_key_is_none() {
    let key = key(Class::Live, 7);
    let mut text = key.expose().to_owned();
    text.replace_range(59.., if text.ends_with('0') { "1" } else { "0" });
    assert_eq!(find::keys(text.as_bytes()), []);
    assert_eq!(find::keys(&key.expose().as_bytes()[..59]), []);
}

#[test]
fn hexadecimal_digits_are_a_key_where_they_are_assigned_to_avalas_name() {
    for text in [
        "AVALA_API_KEY=§",
        "export AVALA_API_KEY='§'",
        "ENV AVALA_API_KEY §",
        "$env:AVALA_API_KEY = \"§\"",
        "AVALA_API_KEY: §",
        "\"AVALA_API_KEY\": \"§\",",
        "- name: AVALA_API_KEY\n  value: §",
        "curl -H \"X-Avala-Api-Key: §\"",
        "-H X-Avala-Api-Key:§",
        "avala_api_key: str = \"§\"",
        "const avalaApiKey = '§';",
        "os.getenv(\"AVALA_API_KEY\", \"§\")",
        "os.environ.get('AVALA_API_KEY') or '§'",
        "process.env.AVALA_API_KEY || '§'",
        "${AVALA_API_KEY:-§}",
        "from avala import Client\n\nclient = Client(\n    api_key=\"§\",\n)",
        "from avala import Client\nclient = Client(\"§\")",
        "from avala import AsyncClient\nasync with AsyncClient(\"§\") as client:",
        "new Avala({ apiKey: \"§\" })",
        "Avala(\"§\")",
        "avala --api-key § datasets list",
        "avala::Client::builder().api_key(\"§\")",
        "{\"avala\": {\"apiKey\":\n  \"§\"}}",
        "<avalaApiKey>§</avalaApiKey>",
        "AVALA_API_KEY_STAGING=§",
    ] {
        let text = text.replace('§', HEX);
        assert_eq!(shapes(&text, HEX), [Shape::Hex], "{text}");
    }
}

#[test]
fn hexadecimal_digits_are_no_key_anywhere_else() {
    for text in [
        "§",
        "commit §",
        "avala = { git = \"https://example.com/avala\", rev = \"§\" }",
        "uses: avala-ai/setup@§",
        "avala_commit = \"§\"",
        "AVALA_API_KEY_SHA1=§",
        "avala_api_key_id: §",
        "AVALA_URL=https://example.com/§",
        "api_key = \"§\"",
        "avalanche_api_key = \"§\"",
        "# avalanche\napi_key = \"§\"",
        "AVALA_API_KEY is set elsewhere; the commit is §",
        "AVALA_API_KEY=§0",
        "AVALA_API_KEY=x§",
        "AVALA_API_KEY=§-suffix",
    ] {
        let text = text.replace('§', HEX);
        assert_eq!(find::keys(text.as_bytes()), [], "{text}");
    }
}

#[test]
fn tokens_that_name_avala_are_keys_wherever_they_stand() {
    for (token, shape, shown) in [
        (format!("avk_{HEX}"), Shape::PrefixedHex, "avk_…"),
        (format!("avk_{RANDOM}"), Shape::Unknown, "avk_…"),
        (format!("avala_sk_{RANDOM}"), Shape::AvalaSk, "avala_sk_…"),
        (format!("avala_sk_live_{RANDOM}"), Shape::AvalaSk, "avala_sk_…"),
        (format!("avala_key_{RANDOM}"), Shape::AvalaKey, "avala_key_…"),
    ] {
        for text in ["§", "key: §.", "f(\"§\")", "KEY_§\n"] {
            let text = text.replace('§', &token);
            assert_eq!(shapes(&text, &token), [shape], "{text}");
            assert_eq!(find::keys(text.as_bytes())[0].public_part(), shown);
        }
    }
}

#[test]
fn tokens_that_others_use_too_need_avalas_name_beside_them() {
    for (token, shape) in [
        (format!("sk_live_{RANDOM}"), Shape::SkLive),
        (format!("dvt_{RANDOM}"), Shape::DeviceToken),
    ] {
        let beside = format!("AVALA_TOKEN={token}");
        assert_eq!(shapes(&beside, &token), [shape]);
        let alone = format!("STRIPE_KEY={token}");
        assert_eq!(find::keys(alone.as_bytes()), [], "{alone}");
    }
    let device = format!("# avala\ndevice_token: dvt_{RANDOM}");
    assert_eq!(find::keys(device.as_bytes()).len(), 1);
}

#[test]
fn what_documentation_prints_is_not_found() {
    for value in [
        "avk_your_api_key",
        "avk_...",
        "avk_…",
        "avk_test",
        "avk_from_env",
        "avk_live_7Hk2mQ9xTbWc",
        "avk_live_7Hk2mQ9xTbWc_",
        "avk_live_7Hk2mQ9xTbWc_…",
        "avk_xxxxxxxxxxxxxxxxxxxxxxxx",
        "avk_abc123def456ghi789",
        "avala_sk_1a2b3c4d5e6f7a8b",
        "avala_sk_your_api_key_here",
        "avala_key_abc123",
        "avala_key_management_service_2",
        "sk_live_1234567890abcdef",
        "0123456789abcdef0123456789abcdef01234567",
        "a1b2c3d4e5f6a7b8c9d0a1b2c3d4e5f6a7b8c9d0",
        "0000000000000000000000000000000000000000",
        "${AVALA_API_KEY}",
        "your-api-key",
    ] {
        let text = format!("AVALA_API_KEY=\"{value}\"");
        assert_eq!(find::keys(text.as_bytes()), [], "{text}");
    }
}

#[test]
fn hostile_texts_take_linear_time() {
    let key = key(Class::Live, 3);
    let hex_but_one = format!("{}x", &HEX[..39]);
    for unit in [
        "avk_",
        "avk_live_",
        "avala_sk_",
        "AVALA_API_KEY=",
        "dvt_",
        "a",
        " ",
        hex_but_one.as_str(),
        &format!("\"{HEX}\","),
        &format!("api_key={HEX} "),
        key.expose(),
    ] {
        // Some hundredths of a second; were each place to cost the whole text, it would be minutes.
        let text = unit.repeat(400_000 / unit.len());
        let begun = Instant::now();
        std::hint::black_box(find::keys(text.as_bytes()));
        let taken = begun.elapsed();
        assert!(taken < Duration::from_secs(2), "{unit}: {taken:?}");
    }
}

#[test]
fn findings_come_in_the_order_of_their_place() {
    let text = format!("avala_sk_{RANDOM} AVALA_API_KEY={HEX} avk_{HEX}");
    let found: Vec<Found> = find::keys(text.as_bytes());
    let shapes: Vec<Shape> = found.iter().map(|found| found.shape).collect();
    assert_eq!(shapes, [Shape::AvalaSk, Shape::Hex, Shape::PrefixedHex]);
}
