//! Reading a bundle: first the signature over all of it, then the pieces one by one.

use super::{
    BundleError, END_MARK, End, Item, MAGIC, SIGNATURE, TAG, VERSION,
    item::{self, ITEM_HEAD},
    seal::{ENCAPSULATED, FileKey, WRAPPED},
};
use crate::{
    hash::{Context, running},
    id::{DomainId, NodeId},
    key::{PublicKey, Purpose, SecretKey, Signature},
    limits,
    trust::{Binding, Signed},
};
use std::io::{ErrorKind, Read};

/// Longest binding in a head.
const BINDING_BYTES: usize = limits::SMALL_DOCUMENT_BYTES + 256;

/// A bundle whose bytes are those that its maker signed. Whether the maker may speak is the trust
/// documents' question: see [`Self::binding`].
#[derive(Debug, Clone)]
pub struct Checked {
    /// Key that signed the file.
    pub sender: PublicKey,
    /// The sender's signed binding, as it stands in the file; its issuer is not judged yet.
    pub binding: Signed,
    /// Machines it is sealed to.
    pub readers: Vec<NodeId>,
    domain: DomainId,
    sealed: Vec<([u8; ENCAPSULATED], [u8; WRAPPED])>,
    /// Bytes of head and of all pieces.
    head: u64,
    pieces: u64,
}

/// First pass: the head, the end, and the signature. `length` is the file's.
///
/// # Errors
/// [`BundleError`] saying what is wrong with the file.
pub fn check(file: &mut impl Read, length: u64, domain: DomainId) -> Result<Checked, BundleError> {
    if length == 0 {
        return Err(BundleError::Empty);
    }
    if length > limits::BUNDLE_BYTES {
        let limit = limits::BUNDLE_BYTES;
        return Err(BundleError::Limit { what: "bytes", got: length, limit });
    }
    let mut tee = Tee { file, hasher: running(Context::Bundle), read: 0 };
    let mut checked = read_head(&mut tee, domain)?;
    let tail = (END_MARK.len() + SIGNATURE) as u64;
    let pieces = length
        .checked_sub(checked.head + tail)
        .filter(|pieces| *pieces >= TAG as u64)
        .ok_or(BundleError::Truncated)?;
    let mut buffer = vec![0; limits::BUNDLE_PIECE_BYTES];
    let mut left = pieces;
    while left > 0 {
        let now = left.min(buffer.len() as u64) as usize;
        tee.exact(&mut buffer[..now])?;
        left -= now as u64;
    }
    let mut mark = [0; END_MARK.len()];
    tee.exact(&mut mark)?;
    if mark != *END_MARK {
        return Err(BundleError::Truncated);
    }
    let hash = tee.hasher.finalize();
    let mut signature = Signature([0; SIGNATURE]);
    tee.exact(&mut signature.0)?;
    if !checked.sender.verify(Purpose::Bundle, domain, hash.as_bytes(), &signature) {
        return Err(BundleError::Signature);
    }
    checked.pieces = pieces;
    Ok(checked)
}

/// The head; says nothing about who signed.
fn read_head(tee: &mut Tee<'_, impl Read>, ours: DomainId) -> Result<Checked, BundleError> {
    let mut magic = [0; MAGIC.len()];
    tee.exact(&mut magic).map_err(|_| BundleError::NotABundle)?;
    if magic != *MAGIC {
        return Err(BundleError::NotABundle);
    }
    let [version] = tee.array()?;
    if version != VERSION {
        return Err(BundleError::Version(version));
    }
    let theirs = DomainId(tee.array()?);
    if theirs != ours {
        return Err(BundleError::Domain { ours, theirs });
    }
    let length = usize::from(u16::from_le_bytes(tee.array()?));
    if length > BINDING_BYTES {
        let (got, limit) = (length as u64, BINDING_BYTES as u64);
        return Err(BundleError::Limit { what: "bytes in its sender's binding", got, limit });
    }
    let mut bytes = vec![0; length];
    tee.exact(&mut bytes)?;
    let binding = Signed::decode::<Binding>(&bytes).map_err(BundleError::Sender)?;
    let sender = binding.open::<Binding>().map_err(BundleError::Sender)?.key;
    let [count] = tee.array()?;
    if count == 0 || usize::from(count) > limits::BUNDLE_READERS {
        let (got, limit) = (u64::from(count), limits::BUNDLE_READERS as u64);
        return Err(BundleError::Limit { what: "readers", got, limit });
    }
    let (mut readers, mut sealed) = (Vec::new(), Vec::new());
    for _ in 0..count {
        readers.push(NodeId(tee.array()?));
        sealed.push((tee.array()?, tee.array()?));
    }
    let head = tee.read;
    Ok(Checked { sender, binding, readers, domain: ours, sealed, head, pieces: 0 })
}

