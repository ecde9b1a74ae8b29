//! Webhooks: making, changing, and a test delivery to a real receiver.

use std::{net::SocketAddr, time::Duration};

use avala_keys::Secret;
use hmac::{Hmac, KeyInit, Mac};
use serde_json::{Value, json};
use sha2::Sha256;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    task::JoinHandle,
};

use crate::support::{Answer, On, Request, Running, Tenant, start, start_in, start_with, within};

async fn allowing_loopback(on: On) -> Running {
    start_with(on, |config| {
        config.allow_webhook_targets = vec!["127.0.0.0/8".parse().unwrap()];
    })
    .await
}

/// A receiver that answers one request with these bytes, and tells what it got.
async fn receiver(answer: &'static [u8]) -> (SocketAddr, JoinHandle<Answer>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let got = tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        let mut request = Vec::new();
        loop {
            assert_ne!(
                stream.read_buf(&mut request).await.unwrap(),
                0,
                "the request ended early"
            );
            let Some(end) = request.windows(4).position(|window| window == b"\r\n\r\n") else {
                continue;
            };
            // A request line has the form of a status line closely enough: "POST 0 HTTP/1.1".
            let head = String::from_utf8(request[..end].to_vec()).unwrap();
            let (line, headers) = head.split_once("\r\n").unwrap();
            assert_eq!(line, "POST /hook?a=1 HTTP/1.1");
            let parsed =
                Answer::parse(&[b"HTTP/1.1 0 x\r\n", headers.as_bytes(), &request[end..]].concat()).unwrap();
            if parsed.body.len() >= parsed.header("content-length").unwrap().parse().unwrap() {
                stream.write_all(answer).await.unwrap();
                return parsed;
            }
        }
    });
    (address, got)
}

async fn a_webhook_lives(on: On) {
    let running = start(on).await;
    let tenant = running.tenant("a@example.com").await;
    let body =
        json!({ "target_url": "https://example.com/hook", "events": ["task.completed", "my.own_event"] });

    let made = tenant.post("/webhooks/", body).await.expect(201);
    let secret = made["secret"].as_str().unwrap();
    assert!(secret.len() == 64 && secret.bytes().all(|digit| digit.is_ascii_hexdigit()));
    assert_eq!(made["is_active"], json!(true));
    let path = format!("/webhooks/{}/", made["uid"].as_str().unwrap());

    let got = tenant.get(&path).await.expect(200);
    assert_eq!(got["secret"], Value::Null, "the secret is told once");
    assert_eq!(got["events"], json!(["task.completed", "my.own_event"]));

    let changed = tenant
        .patch(&path, json!({ "is_active": false }))
        .await
        .expect(200);
    assert_eq!(
        (&changed["is_active"], &changed["target_url"]),
        (&json!(false), &made["target_url"])
    );
    assert_eq!(changed["secret"], Value::Null);
    assert_eq!(
        tenant.patch(&path, json!({})).await.expect(200)["is_active"],
        json!(false)
    );

    assert_eq!(tenant.delete(&path).await.status, 204);
    for gone in [
        tenant.get(&path).await,
        tenant.delete(&path).await,
        tenant.patch(&path, json!({})).await,
    ] {
        assert_eq!(gone.status, 404);
    }
}

async fn a_secret_can_be_chosen_left_alone_and_renewed(on: On) {
    let running = start(on).await;
    let tenant = running.tenant("a@example.com").await;
    let body =
        json!({ "target_url": "https://example.com/", "events": ["task.completed"], "secret": "chosen" });
    let made = tenant.post("/webhooks/", body).await.expect(201);
    assert_eq!(made["secret"], "chosen");
    let path = format!("/webhooks/{}/", made["uid"].as_str().unwrap());

    let set = tenant
        .patch(&path, json!({ "secret": "other" }))
        .await
        .expect(200);
    assert_eq!(set["secret"], "other");
    let renewed = tenant.patch(&path, json!({ "secret": null })).await.expect(200);
    assert_eq!(renewed["secret"].as_str().unwrap().len(), 64);
    assert_eq!(tenant.get(&path).await.expect(200)["secret"], Value::Null);
}

