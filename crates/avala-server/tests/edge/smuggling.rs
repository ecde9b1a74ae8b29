//! Requests that two programs could read in two ways. After each of them a canary is sent on the same connection: it is
//! carried out as a request of its own, or not at all, and the table says which.

use crate::site::{Answer, CLOSE, Site, request};

/// A body that makes an agent, of this length.
const FIRST: &str = r#"{"name":"first"}"#;
const LENGTH: &str = "Content-Length: 16\r\n";

const BOTH: &[&str] = &["canary", "first"];
const CANARY: &[&str] = &["canary"];
const NONE: &[&str] = &[];

/// What was sent before the canary, what was answered on the whole connection, and which agents were made.
type Case = (&'static str, String, &'static [u16], &'static [&'static str]);

/// A `POST` that makes the agent `first`, with these lines in its head and this behind it.
fn post(lines: &str, body: &str) -> String {
    format!("POST /api/v1/agents/ HTTP/1.1\r\n{{lines}}Content-Type: application/json\r\n{lines}\r\n{body}")
}

fn get(target: &str, version: &str, lines: &str) -> String {
    format!("GET {target} {version}\r\n{{lines}}{lines}\r\n")
}

const ME: &str = "/api/v1/users/me/";

#[rustfmt::skip]
fn lengths() -> Vec<Case> {
    let with = |value: &str| post(&format!("Content-Length: {value}\r\n"), FIRST);
    vec![
        ("plain", post(LENGTH, FIRST), &[201, 201], BOTH),
        ("blanks around the length are no part of it", with(" \t16\t "), &[201, 201], BOTH),
        ("two lengths that differ", post("Content-Length: 16\r\nContent-Length: 5\r\n", FIRST), &[400], NONE),
        ("two lengths that agree", post("Content-Length: 16\r\nContent-Length: 16\r\n", FIRST), &[400], NONE),
        ("a list of lengths", with("16, 16"), &[400], NONE),
        ("plus", with("+16"), &[400], NONE),
        ("minus", with("-16"), &[400], NONE),
        ("hexadecimal", with("0x10"), &[400], NONE),
        ("a blank inside", with("1 6"), &[400], NONE),
        ("a fraction", with("16.0"), &[400], NONE),
        ("no digits", with(""), &[400], NONE),
        ("more than a number holds", with("18446744073709551632"), &[400], NONE),
        ("vertical tab", with("\u{b}16"), &[400], NONE),
        ("leading zeros are digits", with("0000016"), &[201, 201], BOTH),
        ("an underscore for the dash", post("Content-Length: 16\r\nContent_Length: 0\r\n", FIRST), &[400], NONE),
        ("a body without a length is no body", post("", FIRST).replace("agents", "users/me"), &[405, 400], NONE),
        ("a body on a GET is taken as one", get(ME, "HTTP/1.1", &format!("Content-Type: application/json\r\n{LENGTH}")) + FIRST, &[200, 201], CANARY),
        ("a length beyond the limit", with("99999999"), &[413], NONE),
        ("a hop-by-hop length", post(&format!("Connection: content-length\r\n{LENGTH}"), FIRST), &[201, 201], BOTH),
    ]
}

