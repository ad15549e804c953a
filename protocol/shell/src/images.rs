//! Cutting images: reads thousands of dossiers for a machine that is new, beside the driver, which
//! goes on with everybody else.

use crate::{
    content::DossierPainter,
    driver::{Driver, Signal},
    engine::Books,
};
use motcua_core::replica::{ImageDone, ImageIo, cut, list};
use std::sync::mpsc::Receiver;

/// Carries out requests, in order, until nobody can send any more.
pub(crate) fn run(requests: &Receiver<ImageIo>, books: &Books, driver: &Driver) {
    while let Ok(request) = requests.recv() {
        let done = match request {
            ImageIo::List { link, office, after } => {
                let places = list(books, &DossierPainter, office, after);
                ImageDone::Listed { link, places: told("dossiers to show first", places) }
            }
            ImageIo::Cut { link, order } => {
                let cut = cut(books, &DossierPainter, &order);
                ImageDone::Cut { link, cut: told("images of dossiers", cut) }
            }
        };
        if !driver.signal(Signal::Images(done)) {
            return;
        }
    }
}

fn told<T>(what: &str, result: Result<T, motcua_core::state::StoreError>) -> Option<T> {
    result
        .inspect_err(|error| {
            tracing::error!(%error, "{what} cannot be read; the inbox brings them later");
        })
        .ok()
}
