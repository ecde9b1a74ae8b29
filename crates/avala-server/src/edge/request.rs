//! The way of one request: host, target, route, key, rate limit, scope, body, handler.

use std::{net::IpAddr, panic::AssertUnwindSafe, path::PathBuf, sync::Arc, time::Instant};

use avala_api::{Access, Method};
use avala_keys::KeyId;
use futures_util::FutureExt;
use http::{Request, Response, StatusCode, header::USER_AGENT, request::Parts};
use http_body_util::Either;
use hyper::body::{Body, Incoming};
use tracing::{Instrument, Span, field::Empty};

use super::{
    Reply, body,
    client_address::customer,
    download::{AnswerBody, Download},
    key_in_url,
    rate::{Budget, Source},
    response::response,
};
use crate::{
    auth::{Holder, Principal, Unidentified},
    context::Context,
    files,
    refusal::Refusal,
    routes::{Call, Endpoint, Match},
    service::Service,
    usage::{self, Agent, Outcome, Used},
};

/// A request that may be carried out, as far as its head tells.
enum Admitted<'a> {
    Call(AdmittedCall<'a>),
    /// For a file, proven by the link to it.
    File(PathBuf),
}

/// A call of the API that may be carried out.
struct AdmittedCall<'a> {
    endpoint: &'a Endpoint,
    path: Vec<(String, String)>,
}

/// The outcome of looking at a request's head, and whom the request counts for, either way.
struct Admission<'a> {
    budget: Budget,
    /// The caller, if a key was asked for and proven.
    principal: Option<Principal>,
    /// Whose key was proven, in force or not.
    holder: Option<Holder>,
    /// The id of a key that nobody proved to hold.
    unproven: Option<KeyId>,
    /// What the request is for.
    group: &'static str,
    outcome: Result<Admitted<'a>, Refusal>,
}

/// What is known of a request when it ends, and counted then: also of one whose client did not wait for the answer.
struct Seen<'a> {
    service: &'a Service,
    client: IpAddr,
    began: Instant,
    method: &'static str,
    group: &'static str,
    /// The key, if it was proven.
    key: Option<KeyId>,
    /// Whether that key was in force.
    is_in_force: bool,
    agent: Option<Agent>,
    status: StatusCode,
}

pub(super) async fn answer(
    service: &Arc<Service>,
    peer: IpAddr,
    request: Request<Incoming>,
) -> Response<AnswerBody> {
    let id = service.request_ids.next();
    let client = service.trusted_proxies.client(peer, request.headers());
    let mut seen = Seen::new(service, client, known_method(request.method()));
    let began = seen.began;
    let span = tracing::info_span!(
        "request",
        id,
        %client,
        method = seen.method,
        route = Empty,
        key = Empty,
        status = Empty,
        micros = Empty,
    );
    let response = carry_out(service, client, request, &id, &mut seen)
        .instrument(span.clone())
        .await;
    seen.status = response.status();
    span.record("status", response.status().as_u16());
    span.record(
        "micros",
        u64::try_from(began.elapsed().as_micros()).unwrap_or(u64::MAX),
    );
    #[cfg(feature = "measure")]
    service.measured.record(began.elapsed());
    span.in_scope(|| tracing::info!("answered"));
    response
}