#[rustfmt::skip]
fn codings() -> Vec<Case> {
    let chunked = "10\r\n{\"name\":\"first\"}\r\n0\r\n\r\n";
    let with = |line: &str| post(&format!("{line}\r\n"), chunked);
    vec![
        // The one honest form: refused in words of its own, and nothing after it is read.
        ("chunked", with("Transfer-Encoding: chunked"), &[411], NONE),
        ("chunked, to a path beside the API", get("/healthz", "HTTP/1.1", "Transfer-Encoding: chunked\r\n") + "0\r\n\r\n", &[411], NONE),
        ("chunked in capitals", with("Transfer-Encoding: CHUNKED"), &[411], NONE),
        ("chunked after a tab", with("Transfer-Encoding:\tchunked"), &[411], NONE),
        ("a chunk extension", post("Transfer-Encoding: chunked\r\n", "10;a=b\r\n{\"name\":\"first\"}\r\n0\r\n\r\n"), &[411], NONE),
        ("a chunk extension with a bare LF", post("Transfer-Encoding: chunked\r\n", "10;a\n{\"name\":\"first\"}\r\n0\r\n\r\n"), &[411], NONE),
        ("trailers", post("Transfer-Encoding: chunked\r\n", "0\r\nContent-Length: 16\r\n\r\n"), &[411], NONE),
        ("a chunk size that overflows", post("Transfer-Encoding: chunked\r\n", "10000000000000010\r\n{\"name\":\"first\"}\r\n0\r\n\r\n"), &[411], NONE),
        ("a chunk that never ends", post("Transfer-Encoding: chunked\r\n", "ffff\r\n{"), &[411], NONE),
        ("length, then coding", with("Content-Length: 4\r\nTransfer-Encoding: chunked"), &[400], NONE),
        ("coding, then length", with("Transfer-Encoding: chunked\r\nContent-Length: 4"), &[400], NONE),
        ("coding, then no length", with("Transfer-Encoding: chunked\r\nContent-Length: 0"), &[400], NONE),
        ("chunked twice", with("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked"), &[400], NONE),
        ("chunked and identity", with("Transfer-Encoding: chunked\r\nTransfer-Encoding: identity"), &[400], NONE),
        ("a list of codings", with("Transfer-Encoding: gzip, chunked"), &[400], NONE),
        ("identity", with("Transfer-Encoding: identity\r\nX: y"), &[400], NONE),
        ("xchunked", with("Transfer-Encoding: xchunked"), &[400], NONE),
        ("quoted", with("Transfer-Encoding: \"chunked\""), &[400], NONE),
        ("vertical tab", with("Transfer-Encoding: \u{b}chunked"), &[400], NONE),
        ("a blank before the colon", with("Transfer-Encoding : chunked"), &[400], NONE),
        ("a blank before the name", with("X: y\r\n Transfer-Encoding: chunked"), &[400], NONE),
        ("an underscore for the dash", with("Transfer_Encoding: chunked\r\nContent-Length: 16"), &[400], NONE),
        ("folded", with("Transfer-Encoding:\r\n chunked"), &[400], NONE),
        ("behind a bare CR", with("X: y\rTransfer-Encoding: chunked"), &[400], NONE),
        ("in HTTP/1.0", with("Transfer-Encoding: chunked").replace("HTTP/1.1", "HTTP/1.0"), &[400], NONE),
    ]
}

#[rustfmt::skip]
fn heads() -> Vec<Case> {
    vec![
        ("LF line ends", get(ME, "HTTP/1.1", "").replace("\r\n", "\n"), &[400], NONE),
        ("one LF line end", get(ME, "HTTP/1.1", "X: y\n"), &[400], NONE),
        ("LF at the end of the head", get(ME, "HTTP/1.1", "X: y\r\n\nGET / HTTP/1.1\r\n"), &[400], NONE),
        ("a folded line", get(ME, "HTTP/1.1", "X: y\r\n z\r\n"), &[400], NONE),
        ("a blank before the first line", get(ME, "HTTP/1.1", "").replacen("{lines}", " X: y\r\n{lines}", 1), &[400], NONE),
        ("a blank before a colon", get(ME, "HTTP/1.1", "X : y\r\n"), &[400], NONE),
        ("NUL in a value", get(ME, "HTTP/1.1", "X: y\0z\r\n"), &[400], NONE),
        ("NUL in a name", get(ME, "HTTP/1.1", "X\0: y\r\n"), &[400], NONE),
        ("a bare CR in a value", get(ME, "HTTP/1.1", "X: y\rz\r\n"), &[400], NONE),
        ("a line without a colon", get(ME, "HTTP/1.1", "X\r\n"), &[400], NONE),
        ("a line without a name", get(ME, "HTTP/1.1", ": y\r\n"), &[400], NONE),
        ("a name that is no token", get(ME, "HTTP/1.1", "X(y: z\r\n"), &[400], NONE),
        ("a host with an underscore", get(ME, "HTTP/1.1", "_: x\r\n"), &[200, 201], CANARY),
        ("two hosts", get(ME, "HTTP/1.1", "Host: evil.example\r\n"), &[400], NONE),
        ("no host", format!("GET {ME} HTTP/1.1\r\n\r\n"), &[400], NONE),
        ("too long a line", get(ME, "HTTP/1.1", &format!("X: {}\r\n", "y".repeat(20_000))), &[431], NONE),
        ("too many lines", get(ME, "HTTP/1.1", &"X: y\r\n".repeat(100)), &[431], NONE),
        ("too long a target", get(&format!("/{}", "x".repeat(20_000)), "HTTP/1.1", ""), &[414], NONE),
        ("an empty line ahead is ignored", format!("\r\n{}", get(ME, "HTTP/1.1", "")), &[200, 201], CANARY),
    ]
}

