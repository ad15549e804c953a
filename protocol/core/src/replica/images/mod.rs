//! Images for a machine that has read nothing yet: what each dossier says by the hub's word, most
//! urgent first, before the inbox brings the histories (design/images.md).
//!
//! The replica says what is to be listed and cut; that reads thousands of dossiers, so it happens on
//! another thread, by [`list`] and [`cut`].

mod fetch;
mod give;
mod take;

pub(super) use fetch::Fetching;
pub(super) use give::Giving;
pub(super) use take::Taking;

use super::LinkId;
use crate::{
    id::OfficeId,
    limits,
    state::{
        Key, Kv, StoreError,
        held::{self, Part},
        history::{self, Stored},
        read_row,
        rows::{Cursor, Meta, Summary},
    },
    wire::{Image, ImageFrame, Place},
};
use serde::{Deserialize, Serialize};

/// What a reader asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum ImagesAsked {
    /// Everything behind a place, or from the beginning.
    All(Option<Place>),
    /// What changes from a row of its inbox on: it has had all others.
    Changes(u64),
}

/// To be done off the thread that drives the replica; each is answered once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ImageIo {
    /// Lists the dossiers of an office by place, those behind one of them; answered with
    /// [`ImageDone::Listed`].
    List {
        /// Whom it is for.
        link: LinkId,
        /// Which office.
        office: OfficeId,
        /// Behind this place.
        after: Option<Place>,
    },
    /// Cuts a frame with images of the first of these dossiers, as many as fit; answered with
    /// [`ImageDone::Cut`].
    Cut {
        /// Whom it is for.
        link: LinkId,
        /// What to cut.
        order: ImageOrder,
    },
}

/// A frame to be cut.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ImageOrder {
    /// For which office.
    pub office: OfficeId,
    /// Which dossiers.
    pub places: Vec<Place>,
    /// Whether they come in the order of places, so that the reader notes how far it is.
    pub listed: bool,
    /// Nothing follows them.
    pub last: bool,
}

/// What came of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ImageDone {
    /// The places, in order; none if the state could not be read.
    Listed {
        /// Whom it is for.
        link: LinkId,
        /// The places.
        places: Option<Vec<Place>>,
    },
    /// The frame; none if the state could not be read.
    Cut {
        /// Whom it is for.
        link: LinkId,
        /// The frame and how far it goes.
        cut: Option<CutImages>,
    },
}

/// A frame that was cut.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CutImages {
    /// The frame's bytes.
    pub frame: Vec<u8>,
    /// How many of the dossiers asked for it deals with.
    pub covers: usize,
    /// Row of the inbox up to which it says everything.
    pub cut: u64,
}

/// What the content does for images: it alone knows what a dossier says.
pub trait Painter {
    /// How long a dossier may wait, told from its summary: smaller comes first.
    fn urgency(&self, summary: &[u8]) -> i64;

    /// What the accepted changes of a dossier say, causes first; none if they cannot be read.
    fn image(&self, changes: &[&Stored]) -> Option<Vec<u8>>;
}

/// Places of the dossiers that an office takes part in, behind one of them, in order.
///
/// # Errors
/// [`StoreError`] when the state cannot be read.
pub fn list(
    kv: &(impl Kv + ?Sized),
    painter: &impl Painter,
    office: OfficeId,
    after: Option<Place>,
) -> Result<Vec<Place>, StoreError> {
    const PAGE: usize = 1_000;
    let mut places = Vec::new();
    let mut from = None;
    loop {
        let page = held::dossiers(kv, office, Part::Root, from, PAGE)?;
        from = page.last().map(|(id, _)| *id);
        for (dossier, _) in &page {
            let summary: Option<Summary> = read_row(kv, Key::Summary(*dossier))?;
            let urgency = summary.map_or(i64::MAX, |summary| painter.urgency(&summary.bytes));
            places.push(Place { urgency, dossier: *dossier });
        }
        if page.len() < PAGE {
            break;
        }
    }
    places.retain(|place| after.is_none_or(|after| *place > after));
    places.sort_unstable();
    Ok(places)
}

/// Images of the first dossiers of an order, as many as make a frame. Who takes no part any more, or
/// has too much to say, is left out: the inbox will tell.
///
/// # Errors
/// [`StoreError`] when the state cannot be read.
pub fn cut(
    kv: &(impl Kv + ?Sized),
    painter: &impl Painter,
    order: &ImageOrder,
) -> Result<CutImages, StoreError> {
    let (mut images, mut bytes, mut covers) = (Vec::new(), 0, 0usize);
    for place in &order.places {
        if bytes >= limits::FRAME_TARGET_BYTES {
            break;
        }
        covers += 1;
        if let Some(image) = image_of(kv, painter, order.office, place)? {
            bytes += image.content.len();
            images.push(image);
        }
    }
    // Read last: every entry that went into an image has its row by now.
    let tail: Cursor = read_row(kv, Key::Inbox(order.office))?.unwrap_or_default();
    let meta: Meta = read_row(kv, Key::Meta)?.unwrap_or_default();
    let upto = covers.checked_sub(1).and_then(|at| order.places.get(at)).copied();
    let frame = ImageFrame {
        inbox: order.office,
        epoch: meta.epoch,
        cut: tail.number,
        place: upto.filter(|_| order.listed),
        last: order.last && covers == order.places.len(),
        images,
    };
    Ok(CutImages { frame: frame.encode(), covers, cut: tail.number })
}

fn image_of(
    kv: &(impl Kv + ?Sized),
    painter: &impl Painter,
    office: OfficeId,
    place: &Place,
) -> Result<Option<Image>, StoreError> {
    let Some((row, history)) = history::held(kv, place.dossier)? else { return Ok(None) };
    let all = row.members();
    let members: Vec<(OfficeId, u8)> = all
        .iter()
        .flat_map(|(office, roles)| roles.iter().map(|role| (*office, role.byte())))
        .collect();
    let takes_part = all.iter().any(|(member, _)| *member == office);
    let fits = row.heads.len() <= limits::IMAGE_HEADS && members.len() <= limits::IMAGE_MEMBERS;
    if !takes_part || !fits {
        return Ok(None);
    }
    let changes = || history.iter().filter(|stored| stored.entry.header.kind.is_change());
    let applied: Vec<&Stored> = changes().filter(|stored| stored.verdict.applies()).collect();
    let content = painter.image(&applied).filter(|bytes| bytes.len() <= limits::IMAGE_BYTES);
    Ok(content.map(|content| Image {
        dossier: place.dossier,
        entries: changes().filter(|stored| stored.verdict.relays()).count() as u64,
        heads: row.heads,
        members,
        content,
    }))
}
