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
    client_address::{TrustedProxies, customer},
    connection,
    slots::{Slot, Slots},
};
use crate::service::Service;

/// The most connections that the system holds until they are taken; it may have a lower limit of its own.
#[cfg(unix)]
const QUEUE: i32 = 4096;

/// Serves connections until the shutdown, then lets open requests end.
pub(crate) async fn accept(listener: TcpListener, service: Arc<Service>, shutdown: impl Future<Output = ()>) {
    lengthen_queue(&listener);
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
                let open = service.metrics.connection();
                let serving = connection::serve(stream, peer, slot, service.clone(), stopping.clone());
                connections.spawn(async move {
                    let _open = open;
                    serving.await;
                });
            }
            Ok(None) => {
                service.metrics.connection_refused();
                tracing::debug!("an address has too many connections");
            }
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

/// Has the system hold more connections that nobody has taken yet. Beyond that, it drops what comes, and a client tries
/// again only after a second; the usual 128 are soon full.
fn lengthen_queue(listener: &TcpListener) {
    #[cfg(unix)]
    if let Err(error) = rustix::net::listen(listener, QUEUE) {
        tracing::debug!(%error, "the queue of new connections keeps its length");
    }
}

/// The next connection, once there is room for it; `None` if its address has too many already.
async fn next(
    listener: &TcpListener,
    slots: &Arc<Slots>,
    service: &Service,
) -> std::io::Result<Option<(TcpStream, SocketAddr, Slot)>> {
    let (stream, peer) = listener.accept().await?;
    let slot = slots.take(counted(peer.ip(), &service.trusted_proxies)).await;
    Ok(slot.map(|slot| (stream, peer, slot)))
}

/// Whose connections these are. This machine and the proxies speak for many.
fn counted(peer: IpAddr, trusted: &TrustedProxies) -> Option<IpAddr> {
    let is_exempt = peer.to_canonical().is_loopback() || trusted.contains(peer);
    (!is_exempt).then(|| customer(peer))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_address_is_counted_but_those_that_speak_for_many() {
        let trusted = TrustedProxies::new(&["10.0.0.0/8".parse().unwrap()]);
        let counted =
            |address: &str| counted(address.parse().unwrap(), &trusted).map(|address| address.to_string());
        for exempt in [
            "127.0.0.1",
            "::1",
            "::ffff:127.0.0.2",
            "10.1.2.3",
            "::ffff:10.1.2.3",
        ] {
            assert_eq!(counted(exempt), None, "{exempt}");
        }
        assert_eq!(counted("::ffff:192.0.2.1").as_deref(), Some("192.0.2.1"));
        // One customer has a whole network of these.
        assert_eq!(counted("2001:db8::1:2").as_deref(), Some("2001:db8::"));
    }
}
