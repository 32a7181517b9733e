//! The one pass that turns what was written into settings: completes defaults, refuses unknown keys with the nearest
//! known one, and collects every fault instead of stopping at the first.
//!
//! May use `raw`, `keys` and the readers of `values`; `trust` reads what concerns other operators. Must never read a file
//! other than the text it was given.

use std::{path::Path, time::Duration};

use super::{
    Control, Fault, Listeners, Log, LogFormat, Operator, Patients, Settings, StorePlace, Tls, TlsVersion,
    connectors::CONNECTORS,
    keys::{KEYS, Key, nearest},
    raw::Raw,
};

/// The settings that `raw` describes, or all its faults in the order of their lines.
pub(super) fn settings(file: &Path, raw: Raw) -> Result<Settings, Vec<Fault>> {
    let mut pass = Pass { file, raw, faults: Vec::new() };
    pass.refuse_unknown();
    pass.refuse_single_tables();
    let settings = pass.read();
    pass.refuse_contradictions(&settings);
    pass.faults.sort_by_key(|fault| fault.line);
    if pass.faults.is_empty() { Ok(settings) } else { Err(pass.faults) }
}

/// The pass under way: what was written, and what is wrong with it so far.
pub(super) struct Pass<'a> {
    pub(super) file: &'a Path,
    pub(super) raw: Raw,
    pub(super) faults: Vec<Fault>,
}

