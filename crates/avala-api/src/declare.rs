//! The four macros that everything in the contract is declared with: `id!`, `open_enum!`, `model!`, `operation!`.

/// An opaque identifier: a text of the server's, with a type of its own so that two kinds cannot be mixed up.
macro_rules! id {
    ($($(#[$doc:meta])* $Name:ident;)*) => {$(
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
        #[serde(transparent)]
        pub struct $Name(String);

        impl $Name {
            /// The identifier as the server wrote it.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl std::fmt::Display for $Name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl AsRef<str> for $Name {
            fn as_ref(&self) -> &str {
                &self.0
            }
        }

        impl From<&str> for $Name {
            fn from(text: &str) -> Self {
                Self(text.to_owned())
            }
        }

        impl From<String> for $Name {
            fn from(text: String) -> Self {
                Self(text)
            }
        }

        impl From<&$Name> for $Name {
            fn from(id: &$Name) -> Self {
                id.clone()
            }
        }

        impl std::str::FromStr for $Name {
            type Err = std::convert::Infallible;
            fn from_str(text: &str) -> Result<Self, Self::Err> {
                Ok(text.into())
            }
        }

        impl $crate::QueryValue for $Name {
            fn to_query(&self) -> std::borrow::Cow<'_, str> {
                self.0.as_str().into()
            }
            fn from_query(text: &str) -> Option<Self> {
                Some(text.into())
            }
        }
    )*};
}

/// A set of names that the server may extend: what is not known is kept, and compares equal to itself.
macro_rules! open_enum {
    ($(#[$doc:meta])* pub enum $Name:ident { $($(#[$vdoc:meta])* $Variant:ident = $text:literal,)* }) => {
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq, Hash)]
        #[non_exhaustive]
        pub enum $Name {
            $($(#[$vdoc])* $Variant,)*
            /// A name that this version does not know. Build one with `From<&str>`, which never hides a known name here.
            Other(String),
        }

        impl $Name {
            /// The names this version knows.
            pub const KNOWN: &'static [&'static str] = &[$($text),*];

            /// The name as it stands on the wire.
            pub fn as_str(&self) -> &str {
                match self {
                    $(Self::$Variant => $text,)*
                    Self::Other(text) => text,
                }
            }
        }

        impl From<&str> for $Name {
            fn from(text: &str) -> Self {
                match text {
                    $($text => Self::$Variant,)*
                    _ => Self::Other(text.to_owned()),
                }
            }
        }

        impl From<String> for $Name {
            fn from(text: String) -> Self {
                Self::from(text.as_str())
            }
        }

        impl std::str::FromStr for $Name {
            type Err = std::convert::Infallible;
            fn from_str(text: &str) -> Result<Self, Self::Err> {
                Ok(text.into())
            }
        }

        impl std::fmt::Display for $Name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(self.as_str())
            }
        }

        impl serde::Serialize for $Name {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(self.as_str())
            }
        }

        impl<'de> serde::Deserialize<'de> for $Name {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                struct Name;
                impl serde::de::Visitor<'_> for Name {
                    type Value = $Name;
                    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                        f.write_str("a string")
                    }
                    // A known name needs no copy of its text.
                    fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<$Name, E> {
                        Ok(text.into())
                    }
                }
                deserializer.deserialize_str(Name)
            }
        }

        impl $crate::QueryValue for $Name {
            fn to_query(&self) -> std::borrow::Cow<'_, str> {
                self.as_str().into()
            }
            fn from_query(text: &str) -> Option<Self> {
                Some(text.into())
            }
        }
    };
}

