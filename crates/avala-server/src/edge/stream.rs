//! A client's stream: hands on one request at a time, each within its deadlines, and ends so that the last answer
//! arrives.

use std::{
    io,
    mem::{self, MaybeUninit},
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    task::{Context, Poll, ready},
    time::Duration,
};

use bytes::{Buf, Bytes, BytesMut};
use http::StatusCode;
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, ReadBuf},
    time::{Sleep, sleep},
};

use super::{
    deadline::Deadline,
    head::{Head, Scan},
    pace::Pace,
    response::last_word,
    slots::{Awaited, Slot},
};
use crate::{refusal::Refusal, service::Service};

/// To close while a client is still sending would reset the connection, and the client would lose the answer. For so
/// long, whatever comes is thrown away, until the client closes too.
const LINGER: Duration = Duration::from_millis(500);

/// How much is read at once while a head arrives.
const PIECE: usize = 4096;

/// What the next byte belongs to.
#[derive(Debug)]
enum Reading {
    /// A head that is not complete yet.
    Head,
    /// A complete head, so many bytes of which are not handed on yet.
    Given(Head),
    /// A body with so many bytes to come.
    Body(u64),
    /// Nothing: this is said, and then the connection ends.
    LastWord(Bytes),
    /// Nothing: the connection ends.
    Over,
}

/// A client's stream, above or without TLS.
pub(super) struct ClientStream<S> {
    stream: S,
    service: Arc<Service>,
    slot: Slot,
    /// What came and was not handed on.
    arrived: BytesMut,
    scan: Scan,
    reading: Reading,
    /// A request was handed on, and its answer is not on its way yet.
    at_work: bool,
    /// The service has the answer.
    answered: Arc<AtomicBool>,
    /// For the first byte of a head, then for the rest of it.
    deadline: Deadline,
    /// Of the client, in taking its answers.
    pace: Pace,
    /// Runs once the server has said its last word.
    lingering: Option<Pin<Box<Sleep>>>,
}

impl<S: AsyncRead + AsyncWrite + Unpin> ClientStream<S> {
    pub(super) fn new(stream: S, service: Arc<Service>, slot: Slot) -> Self {
        let mut deadline = Deadline::default();
        deadline.set(service.config.head_timeout);
        Self {
            stream,
            service,
            slot,
            arrived: BytesMut::new(),
            scan: Scan::default(),
            reading: Reading::Head,
            at_work: false,
            answered: Arc::default(),
            deadline,
            pace: Pace::default(),
            lingering: None,
        }
    }

    /// Where the service notes that it has an answer.
    pub(super) fn answered(&self) -> Arc<AtomicBool> {
        self.answered.clone()
    }

    /// A last word, and the end.
    pub(super) fn refuse(&mut self, refusal: &Refusal) {
        self.reading = Reading::LastWord(last_word(&self.service, refusal));
    }

    /// Ready once a whole head is there; false when there will be none.
    pub(super) fn poll_head(&mut self, context: &mut Context<'_>) -> Poll<io::Result<bool>> {
        loop {
            match &self.reading {
                Reading::Head => {}
                Reading::LastWord(_) => {
                    ready!(self.poll_last_word(context))?;
                    self.reading = Reading::Over;
                    continue;
                }
                Reading::Over => return Poll::Ready(Ok(false)),
                Reading::Given(_) | Reading::Body(_) => return Poll::Ready(Ok(true)),
            }
            if self.at_work {
                // One request at a time. Too much ahead of it is not read; the flush of the answer wakes this again.
                if self.arrived.len() >= self.service.config.head_bytes {
                    return Poll::Pending;
                }
            } else {
                self.find_head()?;
                if !matches!(self.reading, Reading::Head) {
                    continue;
                }
            }
            let Poll::Ready(count) = self.poll_more(context)? else {
                if self.at_work || self.deadline.poll(context).is_pending() {
                    return Poll::Pending;
                }
                if self.arrived.is_empty() {
                    self.reading = Reading::Over;
                } else {
                    self.refuse(&head_timeout());
                }
                continue;
            };
            if count == 0 {
                return Poll::Ready(Ok(false));
            }
        }
    }

    /// Looks for a head in what arrived.
    fn find_head(&mut self) -> io::Result<()> {
        // RFC 9112, 2.2: an empty line ahead of a request is ignored.
        while self.arrived.starts_with(b"\r\n") {
            self.arrived.advance(2);
        }
        match self.scan.find(&self.arrived, &self.service.config) {
            Ok(None) => {}
            Ok(Some(head)) => {
                self.begin_work()?;
                self.at_work = true;
                self.deadline.clear();
                let here = (self.arrived.len() - head.length) as u64;
                if head.body > here {
                    self.slot.waits(Awaited::Body);
                }
                self.reading = Reading::Given(head);
            }
            Err(refusal) => self.refuse(&refusal),
        }
        Ok(())
    }

    fn begin_work(&mut self) -> io::Result<()> {
        if self.slot.works() {
            Ok(())
        } else {
            Err(io::ErrorKind::ConnectionAborted.into())
        }
    }

    fn await_next_head(&mut self) {
        let limits = &self.service.config;
        self.deadline.set(if self.arrived.is_empty() {
            limits.idle_timeout
        } else {
            limits.head_timeout
        });
        self.slot.waits(Awaited::NextHead);
    }

