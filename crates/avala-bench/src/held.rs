//! Connections that only cost the server something: silent, slow and half-closed ones, from a process of their own.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};

use crate::served::allow_many_connections;

/// A slow client sends one byte of its head in this time.
const DRIP: Duration = Duration::from_secs(1);

/// When, within that time, they do so.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Rhythm {
    /// Each at its own time.
    Spread,
    /// All in the same moment.
    AtOnce,
}

impl Rhythm {
    const ALL: [Self; 2] = [Self::Spread, Self::AtOnce];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Spread => "spread",
            Self::AtOnce => "at-once",
        }
    }

    pub(crate) fn named(name: &str) -> Result<Self> {
        let known = Self::ALL.into_iter().find(|rhythm| rhythm.name() == name);
        known.context("the rhythm is spread or at-once")
    }

    /// Into how many parts the time is divided.
    fn parts(self) -> u32 {
        match self {
            Self::Spread => 2_500,
            Self::AtOnce => 1,
        }
    }
}

/// The process that holds them; dropping it ends it.
pub(crate) struct Held(Child);

impl Held {
    /// Opens so many connections; when this returns, all are open.
    pub(crate) fn open(address: SocketAddr, count: usize, rhythm: Rhythm) -> Result<Self> {
        let mut process = Command::new(std::env::current_exe()?)
            .arg("hold")
            .arg(address.to_string())
            .arg(count.to_string())
            .arg(rhythm.name())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .context("starting the process of the silent connections")?;
        let mut ready = String::new();
        if let Some(output) = process.stdout.take() {
            BufReader::new(output).read_line(&mut ready)?;
        }
        let held = Self(process);
        ensure!(
            ready.trim() == "open",
            "the silent connections could not be opened"
        );
        Ok(held)
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Holds connections until standard input closes: a quarter of each kind.
pub(crate) fn hold(address: SocketAddr, count: usize, rhythm: Rhythm) -> Result<()> {
    allow_many_connections()?;
    let mut lanes = (0..count)
        .map(|number| {
            let stream = open(address, number)?;
            stream.set_nonblocking(true)?;
            Ok(stream)
        })
        .collect::<Result<Vec<_>>>()?;
    println!("open");
    let (alive, ended) = mpsc::channel::<()>();
    thread::spawn(move || {
        // The end of the input, or an error: either way nobody is there any more.
        let _ = std::io::stdin().read(&mut [0]);
        drop(alive);
    });
    let mut head = b"ET /api/v1/users/me/ HTTP/1.1\r\nhost: localhost\r\n"
        .iter()
        .cycle();
    let parts = rhythm.parts();
    let (began, mut turn) = (Instant::now(), 0);
    loop {
        turn += 1;
        let rest = (DRIP * turn / parts).saturating_sub(began.elapsed());
        if ended.recv_timeout(rest) != Err(RecvTimeoutError::Timeout) {
            return Ok(());
        }
        let byte = head.next().copied().unwrap_or(b'x');
        // Four neighbours are one of each kind.
        let is_due = |number: usize| number / 4 % parts as usize == (turn % parts) as usize;
        for (number, lane) in lanes.iter_mut().enumerate().filter(|(number, _)| is_due(*number)) {
            let gone = match number % 4 {
                2 => lane.write_all(&[byte]).is_err(),
                // The server closes these at once; they come back.
                3 => true,
                _ => matches!((&*lane).read(&mut [0]), Ok(0)),
            };
            if gone {
                *lane = open(address, number)?;
                lane.set_nonblocking(true)?;
            }
        }
    }
}

fn open(address: SocketAddr, number: usize) -> Result<TcpStream> {
    let mut stream = TcpStream::connect(address).context("opening a silent connection")?;
    match number % 4 {
        // Silent.
        0 => {}
        // Silent after the first byte, or one byte a second.
        1 | 2 => stream.write_all(b"G")?,
        // Will never say more, and waits for the answer.
        _ => {
            stream.write_all(b"GET /api/v1/users/me/ HTTP/1.1\r\n")?;
            stream.shutdown(Shutdown::Write)?;
        }
    }
    Ok(stream)
}