async fn carry_out(
    service: &Arc<Service>,
    client: IpAddr,
    request: Request<Incoming>,
    id: &str,
    seen: &mut Seen<'_>,
) -> Response<AnswerBody> {
    let (parts, body) = request.into_parts();
    // A key in the URL is refused below, whatever the URL leads to.
    if !key_in_url::holds(&parts.uri)
        && let Some(reply) = service.health(parts.uri.path())
    {
        seen.group = "health";
        return response(service, Ok(reply), None, id).map(Either::Left);
    }
    let mut admission = admit(service, client, &parts);
    if let Some(id) = admission.unproven
        && service.newcomers.look(&service.authority, id, client).await
    {
        admission = admit(service, client, &parts);
    }
    let Admission {
        budget,
        principal,
        holder,
        group,
        outcome,
        unproven: _,
    } = admission;
    seen.group = group;
    seen.is_in_force = principal.is_some();
    seen.key = holder.as_ref().map(Holder::key);
    if let Some(key) = seen.key {
        Span::current().record("key", key.as_str());
        seen.agent = parts.headers.get(USER_AGENT).and_then(Agent::of);
    }
    if let Some(principal) = &principal
        && principal.row().about.rotated_from.is_some()
    {
        // Its predecessor, rotated again, would end a successor that nobody uses.
        let (key, at) = (principal.key(), service.authority.now());
        service.usage.begin(key, at, client, seen.agent);
    }
    let allowance = service.limits.as_ref().map(|limits| {
        let source = principal.as_ref().map_or(Source::Address(client), |principal| {
            Source::Key(principal.key(), principal.user())
        });
        limits.count(budget, source, service.authority.now())
    });
    let outcome = match (allowance.and_then(|allowance| allowance.wait), outcome) {
        (Some(wait), _) => Err(Refusal::throttled(wait)),
        (None, outcome) => outcome,
    };
    let outcome = outcome.and_then(|admitted| {
        body::must_be_json(&parts.headers, &body)?;
        Ok(admitted)
    });
    let outcome = match outcome {
        Ok(Admitted::Call(call)) => run(service, &parts, body, client, principal, call).await,
        Ok(Admitted::File(_)) if !body.is_end_stream() => Err(Refusal::not_found().closing()),
        Ok(Admitted::File(path)) => match Download::open(&path).await {
            Ok(download) => {
                let head = Reply {
                    status: StatusCode::OK,
                    body: None,
                };
                return download.into(response(service, Ok(head), allowance, id));
            }
            Err(refusal) => Err(refusal),
        },
        Err(refusal) if body::discard(&parts.headers, body).await => Err(refusal),
        Err(refusal) => Err(refusal.closing()),
    };
    if let Err(refusal) = &outcome
        && refusal.is_audited()
    {
        let network = customer(client);
        service.refusals.count(network, refusal.code(), holder.as_ref());
    }
    response(service, outcome, allowance, id).map(Either::Left)
}

/// Everything that is decided from the head alone. No I/O.
fn admit<'a>(service: &'a Service, client: IpAddr, parts: &Parts) -> Admission<'a> {
    let anonymous = |budget, group, outcome| Admission {
        budget,
        principal: None,
        holder: None,
        unproven: None,
        group,
        outcome,
    };
    let nowhere = usage::group(None);
    if let Err(refusal) = acceptable(service, parts) {
        return anonymous(Budget::Calls, nowhere, Err(refusal));
    }
    if let Some(path) = files::asked_for(&service.authority, &parts.method, parts.uri.path()) {
        Span::current().record("route", files::ROUTE);
        return anonymous(Budget::Calls, "files", Ok(Admitted::File(path)));
    }
    let refused = match service.routes.find(&parts.method, parts.uri.path()) {
        Match::Endpoint(endpoint, path) => {
            Span::current().record("route", endpoint.route.path);
            let group = usage::group(Some(endpoint.route.operation));
            let admitted = Admitted::Call(AdmittedCall { endpoint, path });
            if endpoint.route.access == Access::Anonymous {
                return anonymous(endpoint.budget, group, Ok(admitted));
            }
            return match identify(service, parts) {
                Err(Unidentified {
                    refusal,
                    holder,
                    unproven,
                }) => Admission {
                    holder,
                    unproven,
                    ..anonymous(endpoint.budget, group, Err(refusal))
                },
                Ok(principal) => Admission {
                    budget: endpoint.budget,
                    group,
                    outcome: entitled(&principal, client, endpoint).map(|()| admitted),
                    holder: Some(principal.holder()),
                    unproven: None,
                    principal: Some(principal),
                },
            };
        }
        Match::OtherMethods(allow) => {
            let refusal = Refusal::new(
                StatusCode::METHOD_NOT_ALLOWED,
                "This method is not allowed here.",
                "method_not_allowed",
            );
            Refusal {
                allow: Some(allow),
                ..refusal
            }
        }
        Match::Nothing => Refusal::not_found(),
    };
    // Where there is no route, a key decides nothing but whose budget is used.
    let (principal, holder) = match Principal::identify(&parts.headers, &service.authority) {
        Ok(principal) => (Some(principal.clone()), Some(principal.holder())),
        Err(Unidentified { holder, .. }) => (None, holder),
    };
    Admission {
        budget: Budget::Calls,
        holder,
        // Known or not, it opens nothing here.
        unproven: None,
        principal,
        group: nowhere,
        outcome: Err(refused),
    }
}

