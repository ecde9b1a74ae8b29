//! Credentials of buckets and models: from files and from stdin, never by argument, and never printed.

use serde_json::json;

use super::{
    avala::{Typed, avala},
    canned::in_turn,
};

const SECRET: &str = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY";
const S3: &str = "storage-configs create --name n --provider aws_s3 --s3-bucket-name b --s3-auth-method access_key \
                  --s3-access-key-id AKIAIOSFODNN7EXAMPLE";

fn file(text: &str) -> tempfile::NamedTempFile {
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), text).unwrap();
    file
}

fn with_file(line: &str, option: &str, file: &tempfile::NamedTempFile) -> Typed {
    avala(line).arg(option).arg(file.path().to_str().unwrap())
}

#[test]
fn an_access_key_comes_from_a_file_or_from_stdin() {
    let made = json!({"uid": "s1", "name": "n", "provider": "aws_s3", "is_verified": true}).to_string();
    let kept = file(&format!("{SECRET}\n"));
    for typed in [
        with_file(S3, "--s3-secret-access-key-file", &kept),
        avala(S3)
            .arg("--s3-secret-access-key-file")
            .arg("-")
            .stdin(SECRET),
    ] {
        let server = in_turn(&[("201 Created", &made)]);
        let printed = typed.on(&server.base_url, "key").run().printed();
        assert!(!printed.contains(SECRET));
        let sent = server.body();
        assert_eq!(sent["s3_secret_access_key"], SECRET, "without the line end");
        assert_eq!(sent["s3_access_key_id"], "AKIAIOSFODNN7EXAMPLE");
    }
}

#[test]
fn a_service_account_is_its_whole_key_file() {
    let account = json!({"type": "service_account", "private_key": "-----BEGIN"}).to_string();
    let server = in_turn(&[(
        "201 Created",
        r#"{"uid": "s1", "name": "n", "provider": "gc_storage", "is_verified": true}"#,
    )]);
    let line = "storage-configs create --name n --provider gc_storage --organization acme";
    with_file(line, "--gc-storage-auth-json-file", &file(&account))
        .on(&server.base_url, "key")
        .run()
        .printed();
    assert_eq!(server.lines(), ["POST /storage-configs/?organization=acme"]);
    assert_eq!(server.body()["gc_storage_auth_json_content"], account);
}

#[test]
fn a_credential_on_the_command_line_is_refused_and_not_repeated() {
    for line in [
        format!("{S3} --s3-secret-access-key {SECRET}"),
        format!("{S3} --s3-secret-access-key={SECRET}"),
        format!("inference-providers create --name n --config {SECRET}"),
        format!("datasets create --name n --provider-config={SECRET}"),
    ] {
        let text = avala(&line).run().failed(2);
        assert!(!text.contains(SECRET) && text.contains("-file FILE"), "{text}");
    }
}

#[test]
fn a_file_that_is_missing_empty_or_no_object_is_told_before_anything_is_sent() {
    let server = in_turn(&[("500 Oops", "")]);
    let model = "inference-providers create --name n --provider-type http";
    for (typed, says) in [
        (
            avala(S3).arg("--s3-secret-access-key-file=/no/such/file"),
            "/no/such/file",
        ),
        (avala(S3).arg("--s3-secret-access-key-file=/"), "directory"),
        (
            with_file(S3, "--s3-secret-access-key-file", &file("\n")),
            "is empty",
        ),
        (
            avala(model)
                .arg("--config-file=-")
                .stdin(&format!("[\"{SECRET}\"]")),
            "not a JSON object",
        ),
        (
            avala(model)
                .arg("--config-file=-")
                .stdin(&format!("{{\n\"a\": {SECRET}}}")),
            "line 2",
        ),
        (
            avala(model).arg("--config-file=-").stdin(&" ".repeat(20_000)),
            "longer than",
        ),
    ] {
        let text = typed.on(&server.base_url, "key").run().failed(2);
        assert!(text.contains(says) && !text.contains(SECRET), "{says}: {text}");
    }
    assert!(server.lines().is_empty());
}

#[test]
fn what_opens_a_model_is_sent_whole_and_never_printed() {
    let config = json!({"endpoint_url": "https://model.example/", "auth_header": SECRET, "headers": {"Authorization": SECRET}});
    let provider = json!({"uid": "i1", "name": "n", "provider_type": "http", "config": config}).to_string();
    let list = format!(r#"{{"next": null, "previous": null, "results": [{provider}]}}"#);
    let create = "inference-providers create --name n --provider-type http --config-file -";
    for line in [
        create,
        "inference-providers update i1 --config-file -",
        "inference-providers get i1",
        "inference-providers list",
    ] {
        for form in ["", " -o json"] {
            let answer = if line.ends_with("list") { &list } else { &provider };
            let server = in_turn(&[("200 OK", answer)]);
            let printed = avala(&format!("{line}{form}"))
                .stdin(&config.to_string())
                .on(&server.base_url, "key")
                .run()
                .printed();
            assert!(!printed.contains(SECRET), "{line}{form}: {printed}");
            if line.ends_with('-') {
                assert_eq!(server.body()["config"], config);
                assert!(printed.contains("https://model.example/"), "{printed}");
            }
        }
    }
}

#[test]
fn a_bucket_that_cannot_be_opened_is_a_failure_that_says_why() {
    let result = r#"{"verified": false, "errors": {"s3_bucket_name": ["No such bucket."]}}"#;
    let server = in_turn(&[("200 OK", result)]);
    let outcome = avala("storage-configs test s1").on(&server.base_url, "key").run();
    assert_eq!(
        (outcome.code, outcome.stdout.as_str()),
        (Some(1), "verified\tfalse\n")
    );
    assert!(
        outcome.stderr.contains("  s3_bucket_name: No such bucket.\n"),
        "{outcome:?}"
    );

    let server = in_turn(&[("200 OK", r#"{"verified": true}"#)]);
    avala("storage-configs test s1")
        .on(&server.base_url, "key")
        .run()
        .printed();
}

#[test]
fn a_model_that_does_not_answer_is_a_failure_that_says_why() {
    let server = in_turn(&[(
        "200 OK",
        r#"{"success": false, "message": "Connection refused."}"#,
    )]);
    let outcome = avala("inference-providers test i1")
        .on(&server.base_url, "key")
        .run();
    assert_eq!(outcome.code, Some(1));
    assert!(
        outcome.stdout.contains("answered\tfalse\n") && outcome.stderr.contains("Connection refused."),
        "{outcome:?}"
    );
    let server = in_turn(&[("200 OK", r#"{"success": true, "latency_ms": 12.5}"#)]);
    let printed = avala("inference-providers test i1")
        .on(&server.base_url, "key")
        .run()
        .printed();
    assert!(printed.contains("milliseconds\t12.5\n"), "{printed}");
}
