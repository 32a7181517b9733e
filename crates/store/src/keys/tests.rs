//! Keys order as what they are made of, and give it back.

use super::*;

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
    assert!(times.is_sorted_by(|a, b| due(*a, QueueId(u64::MAX)) < due_from(*b)));
    assert!(times.iter().all(|time| due_of(&due(*time, QueueId(7))) == Some((*time, QueueId(7)))));
    assert_eq!(due_of(&due_from(1)), None);
}
