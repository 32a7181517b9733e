//! Address fields: every form that RFC 5322 allows, that RFC 822 allowed, and that senders got wrong.

use super::{Case, case, with_header};

/// Values of an address field; each is tried in From, in To, and among other addresses.
const FORMS: &[&str] = &[
    // as they should be
    "a@b.fr",
    "  a@b.fr  ",
    "<a@b.fr>",
    "Anne <a@b.fr>",
    "Anne Petit <a@b.fr>, k@y.fr",
    "\"Petit, Anne\" <a@b.fr>",
    "\"a \\\"b\\\" c\" <a@b.fr>",
    "\"a\\\\b\" <a@b.fr>",
    "Anne \"La\" Petit <a@b.fr>",
    "\"Anne\" \"Petit\" <a@b.fr>",
    "\"a b\"@c.fr",
    "\"\"@c.fr",
    "\"a\\ b\"@c.fr",
    "a@[192.0.2.1]",
    "a@[IPv6:2001:db8::1]",
    "a/b=c@d.fr",
    "a%b@c.fr",
    "a!b@c.fr",
    "'a@b.fr'",
    "o'neil@b.fr",
    "+33-6@b.fr",
    // groups
    "undisclosed-recipients:;",
    "Equipe:;",
    "Equipe: ;",
    "Equipe: a@b.fr;",
    "Equipe: a@b.fr, Anne <c@d.fr>;",
    "Equipe: a@b.fr;, e@f.fr",
    "e@f.fr, Equipe: a@b.fr;",
    "A:;, B:;",
    "A: a@b.fr;, B: c@d.fr;",
    "\"Equipe, nuit\": a@b.fr;",
    "=?utf-8?Q?=C3=A9quipe?=: a@b.fr;",
    "Equipe de nuit: a@b.fr;",
    "Equipe (c): a@b.fr (d);",
    // comments
    "\"\" <a@b.fr>",
    "a@b.fr (Anne)",
    "a@b.fr (Anne Petit)",
    "(Anne) a@b.fr",
    "a@b.fr (Anne (la grande) Petit)",
    "a@b.fr (x) (y)",
    "a@b.fr (x\\)y)",
    "a@b.fr ()",
    "a@b.fr ( Anne )",
    "Anne (c) <a@b.fr>",
    "Anne <a@b.fr> (c)",
    "(x) Anne (y) <(z) a@b.fr (w)> (v)",
    "a(c)@b.fr",
    "a@(c)b.fr",
    "a@b(c).fr",
    "a@b.fr(Anne)",
    "<a@b.fr> (Anne)",
    // the obsolete syntax
    "a . b @ c . fr",
    "a.b @c.fr",
    "\"a\".b@c.fr",
    "a.\"b\"@c.fr",
    "\"a\" . \"b\" @ c.fr",
    "<@x.fr:a@b.fr>",
    "<@x.fr,@y.fr:a@b.fr>",
    "Anne <@x.fr,@y.fr:a@b.fr>",
    "Anne < @x.fr , @y.fr : a@b.fr >",
    "J. R. R. Petit <a@b.fr>",
    "J.R. <a@b.fr>",
    "Mr. <a@b.fr>, , c@d.fr",
    "a@[ 192.0.2.1 ]",
    ", a@b.fr",
    "a@b.fr,",
    "a@b.fr,,c@d.fr",
    "a@b.fr, ,c@d.fr",
    "Anne <a@b.fr>,",
    // folding
    "Anne\r\n <a@b.fr>",
    "Anne\r\n\t<a@b.fr>,\r\n c@d.fr",
    "\r\n a@b.fr",
    "\"Anne\r\n Petit\" <a@b.fr>",
    "a@b.fr\r\n (Anne\r\n Petit)",
    "Equipe:\r\n a@b.fr,\r\n c@d.fr;",
    "a@b.fr,\r\n\tc@d.fr,\r\n  e@f.fr",
    "Anne\r\n \r\n <a@b.fr>",
    // encoded words
    "=?utf-8?Q?Zo=C3=A9?= <z@b.fr>",
    "=?utf-8?B?Wm/DqQ==?= <z@b.fr>",
    "=?utf-8?Q?Petit=2C_Zo=C3=A9?= <z@b.fr>",
    "=?utf-8?Q?Petit,_Zo?= <z@b.fr>",
    "=?iso-8859-1?Q?a?= =?utf-8?B?w6k=?= <a@b.fr>",
    "=?iso-8859-1?Q?a?=\r\n =?utf-8?B?w6k=?= <a@b.fr>",
    "\"=?utf-8?Q?Zo=C3=A9?=\" <a@b.fr>",
    "Dr =?utf-8?Q?Zo=C3=A9?= Petit <a@b.fr>",
    "a@b.fr (=?utf-8?Q?Zo=C3=A9?=)",
    "=?utf-8?Q?a?==?utf-8?Q?b?= <a@b.fr>",
    "=?utf-8?Q?open <a@b.fr>",
    "=?utf-8?X?a?= <a@b.fr>",
    "=?utf-8*fr?Q?Zo?= <a@b.fr>",
    "=?utf-8?Q?Zo=C3=A9?=<a@b.fr>",
    "=?utf-8?Q?a(b)?= <a@b.fr>",
    // eight bits
    "Zoé <z@b.fr>",
    "\"Zoé Petit\" <z@b.fr>",
    "zoé@b.fr",
    "z@é.fr",
    "z@b.fr (Zoé)",
    // wrong
    "",
    " ",
    ",",
    ";",
    ":;",
    ":",
    "anne",
    "Anne Petit",
    "a b@c.fr",
    "a@b c.fr",
    "a@",
    "@b.fr",
    "<a@>",
    "<@b.fr>",
    "<a>",
    "<>",
    "Anne <>",
    "Anne <anne>",
    "\"Anne Petit\"",
    "a@b@c.fr",
    "<a@b@c.fr>",
    "a..b@c.fr",
    ".a@b.fr",
    "a.@b.fr",
    "a@.b.fr",
    "a@b..fr",
    "a@b.fr.",
    "Anne <a@b.fr",
    "Anne <a@b.fr, c@d.fr",
    "Anne a@b.fr>",
    "Anne <<a@b.fr>>",
    "Anne <a@b.fr> Petit",
    "Anne <a@b.fr> <c@d.fr>",
    "Anne <a@b.fr> c@d.fr",
    "a@b.fr <c@d.fr>",
    "\"a@b.fr\" <c@d.fr>",
    "a@b.fr c@d.fr",
    "a@b.fr; c@d.fr",
    "Anne <a@b.fr>; Zoe <c@d.fr>",
    "Equipe: a@b.fr",
    "Equipe: A: a@b.fr;;",
    "Equipe: a@b.fr; c@d.fr",
    "mailto:a@b.fr",
    "<mailto:a@b.fr>",
    "\"open <a@b.fr>",
    "a@b.fr (open",
    "Anne) <a@b.fr>",
    "a@[open",
    "a@b]c.fr",
    "Anne <a@b.fr>>",
    "Anne [x] <a@b.fr>",
    "[a@b.fr]",
    "Anne\\ Petit <a@b.fr>",
    "\\\"Anne\\\" <a@b.fr>",
    "Anne <\"a@b.fr\">",
    "Anne <a b@c.fr>",
    "<a@b.fr>c@d.fr",
    "a@b.fr\t\t,\tc@d.fr",
];

