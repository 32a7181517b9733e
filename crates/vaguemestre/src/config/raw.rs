//! The configuration file as it was written: sections, keys, values and the line each stands on.
//!
//! First of the two stages: it knows TOML and nothing of what a key means. May use the `toml` parser; must never
//! judge a value (that is `pass`).

use std::path::Path;

use toml::de::{DeTable, DeValue};

use super::Fault;

/// A value of the file, free of the parser's types.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Value {
    Text(String),
    Integer(i64),
    List(Vec<Value>),
    Table(Vec<(String, Value)>),
    /// What no key of ours takes (a float, a date, a boolean, an integer beyond 64 bits), by its TOML name.
    Other(&'static str),
}

impl Value {
    /// What the value is, for an error message.
    pub(super) fn kind(&self) -> &'static str {
        match self {
            Self::Text(_) => "a text",
            Self::Integer(_) => "an integer",
            Self::List(_) => "a list",
            Self::Table(_) => "a table",
            Self::Other(kind) => kind,
        }
    }
}

/// One `name = value` of a section.
#[derive(Debug)]
pub(super) struct Entry {
    pub(super) section: String,
    pub(super) name: String,
    pub(super) line: usize,
    pub(super) value: Value,
}

/// One `[[name]]` of several.
#[derive(Debug)]
pub(super) struct Table {
    pub(super) name: String,
    pub(super) line: usize,
    pub(super) entries: Vec<Entry>,
}

/// The whole file.
#[derive(Debug, Default)]
pub(super) struct Raw {
    /// Section headings with their lines, also the empty ones.
    pub(super) sections: Vec<(String, usize)>,
    pub(super) entries: Vec<Entry>,
    /// What may stand several times, each with its keys.
    pub(super) tables: Vec<Table>,
}

impl Raw {
    /// Reads TOML `text`; `file` is only named in the error.
    pub(super) fn parse(file: &Path, text: &str) -> Result<Self, Box<Fault>> {
        let table = DeTable::parse(text).map_err(|error| {
            Box::new(Fault {
                file: file.to_owned(),
                line: error.span().map(|span| line_of(text, span.start)),
                key: None,
                what: format!("not valid TOML: {}", error.message().replace('\n', "; ")),
                write: "`key = value` lines under a `[section]` heading, texts between double quotes".into(),
            })
        })?;
        let mut raw = Self::default();
        for (name, value) in table.get_ref() {
            let line = line_of(text, name.span().start);
            if let Some(items) = tables(value.get_ref()) {
                raw.tables.extend(items.map(|(start, keys)| Table {
                    name: name.get_ref().to_string(),
                    line: line_of(text, start),
                    entries: entries(text, name.get_ref(), keys),
                }));
                continue;
            }
            let Some(keys) = value.get_ref().as_table() else {
                let (section, name) = (String::new(), name.get_ref().to_string());
                raw.entries.push(Entry { section, name, line, value: lower(value.get_ref()) });
                continue;
            };
            raw.sections.push((name.get_ref().to_string(), line));
            raw.entries.extend(entries(text, name.get_ref(), keys));
        }
        raw.entries.sort_by_key(|entry| entry.line);
        Ok(raw)
    }
}

/// The keys of a table, as those of `section`.
fn entries(text: &str, section: &str, keys: &DeTable<'_>) -> Vec<Entry> {
    let entry =
        |(key, value): (&toml::Spanned<std::borrow::Cow<'_, str>>, &toml::Spanned<DeValue<'_>>)| Entry {
            section: section.to_owned(),
            name: key.get_ref().to_string(),
            line: line_of(text, key.span().start),
            value: lower(value.get_ref()),
        };
    let mut entries: Vec<Entry> = keys.iter().map(|(key, value)| entry((key, value))).collect();
    entries.sort_by_key(|entry| entry.line);
    entries
}

/// The tables of an array that holds nothing else, each with its place.
fn tables<'a, 'b>(value: &'a DeValue<'b>) -> Option<impl Iterator<Item = (usize, &'a DeTable<'b>)>> {
    let items = value.as_array()?;
    let all = items.iter().all(|item| item.get_ref().is_table());
    all.then(|| items.iter().filter_map(|item| Some((item.span().start, item.get_ref().as_table()?))))
}

fn lower(value: &DeValue<'_>) -> Value {
    match value {
        DeValue::String(text) => Value::Text(text.to_string()),
        DeValue::Integer(digits) => i64::from_str_radix(digits.as_str(), digits.radix())
            .map_or(Value::Other("an integer too large"), Value::Integer),
        DeValue::Array(items) => Value::List(items.iter().map(|item| lower(item.get_ref())).collect()),
        DeValue::Table(entries) => {
            let entries =
                entries.iter().map(|(key, value)| (key.get_ref().to_string(), lower(value.get_ref())));
            Value::Table(entries.collect())
        }
        DeValue::Float(_) => Value::Other("a number with a fraction"),
        DeValue::Boolean(_) => Value::Other("true or false"),
        DeValue::Datetime(_) => Value::Other("a date"),
    }
}

fn line_of(text: &str, offset: usize) -> usize {
    text.bytes().take(offset).filter(|&byte| byte == b'\n').count() + 1
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keeps_sections_values_and_lines() {
        let raw =
            Raw::parse(Path::new("x.toml"), "[a]\none = 1\n\n[b]\ntwo = [\"x\", { k = \"v\" }]\n").unwrap();
        assert_eq!(raw.sections, [("a".into(), 1), ("b".into(), 4)]);
        assert_eq!((raw.entries[0].line, &raw.entries[0].value), (2, &Value::Integer(1)));
        let table = Value::Table(vec![("k".into(), Value::Text("v".into()))]);
        assert_eq!(
            (raw.entries[1].line, &raw.entries[1].value),
            (5, &Value::List(vec![Value::Text("x".into()), table]))
        );
    }

    #[test]
    fn what_stands_several_times_keeps_its_order_and_lines() {
        let raw = Raw::parse(Path::new("x.toml"), "[[c]]\nb = 1\na = 2\n\n[[c]]\na = 3\n").unwrap();
        assert!(raw.entries.is_empty() && raw.sections.is_empty());
        let told: Vec<_> = raw
            .tables
            .iter()
            .map(|table| {
                let entries = table.entries.iter().map(|entry| (entry.name.as_str(), entry.line));
                (table.name.as_str(), table.line, entries.collect::<Vec<_>>())
            })
            .collect();
        assert_eq!(told, [("c", 1, vec![("b", 2), ("a", 3)]), ("c", 5, vec![("a", 6)])]);
    }

    #[test]
    fn a_syntax_error_names_the_line() {
        let fault = Raw::parse(Path::new("x.toml"), "[a]\none = \n").unwrap_err();
        assert_eq!(fault.line, Some(2));
        assert!(fault.to_string().starts_with("x.toml:2: not valid TOML"), "{fault}");
    }
}