/// An object of the API: members without a default are required. Unknown members are kept in `extra` and written back.
///
/// Reading is written out instead of left to `#[serde(flatten)]`, which buffers every object before it looks at it.
macro_rules! model {
    ($(#[$doc:meta])* pub struct $Name:ident {
        $($(#[$fdoc:meta])* pub $field:ident $(as $wire:literal)? : $Type:ty $(= $default:expr)?,)*
    }) => {
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, serde::Serialize)]
        #[cfg_attr(not(feature = "exhaustive"), non_exhaustive)]
        pub struct $Name {
            $($(#[$fdoc])* pub $field: $Type,)*
            /// Members that this version does not know.
            #[serde(flatten)]
            pub extra: $crate::Extra,
        }

        impl<'de> serde::Deserialize<'de> for $Name {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                struct Members;
                impl<'de> serde::de::Visitor<'de> for Members {
                    type Value = $Name;

                    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                        f.write_str("an object")
                    }

                    fn visit_map<A: serde::de::MapAccess<'de>>(self, mut members: A) -> Result<$Name, A::Error> {
                        $(let mut $field: Option<$Type> = None;)*
                        let mut extra = $crate::Extra::new();
                        while let Some($crate::names::MemberName(name)) = members.next_key()? {
                            $(if name == model!(@wire $field $($wire)?) {
                                $field = Some(members.next_value()?);
                                continue;
                            })*
                            extra.0.insert(name.into_owned(), members.next_value()?);
                        }
                        Ok($Name {
                            $($field: match $field {
                                Some(value) => value,
                                None => model!(@absent A, model!(@wire $field $($wire)?) $(, $default)?),
                            },)*
                            extra,
                        })
                    }
                }
                deserializer.deserialize_map(Members)
            }
        }

        impl $crate::Answer for $Name {}
    };
    (@wire $field:ident) => { stringify!($field) };
    (@wire $field:ident $wire:literal) => { $wire };
    (@absent $A:ident, $wire:expr) => { return Err(<$A::Error as serde::de::Error>::missing_field($wire)) };
    (@absent $A:ident, $wire:expr, $default:expr) => { $default };
}

