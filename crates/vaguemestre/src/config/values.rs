//! One reader for each kind of value. A fault is recorded and a harmless value stands in for the wrong one: the settings
//! are dropped in the end.
//!
//! May use `raw`, `keys`, `units`. Must never know which keys there are.

use std::{
    net::SocketAddr,
    path::{Path, PathBuf},
    time::Duration,
};

use jiff::tz::TimeZone;
use mssante::Domain;

use super::{
    Administrator, MasterKeyPlace, Who,
    keys::KEYS,
    pass::Pass,
    raw::{Raw, Value},
    units,
};

/// The longest path that fits a Unix socket's address on Linux (`sun_path` is 108 octets with its end mark).
pub(super) const SOCKET_PATH_OCTETS: usize = 107;

/// A value under examination, with what an error about it must name.
pub(super) struct Item {
    section: &'static str,
    name: &'static str,
    line: Option<usize>,
    pub(super) value: Value,
}

impl Item {
    /// Where it is written, if it is.
    pub(super) fn line(&self) -> Option<usize> {
        self.line
    }
}

impl Pass<'_> {
    pub(super) fn text(&mut self, section: &'static str, name: &'static str) -> String {
        let item = self.item(section, name);
        match item.value {
            Value::Text(ref text) if !text.trim().is_empty() => text.clone(),
            _ => self.wrong(&item, "a text between double quotes, not empty"),
        }
    }

    pub(super) fn path(&mut self, section: &'static str, name: &'static str) -> PathBuf {
        let item = self.item(section, name);
        match item.value {
            // Relative to the file, so that a configuration works from any working directory.
            Value::Text(ref text) if !text.is_empty() => self.beside(text),
            _ => self.wrong(
                &item,
                "a path between double quotes; a relative one starts from this file's directory",
            ),
        }
    }

    /// A path of the file, which starts from its directory.
    pub(super) fn beside(&self, path: &str) -> PathBuf {
        self.file.parent().unwrap_or(Path::new("")).join(path)
    }

    /// A zone that this machine knows. The default is none of its operator's faults: without zones it is UTC.
    pub(super) fn time_zone(&mut self) -> TimeZone {
        let item = self.item("operator", "time_zone");
        let found = match &item.value {
            Value::Text(name) => TimeZone::get(name).ok(),
            _ => None,
        };
        match found {
            Some(zone) => zone,
            None if item.line.is_none() => TimeZone::UTC,
            None => {
                let write = "the name of a time zone that this machine has, such as \"Europe/Paris\" (package tzdata), or \"UTC\"";
                let () = self.wrong(&item, write);
                TimeZone::UTC
            }
        }
    }

    pub(super) fn master_key(&mut self) -> MasterKeyPlace {
        let item = self.item("store", "master_key");
        let place = match &item.value {
            Value::Text(text) => MasterKeyPlace::parse(text),
            _ => None,
        };
        match place {
            Some(MasterKeyPlace::File(_)) => MasterKeyPlace::File(self.path("store", "master_key")),
            Some(credential) => credential,
            None => {
                let write = "the path of a file, or \"credential:NAME\" for a credential that systemd gives the service";
                let () = self.wrong(&item, write);
                MasterKeyPlace::File(PathBuf::new())
            }
        }
    }

    /// A path, or the one of another key where nothing is written.
    pub(super) fn path_or(&mut self, section: &'static str, name: &'static str, instead: &Path) -> PathBuf {
        let item = self.item(section, name);
        match item.value {
            Value::Text(ref text) if text.is_empty() => instead.to_owned(),
            _ => self.path(section, name),
        }
    }

    /// A path; none where the empty text is written.
    pub(super) fn optional_path(&mut self, section: &'static str, name: &'static str) -> Option<PathBuf> {
        let item = self.item(section, name);
        let is_empty = matches!(item.value, Value::Text(ref text) if text.is_empty());
        (!is_empty).then(|| self.path(section, name))
    }

    pub(super) fn socket(&mut self) -> PathBuf {
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

    pub(super) fn domain(&mut self, section: &'static str, name: &'static str) -> Domain {
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

    pub(super) fn texts(&mut self, section: &'static str, name: &'static str) -> Vec<String> {
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

    pub(super) fn domains(&mut self, section: &'static str, name: &'static str) -> Vec<Domain> {
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

    pub(super) fn addresses(&mut self, name: &'static str) -> Vec<SocketAddr> {
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

    pub(super) fn administrators(&mut self) -> Vec<Administrator> {
        let item = self.item("control", "administrators");
        let write =
            "a list such as [{ name = \"claire\", uid = 1000 }, { name = \"exploitation\", gid = 990 }]";
        let Value::List(list) = &item.value else { return self.wrong(&item, write) };
        let parsed: Option<Vec<_>> = list.iter().map(administrator).collect();
        parsed.unwrap_or_else(|| self.wrong(&item, write))
    }

    pub(super) fn count(
        &mut self,
        section: &'static str,
        name: &'static str,
        least: usize,
        most: usize,
    ) -> usize {
        let item = self.item(section, name);
        match item.value {
            Value::Integer(number) => {
                usize::try_from(number).ok().filter(|number| (least..=most).contains(number))
            }
            _ => None,
        }
        .unwrap_or_else(|| self.wrong(&item, &format!("an integer from {least} to {most}")))
    }

    pub(super) fn size(&mut self, section: &'static str, name: &'static str, least: u64, most: u64) -> u64 {
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

    pub(super) fn duration(&mut self, section: &'static str, name: &'static str, most: Duration) -> Duration {
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
    pub(super) fn choice<T: Copy>(
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
    pub(super) fn item(&mut self, section: &'static str, name: &'static str) -> Item {
        if let Some(entry) =
            self.raw.entries.iter().find(|entry| entry.section == section && entry.name == name)
        {
            return Item { section, name, line: Some(entry.line), value: entry.value.clone() };
        }
        let key = KEYS.iter().find(|key| key.section == section && key.name == name);
        let default = key.and_then(|key| key.default).map(|default| default_value(self.file, default));
        Item { section, name, line: None, value: default.unwrap_or(Value::Other("absent")) }
    }

    pub(super) fn wrong<T: Default>(&mut self, item: &Item, write: &str) -> T {
        let what = match (&item.line, &item.value) {
            (None, _) => "this key has no default and is absent".to_owned(),
            (_, Value::Text(text)) => format!("\"{text}\" cannot be used"),
            (_, Value::Integer(number)) => format!("{number} cannot be used"),
            (_, value) => format!("{} cannot be used as it is written", value.kind()),
        };
        self.push(item.section, item.name, item.line, what, write.to_owned());
        T::default()
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
