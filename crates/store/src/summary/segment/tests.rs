//! What is written comes back; what is damaged is an error.

use std::collections::BTreeMap;

use proptest::{collection::vec, prelude::*};

use super::*;

fn listing() -> impl Strategy<Value = Listing> {
    let date = prop_oneof![Just(1_700_000_000_i64), any::<i64>(), 1_700_000_000..1_700_100_000_i64];
    let words = prop_oneof![4 => Just(vec![]), 1 => vec(any::<u8>(), 1..5)];
    let size = prop_oneof![any::<u64>(), 0..5000_u64];
    (any::<u32>(), 0..32_u8, date, size, words, 20_000..20_004_u32).prop_map(
        |(modseq, bits, internal_date, size, keywords, day)| Listing {
            modseq: ModSeq(u64::from(modseq)),
            bits,
            internal_date,
            size,
            keywords,
            day: Day::from_number(day),
            saved: None,
            opened: false,
        },
    )
}

fn rows() -> impl Strategy<Value = (u32, Vec<(Uid, Listing)>)> {
    let places = prop_oneof![vec((0..WINDOW, listing()), 0..60), vec((0..80_u32, listing()), 0..80)];
    (prop_oneof![Just(0), Just(7), Just(u32::MAX >> WINDOW_BITS)], places).prop_map(|(window, places)| {
        let places: BTreeMap<u32, Listing> = places.into_iter().collect();
        let uid = |place: u32| Uid::new((window << WINDOW_BITS) + place);
        let rows = places.into_iter().filter_map(|(place, listing)| Some((uid(place)?, listing)));
        (window, rows.collect())
    })
}

fn decode(window: u32, segment: &Segment) -> Result<Vec<(Uid, Listing)>, Damaged> {
    let head = Head::decode(window, &segment.head)?;
    let columns = Columns::decode(&segment.columns, head.len())?;
    let mut rows = vec![];
    head.each(|place| {
        let Place { uid, position, bits, day, keywords } = place;
        rows.push((
            uid,
            Listing {
                modseq: columns.modseq(position),
                bits,
                internal_date: columns.internal_date(position),
                size: columns.size(position),
                keywords: keywords.to_vec(),
                day,
                saved: None,
                opened: false,
            },
        ));
        Ok(true)
    })?;
    Ok(rows)
}

#[test]
fn a_full_window_of_plain_messages_is_small() {
    let listing = |uid: u32| Listing {
        modseq: ModSeq(u64::from(uid) + 1_000_000),
        bits: 1,
        internal_date: 1_770_000_000 + i64::from(uid) * 60,
        size: 4000 + u64::from(uid % 900),
        keywords: vec![],
        day: Day::from_number(20_000 + uid / 1000),
        saved: None,
        opened: false,
    };
    let rows: Vec<_> = (WINDOW..2 * WINDOW).map(|uid| (Uid::new(uid).unwrap(), listing(uid))).collect();
    let segment = encode(&rows);
    assert!(segment.head.len() < WINDOW as usize + 60, "{}", segment.head.len());
    assert!(segment.columns.len() < 7 * WINDOW as usize + 60, "{}", segment.columns.len());
    assert_eq!(decode(1, &segment), Ok(rows));
}

#[test]
fn windows_meet() {
    for window in [0, 1, 2, u32::MAX >> WINDOW_BITS] {
        assert_eq!(window_of(first_of(window)), window);
        assert_eq!(window_of(last_of(window)), window);
    }
    assert_eq!(last_of(4).get() + 1, first_of(5).get());
    assert_eq!((first_of(0), last_of(u32::MAX >> WINDOW_BITS)), (Uid::MIN, Uid::MAX));
}

proptest! {
    #[test]
    fn what_is_written_comes_back((window, rows) in rows()) {
        let segment = encode(&rows);
        let head = Head::decode(window, &segment.head).unwrap();
        let unseen = rows.iter().find(|(_, listing)| listing.bits & 1 == 0).map(|(uid, _)| uid.get());
        prop_assert_eq!(head.first_unseen(), unseen);
        let uids: Vec<u32> = head.runs().iter().flat_map(|(first, last)| *first..=*last).collect();
        prop_assert_eq!(uids, rows.iter().map(|(uid, _)| uid.get()).collect::<Vec<_>>());
        let day = Day::from_number(20_001);
        prop_assert_eq!(head.has_day_until(day), rows.iter().any(|(_, listing)| listing.day <= day));
        prop_assert_eq!(decode(window, &segment), Ok(rows));
    }

    #[test]
    fn what_is_cut_is_an_error((window, rows) in rows(), at in any::<prop::sample::Index>()) {
        let segment = encode(&rows);
        let cut = |bytes: &[u8]| bytes[..at.index(bytes.len())].to_vec();
        prop_assert!(Head::decode(window, &cut(&segment.head)).is_err());
        prop_assert!(Columns::decode(&cut(&segment.columns), rows.len()).is_err());
    }

    #[test]
    fn what_is_altered_is_no_panic(
        (window, rows) in rows(),
        changes in vec((any::<prop::sample::Index>(), any::<u8>()), 1..4),
        noise in vec(any::<u8>(), 0..200),
    ) {
        let mut segment = encode(&rows);
        for (at, byte) in changes {
            for bytes in [&mut segment.head, &mut segment.columns] {
                let at = at.index(bytes.len());
                bytes[at] = byte;
            }
        }
        if let Ok(read) = decode(window, &segment) {
            prop_assert!(read.is_sorted_by(|a, b| a.0 < b.0));
            prop_assert!(read.iter().all(|(uid, _)| window_of(*uid) == window));
        }
        let _ = decode(window, &Segment { head: noise.clone(), columns: noise });
    }
}
