//! The log at its finest level, alone in its process: what is logged is decided for all threads at once.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]

mod support;

use std::{
    io,
    sync::{Arc, Mutex},
};

use support::{CANARY, Script, answer, page};
use tracing_subscriber::fmt::MakeWriter;

#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl io::Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for Log {
    type Writer = Self;
    fn make_writer(&'a self) -> Self {
        self.clone()
    }
}

// Covers: W6
#[test]
fn the_key_shows_in_no_debug_no_error_and_no_log_at_the_finest_level() {
    let log = Log::default();
    let subscriber = tracing_subscriber::fmt()
        .with_max_level(tracing::Level::TRACE)
        .with_writer(log.clone())
        .finish();
    let echo = format!(r#"{{"detail":"bad key {CANARY}","code":"{CANARY}"}}"#);
    let mut shown = tracing::subscriber::with_default(subscriber, || {
        tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .start_paused(true)
            .build()
            .unwrap()
            .block_on(async {
                let script = Script::of([answer(200, page(0, 1, None)), answer(500, ""), answer(401, echo)]);
                let builder = script.builder();
                let mut shown = vec![format!("{builder:?}")];
                let client = builder.build().unwrap();
                client.webhooks().list().send().await.unwrap();
                let request = client.webhooks().list();
                shown.push(format!("{client:?} {:?} {request:?}", client.credential_report()));
                let error = client.users().me().send().await.unwrap_err();
                assert_eq!(error.attempts(), 2);
                shown.push(format!("{error} {error:?} {:?}", error.message()));
                shown.concat()
            })
    });
    let log = String::from_utf8(log.0.lock().unwrap().clone()).unwrap();
    assert!(log.contains("avala.operation"), "the log was on: {log}");
    shown += &log;
    let secret_part = &CANARY[22..];
    assert!(!shown.contains(secret_part), "{shown}");
}
