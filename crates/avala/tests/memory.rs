//! What is left of a key in the memory of this process once it was given up. A program of its own: nothing else runs in it.
#![cfg(target_os = "linux")]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]

use std::{
    fs::{self, File},
    hint::black_box,
    io::Write as _,
    os::unix::fs::FileExt as _,
};

use avala::{Client, Environment, Secret};

/// The one thing that is searched for. It never stands whole in the program: only hidden, as its neighbours in the alphabet.
const HIDDEN: &[u8] = b"bwl`tboe`boe`tfb`boe`xjoe`boe`gph`";

/// The key, made anew in this buffer.
fn write_key(number: u8, buffer: &mut Vec<u8>) {
    buffer.clear();
    buffer.extend(black_box(HIDDEN).iter().map(|byte| byte - 1));
    buffer.extend(black_box(number).to_string().bytes());
}

/// How often the key stands in memory, wherever it can be written.
fn copies(number: u8) -> usize {
    let memory = File::open("/proc/self/mem").unwrap();
    let mut needle = Vec::with_capacity(64);
    write_key(number, &mut needle);
    // Memory that was given back loses its first words to the allocator, so the rest of a key is looked for; in reverse, so
    // that what is looked for is not found itself.
    needle.drain(..16);
    needle.reverse();
    let mut found = 0;
    let mut buffer = vec![0_u8; 1 << 20];
    let own = buffer.as_ptr() as u64..buffer.as_ptr() as u64 + buffer.len() as u64;
    for line in fs::read_to_string("/proc/self/maps").unwrap().lines() {
        let mut words = line.split(' ');
        let (range, rights) = (words.next().unwrap(), words.next().unwrap());
        let is_kernels = line.ends_with("[vvar]") || line.ends_with("[vsyscall]") || line.ends_with("[vdso]");
        if !rights.starts_with("rw") || is_kernels {
            continue;
        }
        let (start, end) = range.split_once('-').unwrap();
        let mut at = u64::from_str_radix(start, 16).unwrap();
        let end = u64::from_str_radix(end, 16).unwrap();
        while at < end {
            let length = buffer.len().min(usize::try_from(end - at).unwrap());
            let Ok(read @ 1..) = memory.read_at(&mut buffer[..length], at) else {
                break;
            };
            found += (0..read.saturating_sub(needle.len()))
                .filter(|&offset| !own.contains(&(at + offset as u64)))
                .filter(|&offset| {
                    needle
                        .iter()
                        .rev()
                        .zip(&buffer[offset..])
                        .all(|(wanted, byte)| wanted == byte)
                })
                .count();
            if at + read as u64 >= end {
                break;
            }
            // The next piece begins a little earlier: a copy may lie across.
            at += (read - needle.len().min(read - 1)) as u64;
        }
    }
    buffer.fill(0);
    needle.fill(0);
    found
}

fn wiped(mut buffer: Vec<u8>) {
    buffer.fill(0);
    black_box(&buffer);
}

// Covers: W6
#[test]
fn of_what_sent_nothing_no_copy_of_the_key_is_left() {
    // Given a search that finds what is there, or nothing that follows means anything.
    let mut plain = Vec::with_capacity(64);
    write_key(1, &mut plain);
    assert!(copies(1) >= 1, "a copy that is there is found");
    plain.fill(0);
    black_box(&plain);
    assert_eq!(copies(1), 0, "one that was wiped is not");

    // A secret.
    let mut text = Vec::with_capacity(64);
    write_key(2, &mut text);
    let secret = Secret::from(String::from_utf8(text).unwrap());
    let another = secret.clone();
    assert!(copies(2) >= 2);
    drop((secret, another));
    assert_eq!(copies(2), 0, "a secret that was dropped");

    // A client that sent nothing: its sources, its report, what it keeps to send.
    let mut text = Vec::with_capacity(64);
    write_key(3, &mut text);
    let client = Client::builder()
        .environment(Environment::empty())
        .api_key(Secret::from(String::from_utf8(text).unwrap()))
        .build()
        .unwrap();
    black_box(client.credential_report());
    drop(client);
    let left = copies(3);
    assert_eq!(left, 0, "an explicit key");

    // A file that was read.
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join(".env");
    let mut text = Vec::with_capacity(64);
    write_key(4, &mut text);
    let mut file = File::create(&path).unwrap();
    file.write_all(b"AVALA_API_KEY=").unwrap();
    file.write_all(&text).unwrap();
    drop(file);
    wiped(text);
    let client = Client::builder()
        .environment(Environment::empty())
        .dotenv_file(&path)
        .build()
        .unwrap();
    drop(client);
    let left = copies(4);
    assert_eq!(left, 0, "a key of a file");
}
