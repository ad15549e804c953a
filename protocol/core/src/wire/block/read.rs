//! A block into entries. Everything here comes from strangers.

use super::{
    DOSSIER_NEW, DOSSIER_OF_PARENT, FLAG_CHANGE_HASH, FLAG_SEALED, FORM_CHUNK, FORM_PLAIN,
    FORM_REST, FORM_REST_MILLIS, FORM_REST_SECONDS, FORM_WITHOUT_IDS, LANES, Lane, NEW, ids,
    restored_bytes,
};
use crate::{
    entry::{AudienceOp, DocType, Entry, FactIds, Header, HeaderError, Kind, payload_hash},
    id::{ActorId, DossierId, Hash, Nonce, PersonId},
    limits,
    time::{ClockQuality, Timestamp},
    wire::{
        WireError,
        chunk::{Parts, change_hash},
        varint::Reader,
    },
};

const SHAPE: usize = 4;

/// Reads the `count` entries of a block, the first of which has position `base`. `actor` makes
/// the actor of the n-th entry (from 0) of a boot; `resolve` gives change and dossier of an entry
/// before the block.
///
/// # Errors
/// [`WireError`] for whatever does not hold; nothing is allocated for what was not received.
pub(crate) fn read(
    reader: &mut Reader<'_>,
    count: usize,
    base: u64,
    mut actor: impl FnMut(usize, Nonce) -> ActorId,
    resolve: &mut dyn FnMut(u64) -> Option<(Hash, DossierId)>,
) -> Result<Vec<Entry>, WireError> {
    let mut block = Block::open(reader)?;
    let shapes = block.lanes[Lane::Shape as usize].rest().len();
    match shapes.checked_sub(count * SHAPE) {
        None => return Err(WireError::Truncated("entries")),
        Some(0) => {}
        Some(bytes) => return Err(WireError::Trailing { what: "entries", bytes }),
    }
    let mut entries: Vec<Entry> = Vec::with_capacity(count);
    for index in 0..count {
        let position = base + index as u64;
        let mut earlier = |distance: u64| {
            let wrong = WireError::Reference { what: "parent at distance", got: distance };
            let target = position.checked_sub(distance).ok_or(wrong.clone())?;
            let Some(within) = target.checked_sub(base) else {
                let known = if target == 0 { None } else { resolve(target) };
                return known.ok_or(if target == 0 { wrong } else { WireError::Unknown(target) });
            };
            let parent = entries.get(within as usize).filter(|entry| entry.header.kind.is_change());
            let parent = parent.ok_or(wrong)?;
            Ok((parent.header.change_hash, parent.header.dossier))
        };
        let entry = block.entry(position, |boot| actor(index, boot), &mut earlier)?;
        entries.push(entry);
    }
    block.close()?;
    Ok(entries)
}

struct Block<'a> {
    dossiers: Table<'a, 16>,
    persons: Table<'a, 16>,
    boots: Table<'a, 16>,
    audience: Table<'a, { AudienceOp::LEN }>,
    lanes: [Reader<'a>; LANES],
    time: i64,
    restored: usize,
    /// A change's bytes with its ids put back; kept to be used again.
    with_ids: Vec<u8>,
}

type Earlier<'a> = dyn FnMut(u64) -> Result<(Hash, DossierId), WireError> + 'a;

impl<'a> Block<'a> {
    fn open(reader: &mut Reader<'a>) -> Result<Self, WireError> {
        let dossiers = Table::open(reader, "dossiers", limits::FRAME_ENTRIES)?;
        let persons = Table::open(reader, "persons", limits::FRAME_ENTRIES)?;
        let boots = Table::open(reader, "boots", limits::FRAME_ENTRIES)?;
        let operations = limits::FRAME_ENTRIES * limits::ENTRY_AUDIENCE_OPERATIONS;
        let audience = Table::open(reader, "audience operations", operations)?;
        let mut lengths = [0; LANES];
        for length in &mut lengths {
            *length = reader.count("lane bytes", limits::FRAME_RAW_BYTES, 1)?;
        }
        let mut lanes = [Reader::new(&[]); LANES];
        for (lane, length) in lanes.iter_mut().zip(lengths) {
            *lane = Reader::new(reader.take(length, "lanes")?);
        }
        Ok(Self {
            dossiers,
            persons,
            boots,
            audience,
            lanes,
            time: 0,
            restored: 0,
            with_ids: Vec::new(),
        })
    }

