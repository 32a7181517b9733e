//! The first stage: what it finds, what it refuses, and that the way bytes arrive changes nothing.

use proptest::prelude::*;

use super::*;

const LIMITS: Limits = Limits {
    line: 40,
    literal: 20,
    unasked_literal: 10,
    literals: 3,
    command: 90,
    append: Some(1000),
    skip: 2000,
};

/// What happened, with messages put together again.
#[derive(Debug, PartialEq)]
enum Seen {
    Event(Event),
    Message(Vec<u8>),
}

/// Feeds the chunks; every APPEND is accepted unless the client waits and `refuse` is set.
fn run_with(limits: Limits, chunks: &[&[u8]], refuse: bool) -> Vec<Seen> {
    let mut framer = Framer::new(limits);
    let mut seen = Vec::new();
    for chunk in chunks {
        let mut rest = *chunk;
        loop {
            let (taken, event) = framer.feed(rest);
            match event {
                None => {
                    assert_eq!(taken, rest.len());
                    break;
                }
                Some(Event::Message(length)) => match seen.last_mut() {
                    Some(Seen::Message(message)) => message.extend_from_slice(&rest[taken - length..taken]),
                    _ => seen.push(Seen::Message(rest[taken - length..taken].to_vec())),
                },
                Some(event) => {
                    let closed = matches!(event, Event::Close(_));
                    match event {
                        Event::Append { asked: true, .. } | Event::AppendMore { asked: true, .. }
                            if refuse =>
                        {
                            framer.refuse_append();
                        }
                        Event::Append { .. } | Event::AppendMore { .. } => framer.accept_append(),
                        _ => {}
                    }
                    seen.push(Seen::Event(event));
                    if closed {
                        return seen;
                    }
                }
            }
            rest = &rest[taken..];
        }
    }
    seen
}

fn run(input: &[u8]) -> Vec<Seen> {
    run_with(LIMITS, &[input], false)
}

fn command(bytes: &[u8]) -> Seen {
    Seen::Event(Event::Command(bytes.to_vec()))
}

fn refused(tag: &str, why: TooMuch) -> Seen {
    Seen::Event(Event::Refused(Refused { tag: Tag::parse(tag.as_bytes()), why }))
}

#[test]
fn commands_end_at_crlf_and_at_the_bare_lf_of_people_who_type() {
    assert_eq!(run(b"a NOOP\r\nb NOOP\n"), [command(b"a NOOP"), command(b"b NOOP")]);
    assert_eq!(run(b"a NOOP"), []);
}

#[test]
fn a_literal_belongs_to_its_command_whatever_it_holds() {
    assert_eq!(
        run(b"a LOGIN {4}\r\nx\r\ny {2+}\r\npw\r\n"),
        [Seen::Event(Event::Continue), command(b"a LOGIN {4}\r\nx\r\ny {2+}\r\npw")]
    );
    assert_eq!(
        run(b"a LOGIN {0+}\r\n {0}\r\n\r\n"),
        [Seen::Event(Event::Continue), command(b"a LOGIN {0+}\r\n {0}\r\n")]
    );
}

#[test]
fn what_looks_like_an_announcement_elsewhere_is_text() {
    for text in ["a X {3} y", "a X {}", "a X {+}", "a X 3}", "a X {3", "a X {3-}", "a X \"{3}\""] {
        assert_eq!(run(format!("{text}\r\n").as_bytes()), [command(text.as_bytes())]);
    }
}

#[test]
fn the_message_of_append_passes_through() {
    let head = b"a APPEND INBOX (\\Seen) {12}\r\n".to_vec();
    assert_eq!(
        run(b"a APPEND INBOX (\\Seen) {12}\r\nSubject: x\r\n\r\nb NOOP\r\n"),
        [
            Seen::Event(Event::Append { head, size: 12, asked: true }),
            Seen::Message(b"Subject: x\r\n".to_vec()),
            append_end(""),
            command(b"b NOOP"),
        ]
    );
}

#[test]
fn the_mailbox_of_append_may_be_a_literal_and_the_message_empty() {
    let head = b"a append {5+}\r\nINBOX {0+}\r\n".to_vec();
    assert_eq!(
        run(b"a append {5+}\r\nINBOX {0+}\r\n\r\n"),
        [Seen::Event(Event::Append { head, size: 0, asked: false }), append_end(""),]
    );
}

#[test]
fn a_refused_append_leaves_the_line_free() {
    let seen = run_with(LIMITS, &[b"a APPEND INBOX {5}\r\nb NOOP\r\n"], true);
    assert_eq!(seen[1..], [command(b"b NOOP")]);
}

fn append_end(rest: &str) -> Seen {
    Seen::Event(Event::AppendEnd { rest: rest.as_bytes().to_vec(), broken: None })
}

#[test]
fn what_follows_the_message_is_told() {
    for rest in ["x", ")", " (\\Seen)"] {
        let seen = run(format!("a APPEND INBOX {{3+}}\r\nabc{rest}\r\nb NOOP\r\n").as_bytes());
        assert_eq!(seen[2..], [append_end(rest), command(b"b NOOP")]);
    }
}

