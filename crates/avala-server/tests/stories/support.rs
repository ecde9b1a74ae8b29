//! A server in this process on a free port, and a client that says exactly what is sent.

use std::{
    collections::BTreeMap,
    net::SocketAddr,
    path::Path,
    sync::{Arc, Mutex},
    time::Duration,
};

use avala_api::{Timestamp, users::User};
use avala_keys::{ApiKey, Class};
use avala_server::{
    Clock, Config, PasswordCost, RateLimit, Server,
    keys::{Access, Issued, NewKey},
};
use serde_json::Value;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    sync::oneshot,
    task::JoinHandle,
};

pub(crate) use crate::home::{Home, On};

/// Nothing in a story takes longer, unless it hangs.
const PATIENCE: Duration = Duration::from_secs(20);

/// A server that is serving.
pub(crate) struct Running {
    pub(crate) server: Arc<Server>,
    pub(crate) address: SocketAddr,
    pub(crate) dir: Home,
    stop: oneshot::Sender<()>,
    serving: JoinHandle<()>,
}

/// The configuration of a test server: nothing is limited or left out, passwords are cheap.
pub(crate) fn config(dir: &Path) -> Config {
    Config {
        rate_limit: RateLimit::Off,
        aws_account_id: Some("123456789012".into()),
        password_cost: PasswordCost {
            memory_kib: 64,
            passes: 1,
        },
        ..Config::new(dir.join("data"), Class::Live)
    }
}

pub(crate) async fn start(on: On) -> Running {
    start_with(on, |_| {}).await
}

pub(crate) async fn start_with(on: On, change: impl FnOnce(&mut Config)) -> Running {
    start_in(Home::new(on).await, change).await
}

pub(crate) async fn start_in(dir: Home, change: impl FnOnce(&mut Config)) -> Running {
    let mut config = config(dir.path());
    config.database = dir.database();
    change(&mut config);
    let server = Arc::new(Server::open(config).await.unwrap());
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let (stop, stopped) = oneshot::channel::<()>();
    let serving = tokio::spawn({
        let server = server.clone();
        async move {
            server
                .serve(listener, async { drop(stopped.await) })
                .await
                .unwrap();
        }
    });
    Running {
        server,
        address,
        dir,
        stop,
        serving,
    }
}

impl Running {
    /// A user and a full key.
    pub(crate) async fn tenant(&self, email: &str) -> Tenant {
        let user = self.server.users().create(email).await.unwrap();
        let issued = self.issue(&user, Access::Full).await;
        Tenant {
            address: self.address,
            user,
            key: issued.key,
        }
    }

    pub(crate) async fn issue(&self, user: &User, access: Access) -> Issued {
        let new = NewKey {
            owner: user.uid.clone(),
            name: "test".into(),
            access,
            expires_at: None,
        };
        self.server.keys().issue(new).await.unwrap()
    }

    pub(crate) async fn send(&self, request: Request) -> Answer {
        request.send(self.address).await
    }

    /// Ends the server as a signal would, and gives the directory back.
    pub(crate) async fn stop(self) -> Home {
        drop(self.stop);
        tokio::time::timeout(PATIENCE, self.serving)
            .await
            .unwrap()
            .unwrap();
        Arc::into_inner(self.server).unwrap().close().await;
        self.dir
    }
}

/// Somebody with a full key.
pub(crate) struct Tenant {
    pub(crate) address: SocketAddr,
    pub(crate) user: User,
    pub(crate) key: ApiKey,
}

impl Tenant {
    pub(crate) async fn get(&self, path: &str) -> Answer {
        self.send("GET", path, None).await
    }

    pub(crate) async fn post(&self, path: &str, body: Value) -> Answer {
        self.send("POST", path, Some(body)).await
    }

    pub(crate) async fn patch(&self, path: &str, body: Value) -> Answer {
        self.send("PATCH", path, Some(body)).await
    }

    pub(crate) async fn delete(&self, path: &str) -> Answer {
        self.send("DELETE", path, None).await
    }

    pub(crate) async fn send(&self, method: &str, path: &str, body: Option<Value>) -> Answer {
        let mut request = Request::new(method, path).key(self.key.expose());
        if let Some(body) = body {
            request = request.json(&body);
        }
        request.send(self.address).await
    }
}

/// A request, exactly as it is sent.
#[derive(Clone)]
pub(crate) struct Request {
    method: String,
    target: String,
    headers: Vec<(String, Vec<u8>)>,
    body: Vec<u8>,
}

impl Request {
    /// A path below the API's prefix.
    pub(crate) fn new(method: &str, path: &str) -> Self {
        Self::raw(method, &format!("/api/v1{path}"))
    }

    pub(crate) fn raw(method: &str, target: &str) -> Self {
        let headers = vec![("Host".to_owned(), b"localhost".to_vec())];
        Self {
            method: method.into(),
            target: target.into(),
            headers,
            body: Vec::new(),
        }
    }

    pub(crate) fn without_host(mut self) -> Self {
        self.headers.retain(|(name, _)| name != "Host");
        self
    }

    pub(crate) fn header(mut self, name: &str, value: impl AsRef<[u8]>) -> Self {
        self.headers.push((name.into(), value.as_ref().to_vec()));
        self
    }

    pub(crate) fn key(self, key: impl AsRef<[u8]>) -> Self {
        self.header("X-Avala-Api-Key", key)
    }

    pub(crate) fn json(self, body: &Value) -> Self {
        self.header("Content-Type", "application/json")
            .body(body.to_string())
    }

