//! `avala server pepper`: the pepper of a server that is running, replaced.

use std::fs;

use super::{avala::avala, server::server};

#[test]
fn a_pepper_is_prepared_added_listed_and_not_retired_too_early() {
    let server = server();
    let pepper = |line: &str| {
        avala(&format!("server pepper {line}"))
            .arg("--data-dir")
            .arg(&server.data_dir())
    };
    // Given the pepper that a server begins with, and the file of the next.
    let listed = pepper("list --output json").run().json();
    assert_eq!(listed[0]["pepper"], 1);
    assert_eq!(listed[0]["used_for"], "new keys");
    assert!(listed[0]["keys"].as_u64().unwrap() > 0);
    let path = pepper("add --prepare").run().printed();
    let prepared = fs::read(path.trim_end()).unwrap();
    assert_eq!(prepared.len(), 32);

    // When it is added, then it is the one that was prepared, and used in a minute.
    pepper("add --read-only").run().failed(2);
    assert_eq!(pepper("add").run().printed(), "2\n");
    assert_eq!(fs::read(path.trim_end()).unwrap(), prepared);
    let listed = pepper("list --read-only").run().printed();
    let lines: Vec<&str> = listed.lines().collect();
    assert!(lines[0].starts_with("1\tnew keys\t"), "{listed}");
    assert!(lines[1].starts_with("2\tcoming\t0\t"), "{listed}");

    // And the first is not retired before that, nor one that is not there.
    let said = pepper("retire 1 --abandon").run().failed(1);
    assert!(said.contains("the one for new keys"), "{said}");
    let said = pepper("retire 7").run().failed(1);
    assert!(said.contains("pepper list"), "{said}");
    server.avala("whoami").run().printed();
}
