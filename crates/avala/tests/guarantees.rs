//! What a program may rely on without reading the code: threads, sizes, and what becomes of calls that are given up.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stderr,
    reason = "a test fails by panicking"
)]

mod support;

use std::{
    sync::{
        Arc, Mutex, OnceLock,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, SystemTime},
};

use avala::{
    Client, Credential, CredentialProvider, Environment, Error, ErrorKind, ProviderFuture, Source, Timestamp,
    blocking,
    transport::{Limits, Transport, TransportFuture},
};
use bytes::Bytes;
use support::{Script, answer, page};
use tokio::time::{sleep, timeout};

#[test]
fn clients_and_calls_cross_threads() {
    fn crosses<T: Send + Sync + Clone + 'static>() {}
    fn moves<T: Send>(_: &T) {}
    crosses::<Client>();
    crosses::<blocking::Client>();
    let client = Script::of([]).client();
    moves(&client.webhooks().list().send());
    moves(&client.webhooks().list().items());
    moves(&client.webhooks().list().pages());
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
    fits(&client.webhooks().list().pages().next());
    fits(&client.webhooks().list().pages().collect_all());
    fits(&client.whoami());
    fits(&client.permissions());
    fits(&client.expose_api_key());
}

/// A way to a server, and a source of keys, neither of which ever comes back.
#[derive(Clone, Debug, Default)]
struct Endless {
    begun: Arc<AtomicUsize>,
    goes_on: Arc<AtomicUsize>,
}

/// Goes on until it is dropped.
struct GoesOn(Arc<AtomicUsize>);

impl Drop for GoesOn {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::SeqCst);
    }
}

impl Endless {
    async fn wait<T>(&self) -> T {
        self.begun.fetch_add(1, Ordering::SeqCst);
        self.goes_on.fetch_add(1, Ordering::SeqCst);
        let _goes_on = GoesOn(self.goes_on.clone());
        std::future::pending().await
    }

    /// How many requests were begun, and how many of them go on.
    fn requests(&self) -> (usize, usize) {
        (
            self.begun.load(Ordering::SeqCst),
            self.goes_on.load(Ordering::SeqCst),
        )
    }
}

impl Transport for Endless {
    fn call(&self, _request: http::Request<Bytes>, _limits: Limits) -> TransportFuture<'_> {
        Box::pin(self.wait())
    }
}

impl CredentialProvider for Endless {
    fn source(&self) -> Source {
        Source::named("the endless one")
    }

    fn provide(&self) -> ProviderFuture<'_> {
        Box::pin(self.wait::<Result<Option<Credential>, _>>())
    }
}

#[tokio::test(start_paused = true)]
async fn a_call_that_is_dropped_stops_whatever_it_was_about() {
    /// Given up while it is on its way; sixty seconds are its own.
    async fn stops(endless: &Endless, call: impl Future) {
        assert!(timeout(Duration::from_secs(1), call).await.is_err());
        assert_eq!(endless.requests(), (1, 0));
        sleep(Duration::from_mins(2)).await;
        assert_eq!(endless.requests(), (1, 0), "and it is not begun again");
        endless.begun.store(0, Ordering::SeqCst);
    }
    // On the wire.
    let endless = Endless::default();
    let client = Script::of([])
        .builder()
        .transport(endless.clone())
        .build()
        .unwrap();
    let list = || client.webhooks().list();
    stops(&endless, list().send()).await;
    stops(&endless, list().send_with_response()).await;
    stops(&endless, async { list().items().next().await }).await;
    stops(&endless, list().items().collect_all()).await;
    stops(&endless, async { list().pages().next().await }).await;
    stops(&endless, client.exports().wait("e").send()).await;
    stops(&endless, async {
        client.exports().wait("e").states().next().await
    })
    .await;
    stops(&endless, client.whoami()).await;
    stops(&endless, client.permissions()).await;

    // While its key is read.
    let script = Script::of([]);
    let client = Client::builder()
        .environment(avala::Environment::empty())
        .credentials(endless.clone())
        .transport(script.clone())
        .build()
        .unwrap();
    stops(&endless, client.webhooks().list().send()).await;
    stops(&endless, client.expose_api_key()).await;

    // Between two attempts, and between two looks at a job.
    let running = r#"{"uid":"e","status":"pending"}"#;
    for (first, is_wait) in [(answer(503, ""), false), (answer(200, running), true)] {
        let script = Script::of([first]);
        let client = script.client();
        let call = async {
            if is_wait {
                client.exports().wait("e").send().await.map(drop)
            } else {
                client.webhooks().list().send().await.map(drop)
            }
        };
        assert!(timeout(Duration::from_millis(100), call).await.is_err());
        sleep(Duration::from_mins(2)).await;
        assert_eq!(script.seen().len(), 1);
    }
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
        // A call that is not waited for any more does not keep the client's thread, nor the program.
        let endless = Endless::default();
        let patient = Script::of([]).builder().transport(endless.clone());
        let patient = patient
            .timeout(Duration::from_millis(50))
            .build_blocking()
            .unwrap();
        assert!(patient.webhooks().list().send().is_err());
        assert_eq!(endless.requests().1, 0);
        drop(patient);
        // And where the runtime itself is on its way out.
        let last = Script::of([]).builder().build_blocking().unwrap();
        runtime.spawn(async move {
            std::future::pending::<()>().await;
            drop(last);
        });
        drop(runtime);
    }
}
