//! Bodies: every one is referred to as often as it says, opens whole, and has exactly its chunks and variants.

use crate::{
    Result, StoreError,
    body::Place,
    engine::{Family, View},
    ids::BodyId,
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
        let mut chunks = 0;
        let mut variants = 0;
        for (id, record) in kept {
            self.report.bodies += 1;
            chunks += chunks_of(&record) as usize;
            variants += usize::from(record.variants);
            self.body(id, &record);
        }
        let missing = self.bodies.len();
        self.expect(missing == 0, || "bodies".into(), "messages or the queue refer to bodies that are gone");
        let view = self.reader.view();
        let found = (
            count_all(view, Family::Bodies)? - self.chunks_on_their_way()?,
            count(view, Family::Index, b"h")?,
            count(view, Family::Index, b"j")?,
        );
        self.expect(
            found == (chunks, variants, variants),
            || "bodies".into(),
            "chunks or variants belong to no body",
        );
        Ok(())
    }

    /// Chunks of bodies that are being written; none where nobody may write.
    fn chunks_on_their_way(&self) -> Result<usize> {
        if self.now == Activity::Quiet {
            return Ok(0);
        }
        let (mut bodies, mut chunks) = (vec![], 0);
        let (from, until) = keys::under(b"x");
        self.reader.view().scan(Family::Accounts, &from, &until, &mut |key, value| {
            let id = keys::body_at(key, 1).ok_or(StoreError::Corrupt("body key"))?;
            bodies.push(Place { id, turn: keys::turn_of(value) });
            Ok(true)
        })?;
        for place in bodies {
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
                let opens = self.reader.sealed_record(id, &key).is_ok();
                self.expect(opens, place, "a variant or its index record does not open");
            }
        }
        let opens = self.reader.body_of(id).is_ok_and(|body| {
            (0..chunks_of(record)).all(|index| body.open(self.reader.view(), index).is_ok())
        });
        self.expect(opens, place, "it does not open whole");
    }
}

pub(super) fn count_all(view: &impl View, family: Family) -> Result<usize> {
    let mut rows = 0;
    view.scan(family, &[], &[0xff; 40], &mut |_, _| {
        rows += 1;
        Ok(true)
    })?;
    Ok(rows)
}
