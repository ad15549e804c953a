//! Bundles: files that anybody may have had in hand.

use crate::{Outcome, bytes::Tape};
use motcua_core::{
    bundle::{
        Body, BundleError, End, Item, Manifest, Reader, Recipient, ScanHead, ScanNotes, Writer,
        check,
    },
    id::{DomainId, Hash, OfficeId},
    key::SecretKey,
    replica::{Hello, Status},
    time::Timestamp,
    trust::{Binding, NodeKind, Signed},
};
use std::io::Cursor;

pub const RAW: u8 = 0;
pub const WRITTEN: u8 = 1;
pub const BENT: u8 = 2;
const DOMAIN: DomainId = DomainId([0xd0; 16]);
/// Items of one file, and changes to it.
const ITEMS: usize = 12;

pub fn run(input: &[u8]) -> Outcome {
    let mut tape = Tape(input);
    match tape.byte() % 3 {
        // Whoever sends it signs it: a stranger's file stops at its signature.
        RAW => match read(tape.0).1 {
            Ok(()) => Outcome::Taken,
            Err(_) => Outcome::Refused,
        },
        WRITTEN => written(&mut tape),
        _ => bent(&mut tape),
    }
}

fn key(number: u8) -> SecretKey {
    SecretKey::from_seed([number; 32])
}

/// What a machine of this city that lies may put into a file. What is written is read as it is, or
/// refused at the place where it stops being a bundle.
fn written(tape: &mut Tape<'_>) -> Outcome {
    let mut items = Vec::new();
    while !tape.0.is_empty() && items.len() < ITEMS {
        items.extend(item(tape));
    }
    let Some(file) = file(&items) else { return Outcome::Refused };
    let (found, ended) = read(&file);
    assert!(items.starts_with(&found), "what was never written is read");
    if ended.is_err() {
        return Outcome::Refused;
    }
    assert_eq!(found, items, "a file that is read to its end is read whole");
    Outcome::Taken
}

/// A true file, of which bytes are changed or the end is gone.
fn bent(tape: &mut Tape<'_>) -> Outcome {
    let items = [manifest(), Item::Data(vec![1; 300]), Item::Data(vec![2; 9]), end(2)];
    let mut file = file(&items).expect("a true file is written");
    let whole = file.clone();
    for _ in 0..ITEMS {
        if tape.0.is_empty() {
            break;
        }
        let (at, with) = (usize::from(tape.short()), tape.byte());
        match with {
            0 => file.truncate(at.max(1)),
            _ => {
                let at = at % file.len();
                file[at] ^= with;
            }
        }
    }
    let (found, ended) = read(&file);
    assert!(items.starts_with(&found), "what was never written is read");
    assert_eq!(ended.is_ok(), file == whole, "only what was signed is read to its end");
    if ended.is_ok() { Outcome::Taken } else { Outcome::Refused }
}

fn item(tape: &mut Tape<'_>) -> Option<Item> {
    let kind = tape.byte();
    let piece = tape.piece();
    Some(match kind % 8 {
        0 => manifest(),
        1 => Item::Manifest(postcard::from_bytes(piece).ok()?),
        2 => Item::Trust(piece.to_vec()),
        3 => Item::Data(piece.to_vec()),
        4 => Item::ScanNotes(postcard::from_bytes::<ScanNotes>(piece).ok()?),
        5 => Item::Scan(postcard::from_bytes::<ScanHead>(piece).ok()?),
        6 => Item::ScanBytes(piece.to_vec()),
        _ => Item::End(End { messages: piece.len() as u64, more: kind > 127 }),
    })
}

fn end(messages: u64) -> Item {
    Item::End(End { messages, more: false })
}

fn binding(of: &SecretKey) -> Vec<u8> {
    let binding = Binding {
        domain: DOMAIN,
        key: of.public(),
        office: OfficeId([7; 16]),
        kind: NodeKind::Node,
        slot: 0,
        slots: 1,
        serial: 1,
        issued_at: Timestamp(0),
    };
    Signed::sign(&key(200), &binding).expect("a binding is written").encode()
}

fn manifest() -> Item {
    let hello = Hello {
        acknowledged: None,
        versions: (1, 1),
        features: 0,
        domain: DOMAIN,
        binding: binding(&key(1)),
        heads: Default::default(),
        cursor: Default::default(),
        trust: Default::default(),
        clock: Timestamp(5),
        software: "test".into(),
    };
    let body =
        Body::Up { hello: Box::new(hello), builds_on: Vec::new(), status: Status::default() };
    Item::Manifest(Box::new(Manifest { made_at: Timestamp(5), body }))
}

/// Written by key 1 for key 2, if the writer takes all that.
fn file(items: &[Item]) -> Option<Vec<u8>> {
    let (sender, reader) = (key(1), Recipient(key(2).public()));
    let mut writer =
        Writer::new(Vec::new(), &sender, &binding(&sender), DOMAIN, &[reader], &[9; 32]).ok()?;
    items.iter().try_for_each(|item| writer.item(item)).ok()?;
    writer.finish().ok()
}

/// What stands in a file before it ends, or stops being one.
fn read(file: &[u8]) -> (Vec<Item>, Result<(), BundleError>) {
    let mut items = Vec::new();
    let ended = read_into(&mut items, file);
    (items, ended)
}

fn read_into(items: &mut Vec<Item>, file: &[u8]) -> Result<(), BundleError> {
    let checked = check(&mut Cursor::new(file), file.len() as u64, DOMAIN)?;
    let mut reader = Reader::new(Cursor::new(file), &checked, &key(2))?;
    while let Some(item) = reader.item()? {
        items.push(item);
    }
    Ok(())
}

/// Inputs to begin with.
pub fn seeds() -> Vec<(String, Vec<u8>)> {
    let whole = file(&[manifest(), Item::Data(vec![3; 40]), end(1)]).expect("a true file");
    let piece = |kind: u8, bytes: &[u8]| {
        let mut out = vec![kind];
        crate::bytes::put_piece(&mut out, bytes);
        out
    };
    let scan = ScanHead { hash: Hash([4; 32]), size: 3 };
    let scan = postcard::to_allocvec(&scan).expect("it is written");
    let notes = postcard::to_allocvec(&ScanNotes { has: vec![Hash([4; 32])], wants: vec![] });
    let notes = notes.expect("it is written");
    let good = [piece(0, &[]), piece(3, &[1; 20]), piece(7, &[0; 1])].concat();
    let scans =
        [piece(0, &[]), piece(4, &notes), piece(5, &scan), piece(6, &[1, 2, 3]), piece(7, &[])];
    vec![
        ("raw".into(), [&[RAW], &whole[..]].concat()),
        ("raw-half".into(), [&[RAW], &whole[..whole.len() / 2]].concat()),
        ("written".into(), [&[WRITTEN], &good[..]].concat()),
        ("written-scans".into(), [&[WRITTEN], &scans.concat()[..]].concat()),
        ("end-first".into(), [vec![WRITTEN], piece(7, &[]), piece(0, &[])].concat()),
        ("no-manifest".into(), [vec![WRITTEN], piece(3, &[1; 20]), piece(7, &[0])].concat()),
        ("whole".into(), vec![BENT]),
        ("bent".into(), vec![BENT, 40, 0, 1]),
        ("cut".into(), vec![BENT, 0, 1, 0]),
    ]
}
