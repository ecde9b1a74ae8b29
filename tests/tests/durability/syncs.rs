//! Each acknowledgement had its sync.

use std::process::Command;

use avala::api::EventName;
use avala_tests::{ServeProcess, avala, prerequisite};

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
