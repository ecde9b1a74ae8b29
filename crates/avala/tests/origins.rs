//! The key goes to the origin it belongs to and nowhere else, whatever a caller, a server or an environment says.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stderr,
    reason = "a test fails by panicking"
)]

mod support;

use avala::{Environment, Error, ErrorKind, Retry};
use proptest::prelude::*;
use support::{CANARY, Script, Seen, answer, answer_with, page};
use url::Url;

const BASE: &str = "https://avala.example/api/v1";
const WEBHOOK: &str = r#"{"uid":"w","target_url":"https://h.example/"}"#;

fn run<T>(call: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build()
        .unwrap()
        .block_on(call)
}

/// What was sent bears one key, ours, and nothing that would take it elsewhere.
fn assert_bound(seen: &Seen) {
    let keys: Vec<_> = seen.headers.get_all("x-avala-api-key").iter().collect();
    assert_eq!(keys, [CANARY]);
    for name in [
        "host",
        "authorization",
        "cookie",
        "transfer-encoding",
        "content-length",
    ] {
        assert!(!seen.headers.contains_key(name), "{name}");
    }
    assert!(seen.uri.starts_with(&format!("{BASE}/")), "{}", seen.uri);
}

/// An identifier made of what has a meaning in URLs, and of everything else.
fn hostile_id() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        prop::sample::select(vec![
            "/",
            "\\",
            "?",
            "#",
            "%",
            "..",
            ".",
            "%2e",
            "%2F",
            "%5c",
            "%00",
            "@",
            ":",
            "//",
            "://",
            ";",
            "&",
            "=",
            "+",
            " ",
            "\r\n",
            "\0",
            "\t",
            "\u{7f}",
            "\u{85}",
            "\u{2028}",
            "é",
            "／",
            "。",
            "\u{202e}",
            "evil.example",
            "x",
            "%zz",
            "[::1]",
            "..;",
        ])
        .prop_map(str::to_owned),
        any::<String>(),
    ];
    prop::collection::vec(piece, 0..5).prop_map(|pieces| pieces.concat())
}