async fn what_cannot_be_is_refused_by_field(on: On) {
    let running = start(on).await;
    let tenant = running.tenant("a@example.com").await;
    let long = format!("https://example.com/{}", "x".repeat(2048));
    for url in [
        "",
        "not a url",
        "http://example.com/",
        "http://127.0.0.1/",
        "http://localhost/",
        "ftp://example.com/",
        "file:///etc/passwd",
        "https://user:pw@example.com/",
        "https://user@example.com/",
        "https://example.com/#x",
        "https://127.0.0.1/",
        "https://2130706433/",
        "https://0x7f.1/",
        "https://[::1]/",
        "https://[::ffff:127.0.0.1]/",
        "https://169.254.169.254/latest/meta-data/",
        "https://10.0.0.1/",
        "https://0.0.0.0/",
        &long,
    ] {
        let body = json!({ "target_url": url, "events": ["task.completed"] });
        let refused = tenant.post("/webhooks/", body).await.expect(400);
        assert!(refused["target_url"][0].is_string(), "{url}: {refused}");
    }
    for events in [
        json!([]),
        json!(["nonsense"]),
        json!(["a.b.c"]),
        json!(["A.b"]),
        json!(["a."]),
        json!([" a.b"]),
    ] {
        let body = json!({ "target_url": "https://example.com/", "events": events });
        let refused = tenant.post("/webhooks/", body).await.expect(400);
        assert!(refused["events"][0].is_string(), "{events}: {refused}");
    }
    let both = tenant
        .post(
            "/webhooks/",
            json!({ "target_url": "x", "events": [], "secret": "" }),
        )
        .await
        .expect(400);
    assert_eq!(both.as_object().unwrap().len(), 3, "{both}");
}

async fn a_test_delivery_arrives_signed(on: On) {
    // Given a webhook to a receiver on an allowed network.
    let running = allowing_loopback(on).await;
    let tenant = running.tenant("a@example.com").await;
    let (address, got) = receiver(b"HTTP/1.1 202 Accepted\r\nContent-Length: 5\r\n\r\nthank").await;
    let body = json!({ "target_url": format!("http://{address}/hook?a=1"), "events": ["task.completed"] });
    let made = tenant.post("/webhooks/", body).await.expect(201);
    let secret = Secret::new(made["secret"].as_str().unwrap());

    // When it is tested.
    let uid = made["uid"].as_str().unwrap();
    let result = tenant
        .post(&format!("/webhooks/{uid}/test/"), json!({}))
        .await
        .expect(200);

    // Then the receiver got a signed request.
    let got = got.await.unwrap();
    let mut mac = Hmac::<Sha256>::new_from_slice(secret.expose().as_bytes()).unwrap();
    mac.update(&got.body);
    let signature = mac
        .finalize()
        .into_bytes()
        .iter()
        .fold(String::new(), |hex, byte| hex + &format!("{byte:02x}"));
    assert_eq!(got.header("x-avala-webhook-signature"), Some(signature.as_str()));
    assert_eq!(got.header("x-avala-webhook-event"), Some("webhook.test"));
    assert_eq!(got.header("content-type"), Some("application/json"));
    let delivery = got.header("x-avala-webhook-delivery").unwrap();

    // And the caller and the log say so.
    assert_eq!(
        result,
        json!({
            "success": true, "delivered": true, "status_code": 202, "message": "The target took the delivery.",
        })
    );
    let logged = tenant
        .get(&format!("/webhook-deliveries/{delivery}/"))
        .await
        .expect(200);
    assert_eq!(
        (
            &logged["status"],
            &logged["response_status"],
            &logged["response_body"],
            &logged["attempts"]
        ),
        (&json!("delivered"), &json!(202), &json!("thank"), &json!(1))
    );
    assert_eq!(logged["subscription"], made["uid"]);
    assert_eq!(logged["payload"], got.json());
}

