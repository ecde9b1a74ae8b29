//! Which addresses a client for strangers' URLs connects to.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use avala_http::{BuildError, HttpClient, HttpOptions, Proxy, Refused, Resolve, Resolving, Targets};
use proptest::prelude::*;
use url::Url;

use crate::server::{OK, Server};
use crate::{everything, get};

fn public_only(allow: &[&str]) -> Targets {
    Targets::PublicOnly {
        allow: allow.iter().map(|network| network.parse().unwrap()).collect(),
    }
}

fn checked(url: &str, allow: &[&str]) -> Result<(), Refused> {
    public_only(allow).check(&Url::parse(url).unwrap())
}

#[test]
fn addresses_that_are_not_public_are_refused() {
    for host in [
        "127.0.0.1",
        "127.255.255.254",
        "0.0.0.0",
        "0.1.2.3",
        "10.0.0.1",
        "172.16.0.1",
        "172.31.255.255",
        "192.168.1.1",
        "169.254.169.254",
        "100.64.0.1",
        "100.127.255.255",
        "192.0.0.8",
        "192.0.2.1",
        "198.51.100.1",
        "203.0.113.9",
        "198.18.0.1",
        "192.88.99.1",
        "224.0.0.1",
        "239.255.255.255",
        "240.0.0.1",
        "255.255.255.255",
        // other spellings of 127.0.0.1
        "2130706433",
        "0x7f000001",
        "0177.0.0.1",
        "127.1",
        "0x7f.1",
        "%3127.0.0.1",
        "１２７.0.0.1",
        "[::]",
        "[::1]",
        "[fe80::1]",
        "[fc00::1]",
        "[fd12:3456::1]",
        "[ff02::1]",
        "[2001:db8::1]",
        "[3fff::1]",
        "[fec0::1]",
        "[100::1]",
        "[5f00::1]",
        // IPv4 within IPv6: mapped, compatible, NAT64, 6to4, Teredo
        "[::ffff:127.0.0.1]",
        "[::ffff:10.0.0.1]",
        "[::127.0.0.1]",
        "[64:ff9b::7f00:1]",
        "[64:ff9b::808:808]",
        "[64:ff9b:1::1]",
        "[2002:7f00:1::]",
        "[2002:808:808::1]",
        "[2001::1]",
    ] {
        for scheme in ["http", "https"] {
            assert_eq!(
                checked(&format!("{scheme}://{host}:8080/x"), &[]),
                Err(Refused::Address),
                "{host}"
            );
        }
    }
}

#[test]
fn public_addresses_and_names_pass_the_first_check() {
    for host in [
        "8.8.8.8",
        "1.1.1.1",
        "172.15.255.255",
        "172.32.0.1",
        "100.63.255.255",
        "100.128.0.1",
        "192.0.1.1",
        "198.17.0.1",
        "198.20.0.1",
        "223.255.255.255",
        "[2606:4700::1111]",
        "[2001:4860:4860::8888]",
        "[::ffff:8.8.8.8]",
        "example.com",
        "localhost",
    ] {
        assert_eq!(checked(&format!("https://{host}/"), &[]), Ok(()), "{host}");
    }
}

#[test]
fn other_schemes_and_userinfo_are_refused() {
    for url in [
        "gopher://8.8.8.8/",
        "file:///etc/passwd",
        "ftp://8.8.8.8/",
        "data:,x",
        "ws://8.8.8.8/",
    ] {
        assert_eq!(checked(url, &["0.0.0.0/0"]), Err(Refused::Scheme), "{url}");
    }
    for url in [
        "https://user@8.8.8.8/",
        "https://user:pass@8.8.8.8/",
        "https://:pass@8.8.8.8/",
    ] {
        assert_eq!(checked(url, &[]), Err(Refused::Userinfo), "{url}");
    }
}

