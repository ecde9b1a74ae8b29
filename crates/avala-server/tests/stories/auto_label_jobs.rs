//! Auto-label jobs, on a server without models.

use std::time::Duration;

use serde_json::{Value, json};

use crate::support::{On, Running, Tenant, start, within};

stories!(
    a_dry_run_says_what_would_be_labelled,
    without_a_model_a_job_fails_and_says_so,
    a_job_that_has_not_ended_can_be_cancelled_and_one_that_has_cannot,
    jobs_are_listed_by_project_and_by_status,
    every_bad_option_is_named,
    another_organizations_project_and_jobs_are_not_found,
);

async fn with_projects(on: On) -> (Running, Tenant) {
    let running = start(on).await;
    let tenant = running.tenant("a@example.com").await;
    for statement in [
        "INSERT INTO projects (uid, organization, name, status, visibility, created_at, updated_at)
         SELECT 'p-1', uid, 'One', 'active', 'private', 0, 0 FROM organizations WHERE name = 'a'",
        "INSERT INTO projects (uid, organization, name, status, visibility, created_at, updated_at)
         SELECT 'p-2', uid, 'Two', 'active', 'private', 0, 0 FROM organizations WHERE name = 'a'",
        "INSERT INTO tasks (uid, organization, project, status, created_at, updated_at)
         SELECT 't-1', organization, 'p-1', 'pending', 0, 0 FROM projects WHERE uid = 'p-1'",
        "INSERT INTO tasks (uid, organization, project, status, created_at, updated_at)
         SELECT 't-2', organization, 'p-1', 'completed', 0, 0 FROM projects WHERE uid = 'p-1'",
    ] {
        assert_eq!(running.dir.execute(statement).await, 1);
    }
    (running, tenant)
}

/// Asks for a job, and waits for its end.
async fn ended(tenant: &Tenant, project: &str, body: Value) -> Value {
    let made = tenant
        .post(&format!("/projects/{project}/auto-label/"), body)
        .await
        .expect(201);
    let path = format!("/auto-label-jobs/{}/", made["uid"].as_str().unwrap());
    within(Duration::from_secs(20), || async {
        !["pending", "running"].contains(&tenant.get(&path).await.expect(200)["status"].as_str().unwrap())
    })
    .await;
    tenant.get(&path).await.expect(200)
}

/// A job that nobody carries out, since its lease is somebody's for ever.
async fn held(running: &Running, tenant: &Tenant, status: &str) -> String {
    let uid = format!("held-{status}");
    let job = format!(
        "INSERT INTO auto_label_jobs (uid, organization, project, model_type, confidence_threshold, labels, dry_run,
         status, total_items, processed_items, successful_items, failed_items, skipped_items, created_at)
         SELECT '{uid}', organization, 'p-2', 'yolo', 0.25, '[]', FALSE, '{status}', 0, 0, 0, 0, 0, 0
         FROM projects WHERE uid = 'p-2'"
    );
    let lease = format!(
        "INSERT INTO jobs (kind, object, attempts, holder, due_at) VALUES ('auto_label', '{uid}', 1, 'x', 99999999999999)"
    );
    assert_eq!(running.dir.execute(job.leak()).await, 1);
    assert_eq!(running.dir.execute(lease.leak()).await, 1);
    let path = format!("/auto-label-jobs/{uid}/");
    assert_eq!(tenant.get(&path).await.expect(200)["status"], json!(status));
    path
}

async fn a_dry_run_says_what_would_be_labelled(on: On) {
    let (_running, tenant) = with_projects(on).await;
    let body =
        json!({ "dry_run": true, "model_type": "sam3", "confidence_threshold": 0.75, "labels": ["car"] });
    let job = ended(&tenant, "p-1", body).await;

    assert_eq!(job["status"], json!("completed"));
    assert_eq!(
        job["summary"],
        json!({ "would_label": 2, "model_type": "sam3", "confidence_threshold": 0.75, "model_installed": false })
    );
    assert_eq!(
        [
            &job["total_items"],
            &job["skipped_items"],
            &job["processed_items"],
            &job["progress_pct"]
        ],
        [&json!(2), &json!(2), &json!(0), &json!(100.0)]
    );
    assert!(job["started_at"].is_string() && job["completed_at"].is_string());
    assert_eq!(job["error_message"], Value::Null);
}

async fn without_a_model_a_job_fails_and_says_so(on: On) {
    let (_running, tenant) = with_projects(on).await;
    let made = tenant
        .post("/projects/p-1/auto-label/", json!({}))
        .await
        .expect(201);
    assert_eq!(
        [
            &made["status"],
            &made["model_type"],
            &made["confidence_threshold"],
            &made["labels"],
            &made["dry_run"]
        ],
        [
            &json!("pending"),
            &json!("yolo"),
            &json!(0.5),
            &json!([]),
            &json!(false)
        ]
    );

    let job = ended(&tenant, "p-1", json!({})).await;

    assert_eq!(job["status"], json!("failed"));
    assert_eq!(
        job["error_message"],
        json!("This server has no models; jobs with dry_run only count tasks.")
    );
    assert_eq!(
        (&job["total_items"], &job["successful_items"]),
        (&json!(2), &json!(0))
    );
}

