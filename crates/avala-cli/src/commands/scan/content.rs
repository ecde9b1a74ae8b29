//! What a file holds: whether it is text, and at which line and column its keys stand.

use std::borrow::Cow;

use avala_keys::find::{self, Found};
use memchr::memmem;

/// In a line, it lets the keys of that line through.
const ALLOW: &[u8] = b"avala:allow";
/// Where git, too, looks for a zero byte.
const LOOKED_AT: usize = 8000;

/// Line and column, counted from 1; columns are characters.
pub(super) struct Place {
    pub(super) line: usize,
    pub(super) column: usize,
}

/// The text that a file holds, or `None` if it is binary. UTF-16 is what PowerShell writes into a `.env`.
pub(super) fn text(content: &[u8]) -> Option<Cow<'_, [u8]>> {
    let from_utf_16 = |rest: &[u8], number: fn([u8; 2]) -> u16| {
        let units: Vec<u16> = rest
            .chunks_exact(2)
            .map(|pair| number([pair[0], pair[1]]))
            .collect();
        Cow::Owned(String::from_utf16_lossy(&units).into_bytes())
    };
    match content {
        [0xff, 0xfe, rest @ ..] => Some(from_utf_16(rest, u16::from_le_bytes)),
        [0xfe, 0xff, rest @ ..] => Some(from_utf_16(rest, u16::from_be_bytes)),
        _ if content.iter().take(LOOKED_AT).any(|byte| *byte == 0) => None,
        _ => Some(Cow::Borrowed(content)),
    }
}

/// The keys of a text, without those that are let through. Each byte is counted once, however many keys a line has.
pub(super) fn keys(text: &[u8]) -> Vec<(Place, Found)> {
    let mut found = find::keys(text).into_iter().peekable();
    let mut places = Vec::new();
    let mut start = 0;
    for (number, line) in text.split_inclusive(|byte| *byte == b'\n').enumerate() {
        if found.peek().is_none() {
            break;
        }
        let end = start + line.len();
        let mut counted = start;
        let mut column = 1;
        let mut here = Vec::new();
        while let Some(found) = found.next_if(|found| found.at.start < end) {
            // What continues a character of UTF-8 is not one more.
            column += text[counted..found.at.start]
                .iter()
                .filter(|byte| **byte & 0xc0 != 0x80)
                .count();
            counted = found.at.start;
            let line = number + 1;
            here.push((Place { line, column }, found));
        }
        if !here.is_empty() && memmem::find(line, ALLOW).is_none() {
            places.append(&mut here);
        }
        start = end;
    }
    places
}
