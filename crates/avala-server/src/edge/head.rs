//! What a request head must look like before anything else sees it. Whatever two programs could read in two ways (request
//! smuggling) is refused here, so that where a request ends is decided in one place.

use http::{StatusCode, Uri};
use httparse::{EMPTY_HEADER, Header};

use crate::{config::Limits, refusal::Refusal};

/// The most lines of a head, whatever is configured: so many has hyper room for without asking for memory.
const MOST_HEADERS: usize = 100;

/// A whole head, at the beginning of what arrived.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Head {
    /// Its bytes, with the empty line at its end.
    pub(super) length: usize,
    /// The bytes of the body behind it.
    pub(super) body: u64,
}

/// Looks for the end of a head, at each byte once.
#[derive(Debug, Default)]
pub(super) struct Scan {
    seen: usize,
    has_line: bool,
}

impl Scan {
    /// The head that `arrived` begins with; `None` while it is incomplete.
    pub(super) fn find(&mut self, arrived: &[u8], limits: &Limits) -> Result<Option<Head>, Refusal> {
        if arrived.first().is_some_and(|byte| !is_token(*byte)) {
            return Err(malformed());
        }
        let within = &arrived[..arrived.len().min(limits.head_bytes)];
        while let Some(offset) = within[self.seen..].iter().position(|byte| *byte == b'\n') {
            let end = self.seen + offset;
            if !within[..end].ends_with(b"\r") {
                return Err(malformed());
            }
            if !self.has_line {
                self.has_line = true;
                check_version(&within[..end - 1])?;
            }
            self.seen = end + 1;
            if within[..self.seen].ends_with(b"\r\n\r\n") {
                let head = parse(&within[..self.seen], limits)?;
                *self = Self::default();
                return Ok(Some(head));
            }
        }
        self.seen = within.len();
        if within.len() < limits.head_bytes {
            Ok(None)
        } else if self.has_line {
            Err(too_large())
        } else {
            Err(Refusal::new(
                StatusCode::URI_TOO_LONG,
                "The request's URL is too long.",
                "url_too_long",
            ))
        }
    }
}

/// Early, for those who speak something else and would wait for an answer: HTTP/0.9 and HTTP/2.
fn check_version(line: &[u8]) -> Result<(), Refusal> {
    if line.ends_with(b" HTTP/1.1") || line.ends_with(b" HTTP/1.0") {
        Ok(())
    } else if line.windows(6).any(|window| window == b" HTTP/") {
        Err(Refusal::new(
            StatusCode::HTTP_VERSION_NOT_SUPPORTED,
            "This server speaks HTTP/1.1.",
            "http_version",
        ))
    } else {
        Err(malformed())
    }
}

fn parse(bytes: &[u8], limits: &Limits) -> Result<Head, Refusal> {
    let mut lines = [EMPTY_HEADER; MOST_HEADERS];
    let most = limits.headers.min(MOST_HEADERS);
    let mut request = httparse::Request::new(&mut lines[..most]);
    match request.parse(bytes) {
        Ok(status) if status.is_complete() => {}
        Err(httparse::Error::TooManyHeaders) => return Err(too_large()),
        _ => return Err(malformed()),
    }
    // Nothing behind this may refuse a target that got so far.
    if request.path.is_none_or(|target| Uri::try_from(target).is_err()) {
        return Err(malformed());
    }
    Ok(Head {
        length: bytes.len(),
        body: body_length(request.headers, request.version)?,
    })
}

/// Exactly one plain way to say where the body ends.
fn body_length(headers: &[Header<'_>], version: Option<u8>) -> Result<u64, Refusal> {
    let mut length = None;
    let mut is_chunked = false;
    for Header { name, value } in headers {
        if name.eq_ignore_ascii_case("content-length") {
            let earlier = length.replace(digits(value).ok_or_else(framing)?);
            // Two that agree are refused as well: who sends them has been added to.
            if earlier.is_some() {
                return Err(framing());
            }
        } else if name.eq_ignore_ascii_case("transfer-encoding") {
            if is_chunked || version != Some(1) || !value.eq_ignore_ascii_case(b"chunked") {
                return Err(framing());
            }
            is_chunked = true;
        } else if name.contains('_') && decides_framing(&name.replace('_', "-")) {
            // Some programs take an underscore for a dash.
            return Err(framing());
        }
    }
    match (length, is_chunked) {
        (Some(_), true) => Err(framing()),
        // An honest client that sends a stream.
        (None, true) => Err(Refusal::new(
            StatusCode::LENGTH_REQUIRED,
            "Send the body with a Content-Length.",
            "length_required",
        )),
        (length, false) => Ok(length.unwrap_or(0)),
    }
}

fn decides_framing(name: &str) -> bool {
    ["content-length", "transfer-encoding", "host"]
        .iter()
        .any(|known| name.eq_ignore_ascii_case(known))
}

/// No sign, no blank, no other base; no more digits than any number has.
fn digits(value: &[u8]) -> Option<u64> {
    let is_plain = (1..=19).contains(&value.len()) && value.iter().all(u8::is_ascii_digit);
    is_plain
        .then(|| std::str::from_utf8(value).ok()?.parse().ok())
        .flatten()
}

/// What a method may begin with. The first byte of a TLS handshake is none of these.
fn is_token(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte)
}

fn malformed() -> Refusal {
    Refusal::bad_request("The request is not well-formed HTTP/1.1.", "request_malformed")
}

fn framing() -> Refusal {
    Refusal::bad_request(
        "The request does not say in one plain way where its body ends.",
        "body_length_unclear",
    )
}

fn too_large() -> Refusal {
    Refusal::new(
        StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE,
        "The request's headers are too large.",
        "head_too_large",
    )
}
