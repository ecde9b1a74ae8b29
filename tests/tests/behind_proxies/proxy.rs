//! The proxies and the server behind them: child processes on free ports, which end with their values.

use std::{
    fs,
    io::{BufRead as _, BufReader},
    net::{Ipv4Addr, TcpListener, TcpStream},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use avala_tests::{avala, prerequisite};
use tempfile::TempDir;

#[derive(Clone, Copy, Debug)]
pub(crate) enum Kind {
    Nginx,
    HaProxy,
    Caddy,
}

impl Kind {
    pub(crate) fn program(self) -> Option<PathBuf> {
        let variable = match self {
            Self::Nginx => "AVALA_TEST_NGINX",
            Self::HaProxy => "AVALA_TEST_HAPROXY",
            Self::Caddy => "AVALA_TEST_CADDY",
        };
        prerequisite(variable, &format!("the server behind {self:?}"))
    }

    /// As their manuals begin: pass everything on, over connections that are reused, and name the client.
    fn configuration(self, dir: &Path, port: u16, upstream: u16) -> String {
        let dir = dir.display();
        match self {
            Self::Nginx => format!(
                "daemon off; master_process off; pid {dir}/pid; error_log stderr error;
                events {{ worker_connections 64; }}
                http {{
                    access_log off;
                    client_body_temp_path {dir}/body; proxy_temp_path {dir}/proxy;
                    fastcgi_temp_path {dir}/fastcgi; uwsgi_temp_path {dir}/uwsgi; scgi_temp_path {dir}/scgi;
                    upstream avala {{ server 127.0.0.1:{upstream}; keepalive 1; }}
                    server {{
                        listen 127.0.0.1:{port};
                        location / {{
                            proxy_pass http://avala;
                            proxy_http_version 1.1;
                            proxy_set_header Connection \"\";
                            proxy_set_header Host $host;
                            proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;
                        }}
                    }}
                }}\n"
            ),
            Self::HaProxy => format!(
                "defaults
                    mode http
                    option forwardfor
                    http-reuse always
                    timeout connect 5s
                    timeout client 30s
                    timeout server 30s
                frontend clients
                    bind 127.0.0.1:{port}
                    default_backend avala
                backend avala
                    server avala 127.0.0.1:{upstream}\n"
            ),
            Self::Caddy => format!(
                "{{
                    admin off
                    auto_https off
                }}
                http://:{port} {{
                    bind 127.0.0.1
                    reverse_proxy 127.0.0.1:{upstream}
                }}\n"
            ),
        }
    }

    fn command(self, program: &Path, dir: &Path, file: &Path) -> Command {
        let mut command = Command::new(program);
        match self {
            Self::Nginx => command.arg("-p").arg(dir).arg("-c").arg(file),
            Self::HaProxy => command.arg("-db").arg("-f").arg(file),
            Self::Caddy => command
                .args(["run", "--adapter", "caddyfile", "--config"])
                .arg(file),
        };
        command.env_clear().env("HOME", dir);
        command
    }
}

/// A proxy in front of the server.
pub(crate) struct Proxy {
    pub(crate) port: u16,
    child: Child,
    _dir: TempDir,
}

impl Proxy {
    pub(crate) async fn start(kind: Kind, program: &Path, upstream: u16) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let port = free_port();
        let file = dir.path().join("configuration");
        fs::write(&file, kind.configuration(dir.path(), port, upstream)).unwrap();
        let mut child = kind
            .command(program, dir.path(), &file)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let deadline = Instant::now() + Duration::from_secs(20);
        while TcpStream::connect((Ipv4Addr::LOCALHOST, port)).is_err() {
            if let Some(status) = child.try_wait().unwrap() {
                panic!("{kind:?} ended at once: {status}");
            }
            assert!(Instant::now() < deadline, "{kind:?} does not listen");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        Self {
            port,
            child,
            _dir: dir,
        }
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        let _gone = self.child.kill();
        let _gone = self.child.wait();
    }
}

/// `avala serve` that believes the proxy, and limits rates as published.
pub(crate) struct Upstream {
    pub(crate) port: u16,
    pub(crate) key: String,
    child: Child,
    _dir: TempDir,
}

impl Upstream {
    pub(crate) fn start() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let mut child = avala(&["serve", "--dev", "--bind", "127.0.0.1:0", "--output", "json"])
            .args(["--until-stdin-ends", "--rate-limit", "1000"])
            .args(["--trusted-proxy", "127.0.0.1/32", "--data-dir"])
            .arg(dir.path().join("data"))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap())
            .read_line(&mut line)
            .unwrap();
        let ready: serde_json::Value = serde_json::from_str(&line).expect("the ready line is JSON");
        let port = ready["url"].as_str().unwrap().rsplit(':').next().unwrap();
        Self {
            port: port.parse().unwrap(),
            key: ready["api_key"].as_str().unwrap().to_owned(),
            child,
            _dir: dir,
        }
    }
}

impl Drop for Upstream {
    fn drop(&mut self) {
        let _gone = self.child.kill();
        let _gone = self.child.wait();
    }
}

/// A port that was free a moment ago: these programs cannot be asked to take any.
fn free_port() -> u16 {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    listener.local_addr().unwrap().port()
}
