//! Registering: a dossier is made, under a fresh code or with the one it had before.

use super::{Caller, Desk, FLOOR};
use crate::error::DeskError;
use motcua_core::{
    entry::dossier_id,
    id::{DossierId, Nonce},
    record::Record,
    time::Timestamp,
};
use motcua_dossier::{
    action::{self, Registration},
    code::Code,
    document::Document,
    fact::{self, Applicant, OnPaper, Origin, Paper},
    lease::{Issuer, Lease},
    state::State,
};
use motcua_shell::{documents::Held, find};

/// What a page or program asks the desk to register.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewDossier {
    /// Procedure code.
    pub procedure: String,
    /// Who asks.
    pub applicant: Applicant,
    /// What is asked for.
    pub request: String,
    /// Papers handed in.
    pub papers: Vec<Paper>,
    /// Promised date, Unix milliseconds.
    pub due: Option<i64>,
    /// Fee in đồng.
    pub fee: Option<u64>,
    /// A code that was printed already, of a dossier taken over from elsewhere; a fresh one is
    /// issued otherwise.
    pub code: Option<String>,
    /// That it was received on paper, by whom, and when, Unix milliseconds; now otherwise.
    pub on_paper: Option<(OnPaper, i64)>,
}

/// A dossier of a list, to be taken over.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct TakenOver {
    pub(crate) applicant: Applicant,
    pub(crate) request: fact::Request,
    pub(crate) papers: Vec<Paper>,
    /// When it was received, Unix milliseconds; now if the list does not say.
    pub(crate) received: Option<i64>,
    pub(crate) due: Option<i64>,
    pub(crate) state: State,
    pub(crate) code: Printed,
    pub(crate) note: String,
    pub(crate) origin: Origin,
}

/// Whether a dossier has a printed code.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Printed {
    /// It had this one before.
    Before(String),
    /// It gets a fresh one.
    Now,
    /// It has none.
    Never,
}

impl Desk {
    /// Registers a dossier under a fresh code.
    ///
    /// # Errors
    /// [`DeskError`]; [`DeskError::Repeated`] names the dossier that the same request made before.
    pub async fn register(&self, new: NewDossier, caller: Caller) -> Result<DossierId, DeskError> {
        let procedure = self.procedures.iter().find(|known| known.code == new.procedure);
        let Some(procedure) = procedure else {
            let value = new.procedure.chars().take(80).collect();
            return Err(DeskError::Unknown { field: "procedure", value });
        };
        let office = self.engine.me.office;
        let act = self.act_of(&caller, String::new());
        let now = Timestamp(act.at);
        let nonce = Nonce(motcua_shell::engine::random());
        let registration = Registration {
            applicant: new.applicant,
            request: fact::Request {
                procedure: procedure.code.clone(),
                procedure_name: procedure.name.clone(),
                channel: "direct".into(),
                text: new.request,
                fee: new.fee,
                term_unit: procedure.term_unit.clone(),
                term: Some(procedure.term),
            },
            papers: new.papers,
            due: new.due,
            code: new.code.clone().unwrap_or_default(),
        };
        let taken_over = match &new.code {
            Some(code) => Some(Code::read(code).map_err(|_| DeskError::Unknown {
                field: "code",
                value: code.chars().take(80).collect(),
            })?),
            None => None,
        };
        let taken_over = taken_over.as_ref();
        // Checked before a number is used up.
        let made = |registration, act| match new.on_paper.clone() {
            Some(paper) => action::register_from_paper(registration, paper, act, office),
            None => action::register(registration, act, office),
        };
        made(registration.clone(), act.clone())?;
        let key = self.public_key();
        self.once(caller.request.clone(), &mut |request| {
            let (registration, act) = (registration.clone(), act.clone());
            let (caller, made) = (caller.clone(), &made);
            async move {
                let id = dossier_id(&key, nonce, now);
                let mut leased = None;
                let saved = self
                    .engine
                    .own()
                    .write(request, |own| {
                        let (mut registration, mut records) = (registration, Vec::new());
                        match taken_over {
                            Some(code) => self.free(code)?,
                            None => {
                                let issuer = self.issuer(own.log());
                                (registration.code, leased) = self.fresh_code(&issuer, now)?;
                                records.extend(leased.as_ref().map(of_lease));
                            }
                        }
                        self.codes.begin(&registration.code, id);
                        let action = made(registration, act)?;
                        let held = Held::new(Document::new(), []);
                        let draft = self.draft(own, id, action, &caller, now, held, Some(nonce))?;
                        Ok((draft, records))
                    })
                    .await;
                self.finish(id, request, saved)?;
                leased.iter().for_each(|lease| self.leases().saved(lease));
                Ok(id)
            }
        })
        .await
    }

