//! Commands that are right, and what is left of them after some damage: a byte gone, doubled or changed, pieces of others put in.

use proptest::{prelude::*, sample::Index};

/// Right commands, one at least for each that both know; LF stands for CRLF.
pub(crate) const SEEDS: &[&str] = &[
    "a1 CAPABILITY",
    "a1 NOOP",
    "a1 LOGOUT",
    "a1 ID NIL",
    "a1 ID (\"name\" \"x\" \"version\" NIL)",
    "a1 LOGIN anne \"un mot\\\\ de \\\"passe\\\"\"",
    "a1 LOGIN {4+}\nanne {3}\na b",
    "a1 AUTHENTICATE PLAIN",
    "a1 AUTHENTICATE PLAIN AGFubmUAeA==",
    "a1 AUTHENTICATE PLAIN =",
    "a1 ENABLE CONDSTORE X-ODD",
    "a1 NAMESPACE",
    "a1 SELECT INBOX",
    "a1 SELECT inbox",
    "a1 EXAMINE \"Envoy&AOk-s\"",
    "a1 CREATE Patients/2026",
    "a1 DELETE \"R&-D\"",
    "a1 RENAME {3+}\nold \"new name\"",
    "a1 SUBSCRIBE x",
    "a1 UNSUBSCRIBE ~",
    "a1 LIST \"\" *",
    "a1 LIST \"\" \"%/%\"",
    "a1 LIST (SUBSCRIBED) \"\" (\"a\" b*)",
    "a1 LSUB \"#news.\" {1+}\n%",
    "a1 STATUS INBOX (MESSAGES RECENT UIDNEXT UIDVALIDITY UNSEEN)",
    "a1 CHECK",
    "a1 CLOSE",
    "a1 UNSELECT",
    "a1 EXPUNGE",
    "a1 UID EXPUNGE 1,3:*",
    "a1 IDLE",
    "a1 SEARCH ALL",
    "a1 SEARCH NEW OLD RECENT SEEN UNDELETED KEYWORD x UNKEYWORD y",
    "a1 SEARCH CHARSET UTF-8 OR FROM \"anne\" (NOT TO b SUBJECT {3}\na b)",
    "a1 UID SEARCH 1:*,7 UID 3 LARGER 5 SMALLER 6",
    "a1 SEARCH SINCE 1-Feb-2026 BEFORE \"28-Dec-1999\" SENTON 3-mar-2020",
    "a1 SEARCH HEADER Message-ID \"<a@b>\" BODY x TEXT \"\"",
    "a1 FETCH 1:* FAST",
    "a1 FETCH 1 ALL",
    "a1 FETCH 1 FULL",
    "a1 FETCH 2,4:7 (FLAGS UID INTERNALDATE RFC822.SIZE ENVELOPE BODY BODYSTRUCTURE)",
    "a1 UID FETCH 1:* (UID FLAGS)",
    "a1 FETCH 1 (RFC822 RFC822.HEADER RFC822.TEXT)",
    "a1 FETCH 1 BODY[]",
    "a1 FETCH 1 BODY.PEEK[1.2.MIME]<0.100>",
    "a1 FETCH 1 (BODY.PEEK[HEADER.FIELDS (From \"Date\")] BODY[2.HEADER.FIELDS.NOT (x)] BODY[TEXT])",
    "a1 STORE 1 FLAGS (\\Seen \\Answered x)",
    "a1 STORE 1:2 +FLAGS.SILENT (\\Deleted)",
    "a1 UID STORE * -FLAGS \\Flagged",
    "a1 STORE 1 FLAGS ()",
    "a1 COPY 1 Trash",
    "a1 UID COPY 1:3 \"INBOX\"",
    "a1 UID MOVE 5 Trash",
    "a1 SELECT INBOX (CONDSTORE)",
    "a1 EXAMINE INBOX (QRESYNC (67890007 20050715194045000 41,43:211 (1:3 5:7)))",
    "a1 FETCH 1:* (FLAGS MODSEQ) (CHANGEDSINCE 12345)",
    "a1 UID FETCH 300:500 (FLAGS) (CHANGEDSINCE 12345 VANISHED)",
    "a1 UID STORE 6,4,8 (UNCHANGEDSINCE 12121230045) +FLAGS.SILENT (\\Deleted)",
    "a1 SEARCH MODSEQ 620162338 OLDER 60 YOUNGER 3600",
    "a1 STATUS INBOX (HIGHESTMODSEQ SIZE DELETED)",
    "a1 GETQUOTA \"\"",
    "a1 GETQUOTAROOT INBOX",
    "a1 FETCH 1 (BINARY[1]<0.5> BINARY.PEEK[1.2] BINARY.SIZE[2])",
];

