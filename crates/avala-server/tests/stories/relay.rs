//! A relay between a server and its database: it delays, falls silent, or cuts, and counts round trips.

use std::{
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::Duration,
};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream, tcp::OwnedReadHalf, tcp::OwnedWriteHalf},
    sync::watch,
    task::JoinSet,
};

/// What the relay does with what it is sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mode {
    /// Hands it on, after this time.
    Pass(Duration),
    /// Takes it, and connections, and says nothing.
    Silent,
    /// Has cut all connections, and refuses new ones.
    Cut,
}

pub(crate) struct Relay {
    pub(crate) address: SocketAddr,
    mode: watch::Sender<Mode>,
    trips: Arc<AtomicU64>,
    _relaying: JoinSet<()>,
}

impl Relay {
    pub(crate) async fn to(target: SocketAddr) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (mode, modes) = watch::channel(Mode::Pass(Duration::ZERO));
        let trips = Arc::new(AtomicU64::new(0));
        let mut relaying = JoinSet::new();
        relaying.spawn(relay(listener, target, modes, trips.clone()));
        Self {
            address,
            mode,
            trips,
            _relaying: relaying,
        }
    }

    pub(crate) fn set(&self, mode: Mode) {
        self.mode.send_replace(mode);
    }

    /// How often somebody waited for the database: without those who only watch it, and without probes of connections.
    pub(crate) fn round_trips(&self) -> u64 {
        self.trips.load(Ordering::SeqCst)
    }
}

async fn relay(
    listener: TcpListener,
    target: SocketAddr,
    mut modes: watch::Receiver<Mode>,
    trips: Arc<AtomicU64>,
) {
    let address = listener.local_addr().unwrap();
    let mut listener = Some(listener);
    let mut connections = JoinSet::new();
    loop {
        if *modes.borrow_and_update() == Mode::Cut {
            listener = None;
            connections.shutdown().await;
            modes.changed().await.unwrap();
            continue;
        }
        let listening = match &listener {
            Some(listener) => listener,
            None => listener.insert(TcpListener::bind(address).await.unwrap()),
        };
        tokio::select! {
            accepted = listening.accept() => {
                let (near, _) = accepted.unwrap();
                connections.spawn(connection(near, target, modes.clone(), trips.clone()));
            }
            _ = modes.changed() => {}
        }
    }
}

async fn connection(
    near: TcpStream,
    target: SocketAddr,
    mut modes: watch::Receiver<Mode>,
    trips: Arc<AtomicU64>,
) {
    pass(&mut modes).await;
    let Ok(far) = TcpStream::connect(target).await else {
        return;
    };
    near.set_nodelay(true).unwrap();
    far.set_nodelay(true).unwrap();
    let (from_near, to_near) = near.into_split();
    let (from_far, to_far) = far.into_split();
    // Whether the last to speak was the database.
    let answered = Arc::new(AtomicBool::new(true));
    let watches = AtomicBool::new(false);
    let asking = hand_on(from_near, to_far, modes.clone(), {
        let answered = answered.clone();
        move |bytes: &[u8]| {
            if bytes.windows(19).any(|window| window == b"pg_current_snapshot") {
                watches.store(true, Ordering::SeqCst);
            }
            let is_probe = bytes == b"S\0\0\0\x04";
            let is_question = answered.swap(false, Ordering::SeqCst) && !is_probe;
            if is_question && !watches.load(Ordering::SeqCst) {
                trips.fetch_add(1, Ordering::SeqCst);
            }
        }
    });
    let answering = hand_on(from_far, to_near, modes, move |_: &[u8]| {
        answered.store(true, Ordering::SeqCst);
    });
    tokio::select! {
        () = asking => {}
        () = answering => {}
    }
}

async fn hand_on(
    mut from: OwnedReadHalf,
    mut to: OwnedWriteHalf,
    mut modes: watch::Receiver<Mode>,
    saw: impl Fn(&[u8]),
) {
    let mut bytes = vec![0; 64 * 1024];
    while let Ok(count @ 1..) = from.read(&mut bytes).await {
        pass(&mut modes).await;
        saw(&bytes[..count]);
        if to.write_all(&bytes[..count]).await.is_err() {
            return;
        }
    }
}

/// Waits until something may pass, and as long as passing takes.
async fn pass(modes: &mut watch::Receiver<Mode>) {
    let passing = modes
        .wait_for(|mode| matches!(mode, Mode::Pass(_)))
        .await
        .map(|mode| *mode);
    if let Ok(Mode::Pass(delay)) = passing
        && !delay.is_zero()
    {
        tokio::time::sleep(delay).await;
    }
}
