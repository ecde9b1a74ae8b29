//! One connection, from its first byte to its end.

use std::{
    convert::Infallible,
    future::poll_fn,
    net::SocketAddr,
    pin::{Pin, pin},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    task::{Context, Poll},
    time::Duration,
};

use hyper::{
    body::{Body, Frame, SizeHint},
    server::conn::http1,
    service::service_fn,
};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::{
    io::{AsyncRead, AsyncWrite, AsyncWriteExt},
    net::TcpStream,
    sync::watch,
    time::timeout,
};

use super::{download::AnswerBody, request, slots::Slot, stream::ClientStream};
use crate::{refusal::Refusal, service::Service};

/// The first byte of a TLS handshake.
const TLS_HANDSHAKE: u8 = 0x16;

/// Serves a connection until it ends, is told to stop, or loses its place.
pub(super) async fn serve(
    stream: TcpStream,
    peer: SocketAddr,
    slot: Slot,
    service: Arc<Service>,
    stopping: watch::Receiver<()>,
) {
    let evicted = slot.evicted();
    tokio::select! {
        () = evicted.notified() => tracing::debug!("a waiting connection was closed to make room"),
        () = from_first_byte(stream, peer, slot, service, stopping) => {}
    }
}

/// Until its first byte, a connection costs a socket and a small task.
async fn from_first_byte(
    stream: TcpStream,
    peer: SocketAddr,
    slot: Slot,
    service: Arc<Service>,
    mut stopping: watch::Receiver<()>,
) {
    // Answers are written whole; waiting to fill a segment only delays them.
    let _best_effort = stream.set_nodelay(true);
    let mut first = [0];
    let came = tokio::select! {
        came = timeout(service.config.first_byte_timeout, stream.peek(&mut first)) => came,
        _ = stopping.changed() => return,
    };
    let Ok(Ok(1..)) = came else { return };
    match &service.tls {
        None => Box::pin(converse(stream, peer, slot, service, stopping)).await,
        Some(tls) if first == [TLS_HANDSHAKE] => {
            let handshake = Box::pin(timeout(
                service.config.handshake_timeout,
                tls.acceptor().accept(stream),
            ));
            match handshake.await {
                Ok(Ok(stream)) => Box::pin(converse(stream, peer, slot, service, stopping)).await,
                Ok(Err(error)) => tracing::debug!(%error, "a TLS handshake failed"),
                Err(_) => tracing::debug!("a TLS handshake took too long"),
            }
        }
        Some(_) => {
            let mut stream = Box::new(ClientStream::new(stream, service, slot));
            stream.refuse(&Refusal::bad_request(
                "This port speaks TLS: use an https:// URL.",
                "tls_needed",
            ));
            let end = async {
                poll_fn(|context| stream.poll_head(context)).await?;
                stream.shutdown().await
            };
            let _gone_already = end.await;
        }
    }
}

/// Requests and answers, one after the other.
async fn converse<S: AsyncRead + AsyncWrite + Unpin>(
    stream: S,
    peer: SocketAddr,
    slot: Slot,
    service: Arc<Service>,
    mut stopping: watch::Receiver<()>,
) {
    let mut stream = ClientStream::new(stream, service.clone(), slot);
    let first_head = tokio::select! {
        head = poll_fn(|context| stream.poll_head(context)) => head,
        _ = stopping.changed() => return,
    };
    match first_head {
        Ok(true) => {}
        Ok(false) => {
            let _gone_already = stream.shutdown().await;
            return;
        }
        Err(error) => {
            tracing::debug!(%error, "a connection broke before its first request");
            return;
        }
    }
    let written = stream.answered();
    let head_bytes = service.config.head_bytes;
    let answer = service_fn(move |request| {
        let service = service.clone();
        let answered = written.clone();
        async move {
            let answer = request::answer(&service, peer.ip(), request).await;
            Ok::<_, Infallible>(answer.map(|body| Told { body, answered }))
        }
    });
    let mut serving = pin!(
        http1::Builder::new()
            .timer(TokioTimer::new())
            // The stream keeps the deadlines: hyper's would run while the connection is idle, too.
            .header_read_timeout(None::<Duration>)
            .max_buf_size(head_bytes.max(LEAST_BUFFER))
            .serve_connection(TokioIo::new(stream), answer)
    );
    let ended = tokio::select! {
        ended = serving.as_mut() => ended,
        _ = stopping.changed() => {
            serving.as_mut().graceful_shutdown();
            serving.await
        }
    };
    if let Err(error) = ended {
        tracing::debug!(%error, "a connection broke");
    }
}

/// A body that tells when it is written, which is when hyper drops it: a file takes many writes.
struct Told {
    body: AnswerBody,
    answered: Arc<AtomicBool>,
}

impl Drop for Told {
    fn drop(&mut self) {
        self.answered.store(true, Ordering::Relaxed);
    }
}

impl Body for Told {
    type Data = <AnswerBody as Body>::Data;
    type Error = <AnswerBody as Body>::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Self::Data>, Self::Error>>> {
        Pin::new(&mut self.body).poll_frame(context)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

/// The least buffer hyper takes.
const LEAST_BUFFER: usize = 8192;
