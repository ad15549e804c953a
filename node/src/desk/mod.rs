//! The desk: a clerk's actions, checked, written into the own log, and answered when they are on
//! this machine's disk.

mod act;
mod apart;
mod numbers;
mod once;
mod reading;
mod register;

pub(crate) use numbers::{Numbers, issuer as receipt_issuer, series, year};
pub use once::{Asking, Caller};
pub use register::NewDossier;
pub(crate) use register::{Printed, TakenOver};

use crate::{
    codes::Codes, drafts::Drafts, emergency::Emergency, error::DeskError, lists::Counted,
    people::People, process::office::Office, promise::promise,
};
use motcua_core::{
    hash::{Context, derive},
    id::{DossierId, LogId, OfficeId},
    key::{Purpose, SecretKey},
    state::{
        Key, Kv,
        rows::{self, Meta, Request},
    },
    time::Timestamp,
    trust::Binding,
};
use motcua_dossier::{
    code::Day,
    emergency::Blocks,
    lease::{Issuer, Lease, Leases, Shape, Start},
    procedure::{Procedure, built_in},
};
use motcua_shell::{clock::Clock, documents::Documents, engine::Engine};
use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
};

/// A day that has certainly begun; a clock before it is wrong.
pub(crate) const FLOOR: Day = Day { year: 2_026, month: 1, day: 1 };

/// The desk of one office on one machine.
pub struct Desk {
    engine: Arc<Engine>,
    documents: Arc<Documents>,
    leases: Mutex<Leases>,
    /// The same for numbers of receipts.
    receipts: Mutex<Leases>,
    issuer_slot: (u32, u32),
    replaces: bool,
    machine: [u8; 16],
    /// Signs what the QR codes of forms say.
    signer: SecretKey,
    procedures: Vec<Procedure>,
    /// One request with a key at a time, so that a second one finds the first one's answer.
    keys: Mutex<HashMap<[u8; 16], Arc<tokio::sync::Mutex<()>>>>,
    /// Requests on disk that the state may not reflect yet.
    answered: Mutex<HashMap<[u8; 16], Request>>,
    /// Codes on paper.
    emergency: Emergency,
    /// One start of a day's numbers at a time.
    pub(crate) beginning: tokio::sync::Mutex<()>,
    /// One count of a day's cash at a time.
    pub(crate) counting: tokio::sync::Mutex<()>,
    /// Codes on their way to the state.
    pub(crate) codes: Codes,
    drafts: Drafts,
    people: People,
    /// Processes and telephones of the office.
    office: Office,
    last_saved: AtomicU64,
    /// Generation of the documents for which the state was waited for.
    caught_up: AtomicU64,
    /// Counters of the working lists.
    pub(crate) counted: Counted,
}

impl Desk {
    /// Opens the desk over a running engine.
    ///
    /// # Errors
    /// [`DeskError::Store`] when the leases cannot be read.
    pub(crate) fn open(
        engine: Arc<Engine>,
        documents: Arc<Documents>,
        binding: &Binding,
        replaces: bool,
        signer: SecretKey,
        (drafts, people, office): (Drafts, People, Office),
    ) -> Result<Self, DeskError> {
        let (from, to) = (Key::Lease(0).bytes(), Key::Lease(u64::MAX).bytes());
        let rows = engine.books().range(&from, &to, usize::MAX)?;
        let mut records: Vec<Vec<u8>> = rows.into_iter().map(|(_, bytes)| bytes).collect();
        // What the state does not reflect yet: of a state that is being made again, nearly all.
        records.extend(engine.own_records().leases.iter().cloned());
        let (mut all, mut receipts) = (Leases::default(), Leases::new(Shape::RECEIPTS));
        let mut blocks = Blocks::default();
        for bytes in records {
            if let Some(lease) = Lease::decode(&bytes) {
                all.replay(lease);
            } else if let Some(lease) = Lease::decode_receipts(&bytes) {
                receipts.replay(lease);
            } else if let Some(start) = Start::decode(&bytes) {
                all.replay_start(start);
            } else {
                blocks.replay_bytes(&bytes);
            }
        }
        Ok(Self {
            engine,
            documents,
            leases: Mutex::new(all),
            receipts: Mutex::new(receipts),
            issuer_slot: (u32::from(binding.slot), u32::from(binding.slots)),
            replaces,
            machine: machine(),
            signer,
            procedures: built_in(),
            keys: Mutex::default(),
            answered: Mutex::default(),
            emergency: Emergency::new(blocks),
            beginning: tokio::sync::Mutex::default(),
            counting: tokio::sync::Mutex::default(),
            codes: Codes::default(),
            drafts,
            people,
            office,
            last_saved: AtomicU64::new(0),
            caught_up: AtomicU64::new(0),
            counted: Counted::default(),
        })
    }

    /// The engine below.
    pub fn engine(&self) -> &Arc<Engine> {
        &self.engine
    }

