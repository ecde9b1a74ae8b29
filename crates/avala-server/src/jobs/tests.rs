//! What becomes of jobs when workers, processes and attempts fail, on a clock that is set by hand.

use std::{path::Path, sync::Mutex};

use avala_api::exports::{Export, ExportFormat, ExportStatus};
use avala_keys::Class;
use tempfile::TempDir;

use super::*;
use crate::{
    clock::Clock,
    config::{Database, operating_system},
    keys,
    random::Random,
    store::{data_dir::DataDir, sql},
};

#[derive(Debug)]
struct ManualClock(Mutex<Timestamp>);

impl Clock for ManualClock {
    fn now(&self) -> Timestamp {
        *self.0.lock().unwrap()
    }
}

impl ManualClock {
    fn advance(&self, millis: i64) {
        let mut now = self.0.lock().unwrap();
        *now = later(*now, millis);
    }
}

/// A data directory with one organization, `o`, and its one project, `p`.
struct Place {
    authority: Authority,
    clock: Arc<ManualClock>,
    dir: TempDir,
}

impl Place {
    async fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let random = Arc::new(Random::new(operating_system()));
        let clock = Arc::new(ManualClock(Mutex::new(Timestamp::from_unix_seconds(1_000_000))));
        let data = DataDir::make(&dir.path().join("data")).unwrap();
        let opened = keys::open(data, &Database::Sqlite, Some(Class::Live), &random, clock.now())
            .await
            .unwrap();
        let authority = Authority::of(opened, random, clock.clone()).await.unwrap();
        let place = Self {
            authority,
            clock,
            dir,
        };
        place
            .write("INSERT INTO organizations (uid, slug, name, created_at, updated_at) VALUES ('o', 'o', 'O', 0, 0)")
            .await;
        place
            .write(
                "INSERT INTO projects (uid, organization, name, status, visibility, created_at, updated_at) VALUES ('p', 'o', 'P', 'active', 'private', 0, 0)",
            )
            .await;
        place
    }

    async fn write(&self, statement: &'static str) {
        self.authority.store().record(sql(statement)).await.unwrap();
    }

    fn worker(&self) -> Worker {
        let [worker, _] = workers(&self.authority, &Arc::default(), &Arc::default());
        worker
    }

    /// An export of the project, and the job to make it.
    async fn ask_for(&self, uid: &str) {
        let now = self.clock.now();
        let export = Export {
            uid: uid.into(),
            status: Some(ExportStatus::Requested),
            download_url: None,
            name: None,
            format: Some(ExportFormat::AvalaJsonExternal),
            filter_query_string: None,
            total_task_count: None,
            exported_task_count: None,
            datasets: Vec::new(),
            slices: Vec::new(),
            projects: vec!["p".into()],
            organization: None,
            created_at: Some(now),
            updated_at: Some(now),
            extra: avala_api::Extra::new(),
        };
        let mut change = self.authority.store().change().await.unwrap();
        exports::upsert(change.connection(), "o", &export, now)
            .await
            .unwrap();
        jobs::insert(change.connection(), Kind::Export, uid, now)
            .await
            .unwrap();
        let entry = Entry {
            at: now,
            actor: &Actor::Console,
            action: "export.create",
            object: uid,
            organization: Some("o"),
        };
        change.commit(entry).await.unwrap();
    }

    async fn claim(&self, holder: &str) -> Option<Claim> {
        let now = self.clock.now();
        jobs::claim(self.authority.store(), holder.into(), now, lease_end(now))
            .await
            .unwrap()
    }

    async fn status(&self, uid: &str) -> ExportStatus {
        let found = exports::find(self.authority.store().reader(), "o".into(), uid).await;
        found.unwrap().unwrap().status.unwrap()
    }

    /// How often the audit says that this was done.
    async fn audited(&self, action: &str) -> i64 {
        sql("SELECT count(*) AS n FROM audit WHERE action = $1 AND actor_kind = 'server'")
            .bind(action)
            .fetch_one(self.authority.store().reader())
            .await
            .unwrap()
            .get("n")
            .unwrap()
    }

    fn exports(&self) -> std::path::PathBuf {
        self.dir.path().join("data").join("exports")
    }
}

