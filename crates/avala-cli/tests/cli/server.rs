//! A real server in this process, on a free port, for one test.

use std::thread::JoinHandle;

use avala_api::Scope;
use avala_keys::{Class, Secret};
use avala_server::{
    Config, PasswordCost, RateLimit, Server,
    keys::{Access, Authority, NewKey},
};
use tempfile::TempDir;
use tokio::{net::TcpListener, runtime::Runtime, sync::oneshot};

pub(crate) struct TestServer {
    pub(crate) url: String,
    pub(crate) base_url: String,
    pub(crate) directory: TempDir,
    key: Secret,
    authority: Authority,
    runtime: Runtime,
    stop: Option<oneshot::Sender<()>>,
    serving: Option<JoinHandle<()>>,
}

/// With open sign-up, without rate limits, and with this machine as an allowed target of webhooks.
pub(crate) fn server() -> TestServer {
    TestServer::start(|_| {})
}

impl TestServer {
    pub(crate) fn start(change: impl FnOnce(&mut Config)) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let mut config = Config::new(directory.path().join("data"), Class::Test);
        config.sign_up = true;
        config.rate_limit = RateLimit::Off;
        config.allow_webhook_targets = vec!["127.0.0.0/8".parse().unwrap()];
        config.password_cost = PasswordCost {
            memory_kib: 64,
            passes: 1,
        };
        change(&mut config);

        let runtime = Runtime::new().unwrap();
        let (server, listener, key) = runtime.block_on(async {
            let server = Server::open(config).await.unwrap();
            let key = server.dev_key().await.unwrap().into_secret();
            (server, TcpListener::bind("127.0.0.1:0").await.unwrap(), key)
        });
        let url = format!("http://{}", listener.local_addr().unwrap());
        let authority = server.keys().clone();
        let (stop, stopped) = oneshot::channel::<()>();
        let handle = runtime.handle().clone();
        let serving = std::thread::spawn(move || {
            let stopped = async {
                let _dropped = stopped.await;
            };
            handle.block_on(server.serve(listener, stopped)).unwrap();
        });
        Self {
            base_url: format!("{url}/api/v1"),
            url,
            directory,
            key,
            authority,
            runtime,
            stop: Some(stop),
            serving: Some(serving),
        }
    }

    pub(crate) fn data_dir(&self) -> String {
        self.directory.path().join("data").to_str().unwrap().to_owned()
    }

    /// A key that may do everything.
    pub(crate) fn key(&self) -> &str {
        self.key.expose()
    }

    /// A key of the same user that may do only this.
    pub(crate) fn key_for(&self, scopes: &[Scope]) -> Secret {
        let owner = self.me();
        let access = Access::Listed(scopes.to_vec());
        let new = NewKey {
            owner: owner.as_str().into(),
            name: "narrow".into(),
            access,
            expires_at: None,
        };
        self.runtime
            .block_on(self.authority.issue(new))
            .unwrap()
            .key
            .into_secret()
    }

    /// The command, on this server, with the key that may do everything.
    pub(crate) fn avala(&self, line: &str) -> super::avala::Typed {
        super::avala::avala(line).on(&self.base_url, self.key())
    }

    fn me(&self) -> String {
        let whoami = self.avala("whoami --output json").run().json();
        whoami["user"]["uid"].as_str().unwrap().to_owned()
    }
}

impl Drop for TestServer {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(serving) = self.serving.take() {
            let _panicked = serving.join();
        }
    }
}