#[test]
fn another_message_may_follow_and_another() {
    let input = b"a APPEND INBOX {3+}\r\nabc (\\Seen) {2}\r\nde ~{0+}\r\n)\r\nb NOOP\r\n";
    let head = |text: &str| text.as_bytes().to_vec();
    assert_eq!(
        run(input),
        [
            Seen::Event(Event::Append { head: head("a APPEND INBOX {3+}\r\n"), size: 3, asked: false }),
            Seen::Message(b"abc".to_vec()),
            Seen::Event(Event::AppendMore { head: head(" (\\Seen) {2}\r\n"), size: 2, asked: true }),
            Seen::Message(b"de".to_vec()),
            Seen::Event(Event::AppendMore { head: head(" ~{0+}\r\n"), size: 0, asked: false }),
            append_end(")"),
            command(b"b NOOP"),
        ]
    );
    let seen = run_with(LIMITS, &[b"a APPEND INBOX {3+}\r\nabc {2}\r\nb NOOP\r\n"], true);
    assert_eq!(seen[3..], [command(b"b NOOP")], "whoever waits for a refusal goes on with another command");
}

#[test]
fn each_message_has_the_limit_of_a_message_and_they_may_be_many() {
    let end = |broken| Seen::Event(Event::AppendEnd { rest: vec![], broken });
    let seen = run(b"a APPEND INBOX {3+}\r\nabc {1001}\r\nb NOOP\r\n");
    assert!(matches!(&seen[2], Seen::Event(Event::AppendEnd { broken: Some(TooMuch::Message), .. })));
    assert_eq!(seen[3..], [command(b"b NOOP")]);
    let dropped = [
        b"a APPEND INBOX {3+}\r\nabc {1500+}\r\n".as_slice(),
        &[b'\n'; 1500],
        b" {2+}\r\n\r\n\r\nb NOOP\r\n",
    ]
    .concat();
    let seen = run(&dropped);
    assert!(
        matches!(&seen[2], Seen::Event(Event::AppendEnd { broken: Some(TooMuch::Message), .. })),
        "{seen:?}"
    );
    assert_eq!(seen[3..], [command(b"b NOOP")]);
    let many = [b"a APPEND INBOX {1+}\r\n".as_slice(), &b"x {1+}\r\n".repeat(100), b"x\r\n"].concat();
    let seen = run(&many);
    assert_eq!((seen.len(), seen.last()), (2 * 101 + 1, Some(&end(None))));
}

#[test]
fn a_line_too_long_is_dropped_to_its_end() {
    let exact = [b"a ".as_slice(), &[b'x'; 38]].concat();
    assert_eq!(run(&[&exact[..], b"\r\n"].concat()), [command(&exact)]);
    let long = [b"a ".as_slice(), &[b'x'; 500], b"\r\nb NOOP\r\n"].concat();
    assert_eq!(run(&long), [refused("a", TooMuch::Line), command(b"b NOOP")]);
}

#[test]
fn the_literal_at_the_end_of_a_line_too_long_is_no_command() {
    let long = [b"a ".as_slice(), &[b'x'; 500], b" {11+}\r\nc LOGOUT\r\n \r\nb NOOP\r\n"].concat();
    assert_eq!(run(&long), [refused("a", TooMuch::Line), command(b"b NOOP")]);
    let waits = [b"a ".as_slice(), &[b'x'; 500], b" {11}\r\nb NOOP\r\n"].concat();
    assert_eq!(run(&waits), [refused("a", TooMuch::Line), command(b"b NOOP")]);
}

#[test]
fn literals_have_limits_of_length_and_number() {
    assert_eq!(run(b"a X {21}\r\nb NOOP\r\n"), [refused("a", TooMuch::Literal), command(b"b NOOP")]);
    assert_eq!(
        run(b"a X {11+}\r\nc LOGOUT\r\n\n\r\nb NOOP\r\n"),
        [refused("a", TooMuch::UnaskedLiteral), command(b"b NOOP")]
    );
    assert_eq!(
        run(b"a {1+}\r\nx {1+}\r\nx {1+}\r\nx {1+}\r\nx\r\nb NOOP\r\n"),
        [refused("a", TooMuch::Literals), command(b"b NOOP")]
    );
    assert_eq!(
        run(b"a APPEND INBOX {1001}\r\nb NOOP\r\n"),
        [refused("a", TooMuch::Message), command(b"b NOOP")]
    );
}

#[test]
fn a_command_has_a_limit_of_its_own() {
    let line = [b'x'; 30];
    let input =
        [b"a ".as_slice(), &line, b" {10+}\r\n0123456789 ", &line, b"{6+}\r\n012345\r\nb NOOP\r\n"].concat();
    assert_eq!(run(&input), [refused("a", TooMuch::Command), command(b"b NOOP")]);
}