    /// Every table value must have been used and every lane read to its end: no byte of a frame
    /// is without meaning.
    fn close(self) -> Result<(), WireError> {
        self.dossiers.close()?;
        self.persons.close()?;
        self.boots.close()?;
        self.audience.close()?;
        self.lanes.into_iter().try_for_each(|lane| lane.finish("lanes"))
    }

    fn lane(&mut self, lane: Lane) -> &mut Reader<'a> {
        &mut self.lanes[lane as usize]
    }

    fn entry(
        &mut self,
        position: u64,
        actor: impl FnOnce(Nonce) -> ActorId,
        earlier: &mut Earlier<'_>,
    ) -> Result<Entry, WireError> {
        let [kind, doc_type, flags, form] = self.lane(Lane::Shape).array("entries")?;
        let kind = Kind::from_byte(kind);
        let hash_travels = flags & FLAG_CHANGE_HASH != 0;
        if flags >> 4 != 0 || (hash_travels && kind.is_change()) {
            return Err(WireError::Flags { position, flags });
        }
        self.time = self.time.wrapping_add(self.lane(Lane::Times).signed("claimed time")?);
        let person = self.persons.next(&mut self.lanes[Lane::Refs as usize])?;
        let boot = Nonce(self.boots.next(&mut self.lanes[Lane::Refs as usize])?);
        let audience = self.audience_ops(position)?;
        let schema = self.lane(Lane::Numbers).unsigned("schema")?;
        let op_count = self.lane(Lane::Numbers).unsigned("operations")?;
        let travelled = if hash_travels { self.full_hash()? } else { Hash::ZERO };
        let (deps, dossier) = self.parents(earlier)?;
        let creation = if kind == Kind::Create {
            Some(Nonce(self.lane(Lane::Full).array("nonce")?))
        } else {
            None
        };
        let mut header = Header {
            kind,
            doc_type: DocType::from_byte(doc_type),
            sealed: flags & FLAG_SEALED != 0,
            clock: ClockQuality::from_bits(flags >> 1),
            dossier,
            claimed_at: Timestamp(self.time),
            person: PersonId(person),
            actor: actor(boot),
            schema: narrow("schema", schema, u64::from(u16::MAX))? as u16,
            op_count: narrow("operations", op_count, u64::from(limits::ENTRY_OPERATIONS))? as u32,
            payload_len: 0,
            change_hash: travelled,
            payload_hash: Hash::ZERO,
            audience,
            deps,
            creation,
        };
        let payload = self.payload(position, form, &mut header)?;
        header.payload_len = payload.len() as u32;
        header.payload_hash = payload_hash(&payload);
        header.check_limits().map_err(|source| WireError::Header { position, source })?;
        let restored = restored_bytes(payload.len(), header.deps.len(), header.audience.len());
        self.restored += restored;
        narrow("restored bytes", self.restored as u64, limits::FRAME_RAW_BYTES as u64)?;
        Ok(Entry { header, boot, payload })
    }

    fn full_hash(&mut self) -> Result<Hash, WireError> {
        self.lane(Lane::Full).array("hashes").map(Hash)
    }

    fn audience_ops(&mut self, position: u64) -> Result<Vec<AudienceOp>, WireError> {
        let refs = &mut self.lanes[Lane::Refs as usize];
        let limit = limits::ENTRY_AUDIENCE_OPERATIONS;
        let count = refs.count("audience operations of an entry", limit, 1)?;
        let unknown = WireError::Header { position, source: HeaderError::Audience };
        (0..count)
            .map(|_| {
                let bytes = self.audience.next(refs)?;
                AudienceOp::decode(&bytes).ok_or_else(|| unknown.clone())
            })
            .collect()
    }

    fn parents(&mut self, earlier: &mut Earlier<'_>) -> Result<(Vec<Hash>, DossierId), WireError> {
        let limit = limits::ENTRY_DEPENDENCIES;
        let count = self.lane(Lane::Parents).count("dependencies of an entry", limit, 1)?;
        let mut deps = Vec::with_capacity(count);
        let mut of_parent = None;
        for _ in 0..count {
            match self.lane(Lane::Parents).unsigned("dependencies")? {
                NEW => deps.push(self.full_hash()?),
                distance => {
                    let (hash, dossier) = earlier(distance)?;
                    deps.push(hash);
                    of_parent.get_or_insert(dossier);
                }
            }
        }
        let dossier = match self.lane(Lane::Parents).unsigned("dossiers")? {
            DOSSIER_OF_PARENT => {
                of_parent.ok_or(WireError::Empty("parent to take a dossier from"))?
            }
            DOSSIER_NEW => DossierId(self.dossiers.get(NEW)?),
            code => DossierId(self.dossiers.get(code - 1)?),
        };
        Ok((deps, dossier))
    }

    /// The payload as the author wrote it; for a change also its name.
    fn payload(
        &mut self,
        position: u64,
        form: u8,
        header: &mut Header,
    ) -> Result<Vec<u8>, WireError> {
        let chunk = |source| WireError::Chunk { position, source };
        let limit = limits::ENTRY_PAYLOAD_BYTES as u64;
        let length = self.lane(Lane::Lengths).unsigned("payload lengths")?;
        let length = narrow("payload bytes of an entry", length, limit)? as usize;
        let bytes = self.lane(Lane::Payload).take(length, "payloads")?;
        let claimed = header.claimed_at.0;
        let without_ids = form & FORM_WITHOUT_IDS != 0;
        let numbering = form & !FORM_WITHOUT_IDS;
        match (header.kind.is_change(), form) {
            (false, FORM_PLAIN) => return Ok(bytes.to_vec()),
            (true, FORM_CHUNK) => {
                header.change_hash = change_hash(bytes).map_err(chunk)?;
                return Ok(bytes.to_vec());
            }
            _ if header.kind.is_change()
                && matches!(numbering, FORM_REST | FORM_REST_MILLIS | FORM_REST_SECONDS) => {}
            _ => return Err(WireError::PayloadForm { position, form }),
        }
        let rest = if without_ids {
            let ids = FactIds::new(header.actor, header.dossier, &header.deps, header.claimed_at);
            ids::put_back(&ids, bytes, &mut self.lanes[Lane::Ids as usize], &mut self.with_ids)?;
            self.with_ids.as_slice()
        } else {
            bytes
        };
        let numbers = &mut self.lanes[Lane::Numbers as usize];
        let parts = Parts {
            deps: &header.deps,
            actor: header.actor,
            seq: numbers.unsigned("change counter")?,
            start_op: numbers.unsigned("operation counter")?,
            time: match numbering {
                FORM_REST_MILLIS => claimed,
                FORM_REST_SECONDS => claimed.div_euclid(1_000),
                _ => numbers.signed("time of a change")?,
            },
            rest,
        };
        let (payload, hash) = parts.build().map_err(chunk)?;
        header.change_hash = hash;
        Ok(payload)
    }
}

