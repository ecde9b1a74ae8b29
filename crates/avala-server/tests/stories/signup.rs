//! Sign-up: an account and its first key.

use serde_json::{Value, json};

use crate::support::{Answer, On, Request, Running, start, start_with};

async fn open(on: On) -> Running {
    start_with(on, |config| config.sign_up = true).await
}

async fn sign_up(running: &Running, body: &Value) -> Answer {
    running.send(Request::new("POST", "/signup/").json(body)).await
}

async fn a_new_user_gets_a_key_that_works_at_once(on: On) {
    let running = open(on).await;
    let body = json!({ "email": "anna@example.com", "password": "correct horse", "first_name": "Anna", "last_name": "" });

    let account = sign_up(&running, &body).await.expect(201);

    let user = &account["user"];
    assert_eq!(
        (
            &user["username"],
            &user["email"],
            &user["first_name"],
            &user["last_name"],
            &user["in_waitlist"]
        ),
        (
            &json!("anna@example.com"),
            &json!("anna@example.com"),
            &json!("Anna"),
            &json!(""),
            &json!(false)
        )
    );
    let key = account["api_key"].as_str().unwrap();
    let me = running
        .send(Request::new("GET", "/users/me/").key(key))
        .await
        .expect(200);
    assert_eq!(me["uid"], user["uid"]);
    let organizations = running
        .send(Request::new("GET", "/organizations/").key(key))
        .await
        .expect(200);
    assert_eq!(organizations["results"][0]["role"], "owner");
    assert_eq!(organizations["results"][0]["name"], "Anna");
}

async fn an_address_has_one_account_however_it_is_written(on: On) {
    let running = open(on).await;
    let body = |email: &str| json!({ "email": email, "password": "correct horse" });
    sign_up(&running, &body("anna@example.com")).await.expect(201);
    for again in ["anna@example.com", "ANNA@Example.com"] {
        let refused = sign_up(&running, &body(again)).await.expect(400);
        assert_eq!(refused["detail"], "A user with this email already exists.");
        assert_eq!(refused["code"], "email_taken");
    }
}

async fn two_at_the_same_time_make_one_account(on: On) {
    let running = open(on).await;
    let body = json!({ "email": "anna@example.com", "password": "correct horse" });
    let (one, two) = tokio::join!(sign_up(&running, &body), sign_up(&running, &body));
    let mut statuses = [one.status, two.status];
    statuses.sort_unstable();
    assert_eq!(statuses, [201, 400]);
}

async fn every_bad_field_is_named_and_none_is_quoted(on: On) {
    let running = open(on).await;
    let refused = sign_up(
        &running,
        &json!({ "email": "canary", "password": "canary", "first_name": "x".repeat(151) }),
    )
    .await
    .expect(400);
    assert_eq!(
        refused,
        json!({
            "email": ["Enter a valid email address."],
            "first_name": ["Ensure this field has no more than 150 characters."],
            "password": ["This password is too short. It must contain at least 8 characters."],
        })
    );
    assert_eq!(
        sign_up(&running, &json!({})).await.expect(400),
        json!({ "email": ["This field is required."], "password": ["This field is required."] })
    );
}

async fn sign_up_is_off_unless_it_is_switched_on(on: On) {
    let running = start(on).await;
    let body = json!({ "email": "anna@example.com", "password": "correct horse" });
    let refused = sign_up(&running, &body).await;
    assert_eq!((refused.status, refused.code().as_str()), (403, "sign_up_off"));
}

stories![
    a_new_user_gets_a_key_that_works_at_once,
    an_address_has_one_account_however_it_is_written,
    two_at_the_same_time_make_one_account,
    every_bad_field_is_named_and_none_is_quoted,
    sign_up_is_off_unless_it_is_switched_on,
];
