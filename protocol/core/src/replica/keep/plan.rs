//! What of one inbox leaves the state, and for whom too much waits: a pure rule over the rows that
//! are there, who has read them, and the time that the caller says it is.

use crate::{
    id::OfficeId,
    limits,
    record::CutReason,
    state::{Kv, StoreError, inbox},
    time::Timestamp,
};

/// For how long a hub keeps rows of its inboxes, in milliseconds, and how many.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bounds {
    /// Rows that every machine has acknowledged stay for so long.
    pub read: u64,
    /// Rows that a silent machine has not read stay for so long.
    pub unread: u64,
    /// So many rows stay for a silent machine.
    pub rows: u64,
    /// A machine that is not linked and was not heard for so long is silent.
    pub silent: u64,
    /// Between two looks.
    pub look: u64,
}

impl Default for Bounds {
    fn default() -> Self {
        Self {
            read: limits::INBOX_READ_MILLIS,
            unread: limits::INBOX_UNREAD_MILLIS,
            rows: limits::INBOX_UNREAD_ROWS,
            silent: limits::INBOX_SILENT_MILLIS,
            look: limits::INBOX_LOOK_MILLIS,
        }
    }
}

/// A machine that reads an inbox.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Reading {
    /// Last row that it has acknowledged.
    pub number: u64,
    /// When it was heard last.
    pub heard: Timestamp,
    /// Whether it is linked now.
    pub linked: bool,
    /// Whether it was ever linked: one that is only served by hand needs the rows from the
    /// beginning when it is replaced.
    pub by_link: bool,
}

impl Reading {
    /// Whether it is there, or was lately. Who was heard in the future was heard by a clock that
    /// was wrong.
    pub(super) fn is_heard(&self, bounds: &Bounds, at: Timestamp) -> bool {
        self.linked || (self.heard <= at && age(at, self.heard) < bounds.silent)
    }
}

/// An office for which so much waits, unread, that its inbox will be cut, or was.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Unread {
    /// Which office, or which district by its hub.
    pub office: OfficeId,
    /// When its slowest machine was heard last; for one that never was, when the oldest row that
    /// is here was written.
    pub since: Timestamp,
    /// Whether that machine was ever heard.
    pub heard: bool,
    /// Rows that are here and that it has not read.
    pub rows: u64,
    /// When the oldest of them was written, to about sixty rows.
    pub oldest: Timestamp,
}

/// What a look at one inbox comes to.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Look {
    /// Up to which row it is to be cut, if it is.
    pub cut: Option<(u64, CutReason)>,
    pub unread: Option<Unread>,
}

/// Milliseconds from one time to a later one; zero where it is not later.
pub(super) fn age(at: Timestamp, then: Timestamp) -> u64 {
    u64::try_from(at.0.saturating_sub(then.0)).unwrap_or(0)
}