async fn a_job_that_has_not_ended_can_be_cancelled_and_one_that_has_cannot(on: On) {
    let (running, tenant) = with_projects(on).await;
    for status in ["pending", "running"] {
        let path = held(&running, &tenant, status).await;
        assert_eq!(tenant.delete(&path).await.status, 204);
        let job = tenant.get(&path).await.expect(200);
        assert_eq!(job["status"], json!("cancelled"));
        assert!(job["completed_at"].is_string());
        assert_eq!(tenant.delete(&path).await.status, 204, "a call that is repeated");
    }
    assert_eq!(
        running.dir.execute("DELETE FROM jobs").await,
        0,
        "nobody works on"
    );

    let job = ended(&tenant, "p-1", json!({ "dry_run": true })).await;
    let refused = tenant
        .delete(&format!("/auto-label-jobs/{}/", job["uid"].as_str().unwrap()))
        .await;
    assert_eq!((refused.status, refused.code()), (409, "job_ended".into()));
}

async fn jobs_are_listed_by_project_and_by_status(on: On) {
    let (_running, tenant) = with_projects(on).await;
    let first = ended(&tenant, "p-1", json!({ "dry_run": true })).await;
    let second = ended(&tenant, "p-1", json!({})).await;
    let third = ended(&tenant, "p-2", json!({})).await;
    let listed = async |query: &str| -> Vec<Value> {
        let page = tenant.get(&format!("/auto-label-jobs/{query}")).await.expect(200);
        page["results"]
            .as_array()
            .unwrap()
            .iter()
            .map(|job| job["uid"].clone())
            .collect()
    };

    assert_eq!(
        listed("").await,
        [&third["uid"], &second["uid"], &first["uid"]].map(Value::clone)
    );
    assert_eq!(
        listed("?project=p-1").await,
        [&second["uid"], &first["uid"]].map(Value::clone)
    );
    assert_eq!(
        listed("?status=failed").await,
        [&third["uid"], &second["uid"]].map(Value::clone)
    );
    assert_eq!(
        listed("?project=p-1&status=completed").await,
        [first["uid"].clone()]
    );
    assert_eq!(listed("?project=unknown").await, Vec::<Value>::new());
}

async fn every_bad_option_is_named(on: On) {
    let (_running, tenant) = with_projects(on).await;
    let body = json!({ "model_type": " ", "confidence_threshold": 1.1, "labels": ["", "car"] });
    let errors = tenant.post("/projects/p-1/auto-label/", body).await.expect(400);
    let fields: Vec<&String> = errors.as_object().unwrap().keys().collect();
    assert_eq!(fields, ["confidence_threshold", "labels", "model_type"]);
    // Each is short enough, and there are few enough of them.
    let body = json!({ "labels": vec!["x".repeat(255); 64] });
    let errors = tenant.post("/projects/p-1/auto-label/", body).await.expect(400);
    assert_eq!(
        errors,
        json!({ "labels": ["Ensure this field has no more than 16384 bytes."] })
    );
    for threshold in [-0.1, 1.000_001] {
        let body = json!({ "confidence_threshold": threshold });
        tenant.post("/projects/p-1/auto-label/", body).await.expect(400);
    }
    for threshold in [0.0, 1.0] {
        let body = json!({ "confidence_threshold": threshold, "dry_run": true });
        assert_eq!(
            ended(&tenant, "p-1", body).await["confidence_threshold"],
            json!(threshold)
        );
    }
}

async fn another_organizations_project_and_jobs_are_not_found(on: On) {
    let (running, tenant) = with_projects(on).await;
    let job = ended(&tenant, "p-1", json!({})).await;
    let stranger = running.tenant("b@example.com").await;
    let path = format!("/auto-label-jobs/{}/", job["uid"].as_str().unwrap());

    let absent = stranger.get("/auto-label-jobs/none/").await;
    for answer in [
        stranger.post("/projects/p-1/auto-label/", json!({})).await,
        stranger.get(&path).await,
        stranger.delete(&path).await,
    ] {
        assert_eq!((answer.status, &answer.body), (404, &absent.body));
    }
    for query in ["", "?project=p-1"] {
        let page = stranger
            .get(&format!("/auto-label-jobs/{query}"))
            .await
            .expect(200);
        assert_eq!(page["results"], json!([]));
    }
}

/// A worker ends a job and its row in one transaction. SQLite has one writer at a time anyway.
#[tokio::test]
async fn a_worker_that_ends_a_job_and_a_caller_who_cancels_it_do_not_wait_for_each_other() {
    if !crate::home::has_postgres("a worker and a caller") {
        return;
    }
    // Given a worker that has ended the job, and will write what it came to once somebody waits for the worker.
    let (running, tenant) = with_projects(On::Postgres).await;
    let path = held(&running, &tenant, "running").await;
    let worker = "DO $$ BEGIN
        DELETE FROM jobs WHERE object = 'held-running';
        FOR look IN 1..1000 LOOP
            PERFORM pg_stat_clear_snapshot();
            EXIT WHEN EXISTS (SELECT FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock');
            PERFORM pg_sleep(0.01);
        END LOOP;
        UPDATE auto_label_jobs SET status = 'failed' WHERE uid = 'held-running';
    END $$";
    let caller = async {
        let free = "UPDATE jobs SET attempts = attempts WHERE position IN (SELECT position FROM jobs FOR UPDATE SKIP LOCKED)";
        within(Duration::from_secs(10), || async {
            running.dir.execute(free).await == 0
        })
        .await;
        tenant.delete(&path).await
    };

    let (_, refused) = tokio::join!(running.dir.execute(worker), caller);

    assert_eq!((refused.status, refused.code()), (409, "job_ended".into()));
}