#[test]
fn listed_networks_are_allowed_in_every_spelling() {
    assert_eq!(checked("http://10.1.2.3/", &["10.1.0.0/16"]), Ok(()));
    assert_eq!(checked("http://[::ffff:10.1.2.3]/", &["10.1.0.0/16"]), Ok(()));
    assert_eq!(checked("http://[fd00::7]/", &["10.0.0.0/8", "fd00::/8"]), Ok(()));
    assert_eq!(
        checked("http://10.2.0.1/", &["10.1.0.0/16"]),
        Err(Refused::Address)
    );
    assert_eq!(
        Targets::Any.check(&Url::parse("ftp://u:p@127.0.0.1/").unwrap()),
        Ok(())
    );
}

fn refused(address: IpAddr) -> bool {
    let host = SocketAddr::new(address, 80);
    checked(&format!("http://{host}/"), &[]).is_err()
}

proptest! {
    #[test]
    fn whatever_the_standard_library_calls_special_is_refused(bits: u32) {
        let address = std::net::Ipv4Addr::from(bits);
        if address.is_private() || address.is_loopback() || address.is_link_local() || address.is_multicast()
            || address.is_documentation() || address.is_broadcast() || address.is_unspecified()
        {
            prop_assert!(refused(address.into()));
        }
    }

    #[test]
    fn a_mapped_address_is_judged_as_what_it_maps(bits: u32) {
        let address = std::net::Ipv4Addr::from(bits);
        prop_assert_eq!(refused(address.into()), refused(address.to_ipv6_mapped().into()));
    }

    #[test]
    fn an_address_embedded_in_a_transition_form_is_refused(bits: u32, form in 0..3_usize) {
        let embedded = u128::from(bits);
        let nat64 = (0x0064_ff9b_u128 << 96) | embedded;
        let six_to_four = (0x2002_u128 << 112) | (embedded << 80);
        let teredo = (0x2001_u128 << 112) | embedded;
        let address = std::net::Ipv6Addr::from([nat64, six_to_four, teredo][form]);
        prop_assert!(refused(address.into()));
    }

    #[test]
    fn outside_of_global_unicast_nothing_but_mapped_addresses_passes(bits: u128) {
        let address = std::net::Ipv6Addr::from(bits);
        let may_pass = address.segments()[0] >> 13 == 1 || address.to_ipv4_mapped().is_some();
        prop_assert!(may_pass || refused(address.into()));
    }

    #[test]
    fn a_listed_network_opens_itself_and_nothing_else(bits: u32) {
        let address = std::net::Ipv4Addr::from(bits);
        let inside = bits >> 8 == 0x000a_0909;
        let passes = checked(&format!("http://{address}/"), &["10.9.9.0/24"]).is_ok();
        prop_assert_eq!(passes, inside || !refused(address.into()));
    }
}

/// Gives the first answer first, the second next, and the last from then on.
struct Changing {
    answers: Vec<Vec<SocketAddr>>,
    asked: AtomicUsize,
}

impl Changing {
    fn new(answers: &[&[&str]]) -> Arc<Self> {
        let address = |text: &&str| SocketAddr::new(text.parse().unwrap(), 0);
        let answers = answers
            .iter()
            .map(|answer| answer.iter().map(address).collect())
            .collect();
        Arc::new(Self {
            answers,
            asked: AtomicUsize::new(0),
        })
    }
}

impl Resolve for Changing {
    fn resolve(&self, _: &str) -> Resolving {
        let turn = self
            .asked
            .fetch_add(1, Ordering::SeqCst)
            .min(self.answers.len() - 1);
        let answer = self.answers[turn].clone();
        Box::pin(async move { Ok(answer) })
    }
}

fn client(allow: &[&str], resolver: &Arc<Changing>) -> HttpClient {
    let options = HttpOptions {
        targets: public_only(allow),
        resolver: Some(Arc::clone(resolver) as Arc<dyn Resolve>),
        pool_max_idle_per_host: 0,
        ..HttpOptions::default()
    };
    HttpClient::new(options).unwrap()
}

