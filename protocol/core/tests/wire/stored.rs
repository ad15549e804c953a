//! The stored form of one entry.

use crate::author::morning;
use motcua_core::{
    entry::{AudienceAction, AudienceOp, DocType, Entry, Header, Kind, Role, payload_hash},
    id::{ActorId, DossierId, Hash, Nonce, OfficeId, PersonId},
    limits,
    time::{ClockQuality, Timestamp},
    wire::{WireError, decode_entry, encode_entry},
};
use proptest::{collection::vec, prelude::*};

#[test]
fn every_entry_of_a_morning_survives_and_says_nothing_twice() {
    let (desk, tax) = morning();
    for entry in desk.entries.iter().chain(&tax.entries) {
        let bytes = encode_entry(entry);
        assert_eq!(decode_entry(&bytes).as_ref(), Ok(entry));
        let around = bytes.len() - entry.payload.len();
        let nonce = if entry.header.creation.is_some() { 16 } else { 0 };
        let plain = 60 + 3 + entry.header.audience.len() * 18 + nonce;
        if entry.header.kind.is_change() {
            assert!(around <= plain + 1, "{around} bytes around a change");
        }
    }
}

#[test]
fn every_cut_and_a_later_version_are_refused() {
    let (desk, _) = morning();
    for entry in [&desk.entries[0], &desk.entries[20], desk.entries.last().unwrap()] {
        let bytes = encode_entry(entry);
        for length in 0..bytes.len() {
            assert!(decode_entry(&bytes[..length]).is_err(), "{length}");
        }
        let mut later = bytes.clone();
        later[0] = 2;
        let error = WireError::Version { what: "stored entry", got: 2, known: 1 };
        assert_eq!(decode_entry(&later), Err(error));
        let mut flagged = bytes;
        flagged[3] |= 0x40;
        assert!(matches!(decode_entry(&flagged), Err(WireError::Flags { .. })));
    }
}

#[test]
fn a_flipped_bit_gives_an_error_or_another_leaf_or_another_boot() {
    let (desk, _) = morning();
    let entry = &desk.entries[20];
    let bytes = encode_entry(entry);
    for bit in 0..bytes.len() * 8 {
        let mut bent = bytes.clone();
        bent[bit / 8] ^= 1 << (bit % 8);
        if let Ok(got) = decode_entry(&bent) {
            assert!(got.leaf() != entry.leaf() || got.boot != entry.boot, "bit {bit}");
        }
    }
}

#[test]
fn a_payload_that_was_taken_out_leaves_its_header_provable() {
    let (desk, _) = morning();
    let mut entry = desk.entries[5].clone();
    entry.payload.clear();
    let got = decode_entry(&encode_entry(&entry)).unwrap();
    assert_eq!(got, entry);
    assert_eq!(got.leaf(), desk.entries[5].leaf());
}

/// Any entry within the limits, sensible or not.
pub fn any_entry() -> impl Strategy<Value = Entry> {
    let office = any::<[u8; 16]>().prop_map(OfficeId);
    let op = (any::<bool>(), any::<u8>(), office).prop_map(|(add, role, office)| {
        let action = if add { AudienceAction::Add } else { AudienceAction::Remove };
        AudienceOp { action, role: Role::from_byte(role), office }
    });
    let kind =
        prop_oneof![Just(Kind::Create), Just(Kind::Change), any::<u8>().prop_map(Kind::from_byte)];
    let ids = (any::<[u8; 16]>(), any::<[u8; 16]>(), any::<[u8; 16]>(), any::<[u8; 16]>());
    let hashes = (any::<[u8; 32]>(), any::<bool>(), any::<bool>());
    let lists = (vec(op, 0..=16), vec(any::<[u8; 32]>().prop_map(Hash), 0..=32));
    let numbers = (any::<u8>(), any::<i64>(), any::<u16>(), 0..=limits::ENTRY_OPERATIONS, 0u8..8);
    (kind, ids, hashes, lists, numbers, vec(any::<u8>(), 0..500)).prop_map(
        |(kind, ids, (hash, named, honest), (audience, deps), numbers, payload)| {
            let (doc_type, claimed, schema, op_count, flags) = numbers;
            let header = Header {
                kind,
                doc_type: DocType::from_byte(doc_type),
                sealed: flags & 1 != 0,
                clock: ClockQuality::from_bits(flags >> 1),
                dossier: DossierId(ids.0),
                claimed_at: Timestamp(claimed),
                person: PersonId(ids.1),
                actor: ActorId(ids.2),
                schema,
                op_count,
                payload_len: if honest { payload.len() as u32 } else { 7 },
                change_hash: if named { Hash(hash) } else { Hash::ZERO },
                payload_hash: if honest { payload_hash(&payload) } else { Hash(hash) },
                audience,
                deps,
                creation: (kind == Kind::Create).then_some(Nonce(ids.3)),
            };
            Entry { header, boot: Nonce(ids.0), payload }
        },
    )
}

proptest! {
    #[test]
    fn any_entry_survives(entry in any_entry()) {
        let got = decode_entry(&encode_entry(&entry));
        prop_assert_eq!(got, Ok(entry));
    }

    #[test]
    fn any_bytes_are_an_error_or_an_entry_within_the_limits(mut bytes in vec(any::<u8>(), 0..400), flags in 0u8..64) {
        if bytes.len() > 4 {
            bytes[0] = 1;
            bytes[3] = flags;
        }
        if let Ok(entry) = decode_entry(&bytes) {
            prop_assert_eq!(entry.header.check_limits(), Ok(()));
        }
    }
}
