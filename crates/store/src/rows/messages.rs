//! Messages of a box: listings, references, keywords, bodies.

use crate::{
    Result, StoreError,
    boxes::Entry,
    engine::{Family, View},
    flags::Flags,
    ids::{BodyId, BoxId, Uid},
    keys,
    records::{self, BodyRecord, Listing, Reference},
    rows::sight::Sight,
    seal::StoreKey,
};

/// The keywords of one box, by number.
#[derive(Debug, Clone, Default)]
pub(crate) struct Keywords(Vec<(u8, String)>);

impl Keywords {
    pub(crate) fn load(view: &impl View, keys: &StoreKey, id: BoxId) -> Result<Self> {
        let mut known = vec![];
        let (from, until) = keys::under(&keys::keywords(id));
        view.scan(Family::Index, &from, &until, &mut |key, sealed| {
            let plain = keys.open_value(key, sealed).map_err(|_| StoreError::Corrupt("keyword"))?;
            let word = String::from_utf8(plain).map_err(|_| StoreError::Corrupt("keyword"))?;
            let number = key.last().copied().ok_or(StoreError::Corrupt("keyword key"))?;
            known.push((number, word));
            Ok(true)
        })?;
        Ok(Self(known))
    }

    /// The number of a keyword, without case.
    pub(crate) fn number(&self, word: &str) -> Option<u8> {
        self.0.iter().find(|(_, known)| known.eq_ignore_ascii_case(word)).map(|(number, _)| *number)
    }

    /// The words, sorted.
    pub(crate) fn words(self) -> Vec<String> {
        let mut words: Vec<String> = self.0.into_iter().map(|(_, word)| word).collect();
        words.sort_unstable();
        words
    }

    /// The number the next new keyword gets; none if there are too many.
    pub(crate) fn next_number(&self) -> Option<u8> {
        u8::try_from(self.0.len()).ok()
    }

    pub(crate) fn add(&mut self, number: u8, word: &str) {
        self.0.push((number, word.to_owned()));
    }

    fn word(&self, number: u8) -> Option<&str> {
        self.0.iter().find(|(known, _)| *known == number).map(|(_, word)| word.as_str())
    }

    /// The flags of a listing.
    pub(crate) fn flags(&self, listing: &Listing) -> Result<Flags> {
        self.flags_of(listing.bits, &listing.keywords)
    }

    /// The flags that these bits and numbers of keywords are.
    pub(crate) fn flags_of(&self, bits: u8, numbers: &[u8]) -> Result<Flags> {
        let mut flags = Flags::from_bits(bits);
        for number in numbers {
            flags.add_keyword(self.word(*number).ok_or(StoreError::Corrupt("keyword number"))?)?;
        }
        Ok(flags)
    }

    /// A message as listings show it.
    pub(crate) fn entry(&self, uid: Uid, listing: &Listing) -> Result<Entry> {
        Ok(Entry {
            uid,
            flags: self.flags(listing)?,
            modseq: listing.modseq,
            internal_date: listing.internal_date,
            size: listing.size,
        })
    }
}

/// A message that is there.
pub(crate) fn listing(view: &impl Sight, id: BoxId, uid: Uid) -> Result<Option<Listing>> {
    let row = row(view, id, uid)?;
    let Some(listing) = row else { return Ok(None) };
    Ok(if view.marks()?.are_past(listing.day) { None } else { Some(listing) })
}

/// Visits the listings of UIDs from `from` to `to`, both included.
pub(crate) fn listings(
    view: &impl Sight,
    id: BoxId,
    from: Uid,
    to: Uid,
    visit: &mut dyn FnMut(Uid, Listing) -> Result<()>,
) -> Result<()> {
    let marks = view.marks()?;
    rows(view, id, from, to, &mut |uid, listing| {
        if !marks.are_past(listing.day) {
            visit(uid, listing)?;
        }
        Ok(true)
    })
}

/// Visits the references of UIDs from `from` on, as long as `visit` says true.
pub(crate) fn references(
    view: &impl View,
    id: BoxId,
    from: Uid,
    visit: &mut dyn FnMut(Uid, Reference) -> Result<bool>,
) -> Result<()> {
    let (_, until) = keys::under(&keys::references(id));
    view.scan(Family::Index, &keys::reference(id, from), &until, &mut |key, value| {
        let uid = keys::last_uid(key).ok_or(StoreError::Corrupt("message key"))?;
        visit(uid, records::decode(value, "message reference")?)
    })
}

/// The row of a message that is there, or gone and not tidied away yet.
pub(crate) fn row(view: &impl View, id: BoxId, uid: Uid) -> Result<Option<Listing>> {
    view.get(Family::Index, &keys::listing(id, uid))?
        .map(|bytes| records::decode(&bytes, "message"))
        .transpose()
}

/// Visits rows of messages that are there, or gone and not tidied away yet, as long as `visit` says true.
pub(crate) fn rows(
    view: &impl View,
    id: BoxId,
    from: Uid,
    to: Uid,
    visit: &mut dyn FnMut(Uid, Listing) -> Result<bool>,
) -> Result<()> {
    let mut until = keys::listing(id, to);
    until.push(0);
    view.scan(Family::Index, &keys::listing(id, from), &until, &mut |key, value| {
        let uid = keys::last_uid(key).ok_or(StoreError::Corrupt("message key"))?;
        visit(uid, records::decode(value, "message")?)
    })
}

/// What never changes of a message that is there.
pub(crate) fn reference(view: &impl Sight, id: BoxId, uid: Uid) -> Result<Option<Reference>> {
    let Some(bytes) = view.get(Family::Index, &keys::reference(id, uid))? else { return Ok(None) };
    let reference: Reference = records::decode(&bytes, "message reference")?;
    Ok(if view.marks()?.are_past(reference.body.day) { None } else { Some(reference) })
}

pub(crate) fn body(view: &impl View, id: BodyId) -> Result<Option<BodyRecord>> {
    view.get(Family::Index, &keys::body(id))?.map(|bytes| BodyRecord::decode(&bytes)).transpose()
}
