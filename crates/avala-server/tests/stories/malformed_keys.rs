//! Whatever stands in the place of a key: it is refused as malformed, at any length, and the server lives on.

use avala_keys::ApiKey;
use fastrand::Rng;

use crate::support::{Answer, On, Request, exchange, start};

/// Bytes that may stand in the value of a header: the rest is no request at all.
fn in_a_header(random: &mut Rng) -> u8 {
    match random.u8(..) {
        byte @ (0x21..=0x7e | 0x80..) => byte,
        _ => b'x',
    }
}

/// Every way in which one slip makes another text of a key.
fn slips(key: &str) -> Vec<Vec<u8>> {
    let mut texts = Vec::new();
    for position in 0..key.len() {
        let (before, after) = (&key.as_bytes()[..position], &key.as_bytes()[position..]);
        let byte = after[0];
        let cased = if byte.is_ascii_lowercase() {
            byte.to_ascii_uppercase()
        } else {
            byte.to_ascii_lowercase()
        };
        for other in [
            cased, b'-', b'.', b'%', b'"', b'\'', b'\t', b' ', b'0', 0x80, 0xff,
        ] {
            if other != byte {
                texts.push([before, &[other], &after[1..]].concat());
                texts.push([before, &[other], after].concat());
            }
        }
        // Letters that look the same to a reader.
        for twin in ["а", "е", "о", "ｋ", "ⅴ", "\u{200b}", "\u{feff}", "\u{202e}"] {
            texts.push([before, twin.as_bytes(), &after[1..]].concat());
            texts.push([before, twin.as_bytes(), after].concat());
        }
        texts.push([before, &after[1..]].concat());
        texts.push(before.to_vec());
    }
    for more in [b"0".as_slice(), b"\"", b",", b";a=b", b"\xff", key.as_bytes()] {
        texts.push([key.as_bytes(), more].concat());
    }
    // Blanks around a value belong to the header and not to the value.
    texts.retain(|text| text.trim_ascii() != key.as_bytes());
    texts
}

async fn one_slip_makes_no_key_of_a_key(on: On) {
    let running = start(on).await;
    let tenant = running.tenant("a@example.com").await;
    let mut requests = Vec::new();
    for text in slips(tenant.key.expose()) {
        // Those that still have the form of a key, by luck, have another checksum.
        assert!(ApiKey::parse(&text).is_err());
        requests.push(text);
    }
    assert!(requests.len() > 2_000);
    // A part of them over the wire, another one each time.
    let mut random = Rng::with_seed(7);
    let last = requests.len() - 10;
    random.shuffle(&mut requests[..last]);
    for text in requests[..400].iter().chain(&requests[last..]) {
        let answer = running.send(Request::new("GET", "/users/me/").key(text)).await;
        assert_eq!(
            (answer.status, answer.code().as_str()),
            (401, "key_malformed"),
            "{}",
            String::from_utf8_lossy(text)
        );
    }
    tenant.get("/users/me/").await.expect(200);
}

async fn what_is_no_key_is_refused_at_every_length(on: On) {
    let running = start(on).await;
    let tenant = running.tenant("a@example.com").await;
    let mut random = Rng::with_seed(7);
    for length in (1..=130).chain([500, 1_000, 4_000, 8_000, 15_000]) {
        let bytes: Vec<u8> = (0..length).map(|_| in_a_header(&mut random)).collect();
        let answer = running.send(Request::new("GET", "/users/me/").key(&bytes)).await;
        assert_eq!(
            (answer.status, answer.code().as_str()),
            (401, "key_malformed"),
            "{length}"
        );
        let body = String::from_utf8_lossy(&answer.body).into_owned();
        assert!(length < 8 || !body.contains(&*String::from_utf8_lossy(&bytes)));
    }

    // Beyond what a head may have it is not even read.
    for length in [17_000, 64 * 1024, 1024 * 1024] {
        let request = Request::new("GET", "/users/me/").key("k".repeat(length));
        // The server may close before all of it is sent.
        let sent = tokio::spawn({
            let address = running.address;
            async move { exchange_until_closed(address, request.bytes()).await }
        });
        if let Some(answer) = Answer::parse(&sent.await.unwrap()) {
            assert_eq!(answer.status, 431, "{length}");
        }
        tenant.get("/users/me/").await.expect(200);
    }

    // What cannot stand in a header is no request.
    for byte in [b'\0', b'\r', b'\n', 0x7f] {
        let key = [tenant.key.expose().as_bytes(), &[byte], b"x"].concat();
        let request = Request::new("GET", "/users/me/").key(key);
        let answer = Answer::parse(&exchange(running.address, &request.bytes()).await).unwrap();
        assert_eq!(answer.status, 400, "{byte}");
    }
}

/// Sends what can be sent, and reads what can be read.
async fn exchange_until_closed(address: std::net::SocketAddr, bytes: Vec<u8>) -> Vec<u8> {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    let stream = tokio::net::TcpStream::connect(address).await.unwrap();
    let (mut reading, mut writing) = stream.into_split();
    let mut answer = Vec::new();
    let write = async {
        let _closed = writing.write_all(&bytes).await;
    };
    let read = async {
        let _closed = reading.read_to_end(&mut answer).await;
    };
    tokio::join!(write, read);
    answer
}

stories![
    one_slip_makes_no_key_of_a_key,
    what_is_no_key_is_refused_at_every_length,
];
