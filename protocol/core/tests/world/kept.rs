//! What hubs keep of the inboxes that are read from them.

use super::{Place, World};
use motcua_core::{
    id::DossierId,
    record::{CutReason, InboxEvent, Record},
    replica::{Asked, DownExport, Unread},
    state::{
        Key, inbox,
        rows::{Cursor, Cut, Reader},
    },
    time::Timestamp,
};

impl World {
    /// Numbers of the rows that a hub has for a place below: those that left, and the last.
    pub fn kept(&self, hub: Place, below: Place) -> (u64, u64) {
        let (kv, office) = (self.state(hub), self.office(below));
        let tail = self.sites[&hub].typed::<Cursor>(Key::Inbox(office)).unwrap_or_default();
        let floor = inbox::floor(kv, office).unwrap();
        (floor.map_or(tail.number, |(number, _)| number), tail.number)
    }

    /// The time with which a row is marked.
    pub fn marked(&self, hub: Place, below: Place, number: u64) -> Option<Timestamp> {
        inbox::marked(self.state(hub), self.office(below), number).unwrap()
    }

    pub fn last_cut(&self, hub: Place, below: Place) -> Option<CutReason> {
        let row: Option<Cut> = self.sites[&hub].typed(Key::Cut(self.office(below)));
        row.map(|row| row.why)
    }

    /// Bytes of a hub's state that are about the inbox of a place below.
    pub fn inbox_bytes(&self, hub: Place, below: Place) -> usize {
        let office = self.office(below);
        let tables = [Key::Inbox(office), Key::InboxBlock(office, 0), Key::Cut(office)];
        let tables = tables.map(|key| key.bytes()[..17].to_vec());
        let rows = self.state(hub).0.iter();
        let rows = rows.filter(|(key, _)| tables.iter().any(|table| key.starts_with(table)));
        rows.map(|(key, value)| key.len() + value.len()).sum()
    }

    /// What the journal of a hub says of a machine below.
    pub fn reader(&self, hub: Place, below: Place) -> Option<Reader> {
        self.sites[&hub].typed(Key::Cursor(self.node(below)))
    }

    /// Rows of an inbox are cut in the very moment in which the frame that waits for the disk of a
    /// hub brings them; false if none waits.
    pub fn cut_with_the_next_frame(&mut self, hub: Place, below: Place, upto: u64) -> bool {
        let record = self.cut_row(below, upto);
        self.site(hub).note_with_the_next_frame(record)
    }

    /// Rows of an inbox are cut.
    pub fn cut_inbox(&mut self, hub: Place, below: Place, upto: u64) {
        let record = self.cut_row(below, upto);
        self.note(hub, record);
    }

    fn cut_row(&self, below: Place, upto: u64) -> Record {
        let (inbox, why, at) = (self.office(below), CutReason::Silent, Timestamp(self.now as i64));
        Record::Inbox(InboxEvent::Cut { inbox, upto, why, at })
    }

    /// Why a bundle for a machine that stands there is not made; none if it is.
    pub fn refuses_down(&self, place: Place, cursor: Cursor) -> Option<String> {
        let hub = place.parent().unwrap();
        let config = super::site::config(&self.papers, hub, &self.papers.trust);
        let (trust, office) = (&self.papers.trust, self.papers.office(place));
        let asked = Asked { node: Some(self.node(place)), said: true, cursor };
        let store = &self.sites[&hub].store;
        let made = DownExport::new(store, &config, trust, office, &asked, vec![], Timestamp(1));
        made.err().map(|error| error.to_string())
    }

    /// Offices for which too much waits, as a hub says.
    pub fn unread(&self, hub: Place) -> Vec<Unread> {
        self.sites[&hub].replica.unread().to_vec()
    }

    /// How often a hub has told of such an office.
    pub fn alarms(&self, hub: Place) -> usize {
        self.sites[&hub].unread.len()
    }

    /// Dossiers that a machine has yet to forget.
    pub fn forgetting(&self, place: Place) -> u64 {
        self.sites[&place].meta().forgetting
    }

    /// Whether the hub above has said of an own entry that it is not accepted.
    pub fn told(&self, place: Place, dossier: DossierId) -> bool {
        let history = self.sites[&place].history(dossier);
        let mut keys = history.iter().map(|stored| Key::Told(stored.log, stored.sequence).bytes());
        keys.any(|key| self.state(place).0.contains_key(&key))
    }

    /// So many milliseconds pass, with everybody at work.
    pub fn pass(&mut self, millis: u64) {
        let until = self.now + millis;
        while self.now < until {
            self.settle();
        }
    }
}
