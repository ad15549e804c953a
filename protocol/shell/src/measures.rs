//! What node and hub both tell a scraper about their engine.

use crate::{disk, engine::Engine, http::Metrics, odd, renewal, scans};
use motcua_core::state::StoreError;

/// Counts of what is held, checks that ended, links that were refused, scans, disk.
///
/// # Errors
/// [`StoreError`] when the state cannot be read.
pub fn collect(engine: &Engine, out: &mut Metrics) -> Result<(), StoreError> {
    let meta = engine.meta()?;
    for (name, help, value) in [
        ("motcua_dossiers", "Dossiers held.", meta.dossiers),
        ("motcua_entries", "Entries accepted.", meta.entries),
        ("motcua_entries_held", "Entries not accepted.", meta.held),
        ("motcua_dossiers_away", "Closed dossiers whose histories are at the hub only.", meta.away),
        ("motcua_records_unapplied", "Records on disk not yet in the state.", engine.unapplied()),
    ] {
        out.family(name, "gauge", help).sample(name, &[], value as f64);
    }
    out.family("motcua_entries_odd", "gauge", "Entries not plainly accepted, by reason.");
    for ((verdict, reason), count) in odd::by_reason(engine)? {
        let labels = [("verdict", verdict), ("reason", reason)];
        out.sample("motcua_entries_odd", &labels, count as f64);
    }
    let (checks, found) = engine.check_totals();
    let (lost, mended) = engine.damaged_frames();
    for (name, help, value) in [
        ("motcua_checks_total", "Digest checks with the hub above that ended.", checks),
        ("motcua_check_differing_total", "Dossiers in which the two differed.", found.differing),
        ("motcua_check_unrepaired_total", "Of these, not repaired.", found.unrepaired),
        (
            "motcua_set_back_total",
            "Times this machine was found to be set back or copied.",
            engine.set_backs(),
        ),
        ("motcua_frames_damaged_total", "Frames that are passed on and the disk damaged.", lost),
        ("motcua_frames_mended_total", "Of these, come again from below.", mended),
        (
            "motcua_eviction_looks_total",
            "Times all dossiers were looked through for closed ones that may leave.",
            engine.eviction_looks(),
        ),
    ] {
        out.family(name, "counter", help).sample(name, &[], value as f64);
    }
    out.family("motcua_refused_total", "counter", "Links refused, by kind of fault.");
    for (kind, count) in engine.refusals() {
        out.sample("motcua_refused_total", &[("kind", kind)], count as f64);
    }
    crate::gate::collect(engine.startup(), out);
    renewal::collect(engine, out);
    disk::collect(engine, out)?;
    scans::collect(engine, out)
}
