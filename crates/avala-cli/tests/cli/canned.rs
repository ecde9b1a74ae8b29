//! A server whose answers are written down, for what a good server never says and for what ours does not say yet.

use std::{
    io::{Read as _, Write as _},
    net::{TcpListener, TcpStream},
    sync::{Arc, Mutex},
};

/// The base URL of a server that answers every request like this. It lives as long as the test program.
pub(crate) fn canned(status: &str, headers: &str, body: &str) -> String {
    serve(vec![answer(status, headers, body)]).base_url
}

/// A server that gives these answers, one after the other, and the last of them from then on.
pub(crate) fn in_turn(answers: &[(&str, &str)]) -> Canned {
    serve(
        answers
            .iter()
            .map(|(status, body)| answer(status, "", body))
            .collect(),
    )
}

/// A server, and what it was asked.
pub(crate) struct Canned {
    pub(crate) base_url: String,
    asked: Arc<Mutex<Vec<String>>>,
}

impl Canned {
    /// The requests so far, head and body.
    pub(crate) fn asked(&self) -> Vec<String> {
        self.asked.lock().unwrap().clone()
    }

    /// The first lines of the requests so far, such as `GET /webhooks/`.
    pub(crate) fn lines(&self) -> Vec<String> {
        let line = |request: &String| {
            let line = request.lines().next().unwrap();
            line.trim_end_matches(" HTTP/1.1").replace("/api/v1", "")
        };
        self.asked().iter().map(line).collect()
    }

    /// The body of the last request.
    pub(crate) fn body(&self) -> serde_json::Value {
        let asked = self.asked();
        let (_, body) = asked.last().unwrap().split_once("\r\n\r\n").unwrap();
        serde_json::from_str(body).unwrap()
    }
}

fn answer(status: &str, headers: &str, body: &str) -> String {
    format!(
        "HTTP/1.1 {status}\r\ncontent-type: application/json\r\ncontent-length: {}\r\nconnection: close\r\n{headers}\r\n{body}",
        body.len()
    )
}

fn serve(answers: Vec<String>) -> Canned {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let base_url = format!("http://{}/api/v1", listener.local_addr().unwrap());
    let asked = Arc::new(Mutex::new(Vec::new()));
    let noted = Arc::clone(&asked);
    std::thread::spawn(move || {
        for (number, stream) in listener.incoming().enumerate() {
            let mut stream = stream.unwrap();
            if let Some(request) = read(&mut stream) {
                noted.lock().unwrap().push(request);
                let _gone = stream.write_all(answers[number.min(answers.len() - 1)].as_bytes());
            }
        }
    });
    Canned { base_url, asked }
}

/// A whole request, if it comes.
fn read(stream: &mut TcpStream) -> Option<String> {
    let mut bytes = Vec::new();
    loop {
        let text = String::from_utf8_lossy(&bytes).into_owned();
        if let Some((head, body)) = text.split_once("\r\n\r\n") {
            let head = head.to_ascii_lowercase();
            let length = head
                .lines()
                .find_map(|line| line.strip_prefix("content-length: "));
            if body.len() >= length.map_or(0, |length| length.parse().unwrap()) {
                return Some(text);
            }
        }
        let mut more = [0; 4096];
        match stream.read(&mut more) {
            Ok(count @ 1..) => bytes.extend_from_slice(&more[..count]),
            _ => return None,
        }
    }
}
