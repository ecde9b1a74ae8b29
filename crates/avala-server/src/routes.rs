//! The routes: built from operations of the contract and from nothing else.

use std::{collections::BTreeMap, sync::LazyLock};

use avala_api::{API_PREFIX, Incoming, Operation, Route};
use bytes::Bytes;
use futures_util::{FutureExt, future::BoxFuture};
use http::{Method, StatusCode};
use percent_encoding::percent_decode_str;

use crate::{
    context::Context,
    edge::{Budget, Reply},
    refusal::Refusal,
    resources,
};

type Handler = Box<dyn Fn(Context, Call) -> BoxFuture<'static, Result<Reply, Refusal>> + Send + Sync>;

/// Bytes that most answers fit into, so that they are written without moving what is there already.
const USUAL_BODY: usize = 1024;

/// A request, read and matched but not yet understood.
pub(crate) struct Call {
    pub(crate) path: Vec<(String, String)>,
    pub(crate) query: String,
    pub(crate) body: Bytes,
}

/// One operation and who carries it out.
pub(crate) struct Endpoint {
    pub(crate) route: &'static Route,
    pub(crate) budget: Budget,
    /// Whether it is about nothing but what the key is restricted to, if it is.
    pub(crate) keeps_within_resources: bool,
    pub(crate) handler: Handler,
}

/// Operations under construction.
#[derive(Default)]
pub(crate) struct Served(Vec<Endpoint>);

impl Served {
    /// Serves an operation. Its path, method, access and status come from the contract.
    pub(crate) fn serve<O, F, A>(&mut self, handler: F)
    where
        O: Operation,
        F: Fn(Context, O) -> A + Send + Sync + 'static,
        A: Future<Output = Result<O::Answer, Refusal>> + Send + 'static,
    {
        self.serve_within(Budget::Calls, handler);
    }

    /// Serves an operation whose handler looks at nothing that lies outside of the caller's reach: a key that is
    /// restricted to certain objects may call it, and no other.
    pub(crate) fn serve_within_resources<O, F, A>(&mut self, handler: F)
    where
        O: Operation,
        F: Fn(Context, O) -> A + Send + Sync + 'static,
        A: Future<Output = Result<O::Answer, Refusal>> + Send + 'static,
    {
        self.serve::<O, F, A>(handler);
        if let Some(endpoint) = self.0.last_mut() {
            endpoint.keeps_within_resources = true;
        }
    }

    /// Serves an operation that has a rate limit of its own.
    pub(crate) fn serve_within<O, F, A>(&mut self, budget: Budget, handler: F)
    where
        O: Operation,
        F: Fn(Context, O) -> A + Send + Sync + 'static,
        A: Future<Output = Result<O::Answer, Refusal>> + Send + 'static,
    {
        let handler: Handler = Box::new(move |context, call| {
            let path: Vec<(&str, &str)> = call
                .path
                .iter()
                .map(|(name, value)| (name.as_str(), value.as_str()))
                .collect();
            let operation = O::decode(&Incoming {
                path: &path,
                query: &call.query,
                body: &call.body,
            });
            match operation {
                Ok(operation) => {
                    let answer = handler(context, operation);
                    async move { Reply::success(O::ROUTE.success, &answer.await?) }.boxed()
                }
                Err(error) => std::future::ready(Err(error.into())).boxed(),
            }
        });
        self.0.push(Endpoint {
            route: &O::ROUTE,
            budget,
            keeps_within_resources: false,
            handler,
        });
    }
}

/// The operations this server carries out, by name.
pub fn served() -> &'static [&'static str] {
    static NAMES: LazyLock<Vec<&'static str>> = LazyLock::new(|| {
        resources::served()
            .0
            .iter()
            .map(|endpoint| endpoint.route.operation)
            .collect()
    });
    &NAMES
}

/// Finds the endpoint of a request.
pub(crate) struct Routes {
    paths: matchit::Router<usize>,
    methods: Vec<Vec<Endpoint>>,
}

/// What a path and a method lead to.
pub(crate) enum Match<'a> {
    Endpoint(&'a Endpoint, Vec<(String, String)>),
    /// The path is there, the method is not. The methods that are.
    OtherMethods(String),
    Nothing,
}

impl Routes {
    /// Fails if two routes clash.
    pub(crate) fn new() -> Result<Self, matchit::InsertError> {
        let mut by_path: BTreeMap<&'static str, Vec<Endpoint>> = BTreeMap::new();
        for endpoint in resources::served().0 {
            by_path.entry(endpoint.route.path).or_default().push(endpoint);
        }
        let mut paths = matchit::Router::new();
        let mut methods = Vec::new();
        for (path, endpoints) in by_path {
            // Both spellings are routes: a redirect would send the key a second time, to wherever it points.
            paths.insert(format!("{API_PREFIX}{path}"), methods.len())?;
            paths.insert(
                format!("{API_PREFIX}{}", path.trim_end_matches('/')),
                methods.len(),
            )?;
            methods.push(endpoints);
        }
        Ok(Self { paths, methods })
    }

    /// The path is compared as it came, so that no encoding of it reaches a route by another name.
    pub(crate) fn find(&self, method: &Method, path: &str) -> Match<'_> {
        let Ok(found) = self.paths.at(path) else {
            return Match::Nothing;
        };
        let Some(endpoints) = self.methods.get(*found.value) else {
            return Match::Nothing;
        };
        // HEAD is GET without the body, with the same access.
        let method = if *method == Method::HEAD {
            &Method::GET
        } else {
            method
        };
        let Some(endpoint) = endpoints
            .iter()
            .find(|endpoint| endpoint.route.method.as_str() == method.as_str())
        else {
            return Match::OtherMethods(allowed(endpoints));
        };
        let decoded: Option<Vec<(String, String)>> = found
            .params
            .iter()
            .map(|(name, value)| {
                let value = percent_decode_str(value).decode_utf8().ok()?;
                // Nothing has such a name, and no link back to it could be written.
                let is_name = !matches!(&*value, "." | "..") && !value.contains(char::is_control);
                is_name.then(|| (name.to_owned(), value.into_owned()))
            })
            .collect();
        decoded.map_or(Match::Nothing, |parameters| Match::Endpoint(endpoint, parameters))
    }
}

fn allowed(endpoints: &[Endpoint]) -> String {
    let mut methods: Vec<&str> = endpoints
        .iter()
        .map(|endpoint| endpoint.route.method.as_str())
        .collect();
    if methods.contains(&"GET") {
        methods.push("HEAD");
    }
    methods.sort_unstable();
    methods.join(", ")
}

impl Reply {
    fn success<T: serde::Serialize>(status: u16, answer: &T) -> Result<Self, Refusal> {
        let status = StatusCode::from_u16(status).map_err(|_| Refusal::internal())?;
        if status == StatusCode::NO_CONTENT {
            return Ok(Self { status, body: None });
        }
        let mut body = Vec::with_capacity(USUAL_BODY);
        serde_json::to_writer(&mut body, answer).map_err(|_| Refusal::internal())?;
        Ok(Self {
            status,
            body: Some(body.into()),
        })
    }
}
