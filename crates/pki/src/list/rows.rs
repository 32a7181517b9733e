//! The rows of a list whose signature holds (B.2.2). Children that are not known are left aside: the agency may add some.

use std::borrow::Cow;

use jiff::Timestamp;
use mssante::whitelist::{MAX_ROWS, Row, WhiteList, WhiteListError};

use super::{
    LIST, ListFault, SignedList,
    xml::{Document, Event, Name},
};

/// The fields of a row.
const FIELDS: [&str; 6] =
    ["Nom", "Description", "DNCertificatOperateur", "ResponsableContact", "SupportContact", "DateMAJ"];
/// Most faults that are told in words.
const MAX_FAULTS: usize = 100;

/// A list that is read, and what was wrong with rows of it.
pub(crate) struct Rows {
    pub(crate) list: WhiteList,
    /// A sentence for each row that is left out or mended, the first [`MAX_FAULTS`] of them.
    pub(crate) faults: Vec<String>,
    /// Rows that are left out.
    pub(crate) left_out: usize,
}

impl Rows {
    pub(crate) fn read(signed: &SignedList<'_>) -> Result<Self, ListFault> {
        let mut reader =
            Reader { document: Document::new(signed.bytes())?, rows: Vec::new(), bad: Vec::new(), row: 0 };
        let generated = reader.root()?;
        let Reader { mut rows, bad, .. } = reader;
        let mut faults: Vec<String> = Vec::new();
        let mut tell = |fault: String| {
            if faults.len() < MAX_FAULTS {
                faults.push(fault);
            }
        };
        for (row, fault) in &bad {
            tell(format!("row {row} is left out: {fault}"));
        }
        for (number, row, dated) in &mut rows {
            // a row's date is only shown: a domain does not lose its operators for it
            if !*dated {
                row.updated = generated;
                tell(format!("row {number} has no DateMAJ that can be read: the list's own date is shown"));
            }
        }
        let numbers: Vec<usize> = rows.iter().map(|(number, ..)| *number).collect();
        let (list, refused) = WhiteList::build(generated, rows.into_iter().map(|(_, row, _)| row).collect())?;
        let left_out = bad.len() + refused.len();
        for mut fault in refused {
            // rows that were left out before count, too
            fault.row = numbers.get(fault.row.saturating_sub(1)).copied().unwrap_or(fault.row);
            tell(fault.to_string());
        }
        Ok(Self { list, faults, left_out })
    }
}

struct Reader<'d> {
    document: Document<'d>,
    /// With its number from 1, and whether its date could be read.
    rows: Vec<(usize, Row, bool)>,
    bad: Vec<(usize, &'static str)>,
    row: usize,
}

/// One child of an element, or its end.
enum Child<'d> {
    Element(Name<'d>),
    End,
}

impl<'d> Reader<'d> {
    /// Reads the root, which is the list's: gives DateDeGeneration.
    fn root(&mut self) -> Result<Timestamp, ListFault> {
        let (mut generated, mut domains) = (None, false);
        self.child()?;
        while let Child::Element(name) = self.child()? {
            if name.is(LIST, "DateDeGeneration") {
                let date = self.text()?.ok_or(ListFault::Format("DateDeGeneration holds other than text"))?;
                let date = timestamp(&date).ok_or(ListFault::Format("DateDeGeneration is not a date"))?;
                if generated.replace(date).is_some() {
                    return Err(ListFault::Format("there is a second DateDeGeneration"));
                }
            } else if name.is(LIST, "ListeDomaines") {
                if std::mem::replace(&mut domains, true) {
                    return Err(ListFault::Format("there is a second ListeDomaines"));
                }
                self.domains()?;
            } else {
                self.skip()?;
            }
        }
        if !domains {
            return Err(ListFault::Format("there is no ListeDomaines"));
        }
        generated.ok_or(ListFault::Format("there is no DateDeGeneration"))
    }

    fn domains(&mut self) -> Result<(), ListFault> {
        while let Child::Element(name) = self.child()? {
            if !name.is(LIST, "Domaine") {
                self.skip()?;
                continue;
            }
            self.row += 1;
            if self.row > MAX_ROWS {
                return Err(WhiteListError::TooManyRows(self.row).into());
            }
            match self.fields()? {
                Ok((row, dated)) => self.rows.push((self.row, row, dated)),
                Err(fault) => self.bad.push((self.row, fault)),
            }
        }
        Ok(())
    }

    /// One row: each field once, of text only.
    fn fields(&mut self) -> Result<Result<(Row, bool), &'static str>, ListFault> {
        let mut values: [Option<String>; FIELDS.len()] = Default::default();
        let mut fault = None;
        while let Child::Element(name) = self.child()? {
            let known = FIELDS.iter().zip(&mut values).find(|(field, _)| name.is(LIST, field));
            let Some((_, value)) = known else {
                self.skip()?;
                continue;
            };
            match text(&mut self.document)? {
                None => fault = Some("a field holds other than text"),
                Some(_) if value.is_some() => fault = Some("a field stands twice"),
                Some(found) => *value = Some(found.into_owned()),
            }
        }
        if let Some(fault) = fault {
            return Ok(Err(fault));
        }
        let [domain, description, dn, responsible, support, updated] = values;
        let (Some(domain), Some(dn)) = (domain, dn) else {
            return Ok(Err("Nom or DNCertificatOperateur is missing"));
        };
        let date = updated.as_deref().and_then(timestamp);
        let row = Row {
            domain,
            description: description.unwrap_or_default(),
            dn,
            responsible: responsible.unwrap_or_default(),
            support: support.unwrap_or_default(),
            updated: date.unwrap_or_default(),
        };
        Ok(Ok((row, date.is_some())))
    }

    /// The next child of the open element; text between is nobody's.
    fn child(&mut self) -> Result<Child<'d>, ListFault> {
        loop {
            match self.document.next()? {
                Some(Event::Start(start)) => return Ok(Child::Element(start.name)),
                Some(Event::End) => return Ok(Child::End),
                Some(Event::Text(_) | Event::Instruction { .. }) => {}
                None => return Err(ListFault::Truncated),
            }
        }
    }

    fn text(&mut self) -> Result<Option<Cow<'d, str>>, ListFault> {
        text(&mut self.document)
    }

    /// Leaves the element that has just started.
    fn skip(&mut self) -> Result<(), ListFault> {
        self.text().map(|_| ())
    }
}

/// The whole text of the element that has just started, as its canonical form has it; none if it holds elements.
fn text<'d>(document: &mut Document<'d>) -> Result<Option<Cow<'d, str>>, ListFault> {
    let mut text = Cow::Borrowed("");
    let (mut depth, mut plain) = (1_usize, true);
    while depth > 0 {
        match document.next()? {
            Some(Event::Start(_)) => (depth, plain) = (depth + 1, false),
            Some(Event::End) => depth -= 1,
            Some(Event::Text(piece)) if plain => {
                if text.is_empty() {
                    text = piece;
                } else {
                    text.to_mut().push_str(&piece);
                }
            }
            Some(Event::Text(_) | Event::Instruction { .. }) => {}
            None => return Err(ListFault::Truncated),
        }
    }
    Ok(plain.then_some(text))
}

fn timestamp(text: &str) -> Option<Timestamp> {
    text.trim().parse().ok()
}