#[test]
fn a_message_too_large_that_does_not_wait_is_dropped_or_the_line_closed() {
    let dropped = [b"a APPEND INBOX {1500+}\r\n".as_slice(), &[b'\n'; 1500], b"\r\nb NOOP\r\n"].concat();
    assert_eq!(run(&dropped), [refused("a", TooMuch::Message), command(b"b NOOP")]);
    assert_eq!(run(b"a APPEND INBOX {2001+}\r\nb NOOP\r\n"), [Seen::Event(Event::Close(TooMuch::Message))]);
    assert_eq!(run(b"a X {99999999999999999999999999+}\r\nb"), [Seen::Event(Event::Close(TooMuch::Skip))]);
}

#[test]
fn before_login_append_is_a_command_like_others() {
    let strange = Limits { append: None, ..LIMITS };
    assert_eq!(
        run_with(strange, &[b"a APPEND INBOX {3}\r\nabc\r\n"], false),
        [Seen::Event(Event::Continue), command(b"a APPEND INBOX {3}\r\nabc")]
    );
}

#[test]
fn a_plain_line_has_no_literals() {
    let mut framer = Framer::new(LIMITS);
    framer.expect_plain_line();
    assert_eq!(framer.feed(b"{5}\r\n"), (5, Some(Event::Command(b"{5}".to_vec()))));
    assert_eq!(framer.feed(b"a X {5}\r\n"), (9, Some(Event::Continue)));
}

#[test]
fn between_commands_nothing_is_held() {
    let mut framer = Framer::new(LIMITS);
    assert!(!framer.is_inside());
    framer.feed(b"a NO");
    assert!(framer.is_inside());
    framer.feed(b"OP\r\n");
    assert!(!framer.is_inside());
    assert_eq!(framer.bytes.capacity(), 0);
}

#[test]
fn what_is_dropped_is_not_gathered() {
    let mut framer = Framer::new(LIMITS);
    for _ in 0..1000 {
        framer.feed(&[b'x'; 100]);
        assert!(framer.bytes.len() <= 3 * KEPT + 100, "{}", framer.bytes.len());
    }
}

#[test]
fn the_limit_that_is_broken_first_is_told_wherever_the_chunks_were_cut() {
    let input = [&[0; 26][..], b"{19}\r\n", &[b'{'; 90], b"\r\n"].concat();
    let bytes: Vec<&[u8]> = input.chunks(1).collect();
    assert_eq!(run_with(LIMITS, &bytes, false), run_with(LIMITS, &[&input], false));
}

/// Pieces that lead into every corner: tags, announcements true and false, line ends, message bytes.
fn input() -> impl Strategy<Value = Vec<u8>> {
    let piece = prop_oneof![
        Just(b"a1 ".to_vec()),
        Just(b"APPEND ".to_vec()),
        Just(b"INBOX ".to_vec()),
        Just(b"\r\n".to_vec()),
        Just(b"\n".to_vec()),
        Just(b"\r".to_vec()),
        (0_u64..60, any::<bool>()).prop_map(|(n, asked)| format!(
            "{{{n}{}}}\r\n",
            if asked { "" } else { "+" }
        )
        .into_bytes()),
        prop::collection::vec(any::<u8>(), 0..60),
        prop::collection::vec(Just(b'{'), 0..300),
    ];
    prop::collection::vec(piece, 0..20).prop_map(|pieces| pieces.concat())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn any_chunking_equals_the_whole(input in input(), cuts in prop::collection::vec(0_usize..1000, 0..12), refuse: bool) {
        let mut cuts: Vec<usize> = cuts.into_iter().map(|cut| cut % (input.len() + 1)).collect();
        cuts.extend([0, input.len()]);
        cuts.sort_unstable();
        let chunks: Vec<&[u8]> = cuts.windows(2).map(|cut| &input[cut[0]..cut[1]]).collect();
        prop_assert_eq!(run_with(LIMITS, &chunks, refuse), run_with(LIMITS, &[&input], refuse));
        let bytes: Vec<&[u8]> = input.chunks(1).collect();
        prop_assert_eq!(run_with(LIMITS, &bytes, refuse), run_with(LIMITS, &[&input], refuse));
    }

    #[test]
    fn no_command_found_breaks_a_limit(input in input()) {
        for seen in run(&input) {
            if let Seen::Event(Event::Command(command)) = seen {
                prop_assert!(command.len() <= LIMITS.command + 2 * LIMITS.literals);
            }
        }
    }

    /// Whatever came before, two line ends and a well-formed command later the place is found again, unless a literal
    /// or the caller's judgement is still open.
    #[test]
    fn the_place_is_never_lost(literals in prop::collection::vec("[ -~]{0,30}", 0..3), junk in "[ -|~]{0,200}") {
        let mut input = b"t X".to_vec();
        for literal in &literals {
            input.extend_from_slice(format!(" {{{}+}}\r\n{literal}", literal.len()).as_bytes());
        }
        input.extend_from_slice(junk.as_bytes());
        input.extend_from_slice(b"\r\nlast NOOP\r\n");
        let seen = run(&input);
        prop_assert_eq!(seen.len(), 2);
        prop_assert_eq!(seen.last(), Some(&command(b"last NOOP")));
    }
}
