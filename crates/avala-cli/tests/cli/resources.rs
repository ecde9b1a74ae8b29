//! The commands that list, show and make: what is asked of the server, and what people and programs read.

use serde_json::json;

use super::{avala::avala, canned::in_turn};

const TIME: &str = "2026-01-31T12:00:00Z";

/// Runs a line against one answer; what was asked, and what was printed.
fn asks(line: &str, answer: &serde_json::Value) -> (String, String) {
    let server = in_turn(&[("200 OK", &answer.to_string())]);
    let printed = avala(line).on(&server.base_url, "key").run().printed();
    (server.lines().concat(), printed)
}

fn page(row: &serde_json::Value) -> serde_json::Value {
    json!({"next": null, "previous": null, "results": [row]})
}

#[test]
fn lists_are_rows_in_a_pipe_and_carry_their_filters() {
    let time = json!(TIME);
    for (line, row, asked, printed) in [
        (
            "projects list",
            json!({"uid": "p1", "name": "Cars", "status": "active", "task_type": "image-annotation", "created_at": time}),
            "GET /users/me/projects/?limit=100",
            "p1\tCars\tactive\timage-annotation\t2026-01-31T12:00:00Z\n",
        ),
        (
            "datasets list --data-type lidar --name street --status created --visibility private",
            json!({"uid": "d1", "name": "Street", "slug": "street", "data_type": "lidar", "status": "created", "item_count": 7}),
            "GET /datasets/?limit=100&data_type=lidar&name=street&status=created&visibility=private",
            "d1\tStreet\tstreet\tlidar\tcreated\t7\t\n",
        ),
        (
            "tasks list --project p1 --status pending --limit 5",
            json!({"uid": "t1", "name": "box", "type": "video-annotation", "status": "pending", "project": "p1"}),
            "GET /tasks/?limit=5&project=p1&status=pending",
            "t1\tbox\tvideo-annotation\tpending\tp1\t\n",
        ),
        (
            "exports list --ordering -created_at",
            json!({"uid": "e1", "name": "All", "format": "YOLO", "status": "exported", "total_task_count": 9, "exported_task_count": 9}),
            "GET /exports/?limit=100&ordering=-created_at",
            "e1\tAll\tYOLO\texported\t9\t9\t\n",
        ),
        (
            "storage-configs list --organization acme",
            json!({"uid": "s1", "name": "Bucket", "provider": "gc_storage", "s3_bucket_name": "", "gc_storage_bucket_name": "b", "is_verified": true}),
            "GET /storage-configs/?limit=100&organization=acme",
            "s1\tBucket\tgc_storage\tb\t\ttrue\t\n",
        ),
        (
            "inference-providers list",
            json!({"uid": "i1", "name": "Model", "provider_type": "http", "last_test_success": false}),
            "GET /inference-providers/?limit=100",
            "i1\tModel\thttp\ttrue\t\tfailed\t\n",
        ),
        (
            "auto-label-jobs list --project p1 --status running",
            json!({"uid": "j1", "model_type": "sam3", "status": "running", "total_items": 10, "processed_items": 4}),
            "GET /auto-label-jobs/?limit=100&project=p1&status=running",
            "j1\tsam3\trunning\t10\t4\t0\t\n",
        ),
    ] {
        let (was_asked, was_printed) = asks(line, &page(&row));
        assert_eq!(
            (was_asked.as_str(), was_printed.as_str()),
            (asked, printed),
            "{line}"
        );
    }
}

