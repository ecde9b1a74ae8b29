//! The version-1 key from outside: what is made can be read, and nothing else can.

#![allow(clippy::unwrap_used, reason = "a test that cannot be set up has failed")]

use avala_keys::{ApiKey, Class, KeyId, Malformed, RandomnessFailed, Shape, classify, mask};
use proptest::prelude::*;

/// A key written down once and for ever: its text may never change its meaning.
const FROZEN: &str = "avk_live_7Hk2mQ9xTbWc_0123456789abcdefghijklmnopqrstuv4MEMdR"; // avala:allow

/// splitmix64: good enough to look random, and the same in every run.
fn numbers(mut seed: u64) -> impl FnMut(&mut [u8]) -> Result<(), RandomnessFailed> {
    move |bytes| {
        for byte in bytes {
            seed = seed.wrapping_add(0x9e37_79b9_7f4a_7c15);
            let mixed = (seed ^ (seed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
            *byte = (mixed ^ (mixed >> 27))
                .wrapping_mul(0x94d0_49bb_1331_11eb)
                .to_be_bytes()[0];
        }
        Ok(())
    }
}

fn key(class: Class, seed: u64) -> ApiKey {
    ApiKey::generate(class, &mut numbers(seed)).unwrap()
}

fn any_class() -> impl Strategy<Value = Class> {
    prop_oneof![Just(Class::Live), Just(Class::Test)]
}

proptest! {
    #[test]
    fn what_is_generated_can_be_parsed_and_is_the_same(class in any_class(), seed: u64) {
        let key = key(class, seed);
        let again = ApiKey::parse(key.expose().as_bytes()).unwrap();
        prop_assert_eq!(key.expose().len(), 60);
        prop_assert!(again == key);
        prop_assert_eq!((again.class(), again.id()), (class, key.id()));
        prop_assert_eq!(classify(key.expose()), Shape::V1(class));
        prop_assert_eq!(&key.expose()[..22], key.prefix() + "_");
        prop_assert_eq!(key.id().to_string().parse::<KeyId>(), Ok(key.id()));
    }

    #[test]
    fn one_changed_byte_is_always_refused(class in any_class(), seed: u64, at in 0..60_usize, byte: u8) {
        let mut bytes = key(class, seed).expose().as_bytes().to_vec();
        let differs = bytes[at] != byte;
        bytes[at] = byte;
        prop_assert_eq!(ApiKey::parse(&bytes).is_err(), differs);
    }

    #[test]
    fn two_swapped_neighbours_are_refused(seed: u64, at in 0..59_usize) {
        let mut bytes = key(Class::Live, seed).expose().as_bytes().to_vec();
        let differ = bytes[at] != bytes[at + 1];
        bytes.swap(at, at + 1);
        prop_assert_eq!(ApiKey::parse(&bytes).is_err(), differ);
    }

    #[test]
    fn any_bytes_are_answered_without_a_panic_and_without_an_echo(bytes: Vec<u8>) {
        if let Err(malformed) = ApiKey::parse(&bytes) {
            let said = format!("{malformed} {malformed:?}");
            if let Ok(text) = str::from_utf8(&bytes) && text.len() > 12 {
                prop_assert!(!said.contains(text));
            }
        }
    }

    #[test]
    fn a_mask_shows_nothing_of_the_secret_part(seed: u64) {
        let key = key(Class::Live, seed);
        prop_assert_eq!(mask(key.expose()), format!("avk_live...{}", &key.expose()[56..]));
    }
}

#[test]
fn a_key_is_read_exactly_as_it_was_issued() {
    let key = key(Class::Live, 1);
    let text = key.expose();
    for (what, presented, reason) in [
        ("nothing", String::new(), Malformed::Length),
        ("cut", text[..59].to_owned(), Malformed::Length),
        ("a newline behind", format!("{text}\n"), Malformed::Length),
        ("a space before", format!(" {text}"), Malformed::Length),
        ("quotes", format!("\"{text}\""), Malformed::Length),
        ("a byte order mark", format!("\u{feff}{text}"), Malformed::Length),
        ("a megabyte", "a".repeat(1 << 20), Malformed::Length),
        (
            "percent-encoding",
            text.replacen('_', "%5F", 1)[..60].to_owned(),
            Malformed::Prefix,
        ),
        ("upper case", text.to_uppercase(), Malformed::Prefix),
        (
            "another vendor",
            text.replacen("avk_", "abk_", 1),
            Malformed::Prefix,
        ),
        (
            "another class",
            text.replacen("live", "prod", 1),
            Malformed::Class,
        ),
        (
            "class in capitals",
            text.replacen("live", "Live", 1),
            Malformed::Class,
        ),
        (
            "the other class",
            text.replacen("live", "test", 1),
            Malformed::Checksum,
        ),
        (
            "no second separator",
            format!("{}x{}", &text[..21], &text[22..]),
            Malformed::Separator,
        ),
        (
            "a hyphen in the id",
            format!("{}-{}", &text[..9], &text[10..]),
            Malformed::Alphabet,
        ),
        (
            "a tab in the secret",
            format!("{}\t{}", &text[..30], &text[31..]),
            Malformed::Alphabet,
        ),
        (
            "a Cyrillic letter",
            format!("{}а{}", &text[..30], &text[32..]),
            Malformed::Alphabet,
        ),
        (
            "a separator in the checksum",
            format!("{}_{}", &text[..56], &text[57..]),
            Malformed::Alphabet,
        ),
    ] {
        assert_eq!(ApiKey::parse(presented.as_bytes()).unwrap_err(), reason, "{what}");
        assert_ne!(classify(&presented), Shape::V1(Class::Live), "{what}");
    }
    let invalid_utf8 = [&text.as_bytes()[..59], &[0xff]].concat();
    assert_eq!(ApiKey::parse(&invalid_utf8).unwrap_err(), Malformed::Alphabet);
}

#[test]
fn the_format_is_frozen() {
    let sum = crc32fast::hash(&FROZEN.as_bytes()[..54]);
    assert_eq!(
        classify(FROZEN),
        Shape::V1(Class::Live),
        "checksum of the body is {sum}"
    );
}

#[test]
fn debug_shows_the_public_prefix_only() {
    let key = key(Class::Test, 7);
    assert_eq!(format!("{key:?}"), format!("ApiKey({})", key.prefix()));
    assert!(!format!("{key:#?}").contains(&key.expose()[22..]));
    assert_eq!(format!("{:?}", key.clone().into_secret()), "Secret([redacted])");
    assert_eq!(key.clone().into_secret().expose(), key.expose());
}

#[test]
fn a_failing_source_makes_no_key() {
    let mut failing = |_: &mut [u8]| Err(RandomnessFailed);
    assert_eq!(
        ApiKey::generate(Class::Live, &mut failing).unwrap_err(),
        RandomnessFailed
    );
}

#[test]
fn a_source_that_fails_later_makes_no_key() {
    let mut calls = 0;
    // The first block is all but useless, so a second is asked for.
    let mut source = |bytes: &mut [u8]| {
        calls += 1;
        bytes.fill(255);
        bytes[0] = 0;
        if calls == 1 { Ok(()) } else { Err(RandomnessFailed) }
    };
    assert_eq!(
        ApiKey::generate(Class::Live, &mut source).unwrap_err(),
        RandomnessFailed
    );
    assert_eq!(calls, 2);
}

#[test]
fn a_source_that_is_stuck_makes_no_key_and_ends() {
    let mut untouched = |_: &mut [u8]| Ok(());
    assert_eq!(
        ApiKey::generate(Class::Live, &mut untouched).unwrap_err(),
        RandomnessFailed
    );
    let mut rejected = |bytes: &mut [u8]| {
        bytes.fill(255);
        bytes[0] = 254;
        Ok(())
    };
    assert_eq!(
        ApiKey::generate(Class::Live, &mut rejected).unwrap_err(),
        RandomnessFailed
    );
}

#[test]
fn characters_are_uniform() {
    // Given 44 random characters from each of many keys,
    let mut source = numbers(2_024);
    let mut seen = [0_u32; 128];
    for _ in 0..20_000 {
        let key = ApiKey::generate(Class::Live, &mut source).unwrap();
        let text = key.expose().as_bytes();
        text[9..21]
            .iter()
            .chain(&text[22..54])
            .for_each(|byte| seen[usize::from(*byte)] += 1);
    }
    // then chi-squared with 61 degrees of freedom stays below its 99.99 % point (taking bytes modulo 62 gives over 20,000).
    let expected = 20_000.0 * 44.0 / 62.0;
    let counts = seen.iter().filter(|count| **count > 0);
    assert_eq!(counts.clone().count(), 62);
    let chi_squared: f64 = counts
        .map(|count| (f64::from(*count) - expected).powi(2) / expected)
        .sum();
    assert!(chi_squared < 111.0, "{chi_squared}");
}

#[test]
fn ids_and_classes_travel_as_text() {
    let id: KeyId = "7Hk2mQ9xTbWc".parse().unwrap();
    assert_eq!(serde_json::to_string(&id).unwrap(), r#""7Hk2mQ9xTbWc""#);
    assert_eq!(serde_json::from_str::<KeyId>(r#""7Hk2mQ9xTbWc""#).unwrap(), id);
    assert_eq!(serde_json::to_string(&Class::Test).unwrap(), r#""test""#);
    assert_eq!("live".parse::<Class>(), Ok(Class::Live));
    assert_eq!("LIVE".parse::<Class>(), Err(Malformed::Class));
    assert_eq!("7Hk2mQ9xTbW".parse::<KeyId>(), Err(Malformed::Length));
    assert_eq!("7Hk2mQ9xTbW_".parse::<KeyId>(), Err(Malformed::Alphabet));
}

#[test]
fn a_whole_key_in_the_place_of_an_id_is_not_echoed() {
    let text = key(Class::Live, 3);
    let error = serde_json::from_str::<KeyId>(&format!("\"{}\"", text.expose())).unwrap_err();
    assert!(!error.to_string().contains("avk_"), "{error}");
}
