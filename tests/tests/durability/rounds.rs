//! A hundred servers on one directory, each of them killed while changes are made; and what was acknowledged.

use std::{
    path::PathBuf,
    sync::mpsc,
    thread,
    time::{Duration, Instant},
};

use avala::{Error, blocking::Client};
use avala_tests::ServeProcess;
use fastrand::Rng;

use crate::{keys::Keys, kills, seeded, uses::Uses, webhooks::Webhooks};

/// Somebody who changes rows of their own, one after the other, and keeps a log of what was acknowledged.
pub(crate) trait Log: Send {
    /// Makes a change, and notes it once it is acknowledged.
    fn change(&mut self, client: &Client, random: &mut Rng) -> Result<(), Error>;

    /// Everything acknowledged is there.
    fn check(&mut self, server: &ServeProcess);
}

/// How many change rows at the same time: their changes share commits.
const WRITERS: usize = 6;

/// Rounds on one directory: with the rows of more, each server would do little else than show them.
const ROUNDS: usize = 25;

/// What goes on in one directory.
struct Rounds {
    data_dir: PathBuf,
    writers: Vec<Box<dyn Log>>,
    uses: Uses,
    /// How long a stop takes, which writes how keys were used.
    stop_takes: Duration,
    /// Stops that were whole before the kill came.
    stopped: usize,
    acknowledged: usize,
}

impl Rounds {
    fn in_directory(data_dir: PathBuf) -> Self {
        let server = ServeProcess::start(&data_dir);
        let mut uses = Uses::of_new_keys(&server);
        uses.go_on(&server, &mut Rng::with_seed(0));
        let began = Instant::now();
        server.stop();
        uses.were_written();
        let keys = (2..WRITERS).map(|number| Box::new(Keys::of(format!("writer {number}"))) as Box<dyn Log>);
        Self {
            data_dir,
            writers: keys
                .chain([
                    Box::<Webhooks>::default() as Box<dyn Log>,
                    Box::<Webhooks>::default(),
                ])
                .collect(),
            uses,
            stop_takes: began.elapsed(),
            stopped: 0,
            acknowledged: 0,
        }
    }

    /// A server is started, everything is there, changes are made, and it is killed.
    fn another(&mut self, random: &mut Rng) {
        let server = self.look();
        self.uses.go_on(&server, random);
        let (acknowledge, acknowledgements) = mpsc::channel();
        thread::scope(|scope| {
            for log in &mut self.writers {
                let (client, acknowledge) = (server.client(), acknowledge.clone());
                let mut random = random.fork();
                scope.spawn(move || {
                    loop {
                        if let Err(error) = log.change(&client, &mut random) {
                            assert!(
                                error.status().is_none(),
                                "the server refused a good call: {error}"
                            );
                            return;
                        }
                        // Nobody listens any more once the kill is under way.
                        let _gone = acknowledge.send(());
                    }
                });
            }
            drop(acknowledge);
            for _ in 0..random.usize(1..8 * WRITERS) {
                acknowledgements.recv().unwrap();
                self.acknowledged += 1;
            }
            if random.u8(..3) > 0 {
                // Any moment of the next change will do: parsing, writing, syncing, answering.
                thread::sleep(Duration::from_micros(random.u64(..3_000)));
                server.kill();
            } else if server.kill_while_stopping(self.stop_takes.mul_f64(2.0 * random.f64())) {
                self.stopped += 1;
                self.stop_takes = self.stop_takes.mul_f64(0.7);
                self.uses.were_written();
            } else {
                // So that about every other one is whole, however busy the machine is.
                self.stop_takes = self.stop_takes.mul_f64(1.5);
            }
        });
    }

    /// Everything is there.
    fn look(&mut self) -> ServeProcess {
        let server = ServeProcess::start(&self.data_dir);
        thread::scope(|scope| {
            for log in &mut self.writers {
                scope.spawn(|| log.check(&server));
            }
        });
        self.uses.check(&server);
        server
    }
}

#[test]
fn nothing_acknowledged_is_lost_when_the_server_is_killed_a_hundred_times() {
    let mut random = seeded("kills");
    let (kills, mut acknowledged, mut stopped) = (kills(), 0, 0);
    for first in (0..kills).step_by(ROUNDS) {
        let folder = tempfile::tempdir().unwrap();
        let mut rounds = Rounds::in_directory(folder.path().join("data"));
        for _ in first..kills.min(first + ROUNDS) {
            rounds.another(&mut random);
        }
        rounds.look();
        acknowledged += rounds.acknowledged;
        stopped += rounds.stopped;
    }
    eprintln!(
        "{kills} kills, {stopped} of them after a whole stop; more than {acknowledged} acknowledged changes, none lost"
    );
    assert!(
        acknowledged >= 3 * kills,
        "only {acknowledged} changes were acknowledged: the rounds prove too little"
    );
}
