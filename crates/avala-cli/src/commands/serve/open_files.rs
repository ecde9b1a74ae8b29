//! How many connections the operating system lets this process have.

/// What the server opens besides connections of clients: the database, deliveries, logs.
#[cfg(unix)]
const OTHERS: u64 = 256;

/// Raises the limit of open files to what this user may have, and answers how many connections fit beneath it.
#[cfg(unix)]
pub(super) fn connections(wanted: usize) -> usize {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

    let limit = getrlimit(Resource::Nofile);
    let raised = Rlimit {
        current: limit.maximum,
        ..limit
    };
    let current = if setrlimit(Resource::Nofile, raised).is_ok() {
        raised.current
    } else {
        limit.current
    };
    beneath(current, wanted)
}

#[cfg(not(unix))]
pub(super) fn connections(wanted: usize) -> usize {
    wanted
}

/// `None` is no limit.
#[cfg(unix)]
fn beneath(limit: Option<u64>, wanted: usize) -> usize {
    let Some(limit) = limit else {
        return wanted;
    };
    // A quarter of very little is left for connections still.
    let room = limit.saturating_sub(OTHERS).max(limit / 4).max(1);
    usize::try_from(room).map_or(wanted, |room| room.min(wanted))
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;

    #[test]
    fn connections_fit_beneath_the_limit_of_open_files() {
        assert_eq!(beneath(None, 16_384), 16_384);
        assert_eq!(beneath(Some(1_000_000), 16_384), 16_384);
        assert_eq!(beneath(Some(1024), 16_384), 768);
        assert_eq!(beneath(Some(64), 16_384), 16);
        assert_eq!(beneath(Some(0), 16_384), 1);
    }

    #[test]
    fn the_limit_is_raised_as_far_as_it_goes() {
        assert!(connections(16_384) >= 1);
        let limit = rustix::process::getrlimit(rustix::process::Resource::Nofile);
        assert_eq!(limit.current, limit.maximum);
    }
}
