//! The sorts of keys that there are: whatever else lies in the store is a stranger.

use super::*;

/// First bytes of keys, and how many bytes follow them. Keys that begin with `m` are whole names, those of bodies have no
/// first byte.
const SORTS: [(Family, &[u8], usize); 22] = [
    (Family::Accounts, b"aibsuAD", 8),
    (Family::Accounts, b"clO", 16),
    (Family::Accounts, b"dC", 32),
    (Family::Accounts, b"nS", 40),
    (Family::Accounts, b"fok", 36),
    (Family::Accounts, b"x", BODY_LEN),
    (Family::Accounts, b"pz", 12),
    (Family::Accounts, b"e", 5),
    (Family::Index, b"fey", 12),
    (Family::Index, b"qv", 20),
    (Family::Index, b"g", 13),
    (Family::Index, b"w", 9),
    (Family::Index, b"r", BODY_LEN),
    (Family::Index, b"hj", BODY_LEN + 2),
    (Family::Traces, b"t", 12),
    (Family::Traces, b"i", 28),
    (Family::Queue, b"eo", 8),
    (Family::Queue, b"l", LANE_LEN + 17),
    (Family::Queue, b"k", LANE_LEN + 8),
    (Family::Queue, b"n", LANE_LEN),
    (Family::Queue, b"m", BODY_LEN),
    (Family::Queue, b"m", BODY_LEN + 1),
];

/// Whether a key is of a sort laid out above: its first byte means something in its family, and it is as long as that
/// asks for.
pub(crate) fn is_known(family: Family, key: &[u8]) -> bool {
    let Some((first, rest)) = key.split_first() else { return false };
    let sort =
        SORTS.iter().any(|(of, sorts, len)| *of == family && sorts.contains(first) && rest.len() == *len);
    sort || match family {
        Family::Accounts => [FORMAT, STORE_KEY, STORE_KEY_NEXT, COUNTERS, RETENTION, OPENINGS].contains(&key),
        Family::Bodies => [BODY_LEN + 4, BODY_LEN + 12].contains(&key.len()),
        Family::Queue => key == QUEUE_COUNTERS,
        Family::Index | Family::Traces => false,
    }
}
