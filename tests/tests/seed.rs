//! The real command seeds a server that is running, on either database, and the client reads what it declared.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]

use avala_tests::{On, Site, avala, run};

#[tokio::test(flavor = "multi_thread")]
async fn a_seed_reaches_a_server_on_sqlite() {
    a_seed_reaches_a_running_server(On::Sqlite).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_seed_reaches_a_server_on_postgres() {
    if On::Postgres.is_there() {
        a_seed_reaches_a_running_server(On::Postgres).await;
    }
}

async fn a_seed_reaches_a_running_server(on: On) {
    let site = Site::open_on(on).await;
    let rows = concat!(env!("CARGO_MANIFEST_DIR"), "/official/rows.json");
    let mut seed = avala(&["server", "seed", rows, "--data-dir"]);
    seed.arg(site.data_dir());
    if let Some(url) = site.database_url() {
        seed.env("AVALA_DATABASE_URL", url);
    }

    let told = tokio::task::spawn_blocking(move || run(&mut seed)).await.unwrap();
    assert_eq!((told.code, told.stderr.as_str()), (Some(0), ""), "{told:?}");
    assert!(
        told.stdout.contains("tasks\t3 made, 0 updated"),
        "{}",
        told.stdout
    );

    let key = site.full_key().await;
    let client = site.client(key.expose());
    let projects = client.projects().list().send().await.unwrap();
    let names: Vec<&str> = projects
        .items
        .iter()
        .map(|project| project.name.as_str())
        .collect();
    assert_eq!(names, ["Beside it", "Judged"]);
    let judged = projects.items[1].uid.clone();
    let tasks = client
        .tasks()
        .list()
        .project(judged.clone())
        .send()
        .await
        .unwrap();
    assert_eq!(tasks.items.len(), 1);
    assert_eq!(
        client.projects().get(judged).send().await.unwrap(),
        projects.items[1]
    );
    let datasets = client.datasets().list().name("SEEN").send().await.unwrap();
    let dataset = &datasets.items[0];
    let owner = dataset.owner_name.clone().unwrap();
    let found = client
        .datasets()
        .get_by_slug(owner, dataset.slug.clone())
        .send()
        .await;
    assert_eq!(&found.unwrap(), dataset);
    site.close().await;
}
