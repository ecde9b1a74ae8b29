//! Every declared operation is served, and reachable by a method of the client.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stderr,
    reason = "a test fails by panicking"
)]

use std::collections::BTreeSet;

use avala_api::catalogue::DECLARED;

/// Declared, and not served yet: their handlers are being written.
const NOT_YET_SERVED: &[&str] = &[];

#[test]
fn every_operation_of_the_contract_is_served_or_listed_as_not_yet_served() {
    let served: BTreeSet<&str> = avala_server::served().iter().copied().collect();
    for route in DECLARED {
        let listed = NOT_YET_SERVED.contains(&route.operation);
        assert!(served.contains(route.operation) != listed, "{}", route.operation);
    }
    assert_eq!(
        served.len() + NOT_YET_SERVED.len(),
        DECLARED.len(),
        "nothing is served that is not declared"
    );
}

#[test]
fn every_operation_has_one_method_of_the_client() {
    let methods: Vec<&str> = avala::resources::methods()
        .map(|(operation, _)| operation)
        .collect();
    for route in DECLARED {
        let count = methods
            .iter()
            .filter(|operation| **operation == route.operation)
            .count();
        assert_eq!(count, 1, "{}", route.operation);
    }
}