#[test]
fn one_object_is_its_members_and_in_json_what_the_api_answered() {
    for (line, object, asked, member) in [
        (
            "projects get p1",
            json!({"uid": "p1", "name": "Cars", "visibility": "public"}),
            "GET /users/me/projects/p1/",
            "visibility\tpublic\n",
        ),
        (
            "datasets get d1",
            json!({"uid": "d1", "name": "Street", "slug": "street", "size_bytes": 1024}),
            "GET /datasets/d1/",
            "bytes\t1024\n",
        ),
        (
            "datasets get ada@example.com/street",
            json!({"uid": "d1", "name": "Street", "slug": "street"}),
            "GET /datasets/ada%40example.com/street/",
            "slug\tstreet\n",
        ),
        (
            "tasks get t1",
            json!({"uid": "t1", "type": "image-annotation"}),
            "GET /tasks/t1/",
            "type\timage-annotation\n",
        ),
        (
            "exports get e1",
            json!({"uid": "e1", "download_url": "https://files.example/e1", "projects": ["p1", "p2"]}),
            "GET /exports/e1/",
            "projects\tp1,p2\n",
        ),
        (
            "storage-configs get s1 --organization acme",
            json!({"uid": "s1", "name": "Bucket", "provider": "aws_s3", "s3_bucket_name": "b", "gc_storage_bucket_name": ""}),
            "GET /storage-configs/s1/?organization=acme",
            "bucket\tb\n",
        ),
        (
            "storage-configs setup-info --organization acme",
            json!({"avala_aws_account_id": "123456789012", "external_id": "ext-1"}),
            "GET /storage-configs/setup-info/?organization=acme",
            "external id\text-1\n",
        ),
        (
            "auto-label-jobs get j1",
            json!({"uid": "j1", "progress_pct": 37.5, "summary": {"cars": 3}}),
            "GET /auto-label-jobs/j1/",
            "percent\t37.5\n",
        ),
    ] {
        let (was_asked, printed) = asks(line, &object);
        assert_eq!(was_asked, asked, "{line}");
        assert!(printed.contains(member), "{line}: {printed}");
        let (_, text) = asks(&format!("{line} --output json"), &object);
        let read: serde_json::Value = serde_json::from_str(&text).unwrap();
        for (name, value) in object.as_object().unwrap() {
            assert_eq!(&read[name], value, "{line}");
        }
    }
}

#[test]
fn what_is_made_is_what_was_typed() {
    let server = in_turn(&[("201 Created", r#"{"uid": "d1", "name": "N", "slug": "s"}"#)]);
    avala("datasets create --name N --slug s --data-type image --is-sequence true --industry 3")
        .arg("--metadata-file=-")
        .stdin(r#"{"weather": "rain"}"#)
        .on(&server.base_url, "key")
        .run()
        .printed();
    assert_eq!(
        server.body(),
        json!({"name": "N", "slug": "s", "data_type": "image", "is_sequence": true, "industry": 3, "metadata": {"weather": "rain"}})
    );

    let server = in_turn(&[("201 Created", r#"{"uid": "e1"}"#)]);
    avala("exports create --projects p1,p2 --datasets d1 --name N --format YOLO --filter label=car")
        .on(&server.base_url, "key")
        .run()
        .printed();
    assert_eq!(
        server.body(),
        json!({"projects": ["p1", "p2"], "datasets": ["d1"], "name": "N", "format": "YOLO", "filter_query_string": "label=car"})
    );

    let server = in_turn(&[("202 Accepted", r#"{"uid": "j1"}"#)]);
    avala("auto-label-jobs create --project p1 --model-type sam3 --confidence-threshold 0.25 --labels car,bus --dry-run")
        .on(&server.base_url, "key")
        .run()
        .printed();
    assert_eq!(server.lines(), ["POST /projects/p1/auto-label/"]);
    assert_eq!(
        server.body(),
        json!({"model_type": "sam3", "confidence_threshold": 0.25, "labels": ["car", "bus"], "dry_run": true})
    );
}

#[test]
fn what_goes_is_named() {
    for (line, asked, said) in [
        (
            "storage-configs delete s1 --yes",
            "DELETE /storage-configs/s1/",
            "The storage config s1 is deleted.\n",
        ),
        (
            "inference-providers delete i1 -y",
            "DELETE /inference-providers/i1/",
            "The inference provider i1 is deleted.\n",
        ),
        (
            "auto-label-jobs cancel j1 --yes",
            "DELETE /auto-label-jobs/j1/",
            "The auto-label job j1 is cancelled.\n",
        ),
    ] {
        let server = in_turn(&[("204 No Content", "")]);
        avala(line.trim_end_matches(" -y").trim_end_matches(" --yes"))
            .on(&server.base_url, "key")
            .run()
            .failed(2);
        assert!(server.lines().is_empty(), "nobody said yes");
        let outcome = avala(line).on(&server.base_url, "key").run();
        assert_eq!((outcome.code, outcome.stderr.as_str()), (Some(0), said));
        assert_eq!(server.lines(), [asked]);
    }
}

#[test]
fn a_bucket_that_could_not_be_opened_is_told_when_its_config_is_made() {
    const CREATE: &str = "storage-configs create --name Bucket --provider gc_storage";
    for (is_verified, told) in [
        (true, ""),
        (
            false,
            "The bucket could not be opened. See why: avala storage-configs test s1\n",
        ),
    ] {
        let config =
            json!({"uid": "s1", "name": "Bucket", "provider": "gc_storage", "is_verified": is_verified});
        let server = in_turn(&[("201 Created", &config.to_string())]);
        let outcome = avala(CREATE).on(&server.base_url, "key").run();
        assert_eq!((outcome.code, outcome.stderr.as_str()), (Some(0), told));
    }
}
