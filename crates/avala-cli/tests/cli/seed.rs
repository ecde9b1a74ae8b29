//! `avala server seed`: rows of a file, in the data of a server that is running.

use super::{avala::avala, server::server};

/// The example of the book.
fn example() -> &'static str {
    let book = include_str!("../../../../docs/server.md");
    let (_, rest) = book.split_once("```json\n").unwrap();
    rest.split("```").next().unwrap()
}

#[test]
fn the_example_of_the_book_is_loaded_and_served() {
    // Given a running server whose only organization is that of its owner.
    let server = server();
    let example = example();
    let file = server.directory.path().join("rows.json");
    std::fs::write(&file, example).unwrap();
    let seed = |file: &str| {
        avala("server seed")
            .arg(file)
            .arg("--data-dir")
            .arg(&server.data_dir())
    };

    // When it is loaded, by name or by stdin, then it tells what it made, and the second time what it changed.
    let told = seed(file.to_str().unwrap()).run().printed();
    for line in [
        "projects\t1 made, 0 updated",
        "tasks\t2 made, 0 updated",
        "results\t1 made, 0 updated",
    ] {
        assert!(told.lines().any(|told| told == line), "{told}");
    }
    let again = seed("-").arg("--output").arg("json").stdin(example).run().json();
    assert_eq!(again["sections"][0]["section"], "projects");
    assert_eq!(
        (&again["sections"][0]["made"], &again["sections"][0]["updated"]),
        (&0.into(), &1.into())
    );

    // And the server that is running shows it.
    let executions = server
        .avala("agents executions checker --output json")
        .run()
        .json();
    assert_eq!(executions[0]["uid"], "first");
    let organization = again["organization"].as_str().unwrap();
    let shown = server
        .avala(&format!("organizations get {organization} --output json"))
        .run()
        .json();
    assert_eq!(
        (&shown["dataset_count"], &shown["project_count"]),
        (&1.into(), &1.into())
    );
}

#[test]
fn a_seed_that_is_wrong_says_where_and_changes_nothing() {
    let server = server();
    let seed = |text: &str| {
        avala("server seed - --data-dir")
            .arg(&server.data_dir())
            .stdin(text)
            .run()
            .failed(1)
    };
    let said = seed(r#"{"projects": [{"uid": "p", "nmae": "x"}]}"#);
    assert!(
        said.contains("projects[0]") && said.contains("nmae") && said.contains("line 1"),
        "{said}"
    );
    assert!(said.contains("Nothing was written."), "{said}");
    let said = seed(r#"{"agents": [{"uid": "a", "name": "a"}], "tasks": [{"uid": "t", "project": "p"}]}"#);
    assert!(
        said.contains("tasks[0]: project: The organization has no such project."),
        "{said}"
    );
    assert_eq!(server.avala("agents list").run().printed(), "");

    for text in ["null", "[]", ""] {
        assert!(seed(text).contains("stdin: expected a JSON object"), "{text}");
    }
    let said = seed(r#"{"nmae": 1}"#);
    assert!(said.contains("stdin: nmae: unknown field"), "{said}");
    let said = seed("{} {}");
    assert!(said.contains("stdin: trailing characters"), "{said}");

    let absent = avala("server seed no-such-file").run().failed(1);
    assert!(absent.contains("no-such-file cannot be read"), "{absent}");
    let nowhere = avala("server seed - --data-dir ./no-such-dir")
        .stdin("{}")
        .run()
        .failed(1);
    assert!(nowhere.contains("no-such-dir"), "{nowhere}");
    avala("server seed - --read-only").stdin("{}").run().failed(2);
}
