//! A known key goes through everything that can be shown, and shows nowhere.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]

mod support;

use std::{
    sync::{Arc, Mutex},
    time::{Duration, SystemTime},
};

use avala::{
    Client, Credential, CredentialChain, CredentialProvider, Environment, ProviderError, ProviderFuture,
    Secret, Source,
};
use support::{CANARY, Script, answer};

#[derive(Debug)]
struct Vault;

impl CredentialProvider for Vault {
    fn source(&self) -> Source {
        Source::named("the vault")
    }

    fn provide(&self) -> ProviderFuture<'_> {
        let end = SystemTime::now() + Duration::from_mins(1);
        Box::pin(async move { Ok(Some(Credential::new(CANARY).expires_at(end.into()))) })
    }
}

// Covers: W6
#[tokio::test]
async fn what_is_shown_of_sources_hooks_and_panics_holds_no_key() {
    let shown = Arc::new(Mutex::new(Vec::new()));
    let show = |text: String| shown.lock().unwrap().push(text);
    show(format!(
        "{:?} {:?}",
        Secret::from(CANARY),
        Credential::new(CANARY)
    ));
    show(format!("{:?}", CredentialChain::default().then(Vault)));
    let failed = ProviderError::new(format!("no {CANARY}")).with_hint(format!("try {CANARY}"));
    show(format!("{failed} {failed:?}"));
    let variables: Environment = [("AVALA_API_KEY", CANARY)].into_iter().collect();
    show(format!("{variables:?}"));

    let heard = shown.clone();
    let script = Script::of([answer(200, r#"{"uid":"u","username":"anna"}"#)]);
    let builder = Client::builder()
        .environment(variables)
        .credentials(Vault)
        .transport(script)
        .on_expiry_within(Duration::from_hours(1), move |expiry| {
            heard.lock().unwrap().push(format!("heard {expiry:?}"));
        });
    show(format!("{builder:?}"));
    let client = builder.build().unwrap();
    client.users().me().send().await.unwrap();
    show(format!("{client:?} {:?}", client.credential_report()));
    let panicked = std::panic::catch_unwind(|| {
        let secret = Secret::from(CANARY);
        panic!("{secret:?}");
    });
    show(panicked.unwrap_err().downcast_ref::<String>().unwrap().clone());

    let shown = shown.lock().unwrap().join("\n");
    assert!(shown.contains("heard"), "the hook was called: {shown}");
    assert!(!shown.contains("Canary000000_C"), "{shown}");
}
