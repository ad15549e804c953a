//! Which scans are here, go up, or are damaged: a fold over what the journal says of their files.

use crate::{
    id::Hash,
    record::ScanEvent,
    state::{
        Key, Kv, ScanTable, StoreError, Txn,
        rows::{Scan, ScanCounts},
    },
};

/// Takes in one event.
pub(super) fn note<K: Kv + ?Sized>(
    txn: &mut Txn<'_, K>,
    hash: Hash,
    event: ScanEvent,
) -> Result<(), StoreError> {
    let before: Scan = txn.row(Key::Scan(ScanTable::Files, hash))?.unwrap_or_default();
    let after = match event {
        ScanEvent::Here { size } => Scan { size, here: true, damaged: false, ..before },
        ScanEvent::Damaged => Scan { here: false, damaged: true, ..before },
        ScanEvent::Above => Scan { above: true, ..before },
        ScanEvent::Forgotten => Scan::default(),
    };
    count(txn, &before, &after)?;
    let keep = |txn: &mut Txn<'_, K>, table, wanted: bool| {
        let key = Key::Scan(table, hash);
        if wanted { txn.put(key.bytes(), Vec::new()) } else { txn.delete(key.bytes()) }
    };
    keep(txn, ScanTable::ToGo, goes_up(&after));
    keep(txn, ScanTable::Damaged, after.damaged);
    match event {
        ScanEvent::Forgotten => txn.delete(Key::Scan(ScanTable::Files, hash).bytes()),
        _ => txn.put_row(Key::Scan(ScanTable::Files, hash), &after),
    }
    Ok(())
}

fn goes_up(scan: &Scan) -> bool {
    scan.here && !scan.above
}

fn count<K: Kv + ?Sized>(
    txn: &mut Txn<'_, K>,
    before: &Scan,
    after: &Scan,
) -> Result<(), StoreError> {
    let key = Key::Scan(ScanTable::Counts, Hash::ZERO);
    let mut counts: ScanCounts = txn.row(key)?.unwrap_or_default();
    let mut change = |get: fn(&Scan) -> u64, field: fn(&mut ScanCounts) -> &mut u64| {
        let field = field(&mut counts);
        *field = field.saturating_add(get(after)).saturating_sub(get(before));
    };
    change(|scan| u64::from(scan.here), |counts| &mut counts.here);
    change(|scan| if scan.here { scan.size } else { 0 }, |counts| &mut counts.bytes);
    change(|scan| u64::from(goes_up(scan)), |counts| &mut counts.to_go);
    change(|scan| u64::from(scan.damaged), |counts| &mut counts.damaged);
    txn.put_row(key, &counts);
    Ok(())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::state::MemKv;

    fn after(events: &[(u8, ScanEvent)]) -> MemKv {
        let mut kv = MemKv::default();
        for (hash, event) in events {
            let mut txn = Txn::new(&kv);
            note(&mut txn, Hash([*hash; 32]), *event).unwrap();
            let writes = txn.into_writes();
            kv.write(writes);
        }
        kv
    }

    fn counts(kv: &MemKv) -> ScanCounts {
        Txn::new(kv).row(Key::Scan(ScanTable::Counts, Hash::ZERO)).unwrap().unwrap()
    }

    #[test]
    fn a_damaged_scan_no_longer_counts_as_here_and_does_not_go_up() {
        let here = ScanEvent::Here { size: 10 };
        let kv = after(&[(1, here), (2, here), (1, ScanEvent::Damaged)]);
        let expected = ScanCounts { here: 1, bytes: 10, to_go: 1, damaged: 1 };
        assert_eq!(counts(&kv), expected);
        let to_go = |hash: u8| kv.get(&Key::Scan(ScanTable::ToGo, Hash([hash; 32])).bytes());
        assert_eq!((to_go(1).unwrap(), to_go(2).unwrap()), (None, Some(vec![])));
        let again = after(&[(1, here), (1, ScanEvent::Above), (1, ScanEvent::Damaged), (1, here)]);
        assert_eq!(counts(&again), ScanCounts { here: 1, bytes: 10, to_go: 0, damaged: 0 });
    }

    #[test]
    fn what_was_forgotten_leaves_no_row_and_no_count() {
        let kv = after(&[(1, ScanEvent::Here { size: 10 }), (1, ScanEvent::Forgotten)]);
        assert_eq!(counts(&kv), ScanCounts::default());
        assert_eq!(kv.0.len(), 1, "only the counters are left");
    }
}