fn identify(service: &Service, parts: &Parts) -> Result<Principal, Unidentified> {
    #[cfg(feature = "measure")]
    if let Some(fixed) = service.measured.principal() {
        return Ok(fixed);
    }
    Principal::identify(&parts.headers, &service.authority)
}

/// Whether the caller may call this from there.
fn entitled(principal: &Principal, client: IpAddr, endpoint: &Endpoint) -> Result<(), Refusal> {
    principal.may_come_from(client)?;
    principal.may(endpoint.route.access)?;
    if endpoint.keeps_within_resources {
        Ok(())
    } else {
        principal.may_leave_its_resources()
    }
}

/// What is wrong with a request whatever it asks for.
fn acceptable(service: &Service, parts: &Parts) -> Result<(), Refusal> {
    service.hosts.check(&parts.headers)?;
    if key_in_url::holds(&parts.uri) {
        // Not its id: whoever sent it has proven nothing, and could write any id into the log.
        tracing::warn!("an unproven key was sent in a URL; if it is a real one, it should be replaced");
        return Err(Refusal::bad_request(
            "An API key must not be sent in a URL. Replace this key: URLs are logged.",
            "key_in_url",
        ));
    }
    if !service.follower.is_current() {
        // Nobody here knows which keys were ended meanwhile.
        let refusal = Refusal::new(
            StatusCode::SERVICE_UNAVAILABLE,
            "The server cannot see its database.",
            "not_current",
        );
        return Err(Refusal {
            retry_after: Some(1),
            ..refusal
        });
    }
    Ok(())
}

async fn run(
    service: &Arc<Service>,
    parts: &Parts,
    body: Incoming,
    client: IpAddr,
    principal: Option<Principal>,
    AdmittedCall { endpoint, path }: AdmittedCall<'_>,
) -> Result<Reply, Refusal> {
    let limits = &service.config;
    let longest = body::longest(limits, principal.is_none());
    let body = body::read(body, longest, limits.body_timeout).await?;
    let principal = match principal {
        // The body took its time, in which the key may have been ended.
        Some(_) if !body.is_empty() => {
            let principal = identify(service, parts)?;
            entitled(&principal, client, endpoint)?;
            Some(principal)
        }
        principal => principal,
    };
    let call = Call {
        path,
        query: parts.uri.query().unwrap_or_default().to_owned(),
        body,
    };
    let context = Context::new(service.clone(), principal, &parts.headers);
    // A panic in one request must not end the others, nor close the connection without an answer.
    AssertUnwindSafe(async move { (endpoint.handler)(context, call).await })
        .catch_unwind()
        .await
        .unwrap_or_else(|_| {
            tracing::error!("a handler panicked");
            Err(Refusal::internal())
        })
}

/// The method, if it is one the API uses: whatever else a client sends does not get into the log.
fn known_method(method: &http::Method) -> &'static str {
    [
        Method::Get,
        Method::Post,
        Method::Put,
        Method::Patch,
        Method::Delete,
    ]
    .into_iter()
    .map(Method::as_str)
    .find(|known| *known == method.as_str())
    .unwrap_or(if *method == http::Method::HEAD {
        "HEAD"
    } else {
        "other"
    })
}

impl<'a> Seen<'a> {
    fn new(service: &'a Service, client: IpAddr, method: &'static str) -> Self {
        Self {
            service,
            client,
            began: Instant::now(),
            method,
            group: usage::group(None),
            key: None,
            is_in_force: false,
            agent: None,
            // Until there is an answer: the client's fault, if it goes away.
            status: StatusCode::BAD_REQUEST,
        }
    }
}

impl Drop for Seen<'_> {
    fn drop(&mut self) {
        let outcome = Outcome::of(self.status);
        self.service
            .metrics
            .request(self.group, self.method, outcome.class(), self.began.elapsed());
        if let Some(key) = self.key {
            self.service.usage.count(&Used {
                key,
                group: self.group,
                // With a key that has ended, every request is, whatever it was answered.
                outcome: if self.is_in_force {
                    outcome
                } else {
                    Outcome::Refused
                },
                is_in_force: self.is_in_force,
                at: self.service.authority.now(),
                address: self.client,
                agent: self.agent,
            });
        }
    }
}