#[tokio::test]
async fn a_name_that_changes_its_address_is_checked_each_time_and_asked_once() {
    // Given a name that leads to an allowed address first, and then to one that is not,
    let server = Server::plain(OK).await;
    let resolver = Changing::new(&[
        &["127.0.0.1"],
        &["127.0.0.2"],
        &["::ffff:127.0.0.2", "10.0.0.1", "::1"],
    ]);
    let client = client(&["127.0.0.1/32"], &resolver);
    let url = format!("http://hook.example:{}/", server.address.port());
    // when it is called, then the first call arrives, and was resolved once: what was checked is what was connected to.
    assert_eq!(get(&client, &url).await.unwrap().status(), 200);
    assert_eq!(resolver.asked.load(Ordering::SeqCst), 1);
    // And the next ones are refused without a connection.
    for _ in 0..2 {
        let error = get(&client, &url).await.unwrap_err();
        assert_eq!(
            Refused::among_causes(&error),
            Some(Refused::Address),
            "{}",
            everything(&error)
        );
    }
    assert_eq!(server.seen(|seen| seen.connections), 1);
}

#[tokio::test]
async fn of_several_addresses_only_allowed_ones_are_tried() {
    let server = Server::plain(OK).await;
    let forbidden = tokio::net::TcpListener::bind(("127.0.0.2", server.address.port()))
        .await
        .unwrap();
    let resolver = Changing::new(&[&["127.0.0.2", "127.0.0.1", "127.0.0.3"]]);
    let url = format!("http://hook.example:{}/", server.address.port());
    assert_eq!(
        get(&client(&["127.0.0.1/32"], &resolver), &url)
            .await
            .unwrap()
            .status(),
        200
    );
    let untouched = tokio::time::timeout(std::time::Duration::ZERO, forbidden.accept()).await;
    assert!(untouched.is_err(), "somebody connected to a forbidden address");
}

#[tokio::test]
async fn a_written_out_address_is_refused_by_the_client_itself() {
    // Literals are never resolved, so the resolver alone would not see them.
    let server = Server::plain(OK).await;
    let resolver = Changing::new(&[&["127.0.0.1"]]);
    let port = server.address.port();
    for host in ["127.0.0.1", "2130706433", "0x7f.1", "[::ffff:127.0.0.1]", "[::1]"] {
        for scheme in ["http", "https"] {
            let error = get(
                &client(&["127.0.0.9/32"], &resolver),
                &format!("{scheme}://{host}:{port}/"),
            )
            .await;
            let error = error.unwrap_err();
            assert_eq!(
                Refused::among_causes(&error),
                Some(Refused::Address),
                "{host}: {}",
                everything(&error)
            );
        }
    }
    assert_eq!(server.seen(|seen| seen.connections), 0);
    assert_eq!(resolver.asked.load(Ordering::SeqCst), 0);
    let allowed = get(&client(&["127.0.0.1/32"], &resolver), &server.url("http"))
        .await
        .unwrap();
    assert_eq!(allowed.status(), 200);
}

#[tokio::test]
async fn the_name_of_this_machine_is_refused_by_the_real_resolver() {
    let server = Server::plain(OK).await;
    let client = HttpClient::new(HttpOptions {
        targets: public_only(&[]),
        ..HttpOptions::default()
    })
    .unwrap();
    let error = get(&client, &format!("http://localhost:{}/", server.address.port()))
        .await
        .unwrap_err();
    assert_eq!(
        Refused::among_causes(&error),
        Some(Refused::Address),
        "{}",
        everything(&error)
    );
    assert_eq!(server.seen(|seen| seen.connections), 0);
}

#[test]
fn a_proxy_cannot_be_combined_with_a_check_of_addresses() {
    let options = HttpOptions {
        targets: public_only(&[]),
        proxy: Proxy::url("http://127.0.0.1:1"),
        ..HttpOptions::default()
    };
    assert!(matches!(
        HttpClient::new(options),
        Err(BuildError::ProxyBesideTargets)
    ));
}