/// Values with bytes that are not UTF-8.
const BYTES: &[&[u8]] = &[
    b"Andr\xe9 <a@b.fr>",
    b"\"Andr\xe9 Petit\" <a@b.fr>",
    b"andr\xe9@b.fr",
    b"a@b.fr (Andr\xe9)",
    b"Equipe \xe9: a@b.fr;",
];

pub(super) fn cases() -> Vec<Case> {
    let forms = FORMS.iter().map(|form| form.as_bytes()).chain(BYTES.iter().copied());
    let mut cases: Vec<Case> = forms
        .map(|form| {
            let header = [
                b"Subject: addresses\r\nFrom: ",
                form,
                b"\r\nSender: s@x.fr\r\nTo: ",
                form,
                b"\r\nCc: first@x.fr, ",
                form,
                b", last@x.fr",
            ]
            .concat();
            with_header(format!("address {}", String::from_utf8_lossy(form)), &header)
        })
        .collect();
    let many: Vec<String> = (0..300).map(|n| format!("\"Personne {n}\" <p{n}@x.fr>")).collect();
    cases.push(with_header("300 addresses", format!("To: {}", many.join(",\r\n ")).as_bytes()));
    cases.push(case("addresses in all fields", ALL_FIELDS.replace('\n', "\r\n")));
    cases
}

const ALL_FIELDS: &str = "From: A <a@x.fr>, B <b@x.fr>
Sender: C <c@x.fr>
Reply-To: D: d@x.fr;, e@x.fr
To: f@x.fr
To: g@x.fr
Cc: h@x.fr
Bcc: i@x.fr
Resent-To: never@x.fr
In-Reply-To: <1@x.fr> <2@x.fr>
References: <0@x.fr>
Message-ID: <3@x.fr>
Date: Sat, 21 Nov 2026 10:00:00 +0100

x
";