#[rustfmt::skip]
fn targets() -> Vec<Case> {
    vec![
        ("absolute form: its host counts for nothing", get("http://evil.example/api/v1/users/me/", "HTTP/1.1", ""), &[200, 201], CANARY),
        ("authority form", get("localhost:80", "HTTP/1.1", ""), &[404, 201], CANARY),
        ("CONNECT", get("localhost:80", "HTTP/1.1", "").replacen("GET", "CONNECT", 1), &[404, 201], CANARY),
        ("OPTIONS *", get("*", "HTTP/1.1", "").replacen("GET", "OPTIONS", 1), &[404, 201], CANARY),
        ("TRACE", get(ME, "HTTP/1.1", "").replacen("GET", "TRACE", 1), &[405, 201], CANARY),
        ("no target", get("", "HTTP/1.1", ""), &[400], NONE),
        ("a blank in the target", get("/a b", "HTTP/1.1", ""), &[400], NONE),
        ("two blanks before the target", get(&format!(" {ME}"), "HTTP/1.1", ""), &[400], NONE),
        ("a tab for a blank", get(ME, "HTTP/1.1", "").replacen("GET ", "GET\t", 1), &[400], NONE),
        ("a fragment is not looked at", get("/api/v1/users/me/#x", "HTTP/1.1", ""), &[200, 201], CANARY),
    ]
}

