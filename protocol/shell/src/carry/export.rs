//! Recording: a bundle written from the stores, in the memory of one frame.

use super::{
    CarryError, Courier, Exported, ScansCarried, Spool, lock,
    scans::{self, Load},
};
use crate::{
    clock::Clock,
    driver::Signal,
    engine::{Engine, random},
};
use motcua_core::{
    bundle::{Body, End, Item, Manifest, Recipient, Writer},
    id::{DossierId, LogId, NodeId, OfficeId},
    key::PublicKey,
    limits,
    replica::{Asked, Carried, Data, DownExport, ExportError, UpExport, readers_up},
    state::{Key, Kv, StoreError, rows::Author},
    trust::{Binding, Signed, TrustView},
    wire::{DownFrame, Row, RowItem},
};
use std::{
    collections::{BTreeMap, BTreeSet},
    io::{BufWriter, Write},
    time::Duration,
};

/// Room left in a file for its end.
const ENDING: u64 = 4 * limits::MESSAGE_BYTES as u64;

/// What goes up from here; with `all`, also what the hub is known to have.
pub(super) fn up(
    courier: &Courier,
    spool: Spool,
    all: bool,
    scans: u64,
) -> Result<(Spool, Exported), CarryError> {
    let engine = &courier.engine;
    let (trust, config) = (engine.trust(), engine.config());
    let received = if all { BTreeMap::new() } else { received(engine)? };
    let wall = engine.clock().wall();
    let (mut export, body) = UpExport::new(engine.books(), &config, &trust, &received, wall)?;
    let parent = config.parent.ok_or(ExportError::NoParent)?;
    let readers = readers_up(&trust, engine.me.office, parent);
    let load = |_: &BTreeSet<DossierId>, room: u64| Load::up(engine, all, room.min(scans));
    let done = write(courier, spool, &readers, body, None, || export.next_message(), load)?;
    let Written { spool, items, bytes, more, scans } = done;
    let (mut vi, mut en) = match items {
        0 => (
            "Hub đã có tất cả; gói chỉ hỏi hub có gì mới.".to_owned(),
            "The hub has everything already; the bundle only asks for news.".to_owned(),
        ),
        _ => (
            format!(
                "Gói có {items} mục chưa được hub xác nhận. Chưa tính là đã gửi cho đến khi nhập gói \
                 trả lời.{}",
                more_vi(more)
            ),
            format!(
                "The bundle holds {items} entries that the hub has not acknowledged. They do not \
                 count as sent until the answer is imported.{}",
                more_en(more)
            ),
        ),
    };
    let (scans_vi, scans_en) = scans::words(&scans);
    vi += &scans_vi;
    en += &scans_en;
    let readers = names(&trust, &readers);
    let direction = "up";
    let (words_vi, words_en) = (vi, en);
    Ok((spool, Exported { direction, items, bytes, more, scans, readers, words_vi, words_en }))
}

/// What an office lacks.
pub(super) fn down(
    courier: &Courier,
    spool: Spool,
    office: OfficeId,
    node: Option<NodeId>,
    scans: u64,
) -> Result<(Spool, Exported), CarryError> {
    let engine = &courier.engine;
    let (trust, config) = (engine.trust(), engine.config());
    let machines = machines(engine, &trust, office)?;
    let readers: Vec<PublicKey> = machines
        .into_iter()
        .filter(|key| node.is_none_or(|node| key.node_id() == node))
        .filter(|key| trust.denied(key.node_id()).is_none())
        .take(limits::BUNDLE_READERS)
        .collect();
    if let (true, Some(node)) = (readers.is_empty(), node) {
        return Err(CarryError::Unknown { what: "machine", value: node.to_string() });
    }
    let said = match (node, readers.as_slice()) {
        (Some(node), _) => Some(node),
        (None, [only]) => Some(only.node_id()),
        (None, _) => None,
    };
    let cursor = said.and_then(|node| lock(&courier.said).get(&node).copied());
    let asked = Asked { node: said, said: cursor.is_some(), cursor: cursor.unwrap_or_default() };
    let wall = engine.clock().wall();
    let root_has = Vec::new();
    let (mut export, body) =
        DownExport::new(engine.books(), &config, &trust, office, &asked, root_has, wall)?;
    let documents = Some(trust.to_bytes());
    let asked = said.and_then(|node| lock(&courier.scans).get(&node).cloned()).unwrap_or_default();
    let load = |dossiers: &BTreeSet<DossierId>, room: u64| {
        Load::down(engine, office, dossiers, &asked, room.min(scans))
    };
    let done = write(courier, spool, &readers, body, documents, || export.next_message(), load)?;
    let Written { spool, items, bytes, more, scans } = done;
    let name = courier.office_name(office);
    let mut vi =
        format!("Gói cho {name} có {items} mục và xác nhận những gì hub đã nhận.{}", more_vi(more));
    let mut en = format!(
        "The bundle for {name} holds {items} items and what this hub has received.{}",
        more_en(more)
    );
    let (scans_vi, scans_en) = scans::words(&scans);
    vi += &scans_vi;
    en += &scans_en;
    let readers = names(&trust, &readers);
    let direction = "down";
    let (words_vi, words_en) = (vi, en);
    Ok((spool, Exported { direction, items, bytes, more, scans, readers, words_vi, words_en }))
}

