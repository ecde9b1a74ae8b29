//! Whom a request counts for, with and without a proxy in between.

use avala_server::RateLimit;

use crate::site::{CLOSE, Site, request};

/// The published number of requests a minute without a key.
const ANONYMOUS: usize = 30;

async fn ask_as(site: &Site, lines: &str) -> u16 {
    let bytes = request("GET", "/api/v1/users/me/", &format!("{lines}{CLOSE}"));
    site.exchange(bytes.as_bytes()).await[0].status
}

async fn use_up(site: &Site, lines: &str) {
    for _ in 0..ANONYMOUS {
        assert_eq!(ask_as(site, lines).await, 401);
    }
    assert_eq!(ask_as(site, lines).await, 429);
}

#[tokio::test]
async fn behind_a_trusted_proxy_each_client_has_its_own_budget() {
    let site = Site::open(|config| {
        config.rate_limit = RateLimit::PerMinute(100);
        config.trusted_proxies = vec!["127.0.0.0/8".parse().unwrap()];
    })
    .await;
    use_up(&site, "X-Forwarded-For: 192.0.2.1\r\n").await;
    // Another client is not disturbed, and no name the first one gives itself helps it.
    assert_eq!(ask_as(&site, "X-Forwarded-For: 192.0.2.2\r\n").await, 401);
    for spoofed in [
        "X-Forwarded-For: 203.0.113.9, 192.0.2.1\r\n",
        "X-Forwarded-For: 203.0.113.9\r\nX-Forwarded-For: 192.0.2.1\r\n",
        "X-Forwarded-For: 192.0.2.1\r\nForwarded: for=203.0.113.9\r\nX-Real-IP: 203.0.113.9\r\n",
        "X-Forwarded-For: ::ffff:192.0.2.1\r\n",
    ] {
        assert_eq!(ask_as(&site, spoofed).await, 429, "{spoofed}");
    }
}

#[tokio::test]
async fn without_a_trusted_proxy_nobody_chooses_an_address() {
    let site = Site::open(|config| {
        config.rate_limit = RateLimit::PerMinute(100);
        config.trusted_proxies = vec!["10.0.0.0/8".parse().unwrap()];
    })
    .await;
    use_up(&site, "").await;
    for spoofed in [
        "X-Forwarded-For: 192.0.2.1\r\n",
        "X-Forwarded-For: 10.0.0.1\r\n",
        "Forwarded: for=192.0.2.1\r\n",
        "X-Real-IP: 192.0.2.1\r\n",
    ] {
        assert_eq!(ask_as(&site, spoofed).await, 429, "{spoofed}");
    }
}

#[tokio::test]
async fn links_are_no_business_of_a_proxy() {
    let site = Site::open(|config| {
        config.public_url = Some("https://avala.example".parse().unwrap());
        config.trusted_proxies = vec!["127.0.0.0/8".parse().unwrap()];
    })
    .await;
    for name in ["a", "b"] {
        let body = format!(r#"{{"name":"{name}"}}"#);
        let post = format!(
            "POST /api/v1/agents/ HTTP/1.1\r\n{}Content-Type: application/json\r\nContent-Length: {}\r\n{CLOSE}\r\n{body}",
            site.lines(),
            body.len()
        );
        assert_eq!(site.exchange(post.as_bytes()).await[0].status, 201);
    }
    let list = format!(
        "GET /api/v1/agents/?limit=1 HTTP/1.1\r\n{}X-Forwarded-Host: evil.example\r\nX-Forwarded-Proto: http\r\nX-Forwarded-For: 192.0.2.1\r\n{CLOSE}\r\n",
        site.lines()
    );
    let page = site.exchange(list.as_bytes()).await[0].json();
    let next = page["next"].as_str().unwrap();
    assert!(
        next.starts_with("https://avala.example/api/v1/agents/?"),
        "{next}"
    );
}
