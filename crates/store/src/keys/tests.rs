//! Keys order as what they are made of, and give it back.

use super::*;
use crate::{ids::LaneId, queue::QueueId};

#[test]
fn the_range_under_a_prefix_ends_at_the_next_prefix() {
    assert_eq!(under(b"ab"), (b"ab".to_vec(), b"ac".to_vec()));
    assert_eq!(under(&[1, 255]), (vec![1, 255], vec![2]));
}

#[test]
fn keys_order_as_numbers_and_give_their_parts_back() {
    let (one, two) = (BoxId(1), BoxId(256));
    let uid = Uid::new(300).unwrap();
    assert!(listing(one, Uid::MAX) < listing(two, Uid::MIN));
    assert!(change(one, ModSeq(2), Uid::MAX) < change(one, ModSeq(256), Uid::MIN));
    assert_eq!(last_uid(&listing(one, uid)), Some(uid));
    assert_eq!(modseq_of(&vanished(one, ModSeq(7), uid)), Some(ModSeq(7)));
    let body = BodyId { day: Day::from_number(5), id: [9; 16] };
    assert_eq!(body_at(&orphan(body), 1), Some(body));
    assert_eq!(body_at(&chunk(Place { id: body, turn: None }, 3), 0), Some(body));
    let place = |turn| Place { id: body, turn: Turn::new(turn) };
    assert!(chunk(place(1), u32::MAX) < chunk(place(256), 0));
    for at in [place(0), place(7)] {
        assert_eq!(turn_of(&turn(at.turn)), at.turn);
    }
    assert_eq!(body_at(b"x12", 1), None);
    let times = [i64::MIN, -1, 0, 1, i64::MAX];
    let (lane, entry) = (LaneId([7; 16]), QueueId(u64::MAX));
    assert!(times.is_sorted_by(|a, b| lane_due(lane, 1, *a, entry) < lane_due_from(lane, 1, *b)));
    for time in times {
        assert_eq!(lane_due_of(&lane_due(lane, 2, time, entry)), Some((lane, 2, time, entry)));
    }
    assert_eq!(lane_due_of(b"l12"), None);
    assert!(lane_due(lane, 0, i64::MAX, entry) < lane_due_from(lane, 1, i64::MIN));
    assert_eq!(lane_of(&lane_entry(lane, entry)), Some(lane));
}