fn narrow(what: &'static str, got: u64, limit: u64) -> Result<u64, WireError> {
    if got > limit { Err(WireError::Limit { what, got, limit }) } else { Ok(got) }
}

struct Table<'a, const N: usize> {
    what: &'static str,
    values: &'a [u8],
    /// Values met so far.
    met: usize,
}

impl<'a, const N: usize> Table<'a, N> {
    fn open(reader: &mut Reader<'a>, what: &'static str, limit: usize) -> Result<Self, WireError> {
        let count = reader.count(what, limit, N)?;
        Ok(Self { what, values: reader.take(count * N, what)?, met: 0 })
    }

    fn next(&mut self, codes: &mut Reader<'_>) -> Result<[u8; N], WireError> {
        self.get(codes.unsigned(self.what)?)
    }

    /// The value of a code: [`NEW`] or the place, from 1, of one met before.
    fn get(&mut self, code: u64) -> Result<[u8; N], WireError> {
        let wrong = WireError::Reference { what: self.what, got: code };
        let index = match usize::try_from(code) {
            Ok(0) => self.met,
            Ok(place) if place <= self.met => place - 1,
            _ => return Err(wrong),
        };
        let from = index.checked_mul(N).and_then(|from| self.values.get(from..));
        let value = from.and_then(|rest| rest.first_chunk::<N>()).ok_or(wrong)?;
        if code == NEW {
            self.met += 1;
        }
        Ok(*value)
    }

    fn close(self) -> Result<(), WireError> {
        match self.values.len() / N - self.met {
            0 => Ok(()),
            unused => Err(WireError::Trailing { what: self.what, bytes: unused * N }),
        }
    }
}
