//! Places for connections. When all are taken, whoever has kept the server waiting longest gives up its place, so that
//! silent and slow connections never lock others out.

use std::{
    collections::{BTreeMap, HashMap},
    net::IpAddr,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use tokio::sync::Notify;

use crate::config::Limits;

/// What the server waits for on a connection; the first gives up its place first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Awaited {
    /// A first request: nothing has come of this connection yet.
    FirstHead,
    /// Another request on a connection kept alive. Clients expect that those are closed.
    NextHead,
    /// The rest of a request's body. The request is not carried out before it is there.
    Body,
}

/// The places for connections.
#[derive(Debug)]
pub(super) struct Slots {
    most: usize,
    most_per_address: usize,
    taken: Mutex<Taken>,
    /// There may be room now.
    changed: Notify,
}

#[derive(Debug, Default)]
struct Taken {
    open: usize,
    by_address: HashMap<IpAddr, usize>,
    /// In the order in which places are given up.
    waiting: BTreeMap<Turn, Arc<Notify>>,
    next: u64,
}

/// A connection's place among those that keep the server waiting.
type Turn = (Awaited, u64);

/// A connection's place; it becomes free when this is dropped.
#[derive(Debug)]
pub(super) struct Slot {
    slots: Arc<Slots>,
    address: Option<IpAddr>,
    turn: Option<Turn>,
    evicted: Arc<Notify>,
}

impl Slots {
    pub(super) fn new(limits: &Limits) -> Arc<Self> {
        Arc::new(Self {
            most: limits.connections.max(1),
            most_per_address: limits.connections_per_address.max(1),
            taken: Mutex::default(),
            changed: Notify::new(),
        })
    }

    /// A place for a new connection, as soon as there is one; `None` if this address has its share already. Without
    /// an address, the connection counts for nobody.
    pub(super) async fn take(self: &Arc<Self>, address: Option<IpAddr>) -> Option<Slot> {
        loop {
            {
                let mut taken = self.lock();
                if let Some(address) = address
                    && taken.by_address.get(&address).copied().unwrap_or(0) >= self.most_per_address
                {
                    return None;
                }
                if taken.open < self.most || taken.evict() {
                    return Some(self.place(&mut taken, address));
                }
            }
            // Every place is at work. One that ended since then has left its notice.
            self.changed.notified().await;
        }
    }

    /// Closes the connection that keeps the server waiting longest. Whether there was one.
    pub(super) fn evict(&self) -> bool {
        self.lock().evict()
    }

    fn place(self: &Arc<Self>, taken: &mut Taken, address: Option<IpAddr>) -> Slot {
        taken.open += 1;
        if let Some(address) = address {
            *taken.by_address.entry(address).or_default() += 1;
        }
        let evicted = Arc::new(Notify::new());
        let turn = taken.queue(Awaited::FirstHead, evicted.clone());
        Slot {
            slots: self.clone(),
            address,
            turn: Some(turn),
            evicted,
        }
    }

    fn lock(&self) -> MutexGuard<'_, Taken> {
        self.taken.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Taken {
    fn evict(&mut self) -> bool {
        let Some((_, evicted)) = self.waiting.pop_first() else {
            return false;
        };
        evicted.notify_one();
        self.open -= 1;
        true
    }

    fn queue(&mut self, awaited: Awaited, evicted: Arc<Notify>) -> Turn {
        let turn = (awaited, self.next);
        self.next += 1;
        self.waiting.insert(turn, evicted);
        turn
    }
}

impl Slot {
    /// Is notified when the place is given to somebody else; the connection must then end.
    pub(super) fn evicted(&self) -> Arc<Notify> {
        self.evicted.clone()
    }

    /// From now on, the server waits for this connection.
    pub(super) fn waits(&mut self, awaited: Awaited) {
        if self.turn.is_none() {
            self.turn = Some(self.slots.lock().queue(awaited, self.evicted.clone()));
            self.slots.changed.notify_one();
        }
    }

    /// From now on, this connection's request is at work. False if the place was given away meanwhile: then nothing may
    /// be done for it any more.
    pub(super) fn works(&mut self) -> bool {
        let Some(turn) = self.turn else {
            return true;
        };
        let is_ours = self.slots.lock().waiting.remove(&turn).is_some();
        if is_ours {
            self.turn = None;
        }
        is_ours
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        let mut taken = self.slots.lock();
        // Who was evicted has no place to give back.
        if self.turn.is_none_or(|turn| taken.waiting.remove(&turn).is_some()) {
            taken.open -= 1;
        }
        if let Some(address) = self.address
            && let Some(count) = taken.by_address.get_mut(&address)
        {
            *count -= 1;
            if *count == 0 {
                taken.by_address.remove(&address);
            }
        }
        drop(taken);
        self.slots.changed.notify_one();
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt;

    use super::*;

    fn slots(connections: usize, connections_per_address: usize) -> Arc<Slots> {
        Slots::new(&Limits {
            connections,
            connections_per_address,
            ..Limits::default()
        })
    }

    fn take(slots: &Arc<Slots>) -> Option<Slot> {
        slots.take(None).now_or_never().flatten()
    }

    fn is_evicted(slot: &Slot) -> bool {
        slot.evicted().notified().now_or_never().is_some()
    }

    #[test]
    fn the_one_that_waited_longest_without_a_request_goes_first() {
        // Given three places: one kept alive, two that never sent a request.
        let slots = slots(3, 9);
        let mut kept_alive = take(&slots).unwrap();
        assert!(kept_alive.works());
        kept_alive.waits(Awaited::NextHead);
        let mut elder = take(&slots).unwrap();
        let younger = take(&slots).unwrap();

        // When a fourth comes, the elder of the two goes, and its request is not carried out any more.
        let fourth = take(&slots).unwrap();
        assert!(is_evicted(&elder) && !is_evicted(&younger) && !is_evicted(&kept_alive));
        assert!(!elder.works());
        drop(elder);

        // And so on, those kept alive last.
        let _fifth = take(&slots).unwrap();
        assert!(is_evicted(&younger));
        let _sixth = take(&slots).unwrap();
        assert!(is_evicted(&fourth) && !is_evicted(&kept_alive));
    }

    #[test]
    fn nobody_at_work_loses_a_place_and_a_free_one_is_given_on() {
        let slots = slots(1, 9);
        let mut working = take(&slots).unwrap();
        assert!(working.works());
        let mut next = Box::pin(slots.take(None));
        assert!(next.as_mut().now_or_never().is_none());

        working.waits(Awaited::NextHead);
        let next = next.now_or_never().flatten().unwrap();
        assert!(is_evicted(&working));
        drop((working, next));
        assert_eq!(slots.lock().open, 0);
        assert!(slots.lock().waiting.is_empty());
    }

    #[test]
    fn an_address_has_its_share_and_gets_it_back() {
        let slots = slots(10, 2);
        let address = Some(IpAddr::from([192, 0, 2, 1]));
        let from = || slots.take(address).now_or_never().flatten();
        let (first, _second) = (from().unwrap(), from().unwrap());
        assert!(from().is_none());
        assert!(take(&slots).is_some());
        drop(first);
        assert!(from().is_some());
    }
}
