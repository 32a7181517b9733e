//! The one pass that turns what was written into settings: completes defaults, refuses unknown keys with the nearest
//! known one, and collects every fault instead of stopping at the first.
//!
//! May use `raw`, `keys`, `units`. Must never read a file other than the text it was given.

use std::{
    collections::HashSet,
    net::SocketAddr,
    path::{Path, PathBuf},
    time::Duration,
};

use mssante::Domain;

use super::{
    Administrator, Control, Fault, Limits, Listeners, Log, LogFormat, Operator, Patients, Settings,
    StorePlace, Tls, TlsVersion, Who,
    keys::{KEYS, Key, nearest},
    raw::{Raw, Value},
    units,
};

/// The settings that `raw` describes, or all its faults in the order of their lines.
pub(super) fn settings(file: &Path, raw: Raw) -> Result<Settings, Vec<Fault>> {
    let mut pass = Pass { file, raw, faults: Vec::new() };
    pass.refuse_unknown();
    let settings = pass.read();
    pass.refuse_contradictions(&settings);
    pass.faults.sort_by_key(|fault| fault.line);
    if pass.faults.is_empty() { Ok(settings) } else { Err(pass.faults) }
}

/// The longest path that fits a Unix socket's address on Linux (`sun_path` is 108 octets with its end mark).
const SOCKET_PATH_OCTETS: usize = 107;

struct Pass<'a> {
    file: &'a Path,
    raw: Raw,
    faults: Vec<Fault>,
}

/// A value under examination, with what an error about it must name.
struct Item {
    section: &'static str,
    name: &'static str,
    line: Option<usize>,
    value: Value,
}