fn files(folder: &Path) -> Vec<String> {
    let mut names: Vec<String> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

#[tokio::test]
async fn a_job_is_its_holders_until_the_lease_ends_and_nobody_elses() {
    let place = Place::new().await;
    place.ask_for("e").await;
    let store = place.authority.store();

    let first = place.claim("first").await.unwrap();
    assert!(place.claim("second").await.is_none(), "it is held");
    place.clock.advance(LEASE_MILLIS - 1);
    assert!(place.claim("second").await.is_none(), "it is still held");
    assert!(
        jobs::renew(store, &first, lease_end(place.clock.now()))
            .await
            .unwrap()
    );
    place.clock.advance(LEASE_MILLIS - 1);
    assert!(place.claim("second").await.is_none(), "it was renewed");
    place.clock.advance(1);
    let second = place.claim("second").await.unwrap();

    assert_eq!((first.attempt, second.attempt), (1, 2));
    assert!(
        !jobs::renew(store, &first, lease_end(place.clock.now()))
            .await
            .unwrap()
    );
    let mut change = store.change().await.unwrap();
    assert!(!jobs::end(change.connection(), &first).await.unwrap());
    assert!(jobs::end(change.connection(), &second).await.unwrap());
}

#[tokio::test]
async fn what_a_dead_holder_left_is_taken_up_and_its_file_cleared_away() {
    let place = Place::new().await;
    place.ask_for("e").await;
    place.claim("dead").await.unwrap();
    std::fs::create_dir(place.exports()).unwrap();
    std::fs::write(place.exports().join("e.1.unfinished"), "half").unwrap();
    let worker = place.worker();

    assert!(!worker.next().await.unwrap(), "the lease has not ended");
    place.clock.advance(LEASE_MILLIS);
    assert!(worker.next().await.unwrap());

    assert_eq!(place.status("e").await, ExportStatus::Exported);
    assert_eq!(files(&place.exports()), ["e.json"]);
    assert!(!worker.next().await.unwrap(), "there is nothing more to do");
}

#[tokio::test]
async fn an_export_that_cannot_be_made_is_tried_ever_later_and_then_given_up() {
    let place = Place::new().await;
    place.ask_for("e").await;
    std::fs::write(place.exports(), "no directory").unwrap();
    let worker = place.worker();

    for attempt in 1..ATTEMPTS {
        assert!(worker.next().await.unwrap());
        assert_eq!(place.status("e").await, ExportStatus::Processing);
        place.clock.advance((1000 << attempt) - 1);
        assert!(!worker.next().await.unwrap(), "it rests after attempt {attempt}");
        place.clock.advance(1);
    }
    assert!(worker.next().await.unwrap());

    assert_eq!(place.status("e").await, ExportStatus::Failed);
    assert_eq!(place.audited("export.fail").await, 1);
    place.clock.advance(1_000_000_000);
    assert!(!worker.next().await.unwrap());
}

#[tokio::test]
async fn a_job_that_ends_every_process_is_given_up() {
    let place = Place::new().await;
    place.ask_for("e").await;
    for _ in 0..ATTEMPTS {
        place.claim("dead").await.unwrap();
        place.clock.advance(LEASE_MILLIS);
    }
    std::fs::create_dir(place.exports()).unwrap();
    for name in ["e.json", "e.5.unfinished", "other.json"] {
        std::fs::write(place.exports().join(name), "half").unwrap();
    }

    assert!(place.worker().next().await.unwrap());

    assert_eq!(place.status("e").await, ExportStatus::Failed);
    assert_eq!(files(&place.exports()), ["other.json"]);
    assert!(!place.worker().next().await.unwrap());
}

#[tokio::test]
async fn workers_side_by_side_do_each_job_once() {
    let place = Place::new().await;
    for number in 0..20 {
        place.ask_for(&format!("e-{number}")).await;
    }

    let busy = async || {
        let worker = place.worker();
        while worker.next().await.unwrap() {}
    };
    tokio::join!(busy(), busy(), busy());

    assert_eq!(place.audited("export.finish").await, 20);
    assert_eq!(files(&place.exports()).len(), 20);
}

#[tokio::test]
async fn a_holder_that_lost_its_job_changes_nothing() {
    let place = Place::new().await;
    place.ask_for("e").await;
    let slow = place.claim("slow").await.unwrap();
    place.clock.advance(LEASE_MILLIS);
    assert!(place.worker().next().await.unwrap());

    export::carry_out(&place.authority, &slow).await.unwrap();
    place.worker().give_up(&slow, place.clock.now()).await.unwrap();

    assert_eq!(place.status("e").await, ExportStatus::Exported);
    assert_eq!(place.audited("export.finish").await, 1);
}

#[test]
fn a_failure_that_lasts_is_told_once_a_minute() {
    let jobs = Jobs::default();
    let told = [0, 1, 30, 59, 60, 61, 119, 120]
        .map(|seconds| jobs.is_news(Timestamp::from_unix_seconds(1_000_000 + seconds)));
    assert_eq!(told, [true, false, false, false, true, false, false, true]);
}

#[tokio::test]
async fn a_closed_worker_begins_nothing() {
    let place = Place::new().await;
    place.ask_for("e").await;
    let jobs = Arc::new(Jobs::default());
    jobs.close();
    for worker in workers(&place.authority, &jobs, &Arc::default()) {
        worker.work().await;
    }
    assert_eq!(place.status("e").await, ExportStatus::Requested);
}
