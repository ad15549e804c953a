//! How requests and replies follow each other on one TCP connection: a length (u32 LE), and so many
//! bytes. Frozen, as what they carry.

use std::io;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};

/// What came.
pub(super) enum Frame {
    Whole(Vec<u8>),
    /// It announced more than is allowed; nothing of it was read.
    TooLong,
}

/// Reads one; memory is taken as bytes arrive.
pub(super) async fn read(stream: &mut (impl AsyncRead + Unpin), limit: usize) -> io::Result<Frame> {
    let mut length = [0; 4];
    stream.read_exact(&mut length).await?;
    let length = u32::from_le_bytes(length);
    if length as usize > limit {
        return Ok(Frame::TooLong);
    }
    let mut bytes = Vec::new();
    stream.take(u64::from(length)).read_to_end(&mut bytes).await?;
    match bytes.len() == length as usize {
        true => Ok(Frame::Whole(bytes)),
        false => Err(io::ErrorKind::UnexpectedEof.into()),
    }
}

/// Writes one, down to the system.
pub(super) async fn write(stream: &mut (impl AsyncWrite + Unpin), bytes: &[u8]) -> io::Result<()> {
    let length = u32::try_from(bytes.len()).map_err(io::Error::other)?;
    stream.write_all(&length.to_le_bytes()).await?;
    stream.write_all(bytes).await?;
    stream.flush().await
}
