//! What a server says to a key that is presented.

use std::{
    io::{BufRead as _, BufReader, Read as _, Write as _},
    net::TcpStream,
};

use avala_keys::Secret;
use avala_tests::ServeProcess;
use serde_json::Value;

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Said {
    /// It opens, and may do this.
    Opens(Vec<String>),
    /// The code of the refusal.
    Refused(String),
}

/// A connection on which one key after the other is presented: a client each would take its time.
pub(crate) struct Door(BufReader<TcpStream>);

impl Door {
    pub(crate) fn of(server: &ServeProcess) -> Self {
        let address = server.base_url.split('/').nth(2).unwrap();
        let stream = TcpStream::connect(address).unwrap();
        stream.set_nodelay(true).unwrap();
        Self(BufReader::new(stream))
    }

    pub(crate) fn present(&mut self, key: &Secret) -> Said {
        let request = format!(
            "GET /api/v1/users/me/permissions/ HTTP/1.1\r\nhost: localhost\r\nx-avala-api-key: {}\r\n\r\n",
            key.expose()
        );
        self.0.get_mut().write_all(request.as_bytes()).unwrap();
        let (mut line, mut length) = (String::new(), 0);
        while line != "\r\n" {
            line.clear();
            assert!(self.0.read_line(&mut line).unwrap() > 0, "no answer to a key");
            if let Some(("content-length", value)) = line.to_ascii_lowercase().split_once(": ") {
                length = value.trim().parse().unwrap();
            }
        }
        let mut body = vec![0; length];
        self.0.read_exact(&mut body).unwrap();
        let body: Value = serde_json::from_slice(&body).unwrap();
        match body["scopes"].as_array() {
            Some(scopes) => Said::Opens(
                scopes
                    .iter()
                    .map(|name| name.as_str().unwrap().to_owned())
                    .collect(),
            ),
            None => Said::Refused(body["code"].as_str().unwrap().to_owned()),
        }
    }
}
