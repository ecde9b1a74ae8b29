//! Keys that nobody issued, without number: the server forgets each of them with its answer.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stderr,
    reason = "a test fails by panicking"
)]

use std::{
    fs,
    io::{BufRead as _, BufReader, Read as _, Write as _},
    net::TcpStream,
    thread,
};

use avala_keys::{ApiKey, Class};
use avala_tests::ServeProcess;

const CLIENTS: u64 = 4;

/// What the process has in memory, in KiB.
fn resident(server: &ServeProcess) -> u64 {
    let status = fs::read_to_string(format!("/proc/{}/status", server.id())).unwrap();
    let line = status.lines().find(|line| line.starts_with("VmRSS:")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse().unwrap()
}

/// Asks with so many keys, each another one, and has each refused.
fn flood(address: &str, seed: u64, count: usize) {
    let mut random = fastrand::Rng::with_seed(seed);
    let mut stream = TcpStream::connect(address).unwrap();
    stream.set_nodelay(true).unwrap();
    let mut answers = BufReader::new(stream.try_clone().unwrap());
    for _ in 0..count {
        let key = ApiKey::generate(Class::Test, &mut |bytes: &mut [u8]| {
            random.fill(bytes);
            Ok(())
        })
        .unwrap();
        let key = key.expose();
        let request =
            format!("GET /api/v1/users/me/ HTTP/1.1\r\nHost: localhost\r\nX-Avala-Api-Key: {key}\r\n\r\n");
        stream.write_all(request.as_bytes()).unwrap();
        let (mut line, mut length) = (String::new(), 0);
        answers.read_line(&mut line).unwrap();
        assert!(line.contains("401"), "{line}");
        loop {
            line.clear();
            answers.read_line(&mut line).unwrap();
            if line == "\r\n" {
                break;
            }
            if let Some(text) = line.to_lowercase().strip_prefix("content-length:") {
                length = text.trim().parse().unwrap();
            }
        }
        answers.read_exact(&mut vec![0; length]).unwrap();
    }
}

#[test]
fn unknown_keys_without_number_take_no_memory() {
    const MOST_KIB: u64 = 4 * 1024;
    let folder = tempfile::tempdir().unwrap();
    let server = ServeProcess::start(&folder.path().join("data"));
    let address = server
        .base_url
        .trim_start_matches("http://")
        .trim_end_matches("/api/v1")
        .to_owned();
    let all = |round: u64, each: usize| {
        let clients: Vec<_> = (0..CLIENTS)
            .map(|client| {
                let address = address.clone();
                thread::spawn(move || flood(&address, round * CLIENTS + client, each))
            })
            .collect();
        for client in clients {
            client.join().unwrap();
        }
        resident(&server)
    };
    // Once everything that is made once is there.
    let before = all(0, 2_500);
    let after = all(1, 10_000);
    // A hundred bytes of each would be seen.
    assert!(after <= before + MOST_KIB, "{before} KiB, then {after} KiB");
    server.client().users().me().send().unwrap();
    server.stop();
}
