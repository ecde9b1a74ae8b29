//! What a server tells a monitoring system, and that nobody can make it tell more.

use std::{collections::BTreeSet, net::SocketAddr, time::Duration};

use avala_server::{RateLimit, keys::Access};
use tokio::{
    net::{TcpListener, TcpStream},
    task::JoinSet,
};

use crate::support::{On, Request, Running, same_id_other_secret, start, start_with, within};

/// A server with its listener for metrics, which ends with this value.
struct Scraped {
    running: Running,
    address: SocketAddr,
    serving: JoinSet<()>,
}

impl Scraped {
    async fn of(running: Running) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let metrics = running.server.metrics().clone();
        let mut serving = JoinSet::new();
        serving.spawn(async move { metrics.serve(listener).await });
        Self {
            running,
            address,
            serving,
        }
    }

    async fn text(&self) -> String {
        let answer = Request::raw("GET", "/metrics").send(self.address).await;
        assert_eq!(answer.status, 200);
        assert!(
            answer
                .header("content-type")
                .unwrap()
                .starts_with("application/openmetrics-text; version=1.0.0")
        );
        String::from_utf8(answer.body).unwrap()
    }

    async fn value(&self, series: &str) -> Option<f64> {
        let text = self.text().await;
        text.lines().find_map(|line| {
            let (name, value) = line.rsplit_once(' ')?;
            (name == series).then(|| value.parse().unwrap())
        })
    }

    /// Everything in front of a value.
    async fn series(&self) -> BTreeSet<String> {
        self.text()
            .await
            .lines()
            .filter(|line| !line.starts_with('#'))
            .map(|line| line.rsplit_once(' ').unwrap().0.to_owned())
            .collect()
    }

    async fn stop(self) {
        let Self { running, serving, .. } = self;
        drop(serving);
        running.stop().await;
    }
}

async fn requests_refusals_and_the_state_of_the_server_are_told(on: On) {
    // Given a server that answered and refused.
    let scraped = Scraped::of(start(on).await).await;
    let running = &scraped.running;
    let tenant = running.tenant("a@example.com").await;
    let narrow = running.issue(&tenant.user, Access::Listed(vec![])).await;
    tenant.get("/webhooks/").await.expect(200);
    tenant.get("/webhooks/").await.expect(200);
    tenant.get("/webhooks/missing/").await.expect(404);
    running
        .send(Request::new("GET", "/webhooks/").key(narrow.key.expose()))
        .await
        .expect(403);
    running.send(Request::new("GET", "/webhooks/")).await.expect(401);
    running.send(Request::raw("GET", "/healthz")).await.expect(200);

    // Then each is told.
    for (series, expected) in [
        (
            r#"avala_http_requests_total{group="webhooks",method="GET",status="2xx"}"#,
            2.0,
        ),
        (
            r#"avala_http_requests_total{group="webhooks",method="GET",status="4xx"}"#,
            3.0,
        ),
        (
            r#"avala_http_requests_total{group="health",method="GET",status="2xx"}"#,
            1.0,
        ),
        (
            r#"avala_http_request_duration_seconds_count{group="webhooks"}"#,
            5.0,
        ),
        (r#"avala_http_refusals_total{code="key_missing"}"#, 1.0),
        (r#"avala_http_refusals_total{code="scope_missing"}"#, 1.0),
        (r#"avala_http_refusals_total{code="not_found"}"#, 1.0),
        ("avala_keys", 2.0),
        ("avala_usage_unwritten", 3.0),
        ("avala_usage_lost_total", 0.0),
        ("avala_usage_flush_failures_total", 0.0),
        ("avala_connections_refused_total", 0.0),
    ] {
        assert_eq!(scraped.value(series).await, Some(expected), "{series}");
    }
    assert!(scraped.value("avala_key_set_age_seconds").await.unwrap() < 10.0);

    // And what goes wrong, and comes to its end.
    running
        .dir
        .execute("ALTER TABLE key_last_uses RENAME TO away")
        .await;
    assert!(running.server.usage().flush().await.is_err());
    assert_eq!(scraped.value("avala_usage_flush_failures_total").await, Some(1.0));
    running
        .dir
        .execute("ALTER TABLE away RENAME TO key_last_uses")
        .await;
    running.server.usage().flush().await.unwrap();
    assert_eq!(scraped.value("avala_usage_unwritten").await, Some(0.0));

    let client = TcpStream::connect(running.address).await.unwrap();
    let open = |count: f64| {
        let scraped = &scraped;
        within(Duration::from_secs(5), move || async move {
            scraped.value("avala_connections").await == Some(count)
        })
    };
    open(1.0).await;
    drop(client);
    open(0.0).await;
    scraped.stop().await;
}

async fn nothing_that_a_client_says_makes_a_new_series_or_is_told(on: On) {
    let scraped = Scraped::of(start_with(on, |config| config.rate_limit = RateLimit::Off).await).await;
    let running = &scraped.running;
    let tenant = running.tenant("a@example.com").await;
    let (key, stolen_id) = (tenant.key.expose(), same_id_other_secret(&tenant.key));
    let hostile = async |number: usize| {
        for key in [key, stolen_id.expose(), "avk_made_up"] {
            for request in [
                Request::new("GET", &format!("/hostile-{number}/")),
                Request::new("GET", &format!("/webhooks/hostile-{number}/")),
                Request::new("GET", &format!("/webhooks/hostile-{number}/?key={key}")),
                Request::new(&format!("HOSTILE{number}"), "/webhooks/"),
                Request::raw("GET", &format!("/hostile{number}\"}} 1")),
            ] {
                let request = request
                    .key(key)
                    .header("User-Agent", format!("hostile-{number}\""));
                let answer = running.send(request).await;
                assert!((400..500).contains(&answer.status), "{}", answer.status);
            }
        }
    };
    hostile(0).await;
    let before = scraped.series().await;
    for number in 1..10 {
        hostile(number).await;
    }
    assert_eq!(scraped.series().await, before);

    let text = scraped.text().await.to_lowercase();
    assert!(!text.contains("hostile"), "{text}");
    assert!(!text.contains("avk_"), "{text}");
    assert!(!text.contains(&tenant.key.id().as_str().to_lowercase()), "{text}");
    assert!(!text.contains("127.0.0.1"), "{text}");
    scraped.stop().await;
}

async fn metrics_are_on_their_own_listener_and_nothing_else_is(on: On) {
    let scraped = Scraped::of(start(on).await).await;
    let tenant = scraped.running.tenant("a@example.com").await;

    // The port of the API has none, whoever asks.
    for path in ["/metrics", "/metrics/", "/api/v1/metrics/"] {
        let request = Request::raw("GET", path).key(tenant.key.expose());
        scraped.running.send(request).await.expect(404);
    }

    // The other port has nothing else, and answers no page of somebody else's.
    for (request, status) in [
        (Request::raw("GET", "/"), 404),
        (Request::raw("GET", "/healthz"), 404),
        (
            Request::raw("GET", "/api/v1/users/me/").key(tenant.key.expose()),
            404,
        ),
        (Request::raw("POST", "/metrics"), 405),
        (
            Request::raw("GET", "/metrics")
                .without_host()
                .header("Host", "rebound.example"),
            400,
        ),
    ] {
        let answer = request.send(scraped.address).await;
        assert_eq!((answer.status, answer.body.len()), (status, 0));
    }

    scraped.stop().await;
}

stories![
    requests_refusals_and_the_state_of_the_server_are_told,
    nothing_that_a_client_says_makes_a_new_series_or_is_told,
    metrics_are_on_their_own_listener_and_nothing_else_is,
];
