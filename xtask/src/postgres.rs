//! A PostgreSQL cluster for the tests: made, started, and gone with this value.

use std::fs;
use std::io::Read as _;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

use crate::step;

/// A running cluster. Its shell ends it and deletes its folder as soon as this process ends, however that happens.
pub(crate) struct Cluster {
    /// What the tests connect to: a role that may make databases.
    pub(crate) url: String,
    /// Everything it has.
    #[cfg_attr(not(test), allow(dead_code, reason = "its keeper deletes it"))]
    pub(crate) folder: PathBuf,
    keeper: Child,
}

/// Runs the server until stdin ends, which it also does when whoever started it is killed. Interrupts of the terminal
/// are left to that.
const KEEPER: &str = r#"
folder=$1 bin=$2 port=$3
"$bin/postgres" -D "$folder/data" -p "$port" -c listen_addresses=127.0.0.1 \
    -c unix_socket_directories="$folder" -c max_connections=200 -c max_wal_size=256MB </dev/null >"$folder/log" 2>&1 &
server=$!
cat >/dev/null
kill -INT $server
wait $server
rm -rf "$folder"
"#;

impl Cluster {
    /// Makes a cluster with the programs in this folder. PostgreSQL refuses to run as root, so root lends it the user of
    /// the package.
    pub(crate) fn start(bin: &Path, is_root: bool) -> Result<Self> {
        let as_user = |program: &Path| {
            if is_root {
                let mut command = Command::new("setpriv");
                command.args(["--reuid=postgres", "--regid=postgres", "--clear-groups"]);
                command.arg(program);
                command
            } else {
                Command::new(program)
            }
        };
        let password = password()?;
        let made = as_user(Path::new("mktemp"))
            .args(["--directory", &format!("{}/avala-postgres.XXXXXX", base())])
            .output()
            .context("`mktemp` could not be started")?;
        let folder = PathBuf::from(String::from_utf8(made.stdout)?.trim_end());
        if !folder.is_dir() {
            bail!("no temporary folder could be made for PostgreSQL");
        }
        let port = TcpListener::bind("127.0.0.1:0")?.local_addr()?.port();
        let mut keeper = as_user(Path::new("sh"))
            .args([
                "-c",
                // The password goes through stdin: it is in no argument list.
                &format!(
                    r#"trap '' INT HUP; umask 077; IFS= read -r password; printf '%s\n' "$password" >"$1/password"
"$2/initdb" -D "$1/data" -U avala --auth=scram-sha-256 --pwfile="$1/password" --encoding=UTF8 --no-locale \
    >"$1/initdb.log" 2>&1 </dev/null || {{ cat "$1/initdb.log" >&2; rm -rf "$1"; exit 1; }}
{KEEPER}"#
                ),
                "cluster",
            ])
            .arg(&folder)
            .arg(bin)
            .arg(port.to_string())
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .current_dir("/")
            .spawn()
            .context("PostgreSQL could not be started")?;
        if let Some(stdin) = &mut keeper.stdin {
            std::io::Write::write_all(stdin, format!("{password}\n").as_bytes())?;
        }
        let mut cluster = Self {
            url: format!("postgres://avala:{password}@127.0.0.1:{port}/postgres"),
            folder,
            keeper,
        };
        cluster.wait_for(bin, port)?;
        Ok(cluster)
    }

    fn wait_for(&mut self, bin: &Path, port: u16) -> Result<()> {
        let deadline = Instant::now() + Duration::from_mins(1);
        let mut is_ready = Command::new(bin.join("pg_isready"));
        is_ready.args(["--quiet", "--host=127.0.0.1", &format!("--port={port}")]);
        while !step::succeeds(&mut is_ready) {
            if self.keeper.try_wait()?.is_some() || Instant::now() > deadline {
                bail!("PostgreSQL did not start");
            }
            std::thread::sleep(Duration::from_millis(100));
        }
        Ok(())
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        // The end of its stdin is the sign to clean up.
        drop(self.keeper.stdin.take());
        let _ended = self.keeper.wait();
    }
}

/// Where clusters are made: in memory if there is room, since the tests make and drop a database each. The server asks
/// for its syncs there, too.
fn base() -> &'static str {
    const MEMORY: &str = "/dev/shm";
    // Containers often have 64 MiB of it.
    const KIBIBYTES: u64 = 2 * 1024 * 1024;
    let free = Command::new("df")
        .args(["-Pk", MEMORY])
        .output()
        .ok()
        .and_then(|table| {
            let table = String::from_utf8(table.stdout).ok()?;
            table.lines().nth(1)?.split_whitespace().nth(3)?.parse().ok()
        });
    if free.is_some_and(|free: u64| free >= KIBIBYTES) {
        MEMORY
    } else {
        "/tmp"
    }
}

/// Random hexadecimal digits.
fn password() -> Result<String> {
    let mut bytes = [0_u8; 16];
    fs::File::open("/dev/urandom")?.read_exact(&mut bytes)?;
    Ok(format!("{:032x}", u128::from_be_bytes(bytes)))
}