impl Pass<'_> {
    fn read(&mut self) -> Settings {
        Settings {
            operator: Operator {
                name: self.text("operator", "name"),
                hostname: self.domain("operator", "hostname").as_str().to_owned(),
                mssante_domains: self.domains("operator", "mssante_domains"),
                login_domains: self.domains("operator", "login_domains"),
            },
            patients: Patients {
                domain: self.domain("patients", "domain"),
                robots: self.texts("patients", "robots"),
                test_identities: self.choice(
                    ("patients", "test_identities"),
                    false,
                    &[("refuse", false), ("accept", true)],
                ),
            },
            tls: Tls {
                certificate: self.path("tls", "certificate"),
                key: self.path("tls", "key"),
                highest_version: self.choice(
                    ("tls", "highest_version"),
                    TlsVersion::V1_3,
                    &[("1.3", TlsVersion::V1_3), ("1.2", TlsVersion::V1_2)],
                ),
            },
            store: StorePlace {
                directory: self.path("store", "directory"),
                master_key: self.path("store", "master_key"),
                memory: self.memory(),
            },
            listeners: Listeners {
                submission: self.addresses("submission"),
                submission_tls: self.addresses("submission_tls"),
                imap: self.addresses("imap"),
                imap_tls: self.addresses("imap_tls"),
            },
            control: Control { socket: self.socket(), administrators: self.administrators() },
            limits: self.limits(),
            log: self.log(),
            grace: self.duration("shutdown", "grace", Duration::from_secs(600)),
        }
    }

    fn limits(&mut self) -> Limits {
        Limits {
            submission_sessions: self.count("submission_sessions", 1, 100_000),
            imap_sessions: self.count("imap_sessions", 1, 1_000_000),
            sessions_per_peer: self.count("sessions_per_peer", 1, 100_000),
            recipients: self.count("recipients", 100, 10_000),
            attachments: self.size("limits", "attachments", 1_000_000, 1_000_000_000),
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
        for entry in &self.raw.entries {
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

    fn refuse_contradictions(&mut self, settings: &Settings) {
        let mut seen = HashSet::new();
        let mut twice =
            settings.listeners.all().filter(|(_, address)| address.port() != 0 && !seen.insert(*address));
        if let Some((service, address)) = twice.next() {
            let key = service.key();
            let line = self.line("listeners", key);
            let what = format!("{address} is listened on twice");
            self.push("listeners", key, line, what, "each address in one list only".into());
        }
        if settings.listeners.all().next().is_none() {
            let write = "at least one address, for instance submission_tls = [\"0.0.0.0:465\"]";
            self.push("listeners", "", None, "no address to listen on".into(), write.into());
        }
        let both = settings
            .operator
            .login_domains
            .iter()
            .find(|name| settings.operator.mssante_domains.contains(name));
        if let Some(domain) = both {
            let line = self.line("operator", "login_domains");
            let what = format!("{} is also in mssante_domains", domain.as_str());
            let write = "the domains of ordinary mail here, those of MSSanté addresses there (S-1.1)".into();
            self.push("operator", "login_domains", line, what, write);
        }
    }

    // One reader for each kind of value. A fault is recorded and a harmless value stands in for the wrong one: the
    // settings are dropped in the end.

    fn text(&mut self, section: &'static str, name: &'static str) -> String {
        let item = self.item(section, name);
        match item.value {
            Value::Text(ref text) if !text.trim().is_empty() => text.clone(),
            _ => self.wrong(&item, "a text between double quotes, not empty"),
        }
    }

    fn path(&mut self, section: &'static str, name: &'static str) -> PathBuf {
        let item = self.item(section, name);
        match item.value {
            // Relative to the file, so that a configuration works from any working directory.
            Value::Text(ref text) if !text.is_empty() => {
                self.file.parent().unwrap_or(Path::new("")).join(text)
            }
            _ => self.wrong(
                &item,
                "a path between double quotes; a relative one starts from this file's directory",
            ),
        }
    }

    fn socket(&mut self) -> PathBuf {
        let path = self.path("control", "socket");
        if path.as_os_str().len() > SOCKET_PATH_OCTETS {
            let line = self.line("control", "socket");
            let what = format!("{} is {} octets long", path.display(), path.as_os_str().len());
            let write =
                format!("a path of at most {SOCKET_PATH_OCTETS} octets: the system takes no longer one");
            self.push("control", "socket", line, what, write);
        }
        path
    }

    fn domain(&mut self, section: &'static str, name: &'static str) -> Domain {
        let item = self.item(section, name);
        let parsed = match &item.value {
            Value::Text(text) => Domain::parse(text).ok(),
            _ => None,
        };
        parsed.unwrap_or_else(|| {
            let () = self.wrong(&item, "a full DNS name, for instance \"mail.chu-nord.fr\"");
            Domain::parse("invalid").expect("a name of one label parses")
        })
    }

    fn texts(&mut self, section: &'static str, name: &'static str) -> Vec<String> {
        let item = self.item(section, name);
        let write = "a list of texts, for instance [\"robot\"], or [] for none";
        let Value::List(list) = &item.value else { return self.wrong(&item, write) };
        let parsed: Option<Vec<_>> = list
            .iter()
            .map(|text| match text {
                Value::Text(text) if !text.is_empty() => Some(text.clone()),
                _ => None,
            })
            .collect();
        parsed.unwrap_or_else(|| self.wrong(&item, write))
    }

    fn domains(&mut self, section: &'static str, name: &'static str) -> Vec<Domain> {
        let item = self.item(section, name);
        let write = "a list of at least one domain, for instance [\"chu-nord.mssante.fr\"]";
        let Value::List(list) = &item.value else { return self.wrong(&item, write) };
        let parsed: Option<Vec<_>> = list
            .iter()
            .map(|domain| match domain {
                Value::Text(text) => Domain::parse(text).ok(),
                _ => None,
            })
            .collect();
        match parsed {
            Some(domains) if !domains.is_empty() => domains,
            _ => self.wrong(&item, write),
        }
    }

    fn addresses(&mut self, name: &'static str) -> Vec<SocketAddr> {
        let item = self.item("listeners", name);
        let write =
            "a list of addresses with ports, for instance [\"0.0.0.0:587\", \"[::]:587\"], or [] for none";
        let Value::List(list) = &item.value else { return self.wrong(&item, write) };
        let parsed: Option<Vec<SocketAddr>> = list
            .iter()
            .map(|address| match address {
                Value::Text(text) => text.parse().ok(),
                _ => None,
            })
            .collect();
        parsed.unwrap_or_else(|| self.wrong(&item, write))
    }

    fn administrators(&mut self) -> Vec<Administrator> {
        let item = self.item("control", "administrators");
        let write =
            "a list such as [{ name = \"claire\", uid = 1000 }, { name = \"exploitation\", gid = 990 }]";
        let Value::List(list) = &item.value else { return self.wrong(&item, write) };
        let parsed: Option<Vec<_>> = list.iter().map(administrator).collect();
        parsed.unwrap_or_else(|| self.wrong(&item, write))
    }

    fn count(&mut self, name: &'static str, least: usize, most: usize) -> usize {
        let item = self.item("limits", name);
        match item.value {
            Value::Integer(number) => {
                usize::try_from(number).ok().filter(|number| (least..=most).contains(number))
            }
            _ => None,
        }
        .unwrap_or_else(|| self.wrong(&item, &format!("an integer from {least} to {most}")))
    }

    fn size(&mut self, section: &'static str, name: &'static str, least: u64, most: u64) -> u64 {
        let item = self.item(section, name);
        match &item.value {
            Value::Text(text) => units::size(text).filter(|size| (least..=most).contains(size)),
            _ => None,
        }
        .unwrap_or_else(|| {
            self.wrong(
                &item,
                &format!("a size from {least} B to {most} B, for instance \"60 MB\" or \"64 MiB\""),
            )
        })
    }

    fn duration(&mut self, section: &'static str, name: &'static str, most: Duration) -> Duration {
        let item = self.item(section, name);
        match &item.value {
            Value::Text(text) => units::duration(text).filter(|duration| *duration <= most),
            _ => None,
        }
        .unwrap_or_else(|| {
            self.wrong(&item, &format!("a duration of at most {} s, for instance \"20 s\"", most.as_secs()))
        })
    }

    /// The value of one of the texts of `choices`; `instead` stands in for a wrong one.
    fn choice<T: Copy>(
        &mut self,
        (section, name): (&'static str, &'static str),
        instead: T,
        choices: &[(&'static str, T)],
    ) -> T {
        let item = self.item(section, name);
        let chosen = match &item.value {
            Value::Text(text) => choices.iter().find(|(name, _)| name == text),
            _ => None,
        };
        if let Some((_, value)) = chosen {
            return *value;
        }
        let names: Vec<_> = choices.iter().map(|(name, _)| format!("\"{name}\"")).collect();
        let () = self.wrong(&item, &names.join(" or "));
        instead
    }

    /// The value written for a key, else its default; a required key that is absent is a fault.
    fn item(&mut self, section: &'static str, name: &'static str) -> Item {
        if let Some(entry) =
            self.raw.entries.iter().find(|entry| entry.section == section && entry.name == name)
        {
            return Item { section, name, line: Some(entry.line), value: entry.value.clone() };
        }
        let key = KEYS.iter().find(|key| key.section == section && key.name == name);
        let default = key.and_then(|key| key.default).map(|default| default_value(self.file, default));
        Item { section, name, line: None, value: default.unwrap_or(Value::Other("absent")) }
    }

    fn wrong<T: Default>(&mut self, item: &Item, write: &str) -> T {
        let what = match (&item.line, &item.value) {
            (None, _) => "this key has no default and is absent".to_owned(),
            (_, Value::Text(text)) => format!("\"{text}\" cannot be used"),
            (_, Value::Integer(number)) => format!("{number} cannot be used"),
            (_, value) => format!("{} cannot be used as it is written", value.kind()),
        };
        self.push(item.section, item.name, item.line, what, write.to_owned());
        T::default()
    }

    fn line(&self, section: &str, name: &str) -> Option<usize> {
        self.raw
            .entries
            .iter()
            .find(|entry| entry.section == section && entry.name == name)
            .map(|entry| entry.line)
    }

    fn push(&mut self, section: &str, name: &str, line: Option<usize>, what: String, write: String) {
        let fault = self.fault(section, name, line, what, write);
        self.faults.push(fault);
    }

    fn fault(
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

/// The value of a default's TOML text; the sample's test reads every one of them.
fn default_value(file: &Path, toml: &str) -> Value {
    let raw = Raw::parse(file, &format!("[x]\nx = {toml}\n"));
    raw.ok()
        .and_then(|raw| raw.entries.into_iter().next())
        .map_or(Value::Other("absent"), |entry| entry.value)
}

fn administrator(value: &Value) -> Option<Administrator> {
    let Value::Table(entries) = value else { return None };
    let (mut name, mut who) = (None, None);
    for (key, value) in entries {
        match (key.as_str(), value) {
            ("name", Value::Text(text)) if !text.trim().is_empty() => name = Some(text.clone()),
            ("uid", Value::Integer(id)) if who.is_none() => who = Some(Who::Uid(u32::try_from(*id).ok()?)),
            ("gid", Value::Integer(id)) if who.is_none() => who = Some(Who::Gid(u32::try_from(*id).ok()?)),
            _ => return None,
        }
    }
    Some(Administrator { name: name?, who: who? })
}
