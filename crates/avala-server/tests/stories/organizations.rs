//! Organizations: every user has one.

use serde_json::json;

use crate::support::{On, start};

async fn a_user_owns_an_organization(on: On) {
    let running = start(on).await;
    let tenant = running.tenant("anna.b@example.com").await;

    let page = tenant.get("/organizations/").await.expect(200);
    assert_eq!(
        (&page["count"], &page["next"], &page["previous"]),
        (&json!(1), &json!(null), &json!(null))
    );
    let organization = &page["results"][0];
    assert_eq!(organization["role"], "owner");
    assert_eq!(organization["member_count"], 1);
    let slug = organization["slug"].as_str().unwrap();
    assert!(slug.starts_with("anna-b-"), "{slug}");

    let got = tenant.get(&format!("/organizations/{slug}/")).await.expect(200);
    assert_eq!(got["uid"], organization["uid"]);
}

async fn pages_are_numbered_and_a_cursor_is_ignored(on: On) {
    let running = start(on).await;
    let tenant = running.tenant("a@example.com").await;
    let first = tenant.get("/organizations/?cursor=whatever").await.expect(200);
    assert_eq!(first["results"].as_array().unwrap().len(), 1);
    tenant.get("/organizations/?page=1").await.expect(200);
    for page in ["0", "2", "x", "-1", "99999999999999999999"] {
        assert_eq!(
            tenant.get(&format!("/organizations/?page={page}")).await.status,
            404,
            "{page}"
        );
    }
}

stories![
    a_user_owns_an_organization,
    pages_are_numbered_and_a_cursor_is_ignored,
];
