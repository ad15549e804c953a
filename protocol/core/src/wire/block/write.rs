//! Entries into a block.

use super::{
    DOSSIER_NEW, DOSSIER_OF_PARENT, FLAG_CHANGE_HASH, FLAG_SEALED, FORM_CHUNK, FORM_PLAIN,
    FORM_REST, FORM_REST_MILLIS, FORM_REST_SECONDS, FORM_WITHOUT_IDS, LANES, Lane, NEW, ids,
    restored_bytes,
};
use crate::{
    entry::{AudienceOp, Entry, FactIds, Header, Kind, payload_hash},
    id::{ActorId, DossierId, Hash},
    limits,
    wire::{
        WireError,
        chunk::{Chunk, Parts, change_hash},
        varint::{put_signed, put_unsigned},
    },
};
use std::collections::BTreeMap;

/// Collects entries of one frame.
#[derive(Debug)]
pub(crate) struct Writer {
    next: u64,
    count: usize,
    restored: usize,
    time: i64,
    dossiers: Table<16>,
    persons: Table<16>,
    boots: Table<16>,
    audience: Table<{ AudienceOp::LEN }>,
    /// Changes of this block: hash to (position, dossier).
    changes: BTreeMap<Hash, (u64, DossierId)>,
    lanes: [Vec<u8>; LANES],
}

impl Writer {
    /// A block whose first entry has position `base`: its sequence in an up frame, 0 in a down
    /// frame.
    pub(crate) fn new(base: u64) -> Self {
        Self {
            next: base,
            count: 0,
            restored: 0,
            time: 0,
            dossiers: Table::default(),
            persons: Table::default(),
            boots: Table::default(),
            audience: Table::default(),
            changes: BTreeMap::new(),
            lanes: Default::default(),
        }
    }

    /// Adds an entry, which must be its author's: `actor` is what key, log and boot make.
    /// `resolve` gives the position before this block of a change of a dossier.
    ///
    /// # Errors
    /// [`WireError`] for an entry that breaks a limit, or whose header is not that of its
    /// payload: a receiver would restore something else.
    pub(crate) fn push(
        &mut self,
        entry: &Entry,
        actor: ActorId,
        resolve: &mut dyn FnMut(&DossierId, &Hash) -> Option<u64>,
    ) -> Result<(), WireError> {
        let position = self.next;
        let header = &entry.header;
        self.check(entry, actor)?;
        let form = self.payload(entry)?;
        let mut flags = (u8::from(header.sealed) * FLAG_SEALED) | (header.clock.bits() << 1);
        if !header.kind.is_change() && !header.change_hash.is_zero() {
            flags |= FLAG_CHANGE_HASH;
            self.lane(Lane::Full).extend_from_slice(&header.change_hash.0);
        }
        let shape = [header.kind.byte(), header.doc_type.byte(), flags, form];
        self.lane(Lane::Shape).extend_from_slice(&shape);
        let step = header.claimed_at.0.wrapping_sub(self.time);
        put_signed(self.lane(Lane::Times), step);
        self.time = header.claimed_at.0;
        self.refs(entry);
        self.parents(header, resolve);
        if let Some(nonce) = header.creation {
            self.lane(Lane::Full).extend_from_slice(&nonce.0);
        }
        if header.kind.is_change() {
            self.changes.insert(header.change_hash, (position, header.dossier));
        }
        self.next += 1;
        Ok(())
    }

    /// Appends the block.
    pub(crate) fn finish(self, out: &mut Vec<u8>) {
        self.dossiers.put(out);
        self.persons.put(out);
        self.boots.put(out);
        self.audience.put(out);
        for lane in &self.lanes {
            put_unsigned(out, lane.len() as u64);
        }
        for lane in &self.lanes {
            out.extend_from_slice(lane);
        }
    }

    fn lane(&mut self, lane: Lane) -> &mut Vec<u8> {
        &mut self.lanes[lane as usize]
    }

    fn check(&mut self, entry: &Entry, actor: ActorId) -> Result<(), WireError> {
        let position = self.next;
        let header = &entry.header;
        header.check_limits().map_err(|source| WireError::Header { position, source })?;
        let is_create = Kind::from_byte(header.kind.byte()) == Kind::Create;
        let fields = [
            ("actor", header.actor == actor),
            ("payload length", header.payload_len as usize == entry.payload.len()),
            ("payload hash", header.payload_hash == payload_hash(&entry.payload)),
            ("creation nonce", header.creation.is_some() == is_create),
        ];
        if let Some((what, _)) = fields.into_iter().find(|(_, fits)| !fits) {
            return Err(WireError::Mismatch { position, what });
        }
        self.count += 1;
        self.restored +=
            restored_bytes(entry.payload.len(), header.deps.len(), header.audience.len());
        for (what, got, limit) in [
            ("entries", self.count, limits::FRAME_ENTRIES),
            ("restored bytes", self.restored, limits::FRAME_RAW_BYTES),
        ] {
            if got > limit {
                return Err(WireError::Limit { what, got: got as u64, limit: limit as u64 });
            }
        }
        Ok(())
    }

