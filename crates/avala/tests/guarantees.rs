//! What a program may rely on without reading the code: threads, sizes, and that no key shows anywhere.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stderr,
    reason = "a test fails by panicking"
)]

mod support;

use std::{
    sync::{Arc, Mutex, OnceLock},
    time::{Duration, SystemTime},
};

use avala::{
    Client, Credential, CredentialProvider, Environment, Error, ErrorKind, ProviderFuture, Source, Timestamp,
    blocking,
};
use support::{Script, answer, page};

#[test]
fn clients_and_calls_cross_threads() {
    fn crosses<T: Send + Sync + Clone + 'static>() {}
    fn moves<T: Send>(_: &T) {}
    crosses::<Client>();
    crosses::<blocking::Client>();
    let client = Script::of([]).client();
    moves(&client.webhooks().list().send());
    moves(&client.webhooks().list().items());
    moves(&client.exports().wait("e").send());
    moves(&client.exports().wait("e").states());
}

#[test]
fn an_error_costs_a_result_one_word() {
    assert_eq!(size_of::<Result<(), Error>>(), size_of::<usize>());
}

#[test]
fn a_future_of_ours_makes_nobodys_own_large() {
    fn fits<F: Future + Send>(future: &F) {
        assert!(size_of_val(future) <= 2048, "{}", size_of_val(future));
    }
    let client = Script::of([]).client();
    fits(&client.webhooks().list().send());
    fits(&client.webhooks().list().send_with_response());
    fits(&client.webhooks().list().items().next());
    fits(&client.webhooks().list().items().collect_all());
    fits(&client.exports().wait("e").send());
    fits(&client.exports().wait("e").states().next());
}

/// A blocking call, and the client's end, where others would panic: on a thread that runs async code.
fn calls_and_ends() {
    let script = Script::of([answer(200, page(0, 1, None)), answer(200, page(0, 1, None))]);
    let client = script.builder().build_blocking().unwrap();
    assert_eq!(client.webhooks().list().send().unwrap().items.len(), 1);
    let clone = client.clone();
    let mut rest = client.webhooks().list().items();
    drop(client);
    assert!(rest.next().unwrap().is_ok(), "what was begun outlives the client");
    drop((rest, clone));
}

/// Its own thread is the one place where it cannot wait.
#[test]
fn a_hook_that_calls_its_own_blocking_client_is_told_so_and_holds_up_nothing() {
    let own = Arc::new(OnceLock::<blocking::Client>::new());
    let heard = Arc::new(Mutex::new(None));
    let ends_soon = Timestamp::from(SystemTime::now() + Duration::from_mins(10));
    let script = Script::of([answer(200, page(0, 1, None))]);
    let (client, told) = (own.clone(), heard.clone());
    let built = Client::builder()
        .environment(Environment::empty())
        .transport(script)
        .credentials(EndsAt(ends_soon))
        .on_expiry_within(Duration::from_hours(1), move |_| {
            let error = client.get().unwrap().users().me().send().unwrap_err();
            *told.lock().unwrap() = Some(error.kind());
        })
        .build_blocking()
        .unwrap();
    let client = own.get_or_init(|| built);
    assert_eq!(client.webhooks().list().send().unwrap().items.len(), 1);
    assert_eq!(*heard.lock().unwrap(), Some(ErrorKind::Configuration));
}

/// A key with an end.
#[derive(Debug)]
struct EndsAt(Timestamp);

impl CredentialProvider for EndsAt {
    fn source(&self) -> Source {
        Source::named("a vault")
    }

    fn provide(&self) -> ProviderFuture<'_> {
        let key = Credential::new("avk_key").expires_at(self.0);
        Box::pin(async { Ok(Some(key)) })
    }
}

#[test]
fn the_blocking_client_works_and_ends_anywhere() {
    calls_and_ends();
    for mut runtime in [
        tokio::runtime::Builder::new_current_thread(),
        tokio::runtime::Builder::new_multi_thread(),
    ] {
        let runtime = runtime.enable_all().build().unwrap();
        runtime.block_on(async {
            calls_and_ends();
            tokio::spawn(async { calls_and_ends() }).await.unwrap();
            tokio::task::spawn_blocking(calls_and_ends).await.unwrap();
            let local = tokio::task::LocalSet::new();
            local.run_until(async { calls_and_ends() }).await;
        });
        // And where the runtime itself is on its way out.
        let last = Script::of([]).builder().build_blocking().unwrap();
        runtime.spawn(async move {
            std::future::pending::<()>().await;
            drop(last);
        });
        drop(runtime);
    }
}
