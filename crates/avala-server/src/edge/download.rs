//! A file as an answer: handed on piece by piece, as fast as the client takes it.

use std::{io, path::Path};

use bytes::{Bytes, BytesMut};
use futures_util::stream;
use http::{
    HeaderValue, Response,
    header::{CACHE_CONTROL, CONTENT_DISPOSITION, CONTENT_LENGTH, CONTENT_TYPE},
};
use http_body_util::{BodyExt, Either, Full, StreamBody, combinators::UnsyncBoxBody};
use hyper::body::Frame;
use tokio::{fs::File, io::AsyncReadExt};

use crate::refusal::Refusal;

/// The body of an answer: there as a whole, or read while it is sent.
pub(super) type AnswerBody = Either<Full<Bytes>, UnsyncBoxBody<Bytes, io::Error>>;

/// How much of a file is in memory.
const PIECE: usize = 64 * 1024;

/// An open file.
pub(super) struct Download {
    file: File,
    length: u64,
    disposition: HeaderValue,
}

impl Download {
    /// A file that is gone is not found, like a link to none.
    pub(super) async fn open(path: &Path) -> Result<Self, Refusal> {
        let opened = async {
            let file = File::open(path).await?;
            let length = file.metadata().await?.len();
            Ok::<_, io::Error>((file, length))
        };
        let (file, length) = opened.await.map_err(|error| {
            if error.kind() == io::ErrorKind::NotFound {
                return Refusal::not_found();
            }
            tracing::error!(%error, "a file cannot be read");
            Refusal::internal()
        })?;
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        let disposition = format!("attachment; filename=\"export-{name}\"");
        Ok(Self {
            file,
            length,
            disposition: disposition.try_into().map_err(|_| Refusal::internal())?,
        })
    }

    /// Puts the file into an answer without a body.
    pub(super) fn into(self, response: Response<Full<Bytes>>) -> Response<AnswerBody> {
        let (mut parts, _empty) = response.into_parts();
        let headers = &mut parts.headers;
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        headers.insert(CONTENT_LENGTH, self.length.into());
        headers.insert(CONTENT_DISPOSITION, self.disposition);
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("private, no-store"));
        let pieces = stream::try_unfold((self.file, self.length), |(mut file, left)| async move {
            if left == 0 {
                return Ok(None);
            }
            let mut piece = BytesMut::with_capacity(PIECE);
            let count = (&mut file).take(left).read_buf(&mut piece).await?;
            if count == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            Ok(Some((Frame::data(piece.freeze()), (file, left - count as u64))))
        });
        Response::from_parts(parts, Either::Right(StreamBody::new(pieces).boxed_unsync()))
    }
}
