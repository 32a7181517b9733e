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

/// The whole file.
#[derive(Debug, Default)]
pub(super) struct Raw {
    /// Section headings with their lines, also the empty ones.
    pub(super) sections: Vec<(String, usize)>,
    pub(super) entries: Vec<Entry>,
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
            let Some(keys) = value.get_ref().as_table() else {
                let (section, name) = (String::new(), name.get_ref().to_string());
                raw.entries.push(Entry { section, name, line, value: lower(value.get_ref()) });
                continue;
            };
            raw.sections.push((name.get_ref().to_string(), line));
            raw.entries.extend(keys.iter().map(|(key, value)| Entry {
                section: name.get_ref().to_string(),
                name: key.get_ref().to_string(),
                line: line_of(text, key.span().start),
                value: lower(value.get_ref()),
            }));
        }
        raw.entries.sort_by_key(|entry| entry.line);
        Ok(raw)
    }
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
    fn a_syntax_error_names_the_line() {
        let fault = Raw::parse(Path::new("x.toml"), "[a]\none = \n").unwrap_err();
        assert_eq!(fault.line, Some(2));
        assert!(fault.to_string().starts_with("x.toml:2: not valid TOML"), "{fault}");
    }
}
