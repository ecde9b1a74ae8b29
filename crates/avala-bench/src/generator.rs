//! The load: one thread that keeps connections open and sends the same bytes, closed-loop or at given times.

use std::io::{ErrorKind, Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use hdrhistogram::Histogram;
use mio::{Events, Interest, Poll, Token};
use rustix::event::{PollFd, PollFlags, Timespec, poll};

use crate::series::seconds_each;

/// An answer that takes longer is none.
const PATIENCE: Duration = Duration::from_secs(10);

/// Sends one request over and over on its connections. Cheap, so that the server is measured and not it.
pub(crate) struct Generator {
    address: SocketAddr,
    request: Vec<u8>,
    lanes: Vec<Lane>,
    ready: Poll,
    events: Events,
    /// The server closes after each answer: every request is a connection.
    reconnects: bool,
}

#[derive(Default)]
struct Lane {
    stream: Option<mio::net::TcpStream>,
    received: Vec<u8>,
    /// When the request under way should have been sent.
    due: Option<Instant>,
}

impl Generator {
    /// Connects, and sees that the request is answered.
    pub(crate) fn new(address: SocketAddr, request: &[u8], connections: usize) -> Result<Self> {
        // It waits for readiness instead of spinning, so it must be woken in time.
        #[cfg(target_os = "linux")]
        rustix::thread::set_current_timer_slack(std::num::NonZeroU64::new(1))?;
        let answer = exchange(address, request)?;
        Ok(Self {
            address,
            request: request.to_vec(),
            lanes: std::iter::repeat_with(Lane::default).take(connections).collect(),
            ready: Poll::new()?,
            events: Events::with_capacity(connections),
            reconnects: head(&answer)
                .unwrap_or_default()
                .to_ascii_lowercase()
                .contains("connection: close"),
        })
    }

    /// As many requests as are answered in that time, each connection with one under way. Seconds per request.
    pub(crate) fn closed_loop(&mut self, time: Duration) -> Result<f64> {
        self.connect()?;
        let began = Instant::now();
        let mut count = 0;
        for lane in 0..self.lanes.len() {
            self.send(lane, began)?;
        }
        while began.elapsed() < time {
            for (lane, _) in self.answered(PATIENCE)? {
                count += 1;
                self.send(lane, began)?;
            }
        }
        let took = began.elapsed();
        self.settle()?;
        Ok(seconds_each(took, count))
    }

    /// Exactly so many requests, closed-loop.
    pub(crate) fn exactly(&mut self, requests: usize) -> Result<()> {
        self.connect()?;
        let began = Instant::now();
        let mut sent = 0;
        for lane in 0..self.lanes.len().min(requests) {
            self.send(lane, began)?;
            sent += 1;
        }
        while sent < requests {
            for (lane, _) in self.answered(PATIENCE)? {
                if sent < requests {
                    self.send(lane, began)?;
                    sent += 1;
                }
            }
        }
        self.settle()
    }

    /// One request at each of these times, whether or not the last ones are answered. Latencies in nanoseconds, from the
    /// time at which each should have been sent: one that waits for a free connection waits for the server.
    pub(crate) fn open_loop(&mut self, times: &[Duration]) -> Result<Histogram<u64>> {
        self.connect()?;
        let mut latencies = Histogram::new(3)?;
        let mut idle: Vec<usize> = (0..self.lanes.len()).collect();
        let (began, mut next) = (Instant::now(), 0);
        while next < times.len() || idle.len() < self.lanes.len() {
            while let Some(time) = times.get(next).filter(|time| began.elapsed() >= **time)
                && let Some(lane) = idle.pop()
            {
                self.send(lane, began + *time)?;
                next += 1;
            }
            let wait = match times.get(next) {
                Some(time) if !idle.is_empty() => time.saturating_sub(began.elapsed()),
                _ => PATIENCE,
            };
            for (lane, due) in self.answered(wait)? {
                latencies.record(u64::try_from(due.elapsed().as_nanos())?)?;
                idle.push(lane);
            }
        }
        Ok(latencies)
    }

    /// Anew: a server may have closed connections that were idle while others were measured.
    fn connect(&mut self) -> Result<()> {
        for lane in 0..self.lanes.len() {
            self.lanes[lane].stream = if self.reconnects {
                None
            } else {
                Some(self.stream(lane)?)
            };
        }
        Ok(())
    }

    fn stream(&self, lane: usize) -> Result<mio::net::TcpStream> {
        let stream = TcpStream::connect(self.address).context("connecting to the server")?;
        stream.set_nodelay(true)?;
        stream.set_nonblocking(true)?;
        let mut stream = mio::net::TcpStream::from_std(stream);
        let registry = self.ready.registry();
        registry.register(&mut stream, Token(lane), Interest::READABLE)?;
        Ok(stream)
    }

    fn send(&mut self, lane: usize, due: Instant) -> Result<()> {
        let stream = match self.lanes[lane].stream.take() {
            Some(stream) if !self.reconnects => stream,
            _ => self.stream(lane)?,
        };
        let lane = &mut self.lanes[lane];
        lane.received.clear();
        lane.due = Some(due);
        let stream = lane.stream.insert(stream);
        stream.write_all(&self.request).context("sending a request")
    }

    /// Waits until connections have their answer, and no longer than told. Which have, and when each was due.
    fn answered(&mut self, wait: Duration) -> Result<Vec<(usize, Instant)>> {
        let mut at_most = Some(wait);
        if wait < PATIENCE {
            // To the nanosecond; `Poll` knows milliseconds only.
            let mut polled = [PollFd::new(self.ready.registry(), PollFlags::IN)];
            poll(&mut polled, Some(&Timespec::try_from(wait)?))?;
            at_most = Some(Duration::ZERO);
        }
        self.ready.poll(&mut self.events, at_most)?;
        ensure!(
            wait < PATIENCE || !self.events.is_empty(),
            "the server does not answer"
        );
        let mut answered = Vec::with_capacity(self.lanes.len());
        for event in &self.events {
            let Token(number) = event.token();
            let lane = &mut self.lanes[number];
            if lane.due.is_some()
                && lane.receive()?
                && let Some(due) = lane.due.take()
            {
                if self.reconnects {
                    // The server may wait for that before it takes the next request.
                    lane.stream = None;
                }
                answered.push((number, due));
            }
        }
        Ok(answered)
    }

    /// Takes the answers that are under way.
    fn settle(&mut self) -> Result<()> {
        while self.lanes.iter().any(|lane| lane.due.is_some()) {
            self.answered(PATIENCE)?;
        }
        Ok(())
    }
}

impl Lane {
    /// Takes what there is: readiness is told once. Whether the answer is whole now.
    fn receive(&mut self) -> Result<bool> {
        let Some(stream) = &mut self.stream else {
            return Ok(false);
        };
        let mut piece = [0; 8192];
        loop {
            match stream.read(&mut piece) {
                Ok(0) => bail!("the server closed a connection without an answer"),
                Ok(length) => self.received.extend_from_slice(&piece[..length]),
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(false),
                Err(error) => return Err(error).context("receiving an answer"),
            }
            if is_whole(&self.received) {
                ensure!(
                    self.received.starts_with(b"HTTP/1.1 20"),
                    "the server refused a request: {}",
                    String::from_utf8_lossy(&self.received)
                );
                return Ok(true);
            }
        }
    }
}

/// Times of requests at this mean rate, so many seconds of them: independent of each other, and the same in every run.
pub(crate) fn arrivals(rate: f64, time: Duration) -> Vec<Duration> {
    let mut random = fastrand::Rng::with_seed(1);
    let mut at = 0.0;
    std::iter::repeat_with(|| {
        at -= (1.0 - random.f64()).ln() / rate;
        Duration::from_secs_f64(at)
    })
    .take_while(|at| *at < time)
    .collect()
}

/// Sends a request on a connection of its own and gives the whole answer.
pub(crate) fn exchange(address: SocketAddr, request: &[u8]) -> Result<Vec<u8>> {
    let mut stream = TcpStream::connect(address)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.write_all(request)?;
    let (mut answer, mut piece) = (Vec::new(), [0; 8192]);
    while !is_whole(&answer) {
        let length = stream.read(&mut piece)?;
        ensure!(length > 0, "the server closed a connection without an answer");
        answer.extend_from_slice(&piece[..length]);
    }
    Ok(answer)
}

/// The body of a whole answer.
pub(crate) fn body(answer: &[u8]) -> &[u8] {
    body_at(answer).map_or(&[], |at| &answer[at..])
}

fn is_whole(answer: &[u8]) -> bool {
    let mut lines = [httparse::EMPTY_HEADER; 32];
    let mut head = httparse::Response::new(&mut lines);
    let Ok(httparse::Status::Complete(body)) = head.parse(answer) else {
        return false;
    };
    let length = head
        .headers
        .iter()
        .find(|line| line.name.eq_ignore_ascii_case("content-length"))
        .and_then(|line| str::from_utf8(line.value).ok()?.parse::<usize>().ok());
    length.is_some_and(|length| answer.len() >= body + length)
}

fn head(answer: &[u8]) -> Option<&str> {
    str::from_utf8(&answer[..body_at(answer)?]).ok()
}

fn body_at(answer: &[u8]) -> Option<usize> {
    const END: &[u8] = b"\r\n\r\n";
    let end = answer.windows(END.len()).position(|window| window == END)?;
    Some(end + END.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_is_whole_when_its_body_is() {
        let answer = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}";
        assert!(is_whole(answer) && !is_whole(&answer[..answer.len() - 1]) && !is_whole(&answer[..20]));
        assert_eq!(body(answer), b"{}");
    }

    #[test]
    fn arrivals_have_their_rate_and_come_in_order() {
        let times = arrivals(10_000.0, Duration::from_secs(10));
        assert!((99_000..101_000).contains(&times.len()), "{}", times.len());
        assert!(times.is_sorted());
    }
}