    /// Processes and telephones of the office.
    pub(crate) fn office_data(&self) -> &Office {
        &self.office
    }

    /// What stands behind the content of a form's QR code: eight hex digits of this machine's id and its
    /// signature (design/forms.md).
    pub(crate) fn sign_form(&self, text: &str) -> String {
        let domain = self.engine.trust().domain();
        let signature = self.signer.sign(Purpose::Form, domain, text.as_bytes());
        let node: String = self.engine.me.node.to_string().chars().take(8).collect();
        format!("{node}.{}", motcua_forms::qr::base64url(&signature.0))
    }

    /// What is being typed.
    pub(crate) fn drafts(&self) -> &Drafts {
        &self.drafts
    }

    /// Who works here.
    pub(crate) fn people(&self) -> &People {
        &self.people
    }

    /// Procedures of this office.
    pub fn procedures(&self) -> &[Procedure] {
        &self.procedures
    }

    /// The date by the term of a procedure for somebody who is received now, Unix milliseconds; none
    /// where nothing is promised, or the procedure is not known.
    ///
    /// # Errors
    /// [`DeskError::Due`]
    pub fn promised(&self, procedure: &str) -> Result<Option<i64>, DeskError> {
        self.promised_at(procedure, self.engine.clock().wall().0)
    }

    /// The same for somebody who was received at a time, Unix milliseconds.
    ///
    /// # Errors
    /// [`DeskError::Due`]
    pub fn promised_at(&self, procedure: &str, at: i64) -> Result<Option<i64>, DeskError> {
        let known = self.procedures.iter().find(|known| known.code == procedure);
        let Some(known) = known else { return Ok(None) };
        Ok(promise(known, Timestamp(at))?.at)
    }

    /// Codes on paper.
    pub(crate) fn emergency(&self) -> &Emergency {
        &self.emergency
    }

    /// Waits until everything saved here can be read.
    pub async fn settled(&self) {
        self.engine.applied(self.last_saved.load(Ordering::Acquire)).await;
    }

    pub(crate) fn issuer(&self, log: LogId) -> Issuer {
        let trust = self.engine.trust();
        let org = trust.office(self.engine.me.office).map(|office| office.org_code.clone());
        let (slot, slots) = self.issuer_slot;
        let org = org.unwrap_or_default();
        let replaces = self.replaces;
        // Codes that came from elsewhere are known from the state alone.
        let blind = !self.engine.startup().is_level();
        Issuer { log, machine: self.machine, org, slot, slots, replaces, blind }
    }

    pub(crate) fn public_key(&self) -> motcua_core::key::PublicKey {
        self.engine.own().key()
    }

    pub(crate) fn leases(&self) -> MutexGuard<'_, Leases> {
        lock(&self.leases)
    }

    pub(crate) fn receipts(&self) -> MutexGuard<'_, Leases> {
        lock(&self.receipts)
    }

    /// This machine, by the first digits of its id.
    pub(crate) fn machine_word(&self) -> String {
        self.engine.me.node.to_string().chars().take(8).collect()
    }

    /// Counters of the state.
    ///
    /// # Errors
    /// [`DeskError::Store`] when the state cannot be read.
    pub fn meta(&self) -> Result<Meta, DeskError> {
        Ok(self.engine.meta()?)
    }

    /// In which roles another office takes part in a dossier.
    ///
    /// # Errors
    /// [`DeskError::Unknown`] when it takes no part, or is this one.
    pub fn roles(
        &self,
        id: DossierId,
        office: OfficeId,
    ) -> Result<Vec<motcua_core::entry::Role>, DeskError> {
        let row: Option<rows::Dossier> = self.engine.books().row(Key::Dossier(id))?;
        let members = row.map(|row| row.members()).unwrap_or_default();
        let other = office != self.engine.me.office;
        let found = members.into_iter().find(|(member, _)| *member == office && other);
        found
            .map(|(_, roles)| roles)
            .ok_or_else(|| DeskError::Unknown { field: "office", value: office.to_string() })
    }

    /// An office of the catalogue that a dossier may be forwarded to.
    ///
    /// # Errors
    /// [`DeskError::Unknown`] when the text is no office of this city.
    pub fn office(&self, text: &str) -> Result<OfficeId, DeskError> {
        let unknown =
            || DeskError::Unknown { field: "office", value: text.chars().take(80).collect() };
        let id: OfficeId = text.parse().map_err(|_| unknown())?;
        self.engine.trust().office(id).map(|office| office.id).ok_or_else(unknown)
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Sixteen bytes that differ between machines, from the system's machine id; a copied disk image
/// keeps it, which is why leases are bound to the log as well.
fn machine() -> [u8; 16] {
    let text = std::fs::read("/etc/machine-id").unwrap_or_default();
    let hash = derive(Context::Document, &[b"machine", &text]);
    let mut id = [0; 16];
    id.copy_from_slice(&hash.0[..16]);
    id
}
