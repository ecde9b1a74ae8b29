//! A known key goes through everything that can be shown, and shows nowhere.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]

mod support;

use std::{
    fmt::Debug,
    fs,
    path::Path,
    sync::{Arc, Mutex},
    time::{Duration, SystemTime},
};

use avala::{
    Client, Credential, CredentialChain, CredentialProvider, Environment, ErrorKind, ExecKey, KeyFile,
    KeyProblem, Preset, ProviderError, ProviderFuture, Secret, Source, Tried,
    profiles::{Profiles, SourceSpec},
    transport::{TransportError, TransportFailure},
};
use support::{CANARY, Script, Turn, answer, answer_with, page};

/// A key that nothing but the place where it stands tells to be one.
const SHAPELESS: &str = "open-sesame-and-all-that-gold";

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

/// What is shown of the library's types, by their names.
#[derive(Default)]
struct Shown(Vec<(&'static str, String)>);

impl Shown {
    fn add(&mut self, name: &'static str, value: &impl Debug) {
        self.0.push((name, format!("{value:?} {value:#?}")));
    }

    /// A type of a feature that this build may be without.
    fn unbuilt(&mut self, name: &'static str) {
        if !self.0.iter().any(|(known, _)| *known == name) {
            self.0.push((name, String::new()));
        }
    }
}

fn sources(folder: &Path, read: &mut impl FnMut(&Path, &str)) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            sources(&path, read);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            read(&path, &fs::read_to_string(&path).unwrap());
        }
    }
}

/// The names of all types that the library's sources declare as public, as often as they do.
fn declared() -> Vec<String> {
    let mut names = Vec::new();
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    sources(&folder, &mut |_, text| {
        names.extend(text.lines().filter_map(|line| {
            let line = line.trim_start();
            let rest = line
                .strip_prefix("pub struct ")
                .or(line.strip_prefix("pub enum "))?;
            let end = rest.find(|c: char| !c.is_alphanumeric())?;
            // A macro's own parameter has no name of its own.
            (end > 0).then(|| rest[..end].to_owned())
        }));
    });
    names.sort();
    names
}

fn of_clients(shown: &mut Shown) {
    let builder = || {
        Script::of([answer(200, page(0, 1, None))])
            .builder()
            .api_key(SHAPELESS)
    };
    let on_premises = builder()
        .proxy(format!("http://anna:{SHAPELESS}@proxy.example:3128"))
        .client_certificate("a chain", SHAPELESS);
    shown.add("ClientBuilder", &on_premises);
    let client = builder().build().unwrap();
    let blocking = builder().build_blocking().unwrap();
    shown.add("Client", &client);
    shown.add("Client", &blocking);
    shown.add("Call", &client.webhooks().list().send());
    shown.add("Items", &client.webhooks().list().items());
    shown.add("Items", &blocking.webhooks().list().items());
    let report = client.credential_report();
    shown.add("CredentialReport", &report);
    shown.add("Source", &report.source);
    // A request shows its carrier.
    let listing = client.webhooks().list().with_header("X-Token", SHAPELESS);
    shown.add("Async", &listing);
    shown.add("Blocking", &blocking.webhooks().list());
    macro_rules! handles {
        ($($Handle:ident = $accessor:ident;)*) => {
            $(shown.add(stringify!($Handle), &(client.$accessor(), blocking.$accessor()));)*
        };
    }
    handles! {
        AgentActions = agent_actions; Agents = agents; ApiKeys = api_keys; Audit = audit;
        AutoLabelJobs = auto_label_jobs; Datasets = datasets; Exports = exports;
        InferenceProviders = inference_providers; Organizations = organizations; Projects = projects;
        ServiceAccounts = service_accounts; Setup = setup; Signup = signup; StorageConfigs = storage_configs;
        Tasks = tasks; Users = users; WebhookDeliveries = webhook_deliveries; Webhooks = webhooks;
    }
}