/// Looks at one inbox. `gone` says that nobody reads it from here any more; `readers` are machines
/// that are not banned.
pub(super) fn look(
    store: &(impl Kv + ?Sized),
    (office, tail): (OfficeId, u64),
    readers: &[Reading],
    gone: bool,
    bounds: &Bounds,
    at: Timestamp,
) -> Result<Look, StoreError> {
    let Some((floor, _)) = inbox::floor(store, office)? else { return Ok(Look::default()) };
    if gone {
        return Ok(Look { cut: Some((tail, CutReason::Gone)), unread: None });
    }
    let before = |millis: u64| Timestamp(at.0.saturating_sub_unsigned(millis));
    let older = |millis| inbox::older_than(store, office, floor, tail, before(millis), at);
    // A machine whose place was cut off needs no row that is here.
    let mut here: Vec<Reading> =
        readers.iter().filter(|one| one.number >= floor).copied().collect();
    if here.is_empty() && floor > 0 {
        return Ok(Look { cut: whole_blocks(floor, tail, CutReason::Silent), unread: None });
    }
    if here.is_empty() {
        // Nobody has ever come to read.
        here.push(Reading { number: 0, heard: Timestamp(0), linked: false, by_link: false });
    }
    let silent = |one: &&Reading| !one.is_heard(bounds, at);
    let least = |numbers: &mut dyn Iterator<Item = u64>| numbers.min().unwrap_or(tail);
    let lead = least(&mut here.iter().filter(|one| !silent(one)).map(|one| one.number));
    let read = least(&mut here.iter().map(|one| one.number));
    let bound = older(bounds.unread)?.max(tail.saturating_sub(bounds.rows)).min(lead);
    let cut = match bound > read {
        true => whole_blocks(floor, bound, CutReason::Silent),
        false if here.iter().all(|one| one.by_link) => {
            whole_blocks(floor, older(bounds.read)?.min(read), CutReason::Read)
        }
        false => None,
    };
    let mut unread = None;
    if let Some(slowest) = here.iter().filter(silent).min_by_key(|one| (one.number, one.heard)) {
        let rows = tail.saturating_sub(slowest.number);
        let oldest = match rows {
            0 => at,
            _ => inbox::marked(store, office, slowest.number + 1)?.unwrap_or(at),
        };
        if rows > bounds.rows / 2 || age(at, oldest) > bounds.unread / 2 {
            let heard = !readers.is_empty();
            let since = if heard { slowest.heard } else { oldest };
            unread = Some(Unread { office, since, heard, rows, oldest });
        }
    }
    Ok(Look { cut, unread })
}

