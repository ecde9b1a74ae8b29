//! The accept loop: connections within their limits, and an orderly end.

use std::{convert::Infallible, net::SocketAddr, pin::pin, sync::Arc, time::Duration};

use hyper::{server::conn::http1, service::service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::{
    net::{TcpListener, TcpStream},
    sync::{OwnedSemaphorePermit, Semaphore, watch},
    task::JoinSet,
};

use super::{request, stream::ClientStream};
use crate::{config::Limits, service::Service};

/// The least buffer hyper takes.
const LEAST_BUFFER: usize = 8192;

/// Serves connections until the shutdown, then lets open requests end.
pub(crate) async fn accept(
    listener: TcpListener,
    service: Arc<Service>,
    limits: Limits,
    shutdown: impl Future<Output = ()>,
) {
    let slots = Arc::new(Semaphore::new(limits.connections));
    let (stop, stopping) = watch::channel(());
    let mut connections = JoinSet::new();
    let mut shutdown = pin!(shutdown);
    loop {
        let accepted = tokio::select! {
            () = &mut shutdown => break,
            accepted = next(&listener, &slots) => accepted,
        };
        match accepted {
            Ok((stream, peer, slot)) => {
                connections.spawn(connection(
                    stream,
                    peer,
                    slot,
                    service.clone(),
                    limits,
                    stopping.clone(),
                ));
            }
            Err(error) => {
                // Usually: no file descriptors left. Some will come back as connections end.
                tracing::warn!(%error, "cannot accept a connection");
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
        }
        while connections.try_join_next().is_some() {}
    }
    drop(listener);
    drop(stop);
    let drained = async {
        while connections.join_next().await.is_some() {}
        // A delivery may outlive the connection of whoever asked for it.
        drop(service.deliveries.write().await);
    };
    if tokio::time::timeout(limits.drain_timeout, drained).await.is_err() {
        tracing::warn!("requests were cut off at the end");
    }
}

/// The next connection, once there is room for it.
async fn next(
    listener: &TcpListener,
    slots: &Arc<Semaphore>,
) -> std::io::Result<(TcpStream, SocketAddr, OwnedSemaphorePermit)> {
    let slot = slots
        .clone()
        .acquire_owned()
        .await
        .map_err(std::io::Error::other)?;
    let (stream, peer) = listener.accept().await?;
    Ok((stream, peer, slot))
}

async fn connection(
    stream: TcpStream,
    peer: SocketAddr,
    _slot: OwnedSemaphorePermit,
    service: Arc<Service>,
    limits: Limits,
    mut stopping: watch::Receiver<()>,
) {
    // Answers are written whole; waiting to fill a segment only delays them.
    let _best_effort = stream.set_nodelay(true);
    let answer = service_fn(move |request| {
        let service = service.clone();
        async move { Ok::<_, Infallible>(request::answer(&service, peer.ip(), request).await) }
    });
    let stream = ClientStream::new(stream, limits.write_timeout);
    let mut serving = pin!(
        http1::Builder::new()
            .timer(TokioTimer::new())
            // Runs from the moment the server waits for a head: it ends silent and slow connections alike.
            .header_read_timeout(limits.head_timeout)
            .max_buf_size(limits.head_bytes.max(LEAST_BUFFER))
            .max_headers(limits.headers)
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
