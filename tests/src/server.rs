//! Real servers: `avala serve` as a process that can be killed, and the library in this process.

use std::{
    io::{BufRead as _, BufReader, Read as _},
    net::{IpAddr, Ipv4Addr},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    thread,
    time::Duration,
};

use avala::{Client, Environment, Retry, blocking};
use avala_api::{Secret, Timestamp, users::UserUid};
use avala_keys::{ApiKey, Class};
use avala_server::{
    Config, Database, RateLimit, Server,
    keys::{Access, Authority, NewKey},
    seed::{self, Seed},
};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpListener,
    sync::oneshot,
    task::JoinHandle,
};

use crate::{
    command::avala,
    database::{On, PostgresDatabase},
};

/// `avala serve --dev` as a process of its own. It ends with this value.
#[derive(Debug)]
pub struct ServeProcess {
    child: Child,
    pub base_url: String,
    pub key: Secret,
}

impl ServeProcess {
    pub fn start(data_dir: &Path) -> Self {
        Self::start_by(&mut avala(&[]), data_dir, &[])
    }

    /// Starts it by way of `command`, which may be a tracer with the command as its last argument.
    pub fn start_by(command: &mut Command, data_dir: &Path, more: &[&str]) -> Self {
        let mut child = Self::spawn_by(command, data_dir, more);
        let mut line = String::new();
        let stdout = child.stdout.take().expect("stdout is a pipe");
        BufReader::new(stdout)
            .read_line(&mut line)
            .expect("the ready line can be read");
        if line.is_empty() {
            let mut said = String::new();
            let _best_effort = child
                .stderr
                .take()
                .map(|mut stderr| stderr.read_to_string(&mut said));
            panic!("the server did not start: {said}");
        }
        let ready: serde_json::Value = serde_json::from_str(&line).expect("the ready line is JSON");
        let text = |name: &str| ready[name].as_str().unwrap_or_default().to_owned();
        Self {
            child,
            base_url: text("base_url"),
            key: text("api_key").into(),
        }
    }

    fn spawn_by(command: &mut Command, data_dir: &Path, more: &[&str]) -> Child {
        command
            .args([
                "serve",
                "--dev",
                "--bind",
                "127.0.0.1:0",
                "--rate-limit",
                "off",
                "--output",
                "json",
            ])
            .arg("--until-stdin-ends")
            .arg("--data-dir")
            .arg(data_dir)
            .args(more)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the server starts")
    }

    /// Starts it and kills it after that time, however far it has come.
    pub fn kill_while_starting(data_dir: &Path, after: Duration) {
        let mut child = Self::spawn_by(&mut avala(&[]), data_dir, &[]);
        thread::sleep(after);
        child.kill().expect("the process can be killed");
        child.wait().expect("the process can be waited for");
    }

    pub fn client(&self) -> blocking::Client {
        blocking::Client::builder()
            .environment(Environment::empty())
            .api_key(self.key.clone())
            .base_url(&self.base_url)
            .allow_insecure_loopback()
            .retry(Retry::NEVER)
            .build_blocking()
            .expect("the client builds")
    }

    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Ends it at once, as a power cut would: SIGKILL.
    pub fn kill(mut self) {
        self.child.kill().expect("the process can be killed");
        self.child.wait().expect("the process can be waited for");
    }

    /// Asks it to end by itself, and kills it after that time. Whether it had ended by then.
    pub fn kill_while_stopping(mut self, after: Duration) -> bool {
        drop(self.child.stdin.take());
        thread::sleep(after);
        self.child.kill().expect("the process can be killed");
        let status = self.child.wait().expect("the process can be waited for");
        assert!(
            status.success() || status.code().is_none(),
            "the server ended with {status}"
        );
        status.success()
    }

    /// Lets it end by itself and answers what it said on stderr.
    pub fn stop(mut self) -> String {
        drop(self.child.stdin.take());
        let mut said = String::new();
        if let Some(mut stderr) = self.child.stderr.take() {
            stderr.read_to_string(&mut said).expect("stderr can be read");
        }
        let status = self.child.wait().expect("the process can be waited for");
        assert!(status.success(), "the server ended with {status}: {said}");
        said
    }
}

impl Drop for ServeProcess {
    fn drop(&mut self) {
        // Already gone is just as well.
        let _gone = self.child.kill();
        let _gone = self.child.wait();
    }
}

