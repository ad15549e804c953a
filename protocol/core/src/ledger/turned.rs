//! Verdicts that turned after they were told: inboxes are brought to what holds now, and everybody
//! who has the dossier is told.

use super::{
    Content, Ledger, Work,
    cause::{Cause, Code},
    dossier::DossierWork,
    fanout::{Rows, item, notice},
    rules,
    verdicts::takes_out,
};
use crate::{
    id::{DossierId, OfficeId},
    state::{
        Kv, StoreError,
        history::{Stored, Verdict},
        rows::{AudienceFact, members},
    },
};
use std::collections::BTreeSet;

impl<C: Content> Ledger<C> {
    pub(super) fn tell_turned<K: Kv + ?Sized>(
        &self,
        rows: &mut Rows,
        work: &mut Work<'_, K>,
    ) -> Result<(), StoreError> {
        let turned: Vec<DossierId> = work
            .dossiers
            .iter()
            .filter(|(_, dossier)| !dossier.turned().is_empty())
            .map(|(id, _)| *id)
            .collect();
        for id in turned {
            let Some(mut dossier) = work.dossiers.remove(&id) else { continue };
            let told = self.turn(rows, work, id, &mut dossier);
            work.dossiers.insert(id, dossier);
            told?;
        }
        Ok(())
    }

    fn turn<K: Kv + ?Sized>(
        &self,
        rows: &mut Rows,
        work: &mut Work<'_, K>,
        id: DossierId,
        dossier: &mut DossierWork,
    ) -> Result<(), StoreError> {
        if work.routed.insert(id) {
            self.lead_anew(rows, work, dossier, id, dossier.all.len())?;
        }
        let turned = dossier.turned();
        let relayed = |place: &usize| dossier.all[*place].verdict.relays();
        let fresh: Vec<usize> = turned
            .iter()
            .filter(|(place, before)| !before.relays() && relayed(place))
            .map(|(place, _)| *place)
            .collect();
        let all = 0..dossier.all.len();
        let facts: Vec<_> =
            all.clone().filter(relayed).flat_map(|at| rules::audience_facts(dossier, at)).collect();
        let inboxes = self.inboxes(&members(&facts));
        for inbox in &inboxes {
            let kept = dossier.row.inboxes.contains(inbox);
            let again = !kept && work.takes_part_again(*inbox, id)?;
            let places = all.clone().filter(|at| relayed(at) && (!kept || fresh.contains(at)));
            places.for_each(|at| rows.push(*inbox, item(id, &dossier.all[at], again)));
        }
        for (place, before) in &turned {
            let stored = &dossier.all[*place];
            work.except(stored);
            if before.applies() == stored.verdict.applies() {
                continue;
            }
            match stored.verdict.applies() {
                true => {
                    (work.meta.entries, work.meta.held) =
                        (work.meta.entries + 1, work.meta.held.saturating_sub(1))
                }
                false => {
                    (work.meta.entries, work.meta.held) =
                        (work.meta.entries.saturating_sub(1), work.meta.held + 1)
                }
            }
            if before.relays() && stored.verdict.relays() {
                continue;
            }
            let author = work.author(stored.log)?.map(|author| author.office);
            let author = author.and_then(|office| self.routes.hop(office));
            let mut told: BTreeSet<OfficeId> = inboxes.iter().copied().chain(author).collect();
            told.extend(&dossier.row.informed);
            told.into_iter().for_each(|at| rows.push(at, notice(id, stored)));
        }
        let claimed = self.inboxes(&members(&claims(dossier)));
        dossier.row.informed.extend(inboxes.iter().copied());
        dossier.row.informed.sort_unstable();
        dossier.row.informed.dedup();
        let (stay, gone): (Vec<OfficeId>, Vec<OfficeId>) = dossier
            .row
            .informed
            .iter()
            .partition(|inbox| inboxes.contains(inbox) || claimed.contains(inbox));
        for inbox in gone {
            let revocations = dossier.all.iter().filter(|stored| takes_out(stored));
            let at = revocations.map(|stored| stored.entry.header.claimed_at).max();
            work.leaves(rows, inbox, id, at.unwrap_or_default());
        }
        dossier.row.informed = stay;
        dossier.row.audience = facts;
        dossier.row.inboxes = inboxes;
        dossier.told = dossier.all.iter().map(|stored| stored.verdict).collect();
        work.applied.decided = true;
        Ok(())
    }
}

/// Who would take part if everything that is kept out were let in: they have the dossier and keep
/// it, until somebody who may takes them out.
fn claims(dossier: &DossierWork) -> Vec<AudienceFact> {
    let refused = |stored: &Stored| {
        let code = Cause::parse(&stored.reason).code;
        matches!(code, Code::Forged | Code::NoRight | Code::TooMuch | Code::NotAllowed)
    };
    let all = dossier.all.iter().enumerate().filter(|(_, stored)| !refused(stored));
    all.flat_map(|(place, stored)| {
        let mut facts = rules::audience_facts(dossier, place);
        facts.retain(|fact| fact.grant || stored.verdict.relays());
        facts
    })
    .collect()
}

impl DossierWork {
    /// Places whose verdict is another than was told, with the one that was.
    fn turned(&self) -> Vec<(usize, Verdict)> {
        let told = self.told.iter().zip(&self.all).enumerate();
        told.filter(|(_, (told, stored))| **told != stored.verdict)
            .map(|(place, (told, _))| (place, *told))
            .collect()
    }
}
