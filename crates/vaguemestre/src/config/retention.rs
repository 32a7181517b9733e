//! How long things are kept, as far as it may be set (`[retention]`): messages never longer than three months, traces
//! never shorter than six (S-4.3, M-10).
//!
//! May use the readers of `values`. Must never know what is done with it.

use mssante::{
    Finess, Siren, Siret, StructureId,
    retention::{STRUCTURE_DAYS_MAX, TRACES_MONTHS, TRACES_MONTHS_MAX},
};
use store::KeepPlan;

use super::pass::Pass;

/// What to write in `structures`.
const STRUCTURES: &str =
    "texts such as \"finess 350000022 30 d\": finess, siret or siren, the number, and 1 to 88 days";

impl Pass<'_> {
    pub(super) fn retention(&mut self) -> KeepPlan {
        let (least, most) = (usize::from(TRACES_MONTHS), usize::from(TRACES_MONTHS_MAX));
        let months = self.count("retention", "trace_months", least, most);
        KeepPlan {
            trace_months: u8::try_from(months).unwrap_or(TRACES_MONTHS),
            structures: self.structures(),
        }
    }

    fn structures(&mut self) -> Vec<(StructureId, u16)> {
        let mut found: Vec<(StructureId, u16)> = Vec::new();
        for text in self.texts("retention", "structures") {
            let line = self.line("retention", "structures");
            match structure(&text) {
                Some((id, _)) if found.iter().any(|(known, _)| *known == id) => {
                    let what = format!("{text:?} names a structure a second time");
                    self.push("retention", "structures", line, what, "each structure once".to_owned());
                }
                Some(known) => found.push(known),
                None => {
                    let what = format!("{text:?} is not a structure and a number of days");
                    self.push("retention", "structures", line, what, STRUCTURES.to_owned());
                }
            }
        }
        found
    }
}

fn structure(text: &str) -> Option<(StructureId, u16)> {
    let words: Vec<&str> = text.split_whitespace().collect();
    let &[kind, number, days, "d"] = words.as_slice() else { return None };
    let id = structure_id(&format!("{kind} {number}"))?;
    let days = days.parse().ok().filter(|days| (1..=STRUCTURE_DAYS_MAX).contains(days))?;
    Some((id, days))
}

/// A structure as files name it: `finess`, `siret` or `siren`, a blank, and the number.
pub(super) fn structure_id(text: &str) -> Option<StructureId> {
    let (kind, number) = text.split_once(' ')?;
    match kind {
        "finess" => Finess::parse(number).ok().map(StructureId::Finess),
        "siret" => Siret::parse(number).ok().map(StructureId::Siret),
        "siren" => Siren::parse(number).ok().map(StructureId::Siren),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_structure_is_its_kind_its_number_and_its_days() {
        let finess = Finess::parse("350000022").unwrap();
        assert_eq!(structure("finess 350000022 30 d"), Some((StructureId::Finess(finess), 30)));
        for wrong in [
            "350000022 30 d",
            "finess 350000022 30",
            "finess 350000022 0 d",
            "finess 350000022 89 d",
            "finess 350000023 30 d",
            "rpps 350000022 30 d",
            "",
        ] {
            assert_eq!(structure(wrong), None, "{wrong}");
        }
    }
}