/// What is put into a command.
const PIECES: &[&str] = &[
    " ",
    "(",
    ")",
    "\"",
    "\"\"",
    "\\",
    "{2}\r\nab",
    "{2+}\r\n\"\\",
    "{0}\r\n",
    "*",
    ":",
    ",",
    "1",
    "0",
    "4294967295",
    "4294967296",
    "NIL",
    "nil",
    "&",
    "&-",
    "é",
    "[",
    "]",
    "<0.1>",
    "<",
    "+",
    "-",
    "\\Recent",
    "\\Seen",
    "\\*",
    "%",
    "\t",
    "UID ",
    "x",
    "INBOX",
    "(SEEN)",
    "NOT ",
    "OR ",
    "CHARSET UTF-8 ",
    "CHARSET x ",
    "1-Jan-2026",
    "31-Feb-2026",
    ".SILENT",
    ".PEEK",
    "HEADER",
    "~",
    "/",
    "\r",
    "\n",
];

/// A command, some damage done to it.
pub(crate) fn line() -> impl Strategy<Value = Vec<u8>> {
    (prop::sample::select(SEEDS), prop::collection::vec(damage(), 0..4)).prop_map(|(seed, damages)| {
        let mut line = seed.replace('\n', "\r\n").into_bytes();
        for damage in &damages {
            damage.apply(&mut line);
        }
        line
    })
}

#[derive(Debug, Clone)]
enum Damage {
    Gone(Index, usize),
    Put(Index, &'static str),
    Case(Index),
    Twice(Index, Index),
    Other(Index, &'static str, Index),
}

fn damage() -> impl Strategy<Value = Damage> {
    let at = any::<Index>;
    prop_oneof![
        (at(), 1_usize..4).prop_map(|(from, count)| Damage::Gone(from, count)),
        (at(), prop::sample::select(PIECES)).prop_map(|(to, piece)| Damage::Put(to, piece)),
        at().prop_map(Damage::Case),
        (at(), at()).prop_map(|(from, to)| Damage::Twice(from, to)),
        (at(), prop::sample::select(SEEDS), at()).prop_map(|(at, seed, from)| Damage::Other(at, seed, from)),
    ]
}

impl Damage {
    fn apply(&self, line: &mut Vec<u8>) {
        let place = |index: &Index, length: usize| index.index(length + 1);
        match self {
            Self::Gone(from, count) => {
                let from = place(from, line.len());
                line.drain(from..line.len().min(from + count));
            }
            Self::Put(at, piece) => {
                let at = place(at, line.len());
                line.splice(at..at, piece.bytes());
            }
            Self::Case(at) => {
                let at = place(at, line.len());
                if let Some(byte) = line.get_mut(at) {
                    *byte = if byte.is_ascii_lowercase() {
                        byte.to_ascii_uppercase()
                    } else {
                        byte.to_ascii_lowercase()
                    };
                }
            }
            Self::Twice(from, to) => {
                let (from, to) = (place(from, line.len()), place(to, line.len()));
                let again = line[from.min(to)..from.max(to)].to_vec();
                line.splice(from.max(to)..from.max(to), again);
            }
            Self::Other(at, seed, from) => {
                let rest = &seed.as_bytes()[place(from, seed.len())..];
                line.truncate(place(at, line.len()));
                line.extend(
                    rest.iter()
                        .flat_map(|byte| if *byte == b'\n' { vec![b'\r', b'\n'] } else { vec![*byte] }),
                );
            }
        }
    }
}
