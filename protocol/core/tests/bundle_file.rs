//! The bundle as a file: only what was signed is opened, only those it is sealed to open it, and
//! whatever else is handed in gets words of its own.
#![allow(clippy::unwrap_used, missing_docs)]

use motcua_core::{
    bundle::{
        Body, BundleError, End, Item, Manifest, Reader, Recipient, ScanHead, ScanNotes, Writer,
        check,
    },
    id::{DomainId, Hash, OfficeId},
    key::SecretKey,
    limits,
    replica::{Hello, Status},
    time::Timestamp,
    trust::{Binding, NodeKind, Signed},
};
use proptest::prelude::*;
use std::io::{Cursor, Read};

const DOMAIN: DomainId = DomainId([0xd0; 16]);

fn key(number: u8) -> SecretKey {
    SecretKey::from_seed([number; 32])
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
    Signed::sign(&key(200), &binding).unwrap().encode()
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

fn items(sizes: &[usize]) -> Vec<Item> {
    let data = sizes.iter().enumerate().map(|(at, size)| Item::Data(vec![at as u8; *size]));
    let end = Item::End(End { messages: sizes.len() as u64, more: false });
    [manifest()].into_iter().chain(data).chain([end]).collect()
}

/// Written by key 1 for the given readers.
fn file(items: &[Item], readers: &[u8]) -> Vec<u8> {
    let readers: Vec<Recipient> =
        readers.iter().map(|number| Recipient(key(*number).public())).collect();
    let sender = key(1);
    let mut writer =
        Writer::new(Vec::new(), &sender, &binding(&sender), DOMAIN, &readers, &[9; 32]).unwrap();
    items.iter().for_each(|item| writer.item(item).unwrap());
    writer.finish().unwrap()
}

fn read(file: &[u8], as_key: u8) -> Result<Vec<Item>, BundleError> {
    let checked = check(&mut Cursor::new(file), file.len() as u64, DOMAIN)?;
    let mut reader = Reader::new(Cursor::new(file), &checked, &key(as_key))?;
    let mut items = Vec::new();
    while let Some(item) = reader.item()? {
        items.push(item);
    }
    Ok(items)
}

fn kind(file: &[u8], as_key: u8) -> &'static str {
    read(file, as_key).map_or_else(|error| error.kind(), |_| "read")
}

#[test]
fn every_reader_reads_what_was_written_and_nobody_else_does() {
    let written = items(&[10, 0, 70_000, 65_536, 3]);
    let file = file(&written, &[2, 3, 4]);
    for reader in [2, 3, 4] {
        assert_eq!(read(&file, reader).unwrap(), written);
    }
    let error = read(&file, 5).unwrap_err();
    assert!(matches!(&error, BundleError::NotForUs(readers) if readers.len() == 3));
    assert!(error.to_string().contains(&key(3).public().node_id().to_string()), "{error}");
}

#[test]
fn each_wrong_file_has_its_own_words() {
    let good = file(&items(&[100]), &[2]);
    assert_eq!(kind(&[], 2), "empty");
    assert_eq!(kind(b"PK\x03\x04 some other file", 2), "not_a_bundle");
    assert_eq!(kind(&good[..5], 2), "not_a_bundle");
    let mut later = good.clone();
    later[8] = 9;
    assert_eq!(kind(&later, 2), "version");
    let mut elsewhere = good.clone();
    elsewhere[9] ^= 1;
    assert_eq!(kind(&elsewhere, 2), "domain");
    assert_eq!(kind(&good[..good.len() - 1], 2), "truncated");
    assert_eq!(kind(&[good.as_slice(), b"x"].concat(), 2), "truncated");
    assert_eq!(kind(&file(&items(&[1]), &[3]), 2), "not_for_us");
}

#[test]
fn a_huge_file_is_refused_before_it_is_read() {
    struct Untouched;
    impl Read for Untouched {
        fn read(&mut self, _: &mut [u8]) -> std::io::Result<usize> {
            panic!("the file was read");
        }
    }
    let error = check(&mut Untouched, limits::BUNDLE_BYTES + 1, DOMAIN).unwrap_err();
    assert!(matches!(error, BundleError::Limit { what: "bytes", .. }));
}

#[test]
fn a_file_that_lies_about_its_counts_costs_nothing() {
    let good = file(&items(&[1]), &[2]);
    let length_at = 8 + 1 + 16;
    let mut lying = good.clone();
    lying[length_at..length_at + 2].copy_from_slice(&u16::MAX.to_le_bytes());
    assert_eq!(kind(&lying, 2), "limit");
    let length = usize::from(u16::from_le_bytes([good[length_at], good[length_at + 1]]));
    for count in [0, 255] {
        let mut lying = good.clone();
        lying[length_at + 2 + length] = count;
        assert_eq!(kind(&lying, 2), "limit");
    }
}

#[test]
fn whoever_signs_anothers_pieces_cannot_pass_them_as_their_own() {
    let good = file(&items(&[1_000]), &[2]);
    let other = file(&items(&[1_000]), &[2]);
    assert_eq!(good, other, "the same seed gives the same file");
    // The thief knows neither the file key nor the reader's; it keeps head and pieces and signs.
    let thief = key(66);
    let start = 8 + 1 + 16;
    let old = usize::from(u16::from_le_bytes([good[start], good[start + 1]]));
    let mine = binding(&thief);
    let mut forged = good[..start].to_vec();
    forged.extend((mine.len() as u16).to_le_bytes());
    forged.extend(&mine);
    forged.extend(&good[start + 2 + old..good.len() - 64]);
    let mut hasher = blake3_of("motcua 2026 bundle file v1");
    hasher.update(&forged);
    let hash = *hasher.finalize().as_bytes();
    let signature = thief.sign(motcua_core::key::Purpose::Bundle, DOMAIN, &hash);
    forged.extend(signature.0);
    assert!(check(&mut Cursor::new(&forged), forged.len() as u64, DOMAIN).is_ok());
    assert_eq!(kind(&forged, 2), "unsealing");
}