/// Speaks as S3 does of a bucket that opens to everybody.
async fn bucket_keeper() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let url = format!("http://{}", listener.local_addr().expect("an address"));
    tokio::spawn(async move {
        while let Ok((mut socket, _)) = listener.accept().await {
            let _request = socket.read(&mut [0; 8192]).await;
            let _answer = socket
                .write_all(
                    b"HTTP/1.1 200 OK\r\nContent-Length: 19\r\nConnection: close\r\n\r\n<ListBucketResult/>",
                )
                .await;
        }
    });
    url
}

/// A server of the library in this process, on a free port, with keys of every kind.
#[derive(Debug)]
pub struct Site {
    pub base_url: String,
    server: std::sync::Arc<Server>,
    stop: Option<oneshot::Sender<()>>,
    serving: JoinHandle<()>,
    owner: UserUid,
    database: Option<PostgresDatabase>,
    folder: tempfile::TempDir,
}

impl Site {
    pub async fn open() -> Self {
        Self::open_on(On::Sqlite).await
    }

    pub async fn open_on(on: On) -> Self {
        let folder = tempfile::tempdir().expect("a temporary directory");
        let mut config = Config::new(folder.path().join("data"), Class::Live);
        let database = match on {
            On::Sqlite => None,
            On::Postgres => Some(PostgresDatabase::make().await),
        };
        if let Some(postgres) = &database {
            config.database = postgres.database();
        }
        config.rate_limit = RateLimit::PerMinute(100_000);
        config.sign_up = true;
        config
            .allow_webhook_targets
            .push(IpAddr::V4(Ipv4Addr::LOCALHOST).into());
        config.s3_endpoint = Some(bucket_keeper().await.parse().expect("a URL"));
        config.aws_account_id = Some("123456789012".to_owned());
        let server = std::sync::Arc::new(Server::open(config).await.expect("the server opens"));
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let base_url = format!("http://{}/api/v1", listener.local_addr().expect("an address"));
        let (stop, stopped) = oneshot::channel::<()>();
        let serving = tokio::spawn({
            let server = std::sync::Arc::clone(&server);
            async move {
                let stopped = async {
                    let _either_way = stopped.await;
                };
                server.serve(listener, stopped).await.expect("the server serves");
            }
        });
        let owner = server
            .users()
            .create("owner@example.com")
            .await
            .expect("a user")
            .uid;
        Self {
            base_url,
            server,
            stop: Some(stop),
            serving,
            owner,
            database,
            folder,
        }
    }

    pub fn server(&self) -> &Server {
        &self.server
    }

    /// Where the server keeps what is not in its database.
    pub fn data_dir(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    /// Its database, unless that is in the data directory.
    pub fn database_url(&self) -> Option<&str> {
        self.database.as_ref().map(PostgresDatabase::url)
    }

    /// Writes declared rows, as another process would.
    pub async fn seed(&self, json: &str) {
        let database = match &self.database {
            None => Database::Sqlite,
            Some(postgres) => postgres.database(),
        };
        load(&self.data_dir(), &database, json).await;
    }

    pub async fn key(&self, access: Access, expires_at: Option<Timestamp>) -> ApiKey {
        let new = NewKey {
            owner: self.owner.clone(),
            name: "a test's".to_owned(),
            access,
            expires_at,
        };
        self.server.keys().issue(new).await.expect("a key").key
    }

    pub async fn full_key(&self) -> ApiKey {
        self.key(Access::Full, None).await
    }

    pub fn client(&self, key: &str) -> Client {
        Client::builder()
            .environment(Environment::empty())
            .api_key(key)
            .base_url(&self.base_url)
            .allow_insecure_loopback()
            .build()
            .expect("the client builds")
    }

    pub async fn close(mut self) {
        drop(self.stop.take());
        self.serving.await.expect("the server ends");
    }
}

/// Writes declared rows beside a server that keeps them in its data directory.
pub fn seed(data_dir: &Path, json: &str) {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .expect("a runtime")
        .block_on(load(data_dir, &Database::Sqlite, json));
}

async fn load(data_dir: &Path, database: &Database, json: &str) {
    let authority = Authority::open_with(data_dir, database)
        .await
        .expect("the data opens");
    let seed = Seed::parse(json.as_bytes()).expect("the seed can be read");
    seed::load(&authority, &seed).await.expect("the seed is loaded");
}
