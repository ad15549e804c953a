//! Writing a bundle, item by item, in the memory of one piece and one item.

use super::{BundleError, END_MARK, MAGIC, Recipient, TAG, VERSION, item, seal, seal::FileKey};
use crate::{
    bundle::Item,
    hash::{Context, running},
    id::{DomainId, Hash},
    key::{Purpose, SecretKey},
    limits,
};
use std::io::Write;

/// Writes a bundle.
pub struct Writer<W> {
    out: W,
    hasher: blake3::Hasher,
    key: FileKey,
    signer: SecretKey,
    domain: DomainId,
    piece: Vec<u8>,
    pieces: u64,
    written: u64,
}

impl<W: Write> Writer<W> {
    /// Writes the head. `binding` is the signer's; `seed` is fresh random bytes, never used for
    /// anything else.
    ///
    /// # Errors
    /// [`BundleError`] if there is nobody to seal it to, or the writer refuses.
    pub fn new(
        out: W,
        signer: &SecretKey,
        binding: &[u8],
        domain: DomainId,
        readers: &[Recipient],
        seed: &[u8; 32],
    ) -> Result<Self, BundleError> {
        let count =
            u8::try_from(readers.len()).ok().filter(|_| readers.len() <= limits::BUNDLE_READERS);
        let Some(count) = count else {
            let (got, limit) = (readers.len() as u64, limits::BUNDLE_READERS as u64);
            return Err(BundleError::Limit { what: "readers", got, limit });
        };
        if count == 0 {
            return Err(BundleError::NoReader);
        }
        let length = u16::try_from(binding.len())
            .map_err(|_| BundleError::Malformed("this machine's binding is too long"))?;
        let mut tape = seal::Tape::new(seed);
        let key = FileKey::fresh(&mut tape);
        let mut head = MAGIC.to_vec();
        head.push(VERSION);
        head.extend(domain.0);
        head.extend(length.to_le_bytes());
        head.extend(binding);
        head.push(count);
        for reader in readers {
            let (encapsulated, wrapped) = key.wrap(*reader, domain, signer.public(), &mut tape)?;
            head.extend(reader.0.node_id().0);
            head.extend(encapsulated);
            head.extend(wrapped);
        }
        let mut writer = Self {
            out,
            hasher: running(Context::Bundle),
            key,
            signer: signer.clone(),
            domain,
            piece: Vec::with_capacity(limits::BUNDLE_PIECE_BYTES),
            pieces: 0,
            written: 0,
        };
        writer.put(&head)?;
        Ok(writer)
    }

    /// Bytes the file has so far, what waits for its piece to fill up included.
    pub fn length(&self) -> u64 {
        self.written + self.piece.len() as u64
    }

    /// Adds an item.
    ///
    /// # Errors
    /// [`BundleError::Limit`] for one that no reader would take, or what the writer says.
    pub fn item(&mut self, item: &Item) -> Result<(), BundleError> {
        let (tag, bytes) = item.parts();
        let limit = item::limit(tag)?;
        if bytes.len() > limit {
            let (got, limit) = (bytes.len() as u64, limit as u64);
            return Err(BundleError::Limit { what: "bytes in one item", got, limit });
        }
        let mut head = [tag, 0, 0, 0, 0];
        head[1..].copy_from_slice(&(bytes.len() as u32).to_le_bytes());
        self.plain(&head)?;
        self.plain(&bytes)
    }

    /// Seals what is left, signs, and gives the writer back.
    ///
    /// # Errors
    /// What the writer says.
    pub fn finish(mut self) -> Result<W, BundleError> {
        self.flush_piece(true)?;
        self.put(END_MARK)?;
        let hash = Hash(*self.hasher.finalize().as_bytes());
        let signature = self.signer.sign(Purpose::Bundle, self.domain, &hash.0);
        self.out.write_all(&signature.0)?;
        self.out.flush()?;
        Ok(self.out)
    }

    fn plain(&mut self, mut bytes: &[u8]) -> Result<(), BundleError> {
        while !bytes.is_empty() {
            if self.piece.len() == limits::BUNDLE_PIECE_BYTES {
                self.flush_piece(false)?;
            }
            let room = limits::BUNDLE_PIECE_BYTES - self.piece.len();
            let (now, later) = bytes.split_at(room.min(bytes.len()));
            self.piece.extend_from_slice(now);
            bytes = later;
        }
        Ok(())
    }

    fn flush_piece(&mut self, last: bool) -> Result<(), BundleError> {
        let sealed = self.key.seal(self.pieces, last, &self.piece);
        debug_assert_eq!(sealed.len(), self.piece.len() + TAG);
        self.pieces += 1;
        self.piece.clear();
        self.put(&sealed)
    }

    fn put(&mut self, bytes: &[u8]) -> Result<(), BundleError> {
        self.hasher.update(bytes);
        self.written += bytes.len() as u64;
        Ok(self.out.write_all(bytes)?)
    }
}
