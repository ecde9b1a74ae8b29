//! The accept loop: connections within their number, and an orderly end.

use std::{
    net::{IpAddr, SocketAddr},
    pin::pin,
    sync::Arc,
    time::Duration,
};

use tokio::{
    net::{TcpListener, TcpStream},
    sync::watch,
    task::JoinSet,
};

use super::{
    client_address::customer,
    connection,
    slots::{Slot, Slots},
};
use crate::service::Service;

/// Serves connections until the shutdown, then lets open requests end.
pub(crate) async fn accept(listener: TcpListener, service: Arc<Service>, shutdown: impl Future<Output = ()>) {
    let slots = Slots::new(&service.config);
    let (stop, stopping) = watch::channel(());
    let mut connections = JoinSet::new();
    let mut shutdown = pin!(shutdown);
    loop {
        let accepted = tokio::select! {
            () = &mut shutdown => break,
            accepted = next(&listener, &slots, &service) => accepted,
        };
        match accepted {
            Ok(Some((stream, peer, slot))) => {
                connections.spawn(connection::serve(
                    stream,
                    peer,
                    slot,
                    service.clone(),
                    stopping.clone(),
                ));
            }
            Ok(None) => tracing::debug!("an address has too many connections"),
            Err(error) => {
                // Usually: no file descriptors left. One comes back as soon as a waiting connection is closed.
                tracing::warn!(%error, "cannot accept a connection");
                slots.evict();
                tokio::time::sleep(Duration::from_millis(10)).await;
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
    if tokio::time::timeout(service.config.drain_timeout, drained)
        .await
        .is_err()
    {
        tracing::warn!("requests were cut off at the end");
    }
}

/// The next connection, once there is room for it; `None` if its address has too many already.
async fn next(
    listener: &TcpListener,
    slots: &Arc<Slots>,
    service: &Service,
) -> std::io::Result<Option<(TcpStream, SocketAddr, Slot)>> {
    let (stream, peer) = listener.accept().await?;
    let slot = slots.take(counted(peer.ip(), service)).await;
    Ok(slot.map(|slot| (stream, peer, slot)))
}

/// Whose connections these are. This machine and the proxies speak for many.
fn counted(peer: IpAddr, service: &Service) -> Option<IpAddr> {
    let is_exempt = peer.to_canonical().is_loopback() || service.trusted_proxies.contains(peer);
    (!is_exempt).then(|| customer(peer))
}
