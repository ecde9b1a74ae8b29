//! The way through a proxy, and the credentials it takes.

use avala_http::{BuildError, Certificates, Failure, HttpClient, HttpOptions, Proxy};

use crate::server::{Authority, OK, Server, Tunneller};
use crate::{everything, get};

const REFUSAL: &str =
    "HTTP/1.1 407 Proxy Authentication Required\r\ncontent-length: 0\r\nconnection: close\r\n\r\n";
/// `robot:s3cr3t-word` in base64.
const BASIC: &str = "Basic cm9ib3Q6czNjcjN0LXdvcmQ=";

fn through(proxy: Proxy) -> HttpOptions {
    HttpOptions {
        proxy,
        ..HttpOptions::default()
    }
}

fn with_credentials(proxy: &Server) -> String {
    format!("http://robot:s3cr3t-word@{}", proxy.address)
}

fn environment(variables: &[(&str, String)]) -> Proxy {
    Proxy::from_environment(|name| {
        variables
            .iter()
            .find(|(known, _)| *known == name)
            .map(|(_, value)| value.clone())
    })
}

#[tokio::test]
async fn plain_requests_go_through_the_proxy_with_its_credentials() {
    let proxy = Server::plain(OK).await;
    let client = HttpClient::new(through(Proxy::url(with_credentials(&proxy)))).unwrap();
    get(&client, "http://target.invalid/path?q=1").await.unwrap();
    let head = proxy.seen(|seen| seen.heads[0].clone());
    assert!(
        head.starts_with("GET http://target.invalid/path?q=1 HTTP/1.1\r\n"),
        "{head}"
    );
    assert!(
        head.contains(&format!("proxy-authorization: {BASIC}\r\n")),
        "{head}"
    );
}

#[tokio::test]
async fn tls_requests_ask_the_proxy_for_a_tunnel() {
    let proxy = Server::plain(REFUSAL).await;
    let client = HttpClient::new(through(Proxy::url(with_credentials(&proxy)))).unwrap();
    let error = get(&client, "https://target.invalid/").await.unwrap_err();
    let head = proxy.seen(|seen| seen.heads[0].clone());
    assert!(
        head.starts_with("CONNECT target.invalid:443 HTTP/1.1\r\n"),
        "{head}"
    );
    assert!(
        head.to_lowercase()
            .contains(&format!("proxy-authorization: {BASIC}").to_lowercase()),
        "{head}"
    );
    let said = everything(&error);
    assert!(
        error.failure() == Failure::Proxy && !said.contains("s3cr3t") && !said.contains(BASIC),
        "{said}"
    );
}

#[tokio::test]
async fn what_goes_through_a_tunnel_is_between_the_two_ends() {
    for proxy_speaks_tls in [false, true] {
        // Given a server behind a proxy, which itself may be reached by TLS,
        let authority = Authority::new();
        let target = Server::tls(authority.server()).await;
        let proxy = Tunneller::start(proxy_speaks_tls.then(|| authority.server())).await;
        let scheme = if proxy_speaks_tls { "https" } else { "http" };
        let url = format!("{scheme}://robot:s3cr3t-word@{}", proxy.address);
        let client = HttpClient::new(HttpOptions {
            extra_roots: vec![Certificates::new("test", authority.pem.as_str())],
            ..through(Proxy::url(url))
        })
        .unwrap();
        // when a request is sent,
        let answer = get(&client, &target.url("https")).await.unwrap();
        // then it arrives, the target learns nothing of the proxy's credentials, and the proxy nothing of the request.
        assert_eq!(answer.status(), 200);
        let asked = proxy.head.await.unwrap().to_lowercase();
        assert!(
            asked.starts_with(&format!("connect {}", target.address))
                && asked.contains(&BASIC.to_lowercase()),
            "{asked}"
        );
        let arrived = target.seen(|seen| seen.heads[0].clone());
        assert!(
            arrived.starts_with("GET / HTTP/1.1\r\n") && !arrived.contains("proxy-authorization"),
            "{arrived}"
        );
    }
}

