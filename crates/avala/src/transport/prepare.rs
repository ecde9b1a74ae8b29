//! A call, made ready to be sent any number of times.

use avala_api::{Access, CallOptions, Operation, Route};
use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Method, Uri, header};

use super::headers;
use crate::{Error, client::Core};

/// Everything about a call that does not change between attempts.
pub(crate) struct Prepared {
    pub(crate) route: Route,
    pub(crate) needs_key: bool,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
}

impl Prepared {
    /// Checks and encodes a call. Everything that can be wrong with it is found here, before anything is sent.
    pub(crate) fn new<O: Operation>(
        core: &Core,
        operation: &O,
        options: &CallOptions,
    ) -> Result<Self, Error> {
        let path = operation.path().map_err(|invalid| {
            Error::configuration(format!("The parameter {invalid}, so the call was not sent."))
        })?;
        let uri = core.base_url.join(&path, operation.query().as_str());
        let uri = Uri::try_from(uri).map_err(|_| Error::configuration("The call's address is too long."))?;
        let body = operation
            .body()
            .map_err(|_| Error::configuration("The call's body cannot be written as JSON."))?;

        let mut headers = HeaderMap::with_capacity(8);
        headers.insert(header::ACCEPT, HeaderValue::from_static("application/json"));
        headers.insert(header::USER_AGENT, core.user_agent.clone());
        if body.is_some() {
            headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
        }
        headers::add(&mut headers, options)?;
        headers::name(&mut headers, || core.request_id());
        let needs_key = O::ROUTE.access != Access::Anonymous;
        if needs_key && core.credentials.is_none() {
            return Err(Error::configuration(
                "No API key provided. This client was built to stay anonymous.",
            ));
        }
        let body = body.map(Bytes::from).unwrap_or_default();
        Ok(Self {
            route: O::ROUTE,
            method: O::ROUTE.method.into(),
            needs_key,
            uri,
            headers,
            body,
        })
    }

    /// The call's name, if it is text.
    pub(crate) fn request_id(&self) -> Option<&str> {
        avala_api::request_id(&self.headers)
    }

    /// One request of the call, with this key.
    pub(crate) fn request(&self, key: Option<&HeaderValue>) -> http::Request<Bytes> {
        let mut request = http::Request::new(self.body.clone());
        *request.method_mut() = self.method.clone();
        *request.uri_mut() = self.uri.clone();
        *request.headers_mut() = self.headers.clone();
        if let Some(key) = key {
            let name = HeaderName::from_static(avala_api::API_KEY_HEADER);
            request.headers_mut().insert(name, key.clone());
        }
        request
    }
}