fn more_vi(more: bool) -> &'static str {
    if more {
        " Gói đã đầy; sau khi nhập trả lời hãy xuất gói tiếp theo."
    } else {
        ""
    }
}

fn more_en(more: bool) -> &'static str {
    if more { " It is full: export another once its answer is imported." } else { "" }
}

struct Written {
    spool: Spool,
    items: u64,
    bytes: u64,
    more: bool,
    scans: ScansCarried,
}

fn write(
    courier: &Courier,
    mut spool: Spool,
    readers: &[PublicKey],
    body: Body,
    trust: Option<Vec<u8>>,
    mut next: impl FnMut() -> Result<Option<Vec<u8>>, ExportError>,
    load: impl FnOnce(&BTreeSet<DossierId>, u64) -> Result<Load, CarryError>,
) -> Result<Written, CarryError> {
    let engine = &courier.engine;
    let config = engine.config();
    let readers: Vec<Recipient> = readers.iter().copied().map(Recipient).collect();
    let out = BufWriter::with_capacity(256 * 1024, spool.file());
    let (key, binding, domain) = (&config.key, &config.binding, config.domain);
    let mut writer = Writer::new(out, key, binding, domain, &readers, &random())?;
    let made_at = engine.clock().wall();
    writer.item(&Item::Manifest(Box::new(Manifest { made_at, body })))?;
    if let Some(documents) = trust {
        writer.item(&Item::Trust(documents))?;
    }
    let (mut items, mut messages, mut more) = (0, 0, false);
    let mut dossiers = BTreeSet::new();
    while let Some(message) = next()? {
        dossiers.extend(dossiers_in(&message));
        items += match Carried::peek(&message)? {
            Carried::Log(_) => 0,
            Carried::Up { first, last, .. } => last + 1 - first,
            Carried::Down { after, upto } => upto - after,
        };
        writer.item(&Item::Data(message))?;
        messages += 1;
        if writer.length() + ENDING > limits::BUNDLE_BYTES {
            more = next()?.is_some();
            break;
        }
    }
    // A tag of 16 bytes for each 64 KiB, and the head of each item.
    let room = limits::BUNDLE_BYTES.saturating_sub(writer.length() + ENDING);
    let scans = match more {
        // First what the scans belong to.
        true => ScansCarried::default(),
        false => load(&dossiers, room - room / 1_024)?.write(engine, &mut writer)?,
    };
    writer.item(&Item::End(End { messages, more }))?;
    writer.finish()?.flush()?;
    let bytes = spool.length()?;
    Ok(Written { spool, items, bytes, more, scans })
}

/// Dossiers that rows of an inbox are about.
fn dossiers_in(message: &[u8]) -> Vec<DossierId> {
    let Ok(Data::Down(frame)) = postcard::from_bytes(message) else { return Vec::new() };
    let rows = DownFrame::decode(&frame).map(|frame| frame.rows).unwrap_or_default();
    let of = |row: Row| match row.item {
        RowItem::Entry { entry, .. } => Some(entry.header.dossier),
        _ => None,
    };
    rows.into_iter().filter_map(of).collect()
}

/// What the hub above is known to have, by log.
fn received(engine: &Engine) -> Result<BTreeMap<LogId, u64>, CarryError> {
    let (asker, answer) = std::sync::mpsc::channel();
    engine.driver().signal(Signal::Received(asker));
    let told = answer.recv_timeout(Duration::from_secs(30));
    let mut received = told.map_err(|_| CarryError::Stopping)?;
    // Before the first welcome of this process, what the journal says.
    let meta = engine.meta().map_err(ExportError::from)?;
    let own = received.entry(meta.own_log).or_default();
    *own = (*own).max(meta.acknowledged);
    Ok(received)
}

/// Device keys of an office's machines, as far as this hub has let them in or heard of them.
fn machines(
    engine: &Engine,
    trust: &TrustView,
    office: OfficeId,
) -> Result<Vec<PublicKey>, CarryError> {
    let mut keys = BTreeSet::new();
    let (from, to) = (Key::Issued(NodeId::ZERO).bytes(), Key::Issued(NodeId([0xff; 16])).bytes());
    let issued = engine.books().range(&from, &to, usize::MAX).map_err(ExportError::from)?;
    let mut bindings: Vec<Vec<u8>> = issued.into_iter().map(|(_, bytes)| bytes).collect();
    for log in engine.books().logs().map_err(ExportError::from)? {
        let author: Result<Option<Author>, StoreError> = engine.books().row(Key::Author(log));
        bindings.extend(author.map_err(ExportError::from)?.map(|author| author.binding));
    }
    for bytes in bindings {
        let binding = Signed::decode::<Binding>(&bytes).and_then(|signed| trust.binding(&signed));
        if let Ok(binding) = binding
            && binding.office == office
        {
            keys.insert(binding.key);
        }
    }
    if let Some(hub) = trust.hub(office) {
        keys.insert(hub.key);
    }
    Ok(keys.into_iter().collect())
}

/// Offices of the readers.
fn names(trust: &TrustView, readers: &[PublicKey]) -> Vec<String> {
    let name = |key: &PublicKey| {
        let hub = trust.root().hubs.iter().find(|hub| hub.key == *key);
        let office = hub.and_then(|hub| trust.office(hub.office));
        office.map_or_else(|| key.node_id().to_string(), |office| office.name.clone())
    };
    readers.iter().map(name).collect()
}
