//! `avala audit`: what an organization reads of it. `avala server audit`: the whole, verified and written out.

use super::{avala::avala, server::server};

#[test]
fn who_did_what_is_listed_as_rows_for_programs() {
    // Given a key that made a webhook and another key, and was refused once.
    let server = server();
    let do_it = |line: &str| server.avala(&format!("{line} -o json")).run().json();
    let webhook = do_it("webhooks create --target-url https://example.com/ --events task.completed");
    let file = server.directory.path().join("reader.key");
    let reader = do_it(&format!(
        "keys create --name reader --scope audit.read --out {}",
        file.display()
    ));
    let (webhook, reader) = (webhook["uid"].as_str().unwrap(), reader["id"].as_str().unwrap());

    // Then a key with nothing but the scope reads it, newest first, also where nothing must be written.
    let key = std::fs::read_to_string(&file).unwrap();
    let read = |line: &str| {
        avala(&format!("audit list --read-only {line}"))
            .on(&server.base_url, key.trim_end())
            .run()
    };
    let me = &server.key()["avk_test_".len()..][..12];
    let rows = read("").printed();
    let rows: Vec<Vec<&str>> = rows.lines().map(|row| row.split('\t').collect()).collect();
    assert_eq!(
        rows[0][1..],
        [&format!("key:{me}"), "api_key.issue", reader, ""],
        "{rows:?}"
    );
    assert_eq!(rows[1][2..4], ["webhook.create", webhook], "{rows:?}");
    assert!(
        rows[0][0].starts_with("20") && rows[0][0].ends_with('Z'),
        "{rows:?}"
    );
    let first = rows.last().unwrap();
    assert_eq!((first[1], first[2]), ("console", "user.create"), "{rows:?}");

    // And each filter finds what it says.
    for (line, expected) in [
        (format!("--key avk_test_{reader}"), 1),
        ("--action webhook.create".to_owned(), 1),
        ("--actor console --limit 1".to_owned(), 1),
        ("--actor nobody".to_owned(), 0),
        (format!("--to {}", first[0]), 0),
        (format!("--from {} --all", first[0]), rows.len()),
    ] {
        let found = read(&line).stdout;
        assert_eq!(found.lines().count(), expected, "{line}: {found}");
    }
    let all = read("--output json").json();
    assert_eq!(
        (
            all.as_array().unwrap().len(),
            &all[0]["object"],
            &all[0]["actor"]["key"]
        ),
        (rows.len(), &reader.into(), &me.into())
    );
    let refused = read("--key 7Hk2mQ9xTbW").failed(2);
    assert!(refused.contains("12 characters"), "{refused}");
}

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
