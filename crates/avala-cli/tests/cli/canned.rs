//! A server that gives one answer to everything, for what a good server never says.

use std::{
    io::{Read as _, Write as _},
    net::TcpListener,
};

/// The base URL of a server that answers every request like this. It lives as long as the test program.
pub(crate) fn canned(status: &str, headers: &str, body: &str) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/api/v1", listener.local_addr().unwrap());
    let answer = format!(
        "HTTP/1.1 {status}\r\ncontent-type: application/json\r\ncontent-length: {}\r\nconnection: close\r\n{headers}\r\n{body}",
        body.len()
    );
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let mut request = [0; 4096];
            // Enough for the requests of these tests: their bodies come with their heads.
            if stream.read(&mut request).is_ok() {
                let _gone = stream.write_all(answer.as_bytes());
            }
        }
    });
    url
}