async fn a_target_that_answers_otherwise_fails_and_redirects_are_not_followed(on: On) {
    let running = allowing_loopback(on).await;
    let tenant = running.tenant("a@example.com").await;
    for (answer, status) in [
        (&b"HTTP/1.1 500 Oops\r\nContent-Length: 0\r\n\r\n"[..], 500),
        (
            &b"HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:1/\r\nContent-Length: 0\r\n\r\n"[..],
            302,
        ),
    ] {
        let (address, got) = receiver(answer).await;
        let body =
            json!({ "target_url": format!("http://{address}/hook?a=1"), "events": ["task.completed"] });
        let made = tenant.post("/webhooks/", body).await.expect(201);
        let path = format!("/webhooks/{}/test/", made["uid"].as_str().unwrap());
        let result = tenant.post(&path, json!({})).await.expect(200);
        got.await.unwrap();
        assert_eq!(
            (&result["success"], &result["delivered"]),
            (&json!(false), &json!(false))
        );
        assert_eq!(result["status_code"], json!(status));
        let logged = tenant.get("/webhook-deliveries/?limit=1").await.expect(200);
        assert_eq!(logged["results"][0]["status"], "failed");
    }
}

async fn private_targets_are_not_reached_and_the_answer_tells_nothing_about_them(on: On) {
    // Given a server without allowed networks, and a listener on this machine.
    let running = start(on).await;
    let tenant = running.tenant("a@example.com").await;
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let open = listener.local_addr().unwrap();

    // When webhooks to it and to a closed port are tested, under a name that leads to this machine.
    let mut results = Vec::new();
    for target in [
        format!("https://localhost:{}/", open.port()),
        "https://localhost:1/".to_owned(),
    ] {
        let body = json!({ "target_url": target, "events": ["task.completed"] });
        let made = tenant.post("/webhooks/", body).await.expect(201);
        let path = format!("/webhooks/{}/test/", made["uid"].as_str().unwrap());
        results.push(tenant.post(&path, json!({})).await.expect(200));
    }

    // Then all get one answer, and nobody connected.
    let nothing = json!({
        "success": false, "delivered": false, "status_code": null, "message": "The target could not be reached.",
    });
    assert!(results.iter().all(|result| *result == nothing), "{results:?}");
    let connected = tokio::time::timeout(std::time::Duration::from_millis(50), listener.accept()).await;
    assert!(connected.is_err(), "the server connected to a private address");
}

async fn a_network_that_is_no_longer_allowed_is_no_longer_reached(on: On) {
    // Given a webhook that was made while its target was allowed.
    let running = allowing_loopback(on).await;
    let tenant = running.tenant("a@example.com").await;
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let target = format!("http://{}/", listener.local_addr().unwrap());
    let body = json!({ "target_url": target, "events": ["task.completed"] });
    let made = tenant.post("/webhooks/", body).await.expect(201);

    // When the server comes back without that network.
    let running = start_in(running.stop().await, |_| {}).await;
    let tenant = Tenant {
        address: running.address,
        ..tenant
    };
    let path = format!("/webhooks/{}/test/", made["uid"].as_str().unwrap());

    // Then the target is not reached.
    assert_eq!(
        tenant.post(&path, json!({})).await.expect(200)["success"],
        json!(false)
    );
    let connected = tokio::time::timeout(std::time::Duration::from_millis(50), listener.accept()).await;
    assert!(connected.is_err(), "the server connected to a private address");
}

async fn an_inactive_webhook_is_not_tested(on: On) {
    let running = start(on).await;
    let tenant = running.tenant("a@example.com").await;
    let body =
        json!({ "target_url": "https://example.com/", "events": ["task.completed"], "is_active": false });
    let made = tenant.post("/webhooks/", body).await.expect(201);
    let refused = tenant
        .post(
            &format!("/webhooks/{}/test/", made["uid"].as_str().unwrap()),
            json!({}),
        )
        .await;
    assert_eq!(
        (refused.status, refused.code().as_str()),
        (400, "webhook_inactive")
    );
    assert_eq!(
        tenant.get("/webhook-deliveries/").await.expect(200)["results"],
        json!([])
    );
}

