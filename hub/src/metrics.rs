//! What the hub tells a scraper. Labels name offices by code and id, never people or dossiers.

use crate::fleet;
use motcua_core::state::StoreError;
use motcua_shell::{engine::Engine, http::Metrics, transport::Carrier};

/// All metrics, as of now.
///
/// # Errors
/// [`StoreError`] when the state cannot be read.
pub fn collect(engine: &Engine) -> Result<Metrics, StoreError> {
    let (meta, snapshot) = (engine.meta()?, engine.snapshot());
    let mut out = Metrics::default();
    motcua_shell::measures::collect(engine, &mut out)?;
    for (name, kind, help, value) in [
        ("motcua_entries_waiting", "gauge", "Entries that wait for a cause.", meta.parked),
        ("motcua_parent_backlog_entries", "gauge", "Entries the parent lacks.", snapshot.backlog.1),
    ] {
        out.family(name, kind, help).sample(name, &[], value as f64);
    }
    let (turns, waiting) = snapshot.catching_up;
    out.family("motcua_catch_ups", "gauge", "Peers that catch up in bulk, and that wait to.");
    out.sample("motcua_catch_ups", &[("state", "running")], turns as f64);
    out.sample("motcua_catch_ups", &[("state", "waiting")], waiting as f64);
    let name = "motcua_two_alive_total";
    out.family(name, "counter", "Two machines seen alive with one key.");
    out.sample(name, &[], engine.two_alive().values().sum::<u64>() as f64);
    out.family("motcua_links", "gauge", "Links that are up, by what carries them.");
    for carrier in Carrier::ALL {
        let count = snapshot.carriers.values().filter(|up| **up == carrier).count();
        out.sample("motcua_links", &[("carrier", carrier.word())], count as f64);
    }
    let offices = fleet::offices(engine)?;
    let mut series = |name: &str, help: &str, value: &dyn Fn(&fleet::OfficeLine) -> Option<f64>| {
        out.family(name, "gauge", help);
        for office in &offices {
            // What is not measured has no sample, rather than a false zero.
            if let Some(value) = value(office) {
                let labels = [("office", office.code.as_str()), ("office_id", office.id.as_str())];
                out.sample(name, &labels, value);
            }
        }
    };
    series("motcua_office_connected", "Whether a machine of the office is connected.", &|office| {
        Some(f64::from(u8::from(office.link == "connected")))
    });
    series(
        "motcua_office_last_contact_timestamp_seconds",
        "Last message from the office.",
        &|office| office.last_contact.map(|at| at as f64 / 1_000.0),
    );
    series("motcua_office_lag_changes_down", "Inbox rows not acknowledged.", &|office| {
        office.behind_down.map(|count| count as f64)
    });
    series("motcua_office_lag_changes_up", "Entries the office has not sent.", &|office| {
        office.behind_up.map(|count| count as f64)
    });
    series("motcua_office_clock_offset_seconds", "Clock ahead of this hub's.", &|office| {
        office.clock_offset.map(|ahead| ahead as f64 / 1_000.0)
    });
    series("motcua_office_inbox_rows", "Inbox rows kept for the office.", &|office| {
        Some(office.kept_rows as f64)
    });
    series(
        "motcua_office_oldest_waiting_timestamp_seconds",
        "When the oldest inbox row that is here and not acknowledged was written.",
        &|office| office.oldest_waiting_at.map(|at| at as f64 / 1_000.0),
    );
    series(
        "motcua_inbox_alarm",
        "1 where so much waits for a silent office that its inbox will be cut.",
        &|office| Some(f64::from(u8::from(office.alarm.is_some()))),
    );
    series(
        "motcua_office_inbox_cut_timestamp_seconds",
        "When rows that the office has not read were cut; none once it is back.",
        &|office| office.cut_at.map(|at| at as f64 / 1_000.0),
    );
    series(
        "motcua_office_slowed",
        "1 where a machine writes more than it may, and is read slowly.",
        &|office| Some(f64::from(u8::from(office.slowed_at.is_some()))),
    );
    series("motcua_office_received_entries", "Entries received from the office.", &|office| {
        Some(office.received_entries as f64)
    });
    Ok(out)
}
