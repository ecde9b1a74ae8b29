//! The listener for monitoring systems: one path, few connections, little time.

use std::{convert::Infallible, sync::Arc, time::Duration};

use bytes::Bytes;
use http::{
    HeaderValue, Method, Request, Response, StatusCode,
    header::{ALLOW, CACHE_CONTROL, CONTENT_TYPE},
};
use http_body_util::Full;
use hyper::{body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::{net::TcpListener, sync::Semaphore, task::JoinSet, time::timeout};

use super::Metrics;
use crate::edge::Hosts;

/// Connections at one time. A monitoring system has one, or one for each of its servers.
const CONNECTIONS: usize = 16;

/// Time for one connection, with its request and answer. Asking every quarter of a minute, nobody needs to keep one.
const PATIENCE: Duration = Duration::from_secs(10);

const PATH: &str = "/metrics";

const TEXT: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

pub(super) async fn serve(listener: TcpListener, metrics: Metrics) {
    let is_loopback = listener
        .local_addr()
        .is_ok_and(|address| address.ip().is_loopback());
    // A web page may have its name lead to this machine, and then read what its own name answers.
    let hosts = is_loopback.then(|| Arc::new(Hosts::new(&[], None)));
    let places = Arc::new(Semaphore::new(CONNECTIONS));
    let mut connections = JoinSet::new();
    loop {
        let stream = match listener.accept().await {
            Ok((stream, _)) => stream,
            Err(error) => {
                tracing::warn!(%error, "cannot accept a connection for metrics");
                tokio::time::sleep(Duration::from_millis(100)).await;
                continue;
            }
        };
        while connections.try_join_next().is_some() {}
        let Ok(place) = places.clone().try_acquire_owned() else {
            continue;
        };
        let (metrics, hosts) = (metrics.clone(), hosts.clone());
        connections.spawn(async move {
            let answer = service_fn(move |request| {
                let answer = answer(&request, &metrics, hosts.as_deref());
                async move { Ok::<_, Infallible>(answer) }
            });
            let talk = http1::Builder::new()
                .timer(TokioTimer::new())
                .keep_alive(false)
                .serve_connection(TokioIo::new(stream), answer);
            let _broken_or_slow = timeout(PATIENCE, talk).await;
            drop(place);
        });
    }
}

fn answer(request: &Request<Incoming>, metrics: &Metrics, hosts: Option<&Hosts>) -> Response<Full<Bytes>> {
    if hosts.is_some_and(|hosts| hosts.check(request.headers()).is_err()) {
        return empty(StatusCode::BAD_REQUEST);
    }
    if request.uri().path() != PATH {
        return empty(StatusCode::NOT_FOUND);
    }
    if request.method() != Method::GET {
        let mut response = empty(StatusCode::METHOD_NOT_ALLOWED);
        response
            .headers_mut()
            .insert(ALLOW, HeaderValue::from_static("GET"));
        return response;
    }
    let Ok(text) = metrics.text() else {
        return empty(StatusCode::INTERNAL_SERVER_ERROR);
    };
    let mut response = Response::new(Full::new(text.into()));
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(TEXT));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

fn empty(status: StatusCode) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::default());
    *response.status_mut() = status;
    response
}