    fn refs(&mut self, entry: &Entry) {
        let header = &entry.header;
        let refs = &mut self.lanes[Lane::Refs as usize];
        put_unsigned(refs, self.persons.code(header.person.0));
        put_unsigned(refs, self.boots.code(entry.boot.0));
        put_unsigned(refs, header.audience.len() as u64);
        for op in &header.audience {
            put_unsigned(refs, self.audience.code(audience_bytes(op)));
        }
    }

    fn parents(
        &mut self,
        header: &Header,
        resolve: &mut dyn FnMut(&DossierId, &Hash) -> Option<u64>,
    ) {
        let mut has_parent = false;
        put_unsigned(self.lane(Lane::Parents), header.deps.len() as u64);
        for hash in &header.deps {
            let known = match self.changes.get(hash) {
                Some((position, dossier)) => (*dossier == header.dossier).then_some(*position),
                None => resolve(&header.dossier, hash),
            };
            let distance = known.and_then(|position| self.next.checked_sub(position));
            let code = distance.filter(|distance| *distance > 0).unwrap_or(NEW);
            put_unsigned(self.lane(Lane::Parents), code);
            if code == NEW {
                self.lane(Lane::Full).extend_from_slice(&hash.0);
            } else {
                has_parent = true;
            }
        }
        let code = if has_parent {
            DOSSIER_OF_PARENT
        } else {
            // The table's codes, moved up by the one that stands for the parent's.
            match self.dossiers.code(header.dossier.0) {
                NEW => DOSSIER_NEW,
                known => known + 1,
            }
        };
        put_unsigned(self.lane(Lane::Parents), code);
    }

    /// Writes the payload and the numbers; the form it took.
    fn payload(&mut self, entry: &Entry) -> Result<u8, WireError> {
        let position = self.next;
        let header = &entry.header;
        put_unsigned(self.lane(Lane::Numbers), u64::from(header.schema));
        put_unsigned(self.lane(Lane::Numbers), u64::from(header.op_count));
        let without_ids;
        let (form, bytes) = if !header.kind.is_change() {
            (FORM_PLAIN, entry.payload.as_slice())
        } else if let Some((form, chunk)) = elide(entry) {
            put_unsigned(self.lane(Lane::Numbers), chunk.seq);
            put_unsigned(self.lane(Lane::Numbers), chunk.start_op);
            if form == FORM_REST {
                put_signed(self.lane(Lane::Numbers), chunk.time);
            }
            match ids::take_out(&fact_ids(header), chunk.rest, &mut self.lanes[Lane::Ids as usize])
            {
                Some(rest) => {
                    without_ids = rest;
                    (form | FORM_WITHOUT_IDS, without_ids.as_slice())
                }
                None => (form, chunk.rest),
            }
        } else {
            let hash = change_hash(&entry.payload)
                .map_err(|source| WireError::Chunk { position, source })?;
            if hash != header.change_hash {
                return Err(WireError::Mismatch { position, what: "change hash" });
            }
            (FORM_CHUNK, entry.payload.as_slice())
        };
        put_unsigned(self.lane(Lane::Lengths), bytes.len() as u64);
        self.lane(Lane::Payload).extend_from_slice(bytes);
        Ok(form)
    }
}

/// The shortest form from which the receiver rebuilds exactly this payload, tried out here.
fn elide(entry: &Entry) -> Option<(u8, Chunk<'_>)> {
    let header = &entry.header;
    let chunk = Chunk::parse(&entry.payload).ok()?;
    let parts = Parts {
        deps: &header.deps,
        actor: header.actor,
        seq: chunk.seq,
        start_op: chunk.start_op,
        time: chunk.time,
        rest: chunk.rest,
    };
    if chunk.hash != header.change_hash || !parts.give(&entry.payload) {
        return None;
    }
    let claimed = header.claimed_at.0;
    let form = match chunk.time {
        time if time == claimed => FORM_REST_MILLIS,
        time if time == claimed.div_euclid(1_000) => FORM_REST_SECONDS,
        _ => FORM_REST,
    };
    Some((form, chunk))
}

fn fact_ids(header: &Header) -> FactIds {
    FactIds::new(header.actor, header.dossier, &header.deps, header.claimed_at)
}

fn audience_bytes(op: &AudienceOp) -> [u8; AudienceOp::LEN] {
    let mut out = Vec::with_capacity(AudienceOp::LEN);
    op.encode(&mut out);
    let mut bytes = [0; AudienceOp::LEN];
    bytes.copy_from_slice(&out);
    bytes
}

/// Values in the order in which they were first met.
#[derive(Debug)]
struct Table<const N: usize> {
    codes: BTreeMap<[u8; N], u64>,
    bytes: Vec<u8>,
}

impl<const N: usize> Default for Table<N> {
    fn default() -> Self {
        Self { codes: BTreeMap::new(), bytes: Vec::new() }
    }
}

impl<const N: usize> Table<N> {
    /// [`NEW`] for a value not met before, else its place in the table, from 1.
    fn code(&mut self, value: [u8; N]) -> u64 {
        if let Some(code) = self.codes.get(&value) {
            return *code;
        }
        self.bytes.extend_from_slice(&value);
        self.codes.insert(value, self.codes.len() as u64 + 1);
        NEW
    }

    fn put(&self, out: &mut Vec<u8>) {
        put_unsigned(out, self.codes.len() as u64);
        out.extend_from_slice(&self.bytes);
    }
}
