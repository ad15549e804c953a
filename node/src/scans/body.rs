//! Bodies of scans as they come and go: a few pieces in memory, never the file.

use crate::error::DeskError;
use axum::{
    body::{Body, Bytes, HttpBody},
    http::{HeaderMap, header},
};
use http_body::Frame;
use motcua_core::{id::Hash, limits, replica::ScanTrouble, scan::Media};
use motcua_shell::{
    engine::Engine,
    scans::{Reading, Stored, Upload, UploadError},
};
use std::{
    future::poll_fn,
    io,
    pin::{Pin, pin},
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};
use tokio::{
    sync::mpsc::{Receiver, Sender, channel},
    time::timeout,
};

/// Frames that wait for the disk.
const WAITING: usize = 8;
/// A browser that sends nothing for so long has gone.
const SILENCE: Duration = Duration::from_secs(60);
/// Pieces sent out in one frame: 64 KiB.
const PIECES: u32 = 16;

/// Takes in a body. Whatever breaks off before its end leaves nothing.
pub(super) async fn take(body: Body, mut upload: Upload) -> Result<Stored, DeskError> {
    let (frames, mut waiting) = channel::<Option<Bytes>>(WAITING);
    let writing = tokio::task::spawn_blocking(move || -> Result<Option<Stored>, UploadError> {
        while let Some(frame) = waiting.blocking_recv() {
            match frame {
                Some(bytes) => upload.write(&bytes)?,
                // Only the body's own end makes a scan of it.
                None => return upload.finish().map(Some),
            }
        }
        Ok(None)
    });
    let mut body = pin!(body);
    let broken = loop {
        let next = poll_fn(|context| body.as_mut().poll_frame(context));
        let frame = match timeout(SILENCE, next).await {
            Err(_) => break Some("nothing came for a minute".to_owned()),
            Ok(Some(Err(error))) => break Some(error.to_string()),
            Ok(Some(Ok(frame))) => frame.into_data().ok(),
            Ok(None) => {
                let _ = frames.send(None).await;
                break None;
            }
        };
        // The writer has refused; it says why below.
        if let Some(bytes) = frame
            && frames.send(Some(bytes)).await.is_err()
        {
            break None;
        }
    };
    drop(frames);
    let written = writing.await.map_err(|_| DeskError::Busy)?;
    match (written, broken) {
        (Ok(Some(stored)), None) => Ok(stored),
        (Err(error), _) => Err(error.into()),
        (Ok(_), why) => Err(DeskError::Broken(why.unwrap_or_default())),
    }
}

/// First and last byte of the part that is asked for; none for all of it.
pub(super) fn part(headers: &HeaderMap, size: u64) -> Result<Option<(u64, u64)>, DeskError> {
    let Some(value) = headers.get(header::RANGE) else { return Ok(None) };
    let text = value.to_str().unwrap_or_default();
    // Several parts at once, or other units, may be answered with the whole.
    let Some((from, to)) = text.strip_prefix("bytes=").and_then(|text| text.split_once('-')) else {
        return Ok(None);
    };
    let outside = || DeskError::Range { size };
    let number = |text: &str| text.trim().parse::<u64>().map_err(|_| outside());
    if text.contains(',') {
        return Ok(None);
    }
    let (from, to) = match (from.trim(), to.trim()) {
        ("", last) => (size.saturating_sub(number(last)?.max(1)), size - 1),
        (from, "") => (number(from)?, size - 1),
        (from, to) => (number(from)?, number(to)?.min(size - 1)),
    };
    if from > to || from >= size { Err(outside()) } else { Ok(Some((from, to))) }
}

/// Opens a scan and begins to read it; `None` if it proved damaged, which has been reported then.
/// The first piece is checked before anything is answered. Blocks on the disk.
pub(super) fn open(
    engine: &Arc<Engine>,
    hash: Hash,
    size: u64,
    part: Option<(u64, u64)>,
) -> Option<(Media, Body)> {
    let reading = engine.scans().open(hash, size).ok()?;
    let media = match reading.piece(0) {
        Ok(data) => Media::of(&data).ok()?,
        Err(ScanTrouble::Disk) => return None,
        Err(ScanTrouble::Damaged) => {
            engine.scans().damaged(hash);
            return None;
        }
    };
    let (send, frames) = channel(WAITING);
    let engine = Arc::clone(engine);
    let (from, to) = part.unwrap_or((0, size - 1));
    tokio::task::spawn_blocking(move || {
        if let Err(trouble) = send_out(&reading, from, to, &send) {
            if trouble == ScanTrouble::Damaged {
                engine.scans().damaged(hash);
            }
            // The length was said before, so the reader sees that this is not all of it.
            let _ = send.blocking_send(Err(io::Error::other("the scan cannot be read")));
        }
    });
    Some((media, Body::new(Outgoing(frames))))
}

fn send_out(
    reading: &Reading,
    from: u64,
    to: u64,
    send: &Sender<io::Result<Bytes>>,
) -> Result<(), ScanTrouble> {
    let piece_of =
        |byte: u64| u32::try_from(byte / limits::SCAN_PIECE_BYTES as u64).unwrap_or(u32::MAX);
    let (mut piece, last) = (piece_of(from), piece_of(to));
    while piece <= last {
        let until = last.min(piece.saturating_add(PIECES - 1));
        let start = u64::from(piece) * limits::SCAN_PIECE_BYTES as u64;
        let mut bytes = Vec::new();
        for number in piece..=until {
            bytes.extend(reading.piece(number)?);
        }
        let keep = usize::try_from(to + 1 - start).unwrap_or(usize::MAX);
        bytes.truncate(keep);
        let skip = usize::try_from(from.saturating_sub(start)).unwrap_or(0);
        if send.blocking_send(Ok(Bytes::from(bytes).slice(skip..))).is_err() {
            // Whoever asked has gone.
            return Ok(());
        }
        piece = until + 1;
    }
    Ok(())
}

/// Frames as they are read.
pub(crate) struct Outgoing(pub(crate) Receiver<io::Result<Bytes>>);

impl HttpBody for Outgoing {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, io::Error>>> {
        self.0.poll_recv(context).map(|next| next.map(|bytes| bytes.map(Frame::data)))
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn a_range_is_within_the_scan_or_refused() {
        let ask = |text: &str| {
            let mut headers = HeaderMap::new();
            headers.insert(header::RANGE, text.parse().unwrap());
            part(&headers, 100)
        };
        assert_eq!(part(&HeaderMap::new(), 100).unwrap(), None);
        for (text, expected) in [
            ("bytes=0-0", Some((0, 0))),
            ("bytes=10-19", Some((10, 19))),
            ("bytes=10-", Some((10, 99))),
            ("bytes=10-1000", Some((10, 99))),
            ("bytes=-10", Some((90, 99))),
            ("bytes=-1000", Some((0, 99))),
            ("bytes=0-1,5-6", None),
            ("lines=1-2", None),
        ] {
            assert_eq!(ask(text).unwrap(), expected, "{text}");
        }
        for text in
            ["bytes=100-", "bytes=5-4", "bytes=a-b", "bytes=-", "bytes=99999999999999999999-"]
        {
            assert!(matches!(ask(text), Err(DeskError::Range { size: 100 })), "{text}");
        }
    }
}