proptest! {
    // Covers: W14
    #[test]
    fn an_identifier_is_one_segment_of_the_path_or_nothing_is_sent(id in hostile_id()) {
        let script = Script::of([answer(200, WEBHOOK)]);
        let outcome = run(script.client().webhooks().get(id.as_str()).send());
        let seen = script.seen();
        if let Err(error) = outcome {
            prop_assert_eq!(error.kind(), ErrorKind::Configuration);
            prop_assert!(!error.may_have_been_sent() && seen.is_empty());
            return Ok(());
        }
        assert_bound(&seen[0]);
        // However somebody on the way reads it: nothing is taken away, and it means what was given.
        let url = Url::parse(&seen[0].uri).unwrap();
        let segments: Vec<_> = url.path_segments().unwrap().collect();
        prop_assert_eq!(&segments[..3], &["api", "v1", "webhooks"]);
        prop_assert_eq!((segments.len(), segments[4]), (5, ""));
        let meant = percent_decoded(segments[3]);
        prop_assert_eq!(&meant, id.as_bytes());
        prop_assert!(url.query().is_none() && url.fragment().is_none());
    }

    // Covers: R3, R27
    #[test]
    fn of_a_link_to_the_next_page_nothing_but_its_cursor_is_followed(
        origin in prop::sample::select(vec![
            "https://evil.example", "http://avala.example", "https://avala.example:8443", "//evil.example",
            "https://key@avala.example", "https://avala.example@evil.example", "file://", "javascript:", "", "/", "..",
            "https://avala.example/api/v1/../../other", "\\\\evil.example", "https://avala.example",
        ]),
        path in "[a-z/.%\\\\@:]{0,20}",
        cursor in prop::option::of("(?s).{1,12}"),
        rest in prop::sample::select(vec!["", "&limit=9999", "&page=7", "#x", "&cursor=second", "&x=https://evil.example"]),
    ) {
        let mut link = format!("{origin}{path}");
        if let Some(cursor) = &cursor {
            let encoded: String = url::form_urlencoded::byte_serialize(cursor.as_bytes()).collect();
            link = format!("{link}?cursor={encoded}{rest}");
        }
        let script = Script::of([answer(200, page(0, 1, Some(&link))), answer(200, page(1, 2, None))]);
        let rows: Result<Vec<_>, Error> = run(script.client().webhooks().list().limit(1).items().collect_all());
        let seen = script.seen();
        for one in &seen {
            assert_bound(one);
        }
        if let Err(error) = rows {
            prop_assert_eq!(error.kind(), ErrorKind::Decode);
            prop_assert!(cursor.is_none());
            prop_assert_eq!(seen.len(), 1);
        } else {
            let asked = Url::parse(&seen[1].uri).unwrap();
            prop_assert_eq!(asked.path(), "/api/v1/webhooks/");
            let asked: Vec<(String, String)> = asked.query_pairs().into_owned().collect();
            prop_assert_eq!(asked, [("limit".to_owned(), "1".to_owned()), ("cursor".to_owned(), cursor.unwrap())]);
        }
    }

    // Covers: W10
    #[test]
    fn a_callers_header_moves_neither_the_key_nor_the_target_nor_the_framing(
        name in prop_oneof![
            prop::sample::select(vec![
                "X-Avala-Api-Key", "x_avala_api_key", "Host", "Authorization", "Cookie", "Content-Length",
                "Transfer-Encoding", "TE", "Connection", "Proxy-Authorization", "Upgrade", "Expect", "x-avala-api-key ",
                ":authority", "X\r\nHost", "",
            ]).prop_map(str::to_owned),
            "[A-Za-z_-]{1,12}",
            any::<String>(),
        ],
        upper: bool,
        value in prop_oneof!["[ -~]{0,20}", any::<String>(), Just(format!("x\r\nX-Avala-Api-Key: {CANARY}"))],
    ) {
        let name = if upper { name.to_uppercase() } else { name };
        let script = Script::of([answer(200, page(0, 0, None))]);
        let call = script.client().webhooks().list().with_header(name.as_str(), value.as_str());
        match run(call.send()) {
            Ok(_) => {
                let seen = &script.seen()[0];
                assert_bound(seen);
                let spelled_otherwise = name.to_ascii_lowercase().replace('_', "-");
                prop_assert_ne!(spelled_otherwise, "x-avala-api-key");
            }
            Err(error) => {
                prop_assert_eq!(error.kind(), ErrorKind::Configuration);
                prop_assert!(script.seen().is_empty());
                let said = format!("{error} {error:?}");
                prop_assert!(!said.contains(CANARY), "{}", said);
            }
        }
    }

    // Covers: W13, R28
    #[test]
    fn an_accepted_base_url_is_exactly_where_calls_go(
        url in prop_oneof![
            "(https|http|HTTPS|ftp|file|data)(://|:/|:|:///|:\\\\\\\\)[a-z0-9@:.\\[\\]#?/\\\\%;\t -]{0,40}",
            "https://(avala\\.example|localhost|127\\.0\\.0\\.1|\\[::1\\]|[0-9.x]{1,12})[@:/?#\\\\%.a-z0-9]{0,12}",
        ],
        insecure: bool,
    ) {
        let script = Script::of([answer(200, page(0, 0, None))]);
        let mut builder = script.builder().base_url(url.as_str());
        if insecure {
            builder = builder.allow_insecure_loopback();
        }
        let Ok(client) = builder.build() else {
            prop_assert!(script.seen().is_empty());
            return Ok(());
        };
        let promised = client.base_url().clone();
        run(client.webhooks().list().send()).unwrap();
        let sent: http::Uri = script.seen()[0].uri.parse().unwrap();
        // The parser of what is promised and the one of what is sent agree,
        prop_assert_eq!(sent.scheme_str(), Some(promised.scheme()));
        prop_assert_eq!(sent.host(), promised.host_str());
        prop_assert_eq!(sent.port_u16(), promised.port());
        prop_assert_eq!(sent.path(), format!("{}/webhooks/", promised.path().trim_end_matches('/')));
        prop_assert!(!sent.authority().unwrap().as_str().contains('@') && sent.query().is_none());
        // and nothing goes out in the clear but to this machine.
        let host = promised.host_str().unwrap();
        prop_assert!(
            promised.scheme() == "https" || insecure && ["localhost", "127.0.0.1", "[::1]"].contains(&host)
        );
    }
}

