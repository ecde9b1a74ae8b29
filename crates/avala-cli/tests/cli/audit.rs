//! `avala server audit`: the audit of a server that is running, verified and written out.

use super::{avala::avala, server::server};

#[test]
fn a_whole_audit_is_told_so_and_one_that_was_cut_is_not() {
    // Given a running server, and the head of its audit, kept elsewhere.
    let server = server();
    let audit = |line: &str| {
        avala(&format!("server audit {line}"))
            .arg("--data-dir")
            .arg(&server.data_dir())
    };
    let head = audit("head").run().printed();
    let head = head.trim_end();
    let count: u32 = head.split_once(':').unwrap().1.parse().unwrap();

    // When more is written, then the chain is whole and leads to the head, also for who must not write.
    server
        .avala("webhooks create --target-url https://example.com/ --events task.completed --output json")
        .run()
        .json();
    let told = audit(&format!("verify --read-only --output json --head {head}"))
        .run()
        .json();
    assert_eq!(told["lines"], count + 1);
    assert_eq!(told["lines_before_the_chain"], 0);
    let now = audit("head --output json").run().json();
    assert_eq!(told["head"], now["head"]);
    assert!(audit("verify").run().printed().starts_with("head\t"));

    // And a head of more than there is, or of another chain, is not passed.
    let (hash, _) = head.split_once(':').unwrap();
    let cut = audit(&format!("verify --head {head} --head {hash}:1000"))
        .run()
        .failed(1);
    assert!(cut.contains(&format!("Line {} is missing.", count + 2)), "{cut}");
    let other = audit(&format!("verify --head {}:{count}", "0".repeat(64)))
        .run()
        .failed(1);
    assert!(other.contains("another one than that of the head"), "{other}");
    let said = audit("verify --head abc").run().failed(2);
    assert!(said.contains("HASH:COUNT"), "{said}");
}

#[test]
fn the_audit_is_written_out_to_stdout_or_to_a_new_private_file() {
    let server = server();
    let audit = |line: &str| {
        avala(&format!("server audit {line}"))
            .arg("--data-dir")
            .arg(&server.data_dir())
    };
    let lines = audit("export --format jsonl").run().printed();
    for line in lines.lines() {
        let line: serde_json::Value = serde_json::from_str(line).unwrap();
        assert_eq!(line["hash"].as_str().unwrap().len(), 64, "{line}");
    }
    assert!(lines.contains("user.create"), "{lines}");

    let file = server.directory.path().join("audit.csv");
    let path = file.to_str().unwrap();
    let to_file = || audit(&format!("export --format csv --out {path}")).run();
    assert_eq!(to_file().printed(), "");
    let table = std::fs::read_to_string(&file).unwrap();
    assert_eq!(table.lines().count(), lines.lines().count() + 1);
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        let mode = std::fs::metadata(&file).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
    }
    assert!(to_file().failed(2).contains("is there already"));
    audit("export").run().failed(2);
}