fn blake3_of(context: &str) -> blake3::Hasher {
    blake3::Hasher::new_derive_key(context)
}

#[test]
fn what_is_signed_and_still_no_bundle_is_refused_in_words() {
    let End { more, .. } = End { messages: 0, more: false };
    let ended = |messages| Item::End(End { messages, more });
    for (what, wrong) in [
        ("no manifest", vec![Item::Data(vec![1]), ended(1)]),
        ("two manifests", vec![manifest(), manifest(), ended(0)]),
        ("no end", vec![manifest(), Item::Data(vec![1])]),
        ("miscounted", vec![manifest(), Item::Data(vec![1]), ended(2)]),
        ("something after the end", vec![manifest(), ended(0), Item::Data(vec![1])]),
        ("nothing", vec![]),
    ] {
        assert_eq!(kind(&file(&wrong, &[2]), 2), "malformed", "{what}");
    }
    let readers = [Recipient(key(2).public())];
    let sender = key(1);
    let mut writer =
        Writer::new(Vec::new(), &sender, &binding(&sender), DOMAIN, &readers, &[9; 32]).unwrap();
    let long = Item::Data(vec![0; limits::MESSAGE_BYTES + 1]);
    assert!(matches!(writer.item(&long), Err(BundleError::Limit { .. })));
    let nobody = Writer::new(Vec::new(), &sender, &binding(&sender), DOMAIN, &[], &[9; 32]);
    assert!(matches!(nobody.err(), Some(BundleError::NoReader)));
}

#[test]
fn no_plain_byte_of_what_is_carried_stands_in_the_file() {
    let marker = "Nguyễn Thị Mẫu Hạnh 079123456789".as_bytes();
    let written =
        vec![manifest(), Item::Data(marker.to_vec()), Item::End(End { messages: 1, more: false })];
    let file = file(&written, &[2]);
    assert!(!file.windows(8).any(|window| marker.starts_with(window)));
    assert_eq!(read(&file, 2).unwrap(), written);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// No flipped bit anywhere is taken.
    #[test]
    fn a_flipped_bit_is_found(at in any::<prop::sample::Index>(), bit in 0u8..8) {
        let mut file = file(&items(&[10, 66_000]), &[2, 3]);
        let at = at.index(file.len());
        file[at] ^= 1 << bit;
        prop_assert!(check(&mut Cursor::new(&file), file.len() as u64, DOMAIN).is_err());
    }

    /// Cut anywhere, it is refused as cut; and no bytes make it panic.
    #[test]
    fn a_cut_file_is_found(at in any::<prop::sample::Index>()) {
        let file = file(&items(&[10, 66_000]), &[2, 3]);
        let cut = &file[..at.index(file.len())];
        let words = kind(cut, 2);
        prop_assert!(["truncated", "empty", "not_a_bundle"].contains(&words), "{}", words);
    }

    #[test]
    fn any_bytes_are_answered_with_words(bytes in prop::collection::vec(any::<u8>(), 0..400)) {
        let file = [b"MCBUNDLE\x01".as_slice(), &DOMAIN.0, &bytes].concat();
        prop_assert!(read(&file, 2).is_err());
    }
}

#[test]
fn scans_travel_behind_the_messages_in_items_that_are_bounded() {
    let (hash, name) = (Hash([7; 32]), Hash([8; 32]));
    let mut all = items(&[10, 70_000]);
    let end = all.pop().unwrap();
    all.push(Item::ScanNotes(ScanNotes { has: vec![hash, name], wants: vec![name] }));
    all.push(Item::Scan(ScanHead { hash, size: 100_000 }));
    all.push(Item::ScanBytes(vec![1; limits::BUNDLE_PIECE_BYTES]));
    all.push(Item::ScanBytes(vec![2; 100_000 - limits::BUNDLE_PIECE_BYTES]));
    all.push(end);
    assert_eq!(read(&file(&all, &[2]), 2).unwrap(), all);
    // More than a reader would take is not written.
    let sender = key(1);
    let readers = [Recipient(key(2).public())];
    for item in [
        Item::ScanBytes(vec![0; limits::BUNDLE_PIECE_BYTES + 1]),
        Item::ScanNotes(ScanNotes {
            has: vec![hash; limits::BUNDLE_SCANS_NAMED + 1],
            wants: vec![hash; limits::BUNDLE_SCANS_NAMED + 1],
        }),
    ] {
        let mut writer =
            Writer::new(Vec::new(), &sender, &binding(&sender), DOMAIN, &readers, &[9; 32])
                .unwrap();
        writer.item(&manifest()).unwrap();
        let refused = writer.item(&item).unwrap_err();
        assert_eq!(refused.kind(), "limit", "{refused}");
    }
    // As many as may be named fit.
    let most = vec![hash; limits::BUNDLE_SCANS_NAMED];
    let notes = Item::ScanNotes(ScanNotes { has: most.clone(), wants: most });
    let named = [manifest(), notes, Item::End(End { messages: 0, more: false })];
    assert_eq!(read(&file(&named, &[2]), 2).unwrap(), named);
}