fn percent_decoded(text: &str) -> Vec<u8> {
    let mut bytes = text.bytes();
    let mut decoded = Vec::new();
    while let Some(byte) = bytes.next() {
        decoded.push(match byte {
            b'%' => {
                let digits = [bytes.next().unwrap(), bytes.next().unwrap()];
                u8::from_str_radix(std::str::from_utf8(&digits).unwrap(), 16).unwrap()
            }
            other => other,
        });
    }
    decoded
}

// Covers: R3
#[test]
fn a_redirect_is_an_answer_wherever_it_leads() {
    for status in [300, 301, 302, 303, 307, 308] {
        for location in [
            "https://evil.example/",
            "http://avala.example/api/v1/webhooks/",
            "https://avala.example/api/v1/webhooks/",
            "//evil.example",
            "/login",
            "",
        ] {
            let script = Script::of([answer_with(status, &[("location", location)], "")]);
            let error = run(script.client().webhooks().list().send()).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Status, "{status} {location}");
            assert_eq!(script.seen().len(), 1);
            assert_bound(&script.seen()[0]);
        }
    }
}

// Covers: R28, R30
#[test]
fn a_refused_base_url_is_told_in_the_published_words_before_anything_is_sent() {
    for (url, insecure, says) in [
        (
            "avala.example/api/v1",
            false,
            "Invalid base_url: expected a valid URL with scheme and host.",
        ),
        (
            "https://",
            false,
            "Invalid base_url: expected a valid URL with scheme and host.",
        ),
        (
            "http://localhost:8000/api/v1",
            false,
            "Base URL must use HTTPS. Set AVALA_ALLOW_INSECURE_BASE_URL=true only for local development.",
        ),
        (
            "ftp://localhost/api/v1",
            true,
            "With AVALA_ALLOW_INSECURE_BASE_URL=true, only http://localhost URLs are permitted.",
        ),
        (
            "http://avala.example/api/v1",
            true,
            "Non-HTTPS base URLs are allowed only for localhost addresses.",
        ),
    ] {
        let script = Script::of([]);
        let mut builder = script.builder().base_url(url);
        if insecure {
            builder = builder.allow_insecure_loopback();
        }
        let error = builder.build().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Configuration);
        assert!(error.message().contains(says), "{url}: {error}");
    }
}

// Covers: R29, W31
#[test]
fn the_switch_for_plain_http_has_four_words_and_reaches_this_machine_only() {
    let outcome = |word: &str, url: &str| {
        let environment = [("AVALA_ALLOW_INSECURE_BASE_URL", word), ("AVALA_BASE_URL", url)];
        let script = Script::of([answer(200, page(0, 0, None))]);
        let client = avala::Client::builder()
            .environment(Environment::from_iter(environment))
            .api_key(CANARY)
            .transport(script.clone())
            .build()?;
        run(client.webhooks().list().send()).unwrap();
        Ok::<_, Error>(script.seen()[0].uri.clone())
    };
    for host in ["localhost:8000", "127.0.0.1:8000", "[::1]:8000"] {
        for word in ["1", "true", "YES", "On", " true "] {
            let uri = outcome(word, &format!("http://{host}/api/v1")).unwrap();
            assert_eq!(uri, format!("http://{host}/api/v1/webhooks/"));
        }
        for word in ["0", "false", "no", "off", "y", ""] {
            assert!(outcome(word, &format!("http://{host}/api/v1")).is_err(), "{word}");
        }
    }
    for host in [
        "127.0.0.2",
        "0.0.0.0",
        "10.0.0.1",
        "localhost.evil.example",
        "host.docker.internal",
        "[::2]",
    ] {
        assert!(
            outcome("true", &format!("http://{host}/api/v1")).is_err(),
            "{host}"
        );
    }
}

#[test]
fn every_attempt_of_a_call_goes_to_the_same_place() {
    let script = Script::of([
        answer_with(503, &[("location", "https://evil.example/")], ""),
        answer_with(429, &[("content-location", "https://evil.example/")], ""),
        answer(200, page(0, 0, None)),
    ]);
    let client = script.builder().retry(Retry::attempts(3)).build().unwrap();
    run(client.webhooks().list().send()).unwrap();
    let seen = script.seen();
    assert_eq!(seen.len(), 3);
    for one in &seen {
        assert_bound(one);
        assert_eq!(one.uri, seen[0].uri);
    }
}
