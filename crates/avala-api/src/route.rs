//! What is constant about an operation: its name, method, path, access class and paging.

use crate::Scope;

/// The constant part of an operation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Route {
    /// The operation's name, `resource.verb`.
    pub operation: &'static str,
    /// The HTTP method.
    pub method: Method,
    /// The path below `/api/v1`, with `{name}` where a parameter goes. Always ends in a slash.
    pub path: &'static str,
    /// Who may call it.
    pub access: Access,
    /// How its answer is cut into pages.
    pub paging: Paging,
    /// Whether sending it twice has the effect of sending it once.
    pub idempotent: bool,
    /// The status of a success. Clients accept any 2xx.
    pub success: u16,
}

impl Route {
    /// Whether calling it changes nothing on the server.
    pub const fn is_read_only(&self) -> bool {
        matches!(self.method, Method::Get)
    }

    /// The names of the path's parameters, in order.
    pub fn parameters(&self) -> impl Iterator<Item = &'static str> {
        self.path
            .split('{')
            .skip(1)
            .filter_map(|rest| rest.split_once('}').map(|(name, _)| name))
    }
}

/// The methods the API uses.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Method {
    /// `GET`
    Get,
    /// `POST`
    Post,
    /// `PUT`
    Put,
    /// `PATCH`
    Patch,
    /// `DELETE`
    Delete,
}

impl Method {
    /// The method as it stands on the wire.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Get => "GET",
            Self::Post => "POST",
            Self::Put => "PUT",
            Self::Patch => "PATCH",
            Self::Delete => "DELETE",
        }
    }
}

impl From<Method> for http::Method {
    fn from(method: Method) -> Self {
        match method {
            Method::Get => Self::GET,
            Method::Post => Self::POST,
            Method::Put => Self::PUT,
            Method::Patch => Self::PATCH,
            Method::Delete => Self::DELETE,
        }
    }
}

/// Who may call an operation. There is no default: a route without one does not compile.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Access {
    /// No key is looked at.
    Anonymous,
    /// Any valid key.
    AnyKey,
    /// A key that holds this scope.
    Scope(Scope),
    /// A key that holds one of these scopes; which of them a call needs, its parameters decide.
    Either(Scope, Scope),
}

/// How an operation's answer is cut into pages.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Paging {
    /// One object.
    Single,
    /// `{next, previous, results}`, where `next` carries `cursor=…`.
    Cursor,
    /// `{count, next, previous, results}`, where `next` carries `page=N` and a cursor is ignored.
    PageNumber,
    /// A plain JSON array.
    Array,
    /// No body.
    Nothing,
}

impl Paging {
    /// The query parameter that names a page.
    pub const fn parameter(self) -> &'static str {
        match self {
            Self::PageNumber => "page",
            _ => "cursor",
        }
    }
}
