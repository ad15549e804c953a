//! What a scraper is told of scans, the same at node and hub. Nothing names a scan or a dossier.

use crate::{engine::Engine, http::Metrics};
use motcua_core::state::StoreError;

/// Adds the metrics of scans.
///
/// # Errors
/// [`StoreError`] when the state cannot be read.
pub fn collect(engine: &Engine, out: &mut Metrics) -> Result<(), StoreError> {
    let (counts, report) = (engine.scans().counts()?, engine.snapshot().scans);
    let coming = report.moving.iter().filter(|one| one.coming).count() as u64;
    for (name, help, value) in [
        ("motcua_scans", "Scans here, whole.", counts.here),
        ("motcua_scan_bytes", "Their bytes.", counts.bytes),
        ("motcua_scans_unsent", "Scans here that the hub above lacks.", counts.to_go),
        ("motcua_scans_damaged", "Scans whose file here is damaged.", counts.damaged),
        ("motcua_scans_wanted", "Scans this machine waits for.", report.wanted.len() as u64),
        ("motcua_scans_incomplete", "Scans of which a part is here and more comes.", coming),
    ] {
        out.family(name, "gauge", help).sample(name, &[], value as f64);
    }
    out.family("motcua_scan_faults_total", "counter", "Faults with scans, by kind.");
    for (kind, count) in report.faults {
        out.sample("motcua_scan_faults_total", &[("kind", kind)], count as f64);
    }
    Ok(())
}
