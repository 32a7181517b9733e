//! Bodies: every one is referred to as often as it says, opens whole, and has exactly its chunks and variants.

use crate::{
    Result, StoreError,
    body::Place,
    day::Day,
    engine::{Family, View},
    ids::BodyId,
    keyring::KeyKind,
    keys,
    prove::{Activity, Proof, body_record, chunks_of, count},
    records::BodyRecord,
};

impl Proof<'_> {
    pub(super) fn kept_bodies(&mut self) -> Result<()> {
        let mut kept = vec![];
        let (from, until) = keys::under(b"r");
        self.reader.view().scan(Family::Index, &from, &until, &mut |key, value| {
            kept.push((keys::body_at(key, 1).ok_or(StoreError::Corrupt("body key"))?, body_record(value)?));
            Ok(true)
        })?;
        for (id, record) in &kept {
            self.report.bodies += 1;
            self.body(*id, record);
        }
        let missing = self.bodies.len();
        self.expect(missing == 0, || "bodies".into(), "messages or the queue refer to bodies that are gone");
        // What a snapshot has of days that are erased since, the engine may have given back to the disk.
        let mut from = Day::from_number(0);
        let mut exact = self.is_exact(&kept, from)?;
        while !exact {
            let erased = self.reader.core().keyring.erased(KeyKind::Message).unwrap_or(self.erased);
            if erased <= self.erased || erased < from {
                break;
            }
            from = erased.next();
            exact = self.is_exact(&kept, from)?;
        }
        self.expect(exact, || "bodies".into(), "chunks or variants belong to no body");
        Ok(())
    }

    /// Whether there are as many chunks and variants of that day and those after it as the bodies say.
    fn is_exact(&self, kept: &[(BodyId, BodyRecord)], from: Day) -> Result<bool> {
        let (mut chunks, mut variants) = (self.chunks_on_their_way(from)?, 0);
        for (_, record) in kept.iter().filter(|(id, _)| id.day >= from) {
            chunks += chunks_of(record) as usize;
            variants += usize::from(record.variants);
        }
        let view = self.reader.view();
        let index = |prefix| count_between(view, Family::Index, &keys::day_from(prefix, from), &[prefix + 1]);
        let bodies = count_between(view, Family::Bodies, &from.number().to_be_bytes(), &[0xff; 40])?;
        Ok((bodies, index(b'h')?, index(b'j')?) == (chunks, variants, variants))
    }

    /// Chunks of bodies that are being written, of that day and those after it; none where nobody may write.
    fn chunks_on_their_way(&self, from: Day) -> Result<usize> {
        if self.now == Activity::Quiet {
            return Ok(0);
        }
        let first = from;
        let (mut bodies, mut chunks) = (vec![], 0);
        let (from, until) = keys::under(b"x");
        self.reader.view().scan(Family::Accounts, &from, &until, &mut |key, value| {
            let id = keys::body_at(key, 1).ok_or(StoreError::Corrupt("body key"))?;
            bodies.push(Place { id, turn: keys::turn_of(value) });
            Ok(true)
        })?;
        for place in bodies.into_iter().filter(|place| place.id.day >= first) {
            chunks += count(self.reader.view(), Family::Bodies, &keys::chunks(place))?;
        }
        Ok(chunks)
    }

    fn body(&mut self, id: BodyId, record: &BodyRecord) {
        let place = || format!("a body of {}", id.day);
        self.expect(id.day > self.erased, place, "its day is erased");
        let (references, variants) = self.bodies.remove(&id).unwrap_or_default();
        self.expect(
            references == record.references && references > 0,
            place,
            "it is not referred to as often as it says",
        );
        let known = variants.last().is_none_or(|last| *last < record.variants);
        self.expect(known, place, "a message refers to a variant that it does not have");
        for variant in 0..record.variants {
            for key in [keys::header(id, variant), keys::index(id, variant)] {
                let opens =
                    self.reader.sealed_record(id, &key).is_ok() || self.went(KeyKind::Message, id.day);
                self.expect(opens, place, "a variant or its index record does not open");
            }
        }
        let opens = self.reader.body_of(id).is_ok_and(|body| {
            (0..chunks_of(record)).all(|index| body.open(self.reader.view(), index).is_ok())
        });
        let opens = opens || self.went(KeyKind::Message, id.day);
        self.expect(opens, place, "it does not open whole");
    }
}

pub(super) fn count_all(view: &impl View, family: Family) -> Result<usize> {
    count_between(view, family, &[], &[0xff; 40])
}

fn count_between(view: &impl View, family: Family, from: &[u8], until: &[u8]) -> Result<usize> {
    let mut rows = 0;
    view.scan(family, from, until, &mut |_, _| {
        rows += 1;
        Ok(true)
    })?;
    Ok(rows)
}