/// Reads and hashes.
struct Tee<'a, R> {
    file: &'a mut R,
    hasher: blake3::Hasher,
    read: u64,
}

impl<R: Read> Tee<'_, R> {
    fn exact(&mut self, out: &mut [u8]) -> Result<(), BundleError> {
        exact(self.file, out)?;
        self.hasher.update(out);
        self.read += out.len() as u64;
        Ok(())
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], BundleError> {
        let mut out = [0; N];
        self.exact(&mut out)?;
        Ok(out)
    }
}

fn exact(file: &mut impl Read, out: &mut [u8]) -> Result<(), BundleError> {
    file.read_exact(out).map_err(|error| match error.kind() {
        ErrorKind::UnexpectedEof => BundleError::Truncated,
        _ => BundleError::Io(error),
    })
}

/// Second pass: opens the pieces and gives the items.
pub struct Reader<R> {
    file: R,
    key: FileKey,
    /// Sealed bytes not read yet.
    left: u64,
    number: u64,
    plain: Vec<u8>,
    at: usize,
    messages: u64,
    begun: bool,
    ended: bool,
}

impl<R: Read> Reader<R> {
    /// Over the same file from its beginning, with this machine's key.
    ///
    /// # Errors
    /// [`BundleError::NotForUs`] when it is sealed to others.
    pub fn new(mut file: R, checked: &Checked, key: &SecretKey) -> Result<Self, BundleError> {
        let me = key.public().node_id();
        let place = checked.readers.iter().position(|reader| *reader == me);
        let sealed = place.and_then(|place| checked.sealed.get(place));
        let Some((encapsulated, wrapped)) = sealed else {
            return Err(BundleError::NotForUs(checked.readers.clone()));
        };
        let key = FileKey::unwrap(key, checked.domain, checked.sender, encapsulated, wrapped)?;
        let skipped = std::io::copy(&mut (&mut file).take(checked.head), &mut std::io::sink())?;
        if skipped < checked.head {
            return Err(BundleError::Truncated);
        }
        Ok(Self {
            file,
            key,
            left: checked.pieces,
            number: 0,
            plain: Vec::new(),
            at: 0,
            messages: 0,
            begun: false,
            ended: false,
        })
    }

    /// The next item; `None` after the end. The first is the manifest, and nothing else is one.
    ///
    /// # Errors
    /// [`BundleError`] for pieces or items that cannot be read, or out of order.
    pub fn item(&mut self) -> Result<Option<Item>, BundleError> {
        if self.ended {
            return Ok(None);
        }
        let mut head = [0; ITEM_HEAD];
        self.take(&mut head)?;
        let [tag, length @ ..] = head;
        let (length, limit) = (u32::from_le_bytes(length) as usize, item::limit(tag)?);
        if length > limit {
            let (got, limit) = (length as u64, limit as u64);
            return Err(BundleError::Limit { what: "bytes in one item", got, limit });
        }
        let mut bytes = vec![0; length];
        self.take(&mut bytes)?;
        let item = Item::read(tag, bytes)?;
        match &item {
            Item::Manifest(_) if !self.begun => self.begun = true,
            Item::Manifest(_) => return Err(BundleError::Malformed("it has two manifests")),
            _ if !self.begun => {
                return Err(BundleError::Malformed("it does not begin with its manifest"));
            }
            Item::Data(_) => self.messages += 1,
            Item::Trust(_) | Item::ScanNotes(_) | Item::Scan(_) | Item::ScanBytes(_) => {}
            Item::End(End { messages, .. }) => {
                if *messages != self.messages || self.at < self.plain.len() || self.left > 0 {
                    return Err(BundleError::Malformed("its end is not where it says"));
                }
                self.ended = true;
            }
        }
        Ok(Some(item))
    }

    fn take(&mut self, out: &mut [u8]) -> Result<(), BundleError> {
        let mut filled = 0;
        while filled < out.len() {
            if self.at == self.plain.len() {
                self.next_piece()?;
            }
            let now = (out.len() - filled).min(self.plain.len() - self.at);
            out[filled..filled + now].copy_from_slice(&self.plain[self.at..self.at + now]);
            filled += now;
            self.at += now;
        }
        Ok(())
    }

    fn next_piece(&mut self) -> Result<(), BundleError> {
        let whole = (limits::BUNDLE_PIECE_BYTES + TAG) as u64;
        let length = self.left.min(whole);
        if length <= TAG as u64 {
            return Err(BundleError::Malformed("it ends in the middle of an item"));
        }
        let mut sealed = vec![0; length as usize];
        exact(&mut self.file, &mut sealed)?;
        self.left -= length;
        self.plain = self.key.open(self.number, self.left == 0, &sealed)?;
        self.number += 1;
        self.at = 0;
        Ok(())
    }
}
