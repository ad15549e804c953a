//! What people and machines of the city do.

use super::{Place, World};
use motcua_core::{
    entry::{AudienceOp, Decision, Kind},
    id::{DossierId, Hash},
    record::Record,
    replica::Input,
    state::history::Verdict,
    time::Instant,
    trust::{ActStep, Denied, DenyAction},
};

impl World {
    pub fn create(&mut self, place: Place) -> DossierId {
        let now = self.now;
        self.site(place).create(now)
    }

    /// Whether an office has a dossier to write to.
    pub fn can_edit(&mut self, place: Place, dossier: DossierId) -> bool {
        let now = self.now;
        self.site(place).can_edit(now, dossier)
    }

    pub fn edit(&mut self, place: Place, dossier: DossierId, audience: &[AudienceOp]) {
        let now = self.now;
        self.site(place).edit(now, dossier, audience);
    }

    /// Gives `thief` the changes of a dossier without any right to it.
    pub fn smuggle(&mut self, from: Place, thief: Place, dossier: DossierId) {
        let document = self.site(from).document(dossier);
        self.site(thief).plant(dossier, document);
    }

    /// A hub decides on a change.
    pub fn decide(
        &mut self,
        hub: Place,
        dossier: DossierId,
        target: Hash,
        verdict: Verdict,
        number: u64,
    ) {
        let now = self.now;
        let payload = Decision { verdict, number, reason: "thử".into() }.encode().unwrap();
        let site = self.site(hub);
        site.write_other(now, dossier, Kind::Decision, vec![target], vec![], payload);
    }

    /// A registrar's act is carried in at a hub.
    pub fn administer(&mut self, hub: Place, dossier: DossierId, steps: Vec<ActStep>) {
        let now = self.now;
        let (act, payload) = self.papers.act(dossier, steps);
        let deps = self.heads(hub, dossier);
        let audience = act.audience();
        self.site(hub).write_other(now, dossier, Kind::Administrative, deps, audience, payload);
    }

    /// Something that is not a kind anybody knows, in the own log.
    pub fn write_other(&mut self, place: Place, dossier: DossierId, kind: Kind, payload: Vec<u8>) {
        let now = self.now;
        let deps = self.heads(place, dossier);
        self.site(place).write_other(now, dossier, kind, deps, vec![], payload);
    }

    /// A denial list is published at a hub. Each denial is a place and the last good position of
    /// its log.
    pub fn publish(&mut self, hub: Place, number: u64, denied: &[(Place, DenyAction, u64)]) {
        let denied = denied.iter().map(|(place, action, last)| {
            let (log, _) = self.sites[place].own_log();
            let node = self.papers.key(*place).public().node_id();
            Denied { node, action: *action, last_good: vec![(log, *last)] }
        });
        let trust = self.papers.denying(number, denied.collect());
        self.site(hub).adopt(trust);
    }

    /// A machine forgets what its hub told it to.
    pub fn forget(&mut self, place: Place) {
        let now = Instant(self.now);
        self.site(place).forget(now);
    }

    /// A record that a machine writes down by itself.
    pub fn note(&mut self, place: Place, record: Record) {
        self.site(place).write_down(record);
    }

    /// Somebody opens a dossier of which only a part is here.
    pub fn open(&mut self, place: Place, dossier: DossierId) {
        self.input(place, Input::WantHistory(dossier));
    }

    /// From the next start on, the software of a machine reads facts up to this schema.
    pub fn reads(&mut self, place: Place, schema: u16) {
        self.site(place).reads = schema;
        self.crash(place);
        self.site(place).update();
    }

    /// The software of a machine writes facts of this schema.
    pub fn writes(&mut self, place: Place, schema: u16) {
        self.site(place).schema = schema;
    }

    /// The disk of a place takes long to sync.
    pub fn slow_disk(&mut self, place: Place, sync_every: u64) {
        self.site(place).sync_every = sync_every;
    }

    /// Somebody wants a check.
    pub fn verify(&mut self, place: Place) {
        self.input(place, Input::Verify);
    }

    /// A root document that names these hubs is signed; whoever asks gets it from here on.
    pub fn name_hubs(&mut self, hubs: &[Place]) {
        self.papers.name_hubs(hubs);
    }

    /// A machine learns the newest documents over the recovery address, or from an operator.
    pub fn learn(&mut self, place: Place) {
        let newest = self.papers.newest.clone();
        self.site(place).adopt(newest);
    }
}