/// A cut up to the last whole block, if it takes one.
fn whole_blocks(floor: u64, upto: u64, why: CutReason) -> Option<(u64, CutReason)> {
    let upto = upto / inbox::BLOCK * inbox::BLOCK;
    (upto > floor).then_some((upto, why))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::{
        id::DossierId,
        state::{
            MemKv, Txn,
            rows::{Cursor, InboxItem},
        },
    };

    const OFFICE: OfficeId = OfficeId([7; 16]);
    const BOUNDS: Bounds = Bounds { read: 300, unread: 1_000, rows: 640, silent: 100, look: 1 };

    /// So many rows, each written at the time of its number.
    fn filled(rows: u64) -> MemKv {
        let (mut kv, mut tail) = (MemKv::default(), Cursor::default());
        for number in 1..=rows {
            let mut txn = Txn::new(&kv);
            let item = InboxItem::Forget { dossier: DossierId([1; 16]) };
            let at = Timestamp(number as i64);
            inbox::push(&mut txn, OFFICE, &mut tail, at, vec![item]).unwrap();
            let writes = txn.into_writes();
            kv.write(writes);
        }
        kv
    }

    fn cut(kv: &mut MemKv, rows: u64, upto: u64) {
        let mut txn = Txn::new(&*kv);
        let mut tail = Cursor { number: rows, ..Cursor::default() };
        inbox::cut(&mut txn, OFFICE, &mut tail, upto).unwrap();
        let writes = txn.into_writes();
        kv.write(writes);
    }

    fn away(number: u64, heard: i64) -> Reading {
        Reading { number, heard: Timestamp(heard), linked: false, by_link: true }
    }

    fn linked(number: u64) -> Reading {
        Reading { linked: true, ..away(number, 0) }
    }

    fn seen(kv: &MemKv, tail: u64, readers: &[Reading], at: i64) -> Look {
        look(kv, (OFFICE, tail), readers, false, &BOUNDS, Timestamp(at)).unwrap()
    }

    #[test]
    fn what_everybody_has_read_goes_when_it_is_old_and_what_one_lacks_stays() {
        let kv = filled(320);
        assert_eq!(seen(&kv, 320, &[linked(320)], 320).cut, None, "not old");
        // By then the blocks that begin with rows 65 and 129 are old, what stands before with them.
        let read = |upto| Some((upto, CutReason::Read));
        assert_eq!(seen(&kv, 320, &[linked(320)], 430).cut, read(128));
        assert_eq!(seen(&kv, 320, &[linked(320), linked(100)], 430).cut, read(64));
        assert_eq!(seen(&kv, 320, &[linked(320), away(0, 429)], 430).cut, None);
        assert_eq!(seen(&kv, 320, &[linked(320), away(0, 0)], 430).cut, None, "silent, in bounds");
        let by_hand = Reading { by_link: false, ..away(320, 429) };
        assert_eq!(seen(&kv, 320, &[by_hand], 430).cut, None, "a new machine reads all of it");
    }

    #[test]
    fn what_a_silent_machine_lacks_goes_at_either_bound_and_never_what_a_heard_one_lacks() {
        let kv = filled(960);
        let silent = |upto| Some((upto, CutReason::Silent));
        // 960 rows, 640 may wait.
        assert_eq!(seen(&kv, 960, &[away(10, 0), linked(960)], 960).cut, silent(320));
        assert_eq!(seen(&kv, 960, &[away(10, 0), linked(200)], 960).cut, silent(192));
        assert_eq!(seen(&kv, 960, &[away(10, 900), linked(960)], 960).cut, None, "heard just now");
        assert_eq!(seen(&kv, 960, &[linked(10)], 960).cut, None, "slow, but there");
        let future = seen(&kv, 960, &[away(10, 99_999), linked(960)], 960).cut;
        assert_eq!(future, silent(320), "heard by a clock that had leapt");
        // In number within the bound, but old.
        let kv = filled(320);
        assert_eq!(seen(&kv, 320, &[away(10, 0)], 1_064).cut, None);
        assert_eq!(seen(&kv, 320, &[away(10, 0)], 1_065).cut, silent(64));
    }

    #[test]
    fn once_its_place_is_cut_off_a_machine_holds_nothing_back() {
        let mut kv = filled(960);
        cut(&mut kv, 960, 320);
        let all = Some((960, CutReason::Silent));
        assert_eq!(seen(&kv, 960, &[away(10, 0)], 961).cut, all);
        assert_eq!(seen(&kv, 960, &[away(10, 0)], 961).unread, None);
        let read = seen(&kv, 960, &[away(10, 0), linked(960)], 9_999).cut;
        assert_eq!(read, Some((896, CutReason::Read)), "the other goes by its own");
        assert_eq!(seen(&kv, 960, &[away(320, 0), linked(960)], 961).cut, None, "it stands there");
    }

    #[test]
    fn an_office_that_never_came_is_bounded_like_a_silent_one_and_one_that_is_gone_keeps_nothing() {
        let kv = filled(960);
        let never = seen(&kv, 960, &[], 961);
        assert_eq!(never.cut, Some((320, CutReason::Silent)));
        let unread = never.unread.unwrap();
        assert_eq!((unread.heard, unread.rows, unread.since), (false, 960, Timestamp(1)));
        let gone = look(&kv, (OFFICE, 960), &[linked(3)], true, &BOUNDS, Timestamp(961)).unwrap();
        assert_eq!(gone, Look { cut: Some((960, CutReason::Gone)), unread: None });
        let nothing = look(&kv, (OfficeId([9; 16]), 0), &[], true, &BOUNDS, Timestamp(1)).unwrap();
        assert_eq!(nothing, Look::default(), "not again and again");
    }

    #[test]
    fn an_alarm_names_office_since_when_and_how_much_from_half_of_a_bound_on() {
        let kv = filled(321);
        assert_eq!(seen(&kv, 321, &[away(1, 7)], 322).unread, None, "320 of 640 rows");
        let unread = seen(&kv, 321, &[away(0, 7), linked(321)], 322).unread;
        let (since, oldest) = (Timestamp(7), Timestamp(1));
        let expected = Unread { office: OFFICE, since, heard: true, rows: 321, oldest };
        assert_eq!(unread, Some(expected));
        // In number half of the bound, the oldest row half of its age.
        let kv = filled(100);
        assert_eq!(seen(&kv, 100, &[away(70, 7)], 565).unread, None);
        assert_eq!(seen(&kv, 100, &[away(70, 7)], 566).unread.unwrap().rows, 30);
        assert_eq!(seen(&kv, 100, &[away(100, 7)], 9_999).unread, None, "nothing waits for it");
        assert_eq!(seen(&kv, 100, &[linked(70)], 9_999).unread, None, "it is there");
    }
}