async fn a_delivery_under_way_is_finished_before_the_server_ends(on: On) {
    // Given a test delivery that has reached its target, for a caller who then hangs up.
    let running = allowing_loopback(on).await;
    let tenant = running.tenant("a@example.com").await;
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let target = format!("http://{}/", listener.local_addr().unwrap());
    let body = json!({ "target_url": target, "events": ["task.completed"] });
    let made = tenant.post("/webhooks/", body).await.expect(201);
    let path = format!("/webhooks/{}/test/", made["uid"].as_str().unwrap());
    let mut caller = TcpStream::connect(running.address).await.unwrap();
    let call = Request::new("POST", &path).key(tenant.key.expose()).bytes();
    // Only a connection that would be kept is watched for its end.
    let call = String::from_utf8(call)
        .unwrap()
        .replace("Connection: close\r\n", "");
    caller.write_all(call.as_bytes()).await.unwrap();
    let (mut stream, _) = listener.accept().await.unwrap();
    drop(caller);

    // When the server is told to stop, and the target answers only then.
    let address = running.address;
    let mut stopping = tokio::spawn(running.stop());
    within(Duration::from_secs(5), || async {
        TcpStream::connect(address).await.is_err()
    })
    .await;
    let ended = tokio::time::timeout(Duration::from_millis(300), &mut stopping).await;
    assert!(ended.is_err(), "the server did not wait for its delivery");
    let mut request = [0; 16];
    stream.read_exact(&mut request).await.unwrap();
    stream
        .write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
        .await
        .unwrap();

    // Then its outcome is known.
    let running = start_in(stopping.await.unwrap(), |_| {}).await;
    let tenant = Tenant {
        address: running.address,
        ..tenant
    };
    let logged = tenant.get("/webhook-deliveries/").await.expect(200);
    assert_eq!(logged["results"][0]["status"], "delivered");
}

async fn only_a_delivery_that_was_cut_off_is_failed_at_the_next_start(on: On) {
    let running = start(on).await;
    let tenant = running.tenant("a@example.com").await;
    let body = json!({ "target_url": "https://localhost:1/", "events": ["task.completed"] });
    let made = tenant.post("/webhooks/", body).await.expect(201);
    let path = format!("/webhooks/{}/test/", made["uid"].as_str().unwrap());
    tenant.post(&path, json!({})).await.expect(200);
    let dir = running.stop().await;

    // One that another server on the same database may be sending at this moment.
    dir.execute("UPDATE webhook_deliveries SET status = 'pending', attempts = 0")
        .await;
    let running = start_in(dir, |_| {}).await;
    let tenant = Tenant {
        address: running.address,
        ..tenant
    };
    let logged = tenant.get("/webhook-deliveries/").await.expect(200);
    assert_eq!(logged["results"][0]["status"], "pending");

    // As a killed process left it, a minute ago.
    let dir = running.stop().await;
    dir.execute("UPDATE webhook_deliveries SET created_at = created_at - 60000")
        .await;
    let running = start_in(dir, |_| {}).await;
    let tenant = Tenant {
        address: running.address,
        ..tenant
    };
    let logged = tenant.get("/webhook-deliveries/").await.expect(200);
    assert_eq!(logged["results"][0]["status"], "failed");
}

stories![
    a_webhook_lives,
    a_secret_can_be_chosen_left_alone_and_renewed,
    what_cannot_be_is_refused_by_field,
    a_test_delivery_arrives_signed,
    a_target_that_answers_otherwise_fails_and_redirects_are_not_followed,
    private_targets_are_not_reached_and_the_answer_tells_nothing_about_them,
    a_network_that_is_no_longer_allowed_is_no_longer_reached,
    an_inactive_webhook_is_not_tested,
    a_delivery_under_way_is_finished_before_the_server_ends,
    only_a_delivery_that_was_cut_off_is_failed_at_the_next_start,
];