    /// A code that no dossier known here has: leases keep machines apart, and what came from
    /// beside, from the hub or from a copy is passed over besides. With it its lease, unless that is known
    /// to be on the disk.
    fn fresh_code(
        &self,
        issuer: &Issuer,
        now: Timestamp,
    ) -> Result<(String, Option<Lease>), DeskError> {
        loop {
            let issued = self.leases().issue(issuer, now.0, FLOOR)?;
            let read = Code::read(&issued.code);
            if read.map_or(Ok(None), |code| self.holder_of_code(&code))?.is_none() {
                return Ok((issued.code, issued.lease));
            }
            tracing::warn!("a code of a lease is in use already; it is passed over");
        }
    }

    /// The dossier here that has a code, under whatever spelling of its number: `0037` and `00037` are
    /// one number.
    ///
    /// # Errors
    /// [`DeskError::Store`] when the state cannot be read.
    pub fn holder_of_code(&self, code: &Code) -> Result<Option<DossierId>, DeskError> {
        if let Some(id) = self.codes.holder(code) {
            return Ok(Some(id));
        }
        for spelt in code.spellings() {
            if let Some(id) = find::by_code(self.engine.books(), &spelt)?.first() {
                return Ok(Some(*id));
            }
        }
        Ok(None)
    }

    /// Refuses a code that a dossier has.
    fn free(&self, code: &Code) -> Result<(), DeskError> {
        match self.holder_of_code(code)? {
            Some(dossier) => Err(DeskError::CodeTaken { code: code.to_string(), dossier }),
            None => Ok(()),
        }
    }

    /// Takes over a dossier of a list.
    ///
    /// # Errors
    /// [`DeskError`]; [`DeskError::CodeTaken`] when another dossier has its code by now.
    pub(crate) async fn take_over(
        &self,
        new: TakenOver,
        caller: &Caller,
    ) -> Result<DossierId, DeskError> {
        self.whole()?;
        self.room().await?;
        let office = self.engine.me.office;
        let mut act = self.act_of(caller, new.note);
        let now = Timestamp(act.at);
        act.at = new.received.unwrap_or(act.at);
        let nonce = Nonce(motcua_shell::engine::random());
        let id = dossier_id(&self.public_key(), nonce, now);
        let mut leased = None;
        let TakenOver { applicant, request, papers, due, state, code, origin, .. } = new;
        let saved = self
            .engine
            .own()
            .write(None, |own| {
                let mut records = Vec::new();
                let code = match code {
                    Printed::Before(code) => {
                        let read = Code::read(&code);
                        self.free(&read.map_err(|_| DeskError::Unknown {
                            field: "code",
                            value: code.chars().take(80).collect(),
                        })?)?;
                        code
                    }
                    Printed::Now => {
                        let (code, lease) = self.fresh_code(&self.issuer(own.log()), now)?;
                        records.extend(lease.as_ref().map(of_lease));
                        leased = lease;
                        code
                    }
                    Printed::Never => String::new(),
                };
                let registration =
                    Registration { applicant, request, papers, due, code: code.clone() };
                let action = action::take_over(registration, state, &origin, act, office)?;
                if !code.is_empty() {
                    self.codes.begin(&code, id);
                }
                let held = Held::new(Document::new(), []);
                let draft = self.draft(own, id, action, caller, now, held, Some(nonce))?;
                Ok((draft, records))
            })
            .await;
        self.finish(id, None, saved)?;
        leased.iter().for_each(|lease| self.leases().saved(lease));
        Ok(id)
    }
}

fn of_lease(lease: &Lease) -> Record {
    Record::Lease(lease.encode())
}