#[rustfmt::skip]
fn versions() -> Vec<Case> {
    vec![
        ("HTTP/0.9", "GET /healthz\r\n".to_owned(), &[400], NONE),
        ("HTTP/1.0", get(ME, "HTTP/1.0", ""), &[200], NONE),
        ("HTTP/1.0, kept alive", get(ME, "HTTP/1.0", "Connection: keep-alive\r\n"), &[200, 201], CANARY),
        ("HTTP/1.2", get(ME, "HTTP/1.2", ""), &[505], NONE),
        ("HTTP/2.0", get(ME, "HTTP/2.0", ""), &[505], NONE),
        ("http/1.1", get(ME, "http/1.1", ""), &[400], NONE),
        ("HTTP/1.1 and a blank", get(ME, "HTTP/1.1 ", ""), &[505], NONE),
        ("the preface of HTTP/2", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".to_owned(), &[505], NONE),
        ("an upgrade to HTTP/2", get(ME, "HTTP/1.1", "Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAARAAAAAAAIAAAAA\r\n"), &[200, 201], CANARY),
        ("an upgrade to a web socket", get(ME, "HTTP/1.1", "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n"), &[200, 201], CANARY),
        ("a TLS handshake", "\u{16}\u{3}\u{1}\u{2}".to_owned(), &[400], NONE),
        ("consent is asked for and given", post(&format!("Expect: 100-continue\r\n{LENGTH}"), FIRST), &[100, 201, 201], BOTH),
        ("two ahead of their answers", get(ME, "HTTP/1.1", "").repeat(2), &[200, 200, 201], CANARY),
        ("many ahead of their answers", get("/healthz", "HTTP/1.1", "").repeat(5), &[200, 200, 200, 200, 200, 201], CANARY),
        ("two key headers", get(ME, "HTTP/1.1", "X-Avala-Api-Key: x\r\n"), &[401, 201], CANARY),
        ("the key header twice, spelt otherwise", get(ME, "HTTP/1.1", "X_Avala_Api_Key: x\r\n"), &[401, 201], CANARY),
        ("a second key in Proxy-Authorization", get(ME, "HTTP/1.1", "Proxy-Authorization: Bearer avk_live_x\r\n"), &[401, 201], CANARY),
    ]
}

async fn tell(cases: Vec<Case>) {
    for (name, bytes, statuses, agents) in cases {
        // Given a server of its own, so that the agents are this case's.
        let site = Site::open(|_| {}).await;
        let canary = r#"{"name":"canary"}"#;
        let canary = format!(
            "POST /api/v1/agents/ HTTP/1.1\r\n{}Content-Type: application/json\r\nContent-Length: {}\r\n{CLOSE}\r\n{canary}",
            site.lines(),
            canary.len()
        );

        // When it is sent, with the canary right behind it.
        let sent = bytes.replace("{lines}", &site.lines()) + &canary;
        let answers = site.exchange(sent.as_bytes()).await;

        // Then there are these answers and no others, and those agents and no others.
        let found: Vec<u16> = answers.iter().map(|answer| answer.status).collect();
        assert_eq!(found, statuses, "{name}: {answers:?}");
        assert_eq!(site.agents().await, agents, "{name}");
        for answer in answers.iter().filter(|answer| answer.status >= 400) {
            assert_explained(name, answer);
        }
        site.stop().await;
    }
}

/// Whoever reads JSON from the API can read it from every refusal.
fn assert_explained(name: &str, answer: &Answer) {
    let body = answer.json();
    assert!(
        body["detail"].is_string() && body["code"].is_string(),
        "{name}: {body}"
    );
    for (header, value) in [
        ("content-type", "application/json"),
        ("cache-control", "no-store"),
    ] {
        assert_eq!(answer.header(header), Some(value), "{name}");
    }
    assert!(
        answer.header("date").is_some() && answer.header("x-request-id").is_some(),
        "{name}"
    );
}

#[tokio::test]
async fn the_length_of_a_body_is_said_in_one_plain_way() {
    tell(lengths()).await;
}

#[tokio::test]
async fn a_transfer_coding_never_lets_anything_through() {
    tell(codings()).await;
}

#[tokio::test]
async fn a_head_is_well_formed_or_nothing() {
    tell(heads()).await;
}

#[tokio::test]
async fn a_target_of_another_form_reaches_no_other_route() {
    tell(targets()).await;
}

#[tokio::test]
async fn only_http_1_is_spoken() {
    tell(versions()).await;
}

#[tokio::test]
async fn a_request_in_pieces_is_the_same_request() {
    use tokio::io::AsyncWriteExt;
    let site = Site::open(|_| {}).await;
    let bytes = post(LENGTH, FIRST).replace("{lines}", &site.lines()) + &request("GET", "/healthz", CLOSE);
    let mut stream = site.connect().await;
    stream.set_nodelay(true).unwrap();
    for byte in bytes.as_bytes() {
        stream.write_all(&[*byte]).await.unwrap();
        tokio::task::yield_now().await;
    }
    let answers = Answer::all(&crate::site::rest(&mut stream).await);
    let statuses: Vec<u16> = answers.iter().map(|answer| answer.status).collect();
    assert_eq!(statuses, [201, 200]);
}
