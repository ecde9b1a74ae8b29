//! What the server acknowledged is there after SIGKILL, and each acknowledgement had its sync.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stderr,
    reason = "a test fails by panicking"
)]

use std::{collections::BTreeMap, process::Command, sync::mpsc, thread, time::Duration};

use avala::{Error, api::EventName, blocking::Client};
use avala_tests::{ServeProcess, avala, prerequisite};

/// What must be there, by uid: whether the webhook was last acknowledged as active; `None` once its deletion was.
type Known = BTreeMap<String, Option<bool>>;

/// What was asked when the server died: it may have happened or not.
type Unsure = Option<String>;

/// How many change rows at the same time, each its own: their changes share commits.
const WRITERS: usize = 4;

/// Changes rows until the server dies, and tells of each acknowledgement.
fn keep_changing(
    client: &Client,
    mut known: Known,
    acknowledged: &mpsc::Sender<()>,
    seed: u64,
) -> (Known, Unsure) {
    let mut random = fastrand::Rng::with_seed(seed);
    loop {
        let live: Vec<String> = known
            .iter()
            .filter(|(_, state)| state.is_some())
            .map(|(uid, _)| uid.clone())
            .collect();
        let outcome: Result<(), (Error, Unsure)> = match (random.u8(0..4), random.choice(&live)) {
            (0, Some(uid)) => client
                .webhooks()
                .delete(uid.as_str())
                .send()
                .map(|()| _ = known.insert(uid.clone(), None))
                .map_err(|error| (error, Some(uid.clone()))),
            (1, Some(uid)) => {
                let active = random.bool();
                client
                    .webhooks()
                    .update(uid.as_str())
                    .is_active(active)
                    .send()
                    .map(|made| _ = known.insert(uid.clone(), Some(made.is_active)))
                    .map_err(|error| (error, Some(uid.clone())))
            }
            _ => client
                .webhooks()
                .create("https://example.com/hook", [EventName::TaskCompleted])
                .send()
                .map(|made| _ = known.insert(made.uid.to_string(), Some(true)))
                .map_err(|error| (error, None)),
        };
        match outcome {
            // Nobody listens any more once the kill is under way.
            Ok(()) => _ = acknowledged.send(()),
            Err((error, unsure)) => {
                assert!(
                    error.status().is_none(),
                    "the server refused a good call: {error}"
                );
                return (known, unsure);
            }
        }
    }
}

#[test]
fn nothing_acknowledged_is_lost_when_the_server_is_killed_a_hundred_times() {
    let folder = tempfile::tempdir().unwrap();
    let data_dir = folder.path().join("data");
    let seed = fastrand::u64(..);
    eprintln!("seed {seed}");
    let mut random = fastrand::Rng::with_seed(seed);
    let mut known = vec![Known::new(); WRITERS];
    let mut acknowledged = 0;

    for round in 0..100_u64 {
        let server = ServeProcess::start(&data_dir);
        let client = server.client();
        check(&client, &known, round, seed);

        let (acknowledge, acknowledgements) = mpsc::channel();
        let writers: Vec<_> = known
            .drain(..)
            .map(|before| {
                let (client, acknowledge, seed) = (server.client(), acknowledge.clone(), random.u64(..));
                thread::spawn(move || keep_changing(&client, before, &acknowledge, seed))
            })
            .collect();
        drop(acknowledge);
        for _ in 0..random.usize(1..12 * WRITERS) {
            acknowledgements.recv().unwrap();
            acknowledged += 1;
        }
        // Any moment of the next change will do: parsing, writing, syncing, answering.
        thread::sleep(Duration::from_micros(random.u64(0..3_000)));
        server.kill();
        for writer in writers {
            let (mut after, unsure) = writer.join().unwrap();
            if let Some(uid) = unsure {
                // The change in flight may have happened: take whatever is there from now on.
                after.remove(&uid);
            }
            known.push(after);
        }
    }
    assert!(
        acknowledged >= 300,
        "only {acknowledged} changes were acknowledged: the rounds prove too little"
    );
    let server = ServeProcess::start(&data_dir);
    check(&server.client(), &known, 100, seed);
    eprintln!("more than {acknowledged} acknowledged changes, none lost");
}

fn check(client: &Client, known: &[Known], round: u64, seed: u64) {
    let there: BTreeMap<String, bool> = client
        .webhooks()
        .list()
        .limit(1000)
        .items()
        .map(|row| row.map(|row| (row.uid.to_string(), row.is_active)))
        .collect::<Result<_, _>>()
        .unwrap();
    for (uid, state) in known.iter().flatten() {
        assert_eq!(
            there.get(uid),
            state.as_ref(),
            "round {round}, seed {seed}: webhook {uid}"
        );
    }
}

#[test]
fn every_acknowledged_write_was_synced_before() {
    let Some(strace) = prerequisite("AVALA_TEST_STRACE", "system calls: a sync per acknowledged write")
    else {
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    let trace = folder.path().join("trace");
    let mut traced = Command::new(strace);
    traced
        .args(["-f", "-qq", "-e", "trace=fsync,fdatasync", "-o"])
        .arg(&trace)
        .arg(avala(&[]).get_program());
    traced.env_clear();

    let server = ServeProcess::start_by(&mut traced, &folder.path().join("data"), &[]);
    let client = server.client();
    let syncs = || {
        std::fs::read_to_string(&trace)
            .unwrap()
            .lines()
            .filter(|line| line.contains("sync("))
            .count()
    };
    for _ in 0..20 {
        let before = syncs();
        client
            .webhooks()
            .create("https://example.com/hook", [EventName::TaskCompleted])
            .send()
            .unwrap();
        assert!(syncs() > before, "the answer came without a sync");
    }
    // How keys were used is written every ten seconds, however many requests there were: never twice in so short a time.
    let writes_nothing = || {
        let before = syncs();
        for _ in 0..20 {
            client.users().me().send().unwrap();
        }
        syncs() == before
    };
    assert!(
        writes_nothing() || writes_nothing(),
        "verifying a key writes nothing"
    );
    server.stop();
}
