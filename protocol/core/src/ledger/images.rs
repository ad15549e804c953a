//! Images at a reader: a dossier whose history has not come is shown as the hub said. Its image goes
//! when the history holds every head that it named, and at the latest when the inbox was read as far
//! as it must be to bear it out (design/images.md).

use super::{Content, Ledger, Work, dossier::DossierWork};
use crate::{
    id::DossierId,
    state::{
        Key, Kv, StoreError,
        rows::{Cursor, Image, Images},
    },
    wire::ImageFrame,
};

/// Images looked through at once when those that were not borne out are dropped.
const PAGE: usize = 1_000;

impl<C: Content> Ledger<C> {
    pub(super) fn images<K: Kv + ?Sized>(
        &mut self,
        work: &mut Work<'_, K>,
        position: u64,
        bytes: &[u8],
    ) -> Result<(), StoreError> {
        let corrupt = StoreError::Corrupt { what: "image frame" };
        let frame = ImageFrame::decode(bytes).map_err(|_| corrupt)?;
        if frame.images.iter().any(|image| work.dossiers.contains_key(&image.dossier)) {
            self.settle_batch(work)?;
        }
        let before: Images = work.txn.row(Key::Images)?.unwrap_or_default();
        let earlier = if before.epoch == frame.epoch { before.cut } else { 0 };
        let images = Images {
            place: frame.place.or(before.place),
            done: before.done || frame.last,
            epoch: frame.epoch,
            cut: earlier.max(frame.cut),
        };
        work.txn.put_row(Key::Images, &images);
        for (at, image) in (0..).zip(frame.images) {
            let id = image.dossier;
            let row = Image { record: position, at, entries: image.entries, heads: image.heads };
            if work.holds(id, &row)? {
                continue;
            }
            let Some(folded) = self.content.show(id, &image.content) else { continue };
            if work.image_of(id)?.is_none() {
                work.meta.imaged += 1;
            }
            work.txn.put_row(Key::Image(id), &row);
            work.show(id, folded)?;
            work.applied.dossiers.insert(id);
        }
        Ok(())
    }

    /// The inbox was read up to here: what it has not borne out by now is not true.
    pub(super) fn bear_out_images<K: Kv + ?Sized>(
        &mut self,
        work: &mut Work<'_, K>,
        cursor: &Cursor,
    ) -> Result<(), StoreError> {
        if work.meta.imaged == 0 || !is_read(work.txn.row(Key::Images)?, cursor) {
            return Ok(());
        }
        self.settle_batch(work)?;
        let to = [Key::Image(DossierId([0xff; 16])).bytes(), vec![0]].concat();
        let mut from = Key::Image(DossierId::ZERO).bytes();
        loop {
            let page = work.txn.range(&from, &to, PAGE)?;
            for (key, _) in &page {
                let id = DossierId::from_slice(&key[1..]);
                let id = id.ok_or(StoreError::Corrupt { what: "image" })?;
                let (mut dossier, opened) = work.opened(id)?;
                if dossier.is_new() && !dossier.row.away {
                    work.drop_image(id)?;
                    work.show_nothing(id)?;
                    work.applied.dossiers.insert(id);
                    continue;
                }
                // What is stale is folded anyway, and its image goes then.
                dossier.unfolded |= !dossier.row.stale;
                if dossier.unfolded || !opened {
                    work.dossiers.insert(id, dossier);
                }
            }
            match page.last() {
                Some((key, _)) if page.len() == PAGE => from = [key.as_slice(), &[0]].concat(),
                _ => break,
            }
        }
        self.fold_all(work)
    }

    /// Dossiers whose images say more than has come of their histories are not folded: what is shown
    /// of them never goes back.
    pub(super) fn leave_to_images<K: Kv + ?Sized>(
        &mut self,
        work: &mut Work<'_, K>,
    ) -> Result<(), StoreError> {
        if work.meta.imaged == 0 {
            return Ok(());
        }
        let unfolded = work.dossiers.iter();
        let unfolded = unfolded.filter(|(_, one)| one.unfolded && !one.must_be_judged());
        let unfolded: Vec<DossierId> = unfolded.map(|(id, _)| *id).collect();
        for id in unfolded {
            let Some(mut dossier) = work.dossiers.remove(&id) else { continue };
            if work.awaits_image(id, &mut dossier)? {
                dossier.unfolded = false;
                dossier.settle_heads();
            }
            work.dossiers.insert(id, dossier);
        }
        Ok(())
    }
}

impl<K: Kv + ?Sized> Work<'_, K> {
    pub(super) fn image_of(&self, id: DossierId) -> Result<Option<Image>, StoreError> {
        match self.meta.imaged {
            0 => Ok(None),
            _ => self.txn.row(Key::Image(id)),
        }
    }

    /// Whether a dossier has an image that is ahead of its history and may yet be borne out.
    pub(super) fn awaits_image(
        &mut self,
        id: DossierId,
        dossier: &mut DossierWork,
    ) -> Result<bool, StoreError> {
        let Some(image) = self.image_of(id)? else { return Ok(false) };
        if self.reaches(id, dossier, &image)? {
            return Ok(false);
        }
        let cursor: Cursor = self.txn.row(Key::Upstream)?.unwrap_or_default();
        Ok(!is_read(self.txn.row(Key::Images)?, &cursor))
    }

    /// Removes the image of a dossier; whether there was one.
    pub(super) fn drop_image(&mut self, id: DossierId) -> Result<bool, StoreError> {
        let there = self.image_of(id)?.is_some();
        if there {
            self.txn.delete(Key::Image(id).bytes());
            self.meta.imaged -= 1;
        }
        Ok(there)
    }

    /// Whether the history here holds everything that went into an image.
    fn holds(&mut self, id: DossierId, image: &Image) -> Result<bool, StoreError> {
        let (mut dossier, opened) = self.opened(id)?;
        let reaches = !dossier.is_new() && self.reaches(id, &mut dossier, image)?;
        if !opened {
            self.dossiers.insert(id, dossier);
        }
        Ok(reaches)
    }

    /// A dossier for a look, and whether it was not among those under work: then it need not be put
    /// back.
    pub(super) fn opened(&mut self, id: DossierId) -> Result<(DossierWork, bool), StoreError> {
        match self.dossiers.remove(&id) {
            Some(dossier) => Ok((dossier, false)),
            None => Ok((DossierWork::open(&self.txn, id)?, true)),
        }
    }

    /// The history is read only where row and count do not tell.
    fn reaches(
        &self,
        id: DossierId,
        dossier: &mut DossierWork,
        image: &Image,
    ) -> Result<bool, StoreError> {
        if dossier.row.heads == image.heads && !dossier.is_whole() {
            return Ok(true);
        }
        if u64::from(dossier.row.entries) < image.entries {
            return Ok(false);
        }
        dossier.read(&self.txn, id)?;
        Ok(image.heads.iter().all(|head| dossier.place_of(head).is_some()))
    }
}

fn is_read(images: Option<Images>, cursor: &Cursor) -> bool {
    images.is_none_or(|images| cursor.epoch != images.epoch || cursor.number >= images.cut)
}
