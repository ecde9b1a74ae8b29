//! A carrier of one's own: a recorder that sends nothing, to test a program without a server.
#![allow(clippy::unwrap_used, missing_docs, reason = "a test fails by panicking")]

use std::{cell::RefCell, rc::Rc, time::Duration};

use avala_api::{
    CallOptions, Carrier, EventName, Job, Operation, Page, Paged, Polling, Request, Response, agents,
    exports, organizations, webhooks,
};

#[derive(Clone, Default)]
struct Recorder(Rc<RefCell<Vec<String>>>);

impl Recorder {
    fn note<O: Operation>(self, verb: &str, operation: &O, options: &CallOptions) -> String {
        let body = operation
            .body()
            .unwrap()
            .map(|body| String::from_utf8(body).unwrap())
            .unwrap_or_default();
        let line = format!(
            "{verb} {} {} ?{} {body} {:?}",
            O::ROUTE.method.as_str(),
            operation.path().unwrap(),
            operation.query().as_str(),
            options.timeout
        );
        self.0.borrow_mut().push(line.clone());
        line
    }
}

impl Carrier for Recorder {
    type Sent<T: Send + 'static> = String;
    type Items<T: Send + 'static> = String;

    fn send<O: Operation>(self, operation: O, options: CallOptions) -> Self::Sent<O::Answer> {
        self.note("send", &operation, &options)
    }
    fn send_with_response<O: Operation>(
        self,
        operation: O,
        options: CallOptions,
    ) -> Self::Sent<Response<O::Answer>> {
        self.note("send_with_response", &operation, &options)
    }
    fn pages<O: Paged>(self, operation: O, options: CallOptions) -> Self::Items<Page<O::Item>> {
        self.note("pages", &operation, &options)
    }
    fn items<O: Paged>(self, operation: O, options: CallOptions) -> Self::Items<O::Item> {
        self.note("items", &operation, &options)
    }
    fn wait<O: Operation<Answer: Job>>(self, operation: O, options: CallOptions, polling: Polling) -> String {
        let line = self.note("wait", &operation, &options);
        format!("{line} {polling:?}")
    }
    fn states<O: Operation<Answer: Job>>(self, operation: O, options: CallOptions, _: Polling) -> String {
        self.note("states", &operation, &options)
    }
}

#[test]
fn a_request_hands_its_operation_and_options_to_whatever_carries_it() {
    let recorder = Recorder::default();
    let minute = Duration::from_mins(1);
    Request::new(webhooks::List::new(), recorder.clone())
        .limit(5)
        .with_timeout(minute)
        .items();
    Request::new(organizations::List::new(), recorder.clone())
        .starting_at("3")
        .pages();
    Request::new(agents::Create::new("a"), recorder.clone())
        .events([EventName::TaskCompleted])
        .send();
    Request::new(webhooks::Test::new("w"), recorder.clone()).send_with_response();
    let wait = Request::new(exports::Get::new("e"), recorder.clone())
        .with_timeout(minute)
        .wait()
        .with_interval(minute / 12)
        .with_timeout(minute * 2);
    assert!(
        wait.clone()
            .send()
            .ends_with("Polling { interval: 5s, timeout: 120s }")
    );
    wait.states();
    assert_eq!(
        *recorder.0.borrow(),
        [
            "items GET /webhooks/ ?limit=5  Some(60s)",
            "pages GET /organizations/ ?page=3  None",
            r#"send POST /agents/ ? {"name":"a","events":["task.completed"]} None"#,
            "send_with_response POST /webhooks/w/test/ ?  None",
            "wait GET /exports/e/ ?  Some(60s)",
            "states GET /exports/e/ ?  Some(60s)",
        ]
    );
}