fn of_sources(shown: &mut Shown) {
    let variables: Environment = [("AVALA_API_KEY", SHAPELESS)].into_iter().collect();
    shown.add("Environment", &variables);
    shown.add("Profiles", &Profiles::open(&variables).unwrap());
    let mut profile = avala::profiles::Profile::new("mine");
    profile.source = SourceSpec::Exec {
        command: vec!["fetch".to_owned(), SHAPELESS.to_owned()],
    };
    shown.add("SourceSpec", &profile.source);
    shown.add("Profile", &profile);
    shown.add("InvalidSource", &SHAPELESS.parse::<SourceSpec>().unwrap_err());
    shown.add("Credential", &Credential::new(SHAPELESS));
    let words = ["fetch", CANARY, "--token", SHAPELESS];
    let program = ExecKey::new(words).environment(variables);
    shown.add(
        "CredentialChain",
        &CredentialChain::default().then(program.clone()),
    );
    shown.add("Source", &program.source());
    shown.add("ExecKey", &program);
    shown.add("KeyFile", &KeyFile::new("/run/secrets/avala"));
    shown.add("Preset", &Preset::Pass { name: "avala".into() });
    shown.add("Tried", &Tried::Used);
    let failed = ProviderError::new(format!("no {CANARY}")).with_hint(format!("try {CANARY}"));
    shown.add("ProviderError", &failed);
    #[cfg(feature = "aws")]
    shown.add("AwsSecret", &avala::AwsSecret::new("prod/avala"));
    #[cfg(feature = "gcp")]
    shown.add(
        "GcpSecret",
        &avala::GcpSecret::new("projects/p/secrets/s/versions/1").unwrap(),
    );
    #[cfg(feature = "keychain")]
    shown.add("KeychainKey", &avala::keychain::KeychainKey::new("mine"));
    #[cfg(feature = "edit-profiles")]
    {
        let home = tempfile::tempdir().unwrap();
        let folder = home.path().to_str().unwrap();
        let mut profiles = Profiles::open(&Environment::from_iter([("AVALA_CONFIG_DIR", folder)])).unwrap();
        profiles.set(&avala::profiles::Profile::new("mine")).unwrap();
        profiles.store("mine", &Secret::from(SHAPELESS), None).unwrap();
        shown.add("Rotation", &profiles.rotation("mine").unwrap());
    }
    for name in ["AwsSecret", "GcpSecret", "KeychainKey", "Rotation"] {
        shown.unbuilt(name);
    }
}

/// What comes back, from a server that repeats whatever it was sent.
async fn of_answers(shown: &mut Shown) {
    let echo = format!(r#"{{"detail":"bad key {SHAPELESS}","code":"{SHAPELESS}","name":["{SHAPELESS}"]}}"#);
    let me = format!(r#"{{"uid":"u","username":"anna","api_key":"{SHAPELESS}"}}"#);
    let may = format!(r#"{{"type":"customer","note":"{CANARY}"}}"#);
    let repeats = [("x-avala-api-key", SHAPELESS), ("x-request-id", SHAPELESS)];
    let failure = TransportError::new(TransportFailure::Setup, false, format!("cannot send {CANARY}"));
    let script = Script::of([
        answer_with(401, &repeats, &echo),
        answer_with(200, &repeats[..1], &me),
        answer(200, me.clone()),
        answer(200, may),
        Turn::Fail(failure.failure, failure.may_have_been_sent),
    ]);
    let client = script.builder().api_key(SHAPELESS).build().unwrap();
    let error = client.users().me().send().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Authentication);
    shown.add("Error", &error);
    shown.add(
        "Error",
        &format!("{error} {:?} {:?}", error.field_errors(), error.request_id()),
    );
    shown.add("ErrorKind", &error.kind());
    shown.add("KeyProblem", &[error.key_problem(), Some(KeyProblem::Expired)]);
    shown.add("Advice", &avala::Advice::all());
    let answered = client.users().me().send_with_response().await.unwrap();
    shown.add("Whoami", &answered);
    shown.add("Whoami", &client.whoami().await.unwrap());
    shown.add("TransportError", &failure);
    shown.add("TransportFailure", &failure.failure);
    shown.add("Error", &client.users().me().send().await.unwrap_err());
}

// Covers: W6
#[tokio::test]
async fn of_every_public_type_no_key_is_shown() {
    let mut shown = Shown::default();
    of_clients(&mut shown);
    of_sources(&mut shown);
    of_answers(&mut shown).await;
    for (name, text) in &shown.0 {
        for key in [&CANARY[22..], SHAPELESS] {
            assert!(!text.contains(key), "{name}: {text}");
        }
    }
    // The hook of a client alone is given an `Expiry`, and a transport alone `Limits`: of the two stories above and below.
    for name in ["Expiry", "Limits"] {
        shown.unbuilt(name);
    }
    // And a type that is new is not forgotten here.
    let mut missing = declared();
    missing.retain(|name| !shown.0.iter().any(|(known, _)| known == name));
    assert!(missing.is_empty(), "show these, too: {missing:?}");
}

// Covers: W6
#[test]
fn what_has_the_name_of_a_secret_is_no_plain_text() {
    let crates = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let (mut seen, mut plain) = (0, Vec::new());
    for name in [
        "avala",
        "avala-api",
        "avala-http",
        "avala-keys",
        "avala-server",
        "avala-cli",
    ] {
        sources(&crates.join(name).join("src"), &mut |path, text| {
            for line in text.lines() {
                let line = line
                    .trim()
                    .trim_start_matches("pub ")
                    .trim_start_matches("pub(crate) ");
                let Some((name, kind)) = line.split_once(':') else {
                    continue;
                };
                let is_name = name.bytes().all(|c| c.is_ascii_lowercase() || c == b'_');
                if is_name && avala_keys::redact::is_secret_name(name) && kind.ends_with(',') {
                    seen += 1;
                    if kind.contains("String") {
                        plain.push(format!("{}: {line}", path.display()));
                    }
                }
            }
        });
    }
    assert!(seen >= 8, "the declarations are found: {seen}");
    assert!(plain.is_empty(), "{plain:#?}");
}