/// One operation of the API.
///
/// ```text
/// operation! {
///     /// What it does.
///     Update = "webhooks.update" {
///         route: Patch "/webhooks/{uid}/",
///         access: Access::Scope(Scope::WebhooksWrite),
///         idempotent: false,
///         answer: 200 Webhook,                      // `answer: 204,` promises no body
///         path { uid: WebhookUid, }
///         query { page_size: u32 as u32, }          // every query parameter is optional; `as` names what the setter takes
///         body {
///             required { target_url: String, }
///             optional { is_active: bool, }         // not sent unless set
///             nullable { secret: Secret, }          // leave, clear or set: `Patch<Secret>`
///         }                                         // a body that begins with `!unknown;` has no other members
///     }
/// }
/// ```
///
/// A list says `pages: Webhook, by Cursor,` or, where the API answers a bare JSON array, `array: Webhook,` in place of the
/// two lines about the answer: reading is idempotent.
///
/// It writes the struct, `new` with the required parameters, a setter for each optional one (on the operation and on
/// `Request`), and both directions of `Operation`.
macro_rules! operation {
    (
        $(#[$doc:meta])*
        $Name:ident = $id:literal {
            route: $method:ident $path:literal,
            access: $access:expr,
            pages: $Item:ty, by $paging:ident,
            $(path { $($path_fields:tt)* })?
            $(query { $($query_fields:tt)* })?
        }
    ) => {
        operation! { @build
            $(#[$doc])* $Name = $id {
                $method $path, $access, true, $crate::Paging::$paging, 200, $crate::Page<$Item>,
                path { $($($path_fields)*)? }
                query {
                    /// The greatest number of rows on a page.
                    limit: u32 as u32,
                    /// Where the page starts: the cursor of a previous answer.
                    cursor: $crate::Cursor = $crate::Paging::$paging.parameter(),
                    $($($query_fields)*)?
                }
            }
        }

        impl $crate::Paged for $Name {
            type Item = $Item;
            fn start_at(&mut self, cursor: $crate::Cursor) {
                self.cursor = Some(cursor);
            }
        }
    };
    (
        $(#[$doc:meta])*
        $Name:ident = $id:literal {
            route: $method:ident $path:literal,
            access: $access:expr,
            array: $Item:ty,
            $($sections:tt)*
        }
    ) => {
        operation! { @build
            $(#[$doc])* $Name = $id {
                $method $path, $access, true, $crate::Paging::Array, 200, Vec<$Item>, $($sections)*
            }
        }
    };
    (
        $(#[$doc:meta])*
        $Name:ident = $id:literal {
            route: $method:ident $path:literal,
            access: $access:expr,
            idempotent: $idempotent:expr,
            answer: $success:literal,
            $($sections:tt)*
        }
    ) => {
        operation! { @build
            $(#[$doc])* $Name = $id {
                $method $path, $access, $idempotent, $crate::Paging::Nothing, $success, (), $($sections)*
            }
        }
    };
    (
        $(#[$doc:meta])*
        $Name:ident = $id:literal {
            route: $method:ident $path:literal,
            access: $access:expr,
            idempotent: $idempotent:expr,
            answer: $success:literal $Answer:ty,
            $($sections:tt)*
        }
    ) => {
        operation! { @build
            $(#[$doc])* $Name = $id {
                $method $path, $access, $idempotent, $crate::Paging::Single, $success, $Answer, $($sections)*
            }
        }
    };
    (@build
        $(#[$doc:meta])*
        $Name:ident = $id:literal {
            $method:ident $path:literal, $access:expr, $idempotent:expr, $paging:expr, $success:literal, $Answer:ty,
            $(path { $($(#[$pdoc:meta])* $pname:ident : $PType:ty,)* })?
            $(query { $($(#[$qdoc:meta])* $qname:ident : $QType:ty $(as $QGiven:ty)? $(= $wire:expr)?,)* })?
            $(body {
                $(!$unknown:ident;)?
                $(required { $($(#[$rdoc:meta])* $rname:ident : $RType:ty $(as $RGiven:ty)?,)* })?
                $(optional { $($(#[$odoc:meta])* $oname:ident : $OType:ty $(as $OGiven:ty)?,)* })?
                $(nullable { $($(#[$ndoc:meta])* $nname:ident : $NType:ty,)* })?
            })?
        }
    ) => {
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq)]
        #[cfg_attr(not(feature = "exhaustive"), non_exhaustive)]
        pub struct $Name {
            $($($(#[$pdoc])* pub $pname: $PType,)*)?
            $($($(#[$qdoc])* pub $qname: Option<$QType>,)*)?
            $(
                $($($(#[$rdoc])* pub $rname: $RType,)*)?
                $($($(#[$odoc])* pub $oname: Option<$OType>,)*)?
                $($($(#[$ndoc])* pub $nname: $crate::Patch<$NType>,)*)?
            )?
        }

        impl $Name {
            /// The call with its required parameters; everything else is left out until set.
            #[must_use]
            #[allow(clippy::new_without_default, reason = "an operation is asked for, not defaulted")]
            pub fn new($($($pname: impl Into<$PType>,)*)? $($($($rname: operation!(@given $RType $(as $RGiven)?),)*)?)?) -> Self {
                Self {
                    $($($pname: $pname.into(),)*)?
                    $($($qname: None,)*)?
                    $(
                        $($($rname: $rname.into(),)*)?
                        $($($oname: None,)*)?
                        $($($nname: $crate::Patch::Unset,)*)?
                    )?
                }
            }

            $($(
                $(#[$qdoc])*
                #[must_use]
                pub fn $qname(mut self, $qname: operation!(@given $QType $(as $QGiven)?)) -> Self {
                    self.$qname = Some($qname.into());
                    self
                }
            )*)?
            $(
                $($(
                    $(#[$odoc])*
                    #[must_use]
                    pub fn $oname(mut self, $oname: operation!(@given $OType $(as $OGiven)?)) -> Self {
                        self.$oname = Some($oname.into());
                        self
                    }
                )*)?
                $($(
                    $(#[$ndoc])*
                    #[must_use]
                    pub fn $nname(mut self, $nname: impl Into<$crate::Patch<$NType>>) -> Self {
                        self.$nname = $nname.into();
                        self
                    }
                )*)?
            )?
        }

        impl<C> $crate::Request<$Name, C> {
            $($(
                $(#[$qdoc])*
                pub fn $qname(mut self, $qname: operation!(@given $QType $(as $QGiven)?)) -> Self {
                    self.operation.$qname = Some($qname.into());
                    self
                }
            )*)?
            $(
                $($(
                    $(#[$odoc])*
                    pub fn $oname(mut self, $oname: operation!(@given $OType $(as $OGiven)?)) -> Self {
                        self.operation.$oname = Some($oname.into());
                        self
                    }
                )*)?
                $($(
                    $(#[$ndoc])*
                    pub fn $nname(mut self, $nname: impl Into<$crate::Patch<$NType>>) -> Self {
                        self.operation.$nname = $nname.into();
                        self
                    }
                )*)?
            )?
        }

        impl $crate::Operation for $Name {
            const ROUTE: $crate::Route = $crate::Route {
                operation: $id,
                method: $crate::Method::$method,
                path: $path,
                access: $access,
                paging: $paging,
                idempotent: $idempotent,
                success: $success,
            };

            type Answer = $Answer;

            fn path(&self) -> Result<String, $crate::InvalidParameter> {
                $crate::parameters::fill($path, &[$($((stringify!($pname), self.$pname.as_ref()),)*)?])
            }

            fn query(&self) -> $crate::Query {
                #[allow(unused_mut, reason = "an operation may have no query")]
                let mut query = $crate::Query::default();
                $($(query.push(operation!(@wire $qname $($wire)?), self.$qname.as_ref());)*)?
                query
            }

            fn body(&self) -> Result<Option<Vec<u8>>, serde_json::Error> {
                $(
                    #[derive(serde::Serialize)]
                    struct Body<'a> {
                        $($($rname: &'a $RType,)*)?
                        $($(
                            #[serde(skip_serializing_if = "crate::fields::is_unset")]
                            $oname: &'a Option<$OType>,
                        )*)?
                        $($(
                            #[serde(skip_serializing_if = "crate::fields::is_unset")]
                            $nname: &'a $crate::Patch<$NType>,
                        )*)?
                    }
                    let body = Body {
                        $($($rname: &self.$rname,)*)?
                        $($($oname: &self.$oname,)*)?
                        $($($nname: &self.$nname,)*)?
                    };
                    return serde_json::to_vec(&body).map(Some);
                )?
                #[allow(unreachable_code, reason = "an operation may have a body or none")]
                Ok(None)
            }

            fn decode(incoming: &$crate::Incoming<'_>) -> Result<Self, $crate::DecodeError> {
                #[allow(unused_mut, unused_variables, reason = "an operation may have no parameters")]
                let mut fields = $crate::fields::Fields::new(incoming);
                $($(let $pname = fields.path(stringify!($pname));)*)?
                $($(let $qname = fields.query::<$QType>(operation!(@wire $qname $($wire)?));)*)?
                $(
                    fields.read_body();
                    $(fields.refuse(stringify!($unknown));)?
                    $($(let $rname = fields.required::<$RType>($crate::fields::wire_name(stringify!($rname)));)*)?
                    $($(let $oname = fields.optional::<$OType>($crate::fields::wire_name(stringify!($oname)));)*)?
                    $($(let $nname = fields.nullable::<$NType>($crate::fields::wire_name(stringify!($nname)));)*)?
                )?
                #[allow(unused_variables, reason = "an operation may have no required fields")]
                let errors = fields.finish()?;
                #[allow(clippy::needless_question_mark, reason = "an operation may have no parameters")]
                Ok(Self {
                    $($($pname: $pname.as_str().into(),)*)?
                    $($($qname,)*)?
                    $(
                        $($($rname: errors.take($rname)?,)*)?
                        $($($oname,)*)?
                        $($($nname,)*)?
                    )?
                })
            }
        }
    };
    // What a setter takes: anything that converts, or the very type, where a literal would leave the conversion open (`10` into `u32`).
    (@given $Type:ty) => { impl Into<$Type> };
    (@given $Type:ty as $Given:ty) => { $Given };
    (@wire $name:ident) => { stringify!($name) };
    (@wire $name:ident $wire:expr) => { $wire };
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use crate::{Access, Operation, Paging};

    operation! {
        /// A list that is a bare array.
        Rows = "rows.list" {
            route: Get "/rows/{uid}/",
            access: Access::AnyKey,
            array: Value,
            path {
                /// Whose.
                uid: String,
            }
            query {
                /// Which.
                kind: String,
            }
        }
    }

    operation! {
        /// A change that is taken and not answered.
        Touch = "rows.touch" {
            route: Post "/rows/",
            access: Access::AnyKey,
            idempotent: false,
            answer: 202,
        }
    }

    #[test]
    fn a_list_that_is_an_array_has_its_own_parameters_and_no_page() {
        let call = Rows::new("a").kind("b");
        assert_eq!((call.uid.as_str(), call.query().as_str()), ("a", "kind=b"));
        assert_eq!(Rows::ROUTE.paging, Paging::Array);
        let rows: <Rows as Operation>::Answer = serde_json::from_value(json!([1, {"a": 2}])).unwrap();
        assert_eq!(serde_json::to_value(rows).unwrap(), json!([1, {"a": 2}]));
    }

    #[test]
    fn an_operation_without_an_answer_may_succeed_with_any_status() {
        assert_eq!(Touch::ROUTE.success, 202);
        assert_eq!(Touch::ROUTE.paging, Paging::Nothing);
        let () = <<Touch as Operation>::Answer as crate::Answer>::of_nothing().unwrap();
    }
}