impl Pass<'_> {
    fn read(&mut self) -> Settings {
        let tls = self.tls();
        Settings {
            operator: Operator {
                name: self.text("operator", "name"),
                hostname: self.domain("operator", "hostname").as_str().to_owned(),
                mssante_domains: self.domains("operator", "mssante_domains"),
                login_domains: self.domains("operator", "login_domains"),
                secure_structures: self.secure_structures(),
                time_zone: self.time_zone(),
            },
            patients: Patients {
                domain: self.domain("patients", "domain"),
                robots: self.texts("patients", "robots"),
                test_identities: self.choice(
                    ("patients", "test_identities"),
                    false,
                    &[("refuse", false), ("accept", true)],
                ),
                refuse_ended: self.choice(
                    ("patients", "after_end"),
                    false,
                    &[("deliver", false), ("refuse", true)],
                ),
            },
            trust: self.trust(),
            relay: self.relay(&tls),
            queue: self.queue(),
            tls,
            store: StorePlace {
                directory: self.path("store", "directory"),
                master_key: self.master_key(),
                memory: self.memory(),
                open_files: u32::try_from(self.count("store", "open_files", 64, 100_000)).unwrap_or(u32::MAX),
                queued: self.count("store", "queued", 1_000, 100_000_000) as u64,
                queued_next_hop: self.count("store", "queued_next_hop", 1_000, 100_000_000) as u64,
                queued_account: self.count("store", "queued_account", 1_000, 100_000_000) as u64,
                disk_reserve: self.size("store", "disk_reserve", 0, 1 << 50),
            },
            retention: self.retention(),
            dkim: self.dkim(),
            scan: self.scan(),
            listeners: Listeners {
                submission: self.addresses("submission"),
                submission_tls: self.addresses("submission_tls"),
                imap: self.addresses("imap"),
                imap_tls: self.addresses("imap_tls"),
                imap_plain: self.addresses("imap_plain"),
                relay: self.addresses("relay"),
                metrics: self.addresses("metrics"),
                proxy_from: self.proxies(),
            },
            imap: self.imap(),
            connectors: self.connectors(),
            smart_host: self.smart_host(),
            control: Control { socket: self.socket(), administrators: self.administrators() },
            limits: self.limits(),
            log: self.log(),
            grace: self.duration("shutdown", "grace", Duration::from_secs(600)),
        }
    }

    fn tls(&mut self) -> Tls {
        Tls {
            certificate: self.path("tls", "certificate"),
            key: self.path("tls", "key"),
            highest_version: self.choice(
                ("tls", "highest_version"),
                TlsVersion::V1_3,
                &[("1.3", TlsVersion::V1_3), ("1.2", TlsVersion::V1_2)],
            ),
        }
    }

    fn memory(&mut self) -> usize {
        let bytes = self.size("store", "memory", 16 << 20, 64 << 30);
        usize::try_from(bytes).unwrap_or(usize::MAX)
    }

    fn log(&mut self) -> Log {
        use tracing::Level;
        let levels =
            [("info", Level::INFO), ("error", Level::ERROR), ("warn", Level::WARN), ("debug", Level::DEBUG)];
        Log {
            level: self.choice(("log", "level"), Level::INFO, &levels),
            format: self.choice(
                ("log", "format"),
                LogFormat::Text,
                &[("text", LogFormat::Text), ("json", LogFormat::Json)],
            ),
        }
    }

    fn refuse_unknown(&mut self) {
        let mut faults = Vec::new();
        let known = |section: &str| KEYS.iter().any(|key| key.section == section);
        for (section, line) in self.raw.sections.iter().filter(|(section, _)| !known(section)) {
            let meant = nearest(section, KEYS.iter().map(|key| key.section));
            let write = meant.map_or_else(
                || "nothing here: delete the section".to_owned(),
                |meant| format!("[{meant}], or delete the section"),
            );
            faults.push(self.fault(section, "", Some(*line), "there is no such section", write));
        }
        for table in self.raw.tables.iter().filter(|table| table.name != CONNECTORS) {
            let write = format!("[[{CONNECTORS}]], which alone may stand several times, or delete it");
            faults.push(self.fault(
                &table.name,
                "",
                Some(table.line),
                "there is no such section here",
                write,
            ));
        }
        let in_tables = self.raw.tables.iter().filter(|table| table.name == CONNECTORS);
        for entry in self.raw.entries.iter().chain(in_tables.flat_map(|table| &table.entries)) {
            let is_known = |key: &&Key| key.section == entry.section && key.name == entry.name;
            if KEYS.iter().any(|key| is_known(&key)) || (!entry.section.is_empty() && !known(&entry.section))
            {
                continue;
            }
            let (what, write) = unknown_key(&entry.section, &entry.name);
            faults.push(self.fault(&entry.section, &entry.name, Some(entry.line), what, write));
        }
        self.faults.append(&mut faults);
    }

    pub(super) fn line(&self, section: &str, name: &str) -> Option<usize> {
        self.raw
            .entries
            .iter()
            .find(|entry| entry.section == section && entry.name == name)
            .map(|entry| entry.line)
    }

    pub(super) fn push(
        &mut self,
        section: &str,
        name: &str,
        line: Option<usize>,
        what: String,
        write: String,
    ) {
        let fault = self.fault(section, name, line, what, write);
        self.faults.push(fault);
    }

    /// A section of those that may stand several times has two brackets.
    fn refuse_single_tables(&mut self) {
        let single =
            self.raw.sections.iter().find(|(section, _)| section == CONNECTORS).map(|(_, line)| *line);
        if let Some(line) = single {
            let what = "this section stands once for each connector".to_owned();
            self.push(CONNECTORS, "", Some(line), what, format!("[[{CONNECTORS}]]"));
        }
    }

    pub(super) fn fault(
        &self,
        section: &str,
        name: &str,
        line: Option<usize>,
        what: impl Into<String>,
        write: impl Into<String>,
    ) -> Fault {
        let (what, write) = (what.into(), write.into());
        Fault {
            file: self.file.to_owned(),
            line,
            key: Some((section.to_owned(), name.to_owned())),
            what,
            write,
        }
    }
}

/// What to say of a key that is in no section of ours, or in the wrong one.
fn unknown_key(section: &str, name: &str) -> (&'static str, String) {
    if let Some(home) = KEYS.iter().find(|key| key.name == name && !section.is_empty()) {
        return ("there is no such key here", format!("it under [{}], or delete the line", home.section));
    }
    let here = KEYS.iter().filter(|key| key.section == section || section.is_empty());
    let meant =
        nearest(name, here.clone().map(|key| key.name)).map(|meant| format!("{meant}, or delete the line"));
    let write = meant.unwrap_or_else(|| {
        let names: Vec<_> = here.map(|key| key.name).collect();
        format!("one of {}, or delete the line", names.join(", "))
    });
    if section.is_empty() {
        ("this key stands before any [section]", write)
    } else {
        ("there is no such key", write)
    }
}