    /// Reads a piece of the next head.
    fn poll_more(&mut self, context: &mut Context<'_>) -> Poll<io::Result<usize>> {
        let mut piece = [const { MaybeUninit::uninit() }; PIECE];
        let mut piece = ReadBuf::uninit(&mut piece);
        ready!(Pin::new(&mut self.stream).poll_read(context, &mut piece))?;
        let piece = piece.filled();
        if self.arrived.is_empty() && !self.at_work && !piece.is_empty() {
            self.deadline.set(self.service.config.head_timeout);
        }
        self.arrived.extend_from_slice(piece);
        Poll::Ready(Ok(piece.len()))
    }

    /// Hands on what arrived, at most so much.
    fn hand_on(&mut self, most: u64, buffer: &mut ReadBuf<'_>) -> u64 {
        let count = self.arrived.len().min(buffer.remaining());
        let count = usize::try_from(most).map_or(count, |most| most.min(count));
        buffer.put_slice(&self.arrived[..count]);
        self.arrived.advance(count);
        count as u64
    }

    /// Hands on a piece of a body. Nothing means that the client is gone.
    fn poll_body(
        &mut self,
        context: &mut Context<'_>,
        most: u64,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<u64>> {
        if !self.arrived.is_empty() {
            return Poll::Ready(Ok(self.hand_on(most, buffer)));
        }
        let before = buffer.filled().len();
        let mut limited = (&mut self.stream).take(most);
        ready!(Pin::new(&mut limited).poll_read(context, buffer))?;
        Poll::Ready(Ok((buffer.filled().len() - before) as u64))
    }

    fn poll_last_word(&mut self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        while let Reading::LastWord(rest) = &mut self.reading
            && !rest.is_empty()
        {
            let mut rest = mem::take(rest);
            let written = self.poll_write_some(context, &rest);
            if let Poll::Ready(Ok(count)) = written {
                rest.advance(count);
            }
            self.reading = Reading::LastWord(rest);
            ready!(written)?;
        }
        let flushed = Pin::new(&mut self.stream).poll_flush(context);
        self.progress(context, flushed)
    }

    fn poll_write_some(&mut self, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write(context, bytes);
        self.taken(context, written)
    }

    /// The outcome of a write, unless the client is too slow.
    fn taken(
        &mut self,
        context: &mut Context<'_>,
        written: Poll<io::Result<usize>>,
    ) -> Poll<io::Result<usize>> {
        if let Poll::Ready(Ok(count)) = written {
            self.pace.takes(count);
        }
        self.progress(context, written)
    }

    /// The outcome of a write, a flush or a shutdown, unless the client is too slow. Above TLS, a small answer waits in
    /// its flush only.
    fn progress<T>(
        &mut self,
        context: &mut Context<'_>,
        outcome: Poll<io::Result<T>>,
    ) -> Poll<io::Result<T>> {
        if outcome.is_ready() {
            self.pace.goes_on();
            return outcome;
        }
        self.pace
            .poll_too_slow(context, self.service.config.write_timeout)
            .map(|()| Err(io::ErrorKind::TimedOut.into()))
    }
}

fn head_timeout() -> Refusal {
    Refusal::new(
        StatusCode::REQUEST_TIMEOUT,
        "The request did not arrive in time.",
        "head_timeout",
    )
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncRead for ClientStream<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        loop {
            match self.reading {
                Reading::Given(Head { length, body }) => {
                    let given = self.hand_on(length as u64, buffer);
                    let length = length - usize::try_from(given).unwrap_or(length);
                    self.reading = match (length, body) {
                        (1.., _) => Reading::Given(Head { length, body }),
                        (0, 0) => Reading::Head,
                        (0, _) => Reading::Body(body),
                    };
                    return Poll::Ready(Ok(()));
                }
                Reading::Body(left) => {
                    let read = ready!(self.poll_body(context, left, buffer))?;
                    if read == left {
                        // All of it is there: the request may be carried out, unless its place is gone.
                        self.begin_work()?;
                        self.reading = Reading::Head;
                        if !self.at_work {
                            self.await_next_head();
                        }
                    } else {
                        self.reading = Reading::Body(left - read);
                    }
                    return Poll::Ready(Ok(()));
                }
                Reading::Head | Reading::LastWord(_) | Reading::Over => {
                    if !ready!(self.poll_head(context))? {
                        return Poll::Ready(Ok(()));
                    }
                }
            }
        }
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncWrite for ClientStream<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.poll_write_some(context, bytes)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write_vectored(context, slices);
        self.taken(context, written)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let flushed = Pin::new(&mut self.stream).poll_flush(context);
        ready!(self.progress(context, flushed))?;
        // hyper flushes once the whole answer is written.
        if self.at_work && self.answered.swap(false, Ordering::Relaxed) {
            self.at_work = false;
            if matches!(self.reading, Reading::Head) {
                self.await_next_head();
                // hyper waits for bytes by now. That the next head is here already, or that none came in time, only this
                // can tell it.
                if !self.arrived.is_empty() || self.deadline.poll(context).is_ready() {
                    context.waker().wake_by_ref();
                }
            }
        }
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        if self.lingering.is_none() {
            let ended = Pin::new(&mut self.stream).poll_shutdown(context);
            ready!(self.progress(context, ended))?;
        }
        let ClientStream {
            stream, lingering, ..
        } = &mut *self;
        let lingering = lingering.get_or_insert_with(|| Box::pin(sleep(LINGER)));
        let mut thrown_away = [const { MaybeUninit::uninit() }; PIECE];
        loop {
            if lingering.as_mut().poll(context).is_ready() {
                return Poll::Ready(Ok(()));
            }
            let mut buffer = ReadBuf::uninit(&mut thrown_away);
            let read = ready!(Pin::new(&mut *stream).poll_read(context, &mut buffer));
            if read.is_err() || buffer.filled().is_empty() {
                return Poll::Ready(Ok(()));
            }
        }
    }
}