    pub(crate) fn body(mut self, body: impl Into<Vec<u8>>) -> Self {
        self.body = body.into();
        let length = self.body.len().to_string();
        self.header("Content-Length", length)
    }

    pub(crate) fn bytes(&self) -> Vec<u8> {
        let mut bytes = format!("{} {} HTTP/1.1\r\n", self.method, self.target).into_bytes();
        for (name, value) in &self.headers {
            bytes.extend_from_slice(&[name.as_bytes(), b": ", value, b"\r\n"].concat());
        }
        bytes.extend_from_slice(b"Connection: close\r\n\r\n");
        bytes.extend_from_slice(&self.body);
        bytes
    }

    pub(crate) async fn send(&self, address: SocketAddr) -> Answer {
        let answer = exchange(address, &self.bytes()).await;
        let answer =
            Answer::parse(&answer).unwrap_or_else(|| panic!("no answer to {} {}", self.method, self.target));
        // Whatever is asked: a redirect would have the client send its key a second time.
        assert!(
            !(300..400).contains(&answer.status),
            "{} {} was redirected",
            self.method,
            self.target
        );
        answer
    }
}

/// Sends bytes, and reads until the server closes.
pub(crate) async fn exchange(address: SocketAddr, bytes: &[u8]) -> Vec<u8> {
    let talk = async {
        let mut stream = TcpStream::connect(address).await.unwrap();
        stream.write_all(bytes).await.unwrap();
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).await.unwrap();
        answer
    };
    tokio::time::timeout(PATIENCE, talk)
        .await
        .expect("the server closes the connection")
}

/// An answer, header names in lower case.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: BTreeMap<String, String>,
    pub(crate) body: Vec<u8>,
}

impl Answer {
    pub(crate) fn parse(bytes: &[u8]) -> Option<Self> {
        let end = bytes.windows(4).position(|window| window == b"\r\n\r\n")?;
        let head = std::str::from_utf8(&bytes[..end]).ok()?;
        let mut lines = head.split("\r\n");
        let status = lines.next()?.split(' ').nth(1)?.parse().ok()?;
        let headers = lines
            .filter_map(|line| line.split_once(": "))
            .map(|(name, value)| (name.to_lowercase(), value.into()));
        Some(Self {
            status,
            headers: headers.collect(),
            body: bytes[end + 4..].to_vec(),
        })
    }

    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body)
            .unwrap_or_else(|_| panic!("not JSON: {}", String::from_utf8_lossy(&self.body)))
    }

    pub(crate) fn code(&self) -> String {
        self.json()["code"].as_str().unwrap_or_default().to_owned()
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(String::as_str)
    }

    /// Asserts the status and gives the body.
    #[track_caller]
    pub(crate) fn expect(&self, status: u16) -> Value {
        assert_eq!(self.status, status, "{}", String::from_utf8_lossy(&self.body));
        if self.body.is_empty() {
            Value::Null
        } else {
            self.json()
        }
    }
}

/// A clock that stands still until it is set.
#[derive(Clone, Debug)]
pub(crate) struct ManualClock(Arc<Mutex<Timestamp>>);

impl ManualClock {
    pub(crate) fn at(text: &str) -> Self {
        Self(Arc::new(Mutex::new(text.parse().unwrap())))
    }

    pub(crate) fn millis(&self) -> i64 {
        self.0.lock().unwrap().unix_millis()
    }

    pub(crate) fn advance_millis(&self, millis: i64) {
        let mut now = self.0.lock().unwrap();
        *now = Timestamp::from_unix_millis(now.unix_millis() + millis);
    }
}

impl Clock for ManualClock {
    fn now(&self) -> Timestamp {
        *self.0.lock().unwrap()
    }
}

/// Asks until the answer is as wanted; fails at the deadline.
pub(crate) async fn within<A: Future<Output = bool>>(limit: Duration, mut is_so: impl FnMut() -> A) {
    let deadline = tokio::time::Instant::now() + limit;
    while !is_so().await {
        assert!(tokio::time::Instant::now() < deadline, "not so within {limit:?}");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

/// A well-formed key that nobody issued.
pub(crate) fn unknown_key(class: Class) -> ApiKey {
    ApiKey::generate(class, &mut |bytes: &mut [u8]| {
        getrandom::fill(bytes).map_err(|_| avala_keys::RandomnessFailed)
    })
    .unwrap()
}

/// A well-formed key with the public id of another: what somebody can make who saw an id in a list.
pub(crate) fn same_id_other_secret(key: &ApiKey) -> ApiKey {
    let other = unknown_key(key.class());
    let body = format!("{}{}", &key.expose()[..22], &other.expose()[22..54]);
    ApiKey::parse(format!("{body}{}", checksum(body.as_bytes())).as_bytes()).unwrap()
}

/// CRC32 (IEEE) as six base62 digits.
fn checksum(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
    let mut crc = u32::MAX;
    for byte in bytes {
        crc ^= u32::from(*byte);
        for _ in 0..8 {
            crc = if crc & 1 == 1 {
                crc >> 1 ^ 0xEDB8_8320
            } else {
                crc >> 1
            };
        }
    }
    let mut rest = !crc;
    let mut digits = [0; 6];
    for digit in digits.iter_mut().rev() {
        *digit = DIGITS[(rest % 62) as usize];
        rest /= 62;
    }
    String::from_utf8(digits.to_vec()).unwrap()
}