#[tokio::test]
async fn credentials_are_nowhere_to_be_seen() {
    let proxy = Server::plain(OK).await;
    let address = proxy.address;
    for proxy in [
        Proxy::url(with_credentials(&proxy)),
        environment(&[
            ("https_proxy", with_credentials(&proxy)),
            ("ALL_PROXY", with_credentials(&proxy)),
        ]),
    ] {
        let options = through(proxy);
        let client = HttpClient::new(options.clone()).unwrap();
        let said = format!("{options:?} {client:?}");
        assert!(
            !said.contains("s3cr3t") && !said.contains("robot") && !said.contains(BASIC),
            "{said}"
        );
    }
    // An unreachable proxy and unusable URLs are errors that keep the secret too.
    for url in [
        format!("http://robot:s3cr3t-word@127.0.0.1:{}", closed_port().await),
        format!("socks5://robot:s3cr3t-word@{address}"),
        "http://robot:s3cr3t-word@".to_owned(),
        "http://robot:s3cr3t-word@[::1".to_owned(),
    ] {
        let said = match HttpClient::new(through(Proxy::url(url))) {
            Err(error) => everything(&error),
            Ok(client) => everything(&get(&client, "http://target.invalid/").await.unwrap_err()),
        };
        assert!(!said.contains("s3cr3t") && !said.contains("robot"), "{said}");
    }
}

async fn closed_port() -> u16 {
    tokio::net::TcpListener::bind("127.0.0.1:0")
        .await
        .unwrap()
        .local_addr()
        .unwrap()
        .port()
}

#[tokio::test]
async fn the_environment_names_a_proxy_for_each_scheme_and_exceptions() {
    let (plain, tls) = (Server::plain(OK).await, Server::plain(REFUSAL).await);
    let client = HttpClient::new(through(environment(&[
        ("http_proxy", plain.address.to_string()),
        ("HTTPS_PROXY", tls.url("http")),
        ("NO_PROXY", "exempt.invalid".to_owned()),
    ])))
    .unwrap();
    get(&client, "http://target.invalid/").await.unwrap();
    get(&client, "https://target.invalid/").await.unwrap_err();
    get(&client, "http://exempt.invalid/").await.unwrap_err();
    get(&client, "https://sub.exempt.invalid/").await.unwrap_err();
    assert_eq!(
        (
            plain.seen(|seen| seen.heads.len()),
            tls.seen(|seen| seen.heads.len())
        ),
        (1, 1)
    );
}

#[tokio::test]
async fn what_this_machine_is_asked_in_plain_text_is_shown_to_no_proxy() {
    // Given a proxy that somebody named for everything,
    let (proxy, target) = (Server::plain(REFUSAL).await, Server::plain(OK).await);
    let client = HttpClient::new(through(Proxy::url(with_credentials(&proxy)))).unwrap();
    // when this machine is asked, then it is asked directly.
    assert_eq!(get(&client, &target.url("http")).await.unwrap().status(), 200);
    assert!(proxy.seen(|seen| seen.heads.is_empty()));
}

#[tokio::test]
async fn loopback_is_reached_directly_whatever_the_environment_says() {
    let (proxy, server) = (Server::plain(REFUSAL).await, Server::plain(OK).await);
    let client = HttpClient::new(through(environment(&[("ALL_PROXY", proxy.url("http"))]))).unwrap();
    assert_eq!(get(&client, &server.url("http")).await.unwrap().status(), 200);
    assert_eq!(proxy.seen(|seen| seen.connections), 0);
}

#[test]
fn what_a_cgi_server_could_set_and_what_is_empty_does_not_count() {
    let proxy = environment(&[
        ("HTTP_PROXY", "http://evil.invalid".to_owned()),
        ("all_proxy", String::new()),
    ]);
    assert_eq!(format!("{proxy:?}"), "Proxy(none)");
}

#[test]
fn an_unusable_proxy_is_named_by_its_variable() {
    let error = HttpClient::new(through(environment(&[(
        "ALL_PROXY",
        "socks5://127.0.0.1:1".to_owned(),
    )])))
    .unwrap_err();
    assert_eq!(
        error.to_string(),
        "ALL_PROXY: only http:// and https:// proxies are supported"
    );
    assert!(matches!(error, BuildError::Proxy { .. }));
}
