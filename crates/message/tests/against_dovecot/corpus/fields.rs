//! The fields of the header: absent, empty, twice, folded oddly, with 8-bit bytes, without a header or a body at all.

use super::{Case, case, with_header};

/// Values of a text field.
const TEXTS: &[&str] = &[
    "",
    " ",
    "\t",
    "x",
    " x ",
    "a  b",
    "a\tb",
    "a\t b \t",
    "a \"b\" \\c",
    "\r\n x",
    "\r\n\tx",
    "a\r\n b",
    "a\r\n\tb",
    "a \r\n b",
    "a\r\n    b\r\n\t\tc",
    "a\r\n \r\n b",
    "a\r\n ",
    "=?utf-8?Q?=C3=A9?=",
    "=?utf-8?Q?=C3=A9?= =?utf-8?Q?=C3=A9?=",
    "=?utf-8?Q?=C3=A9?=\r\n =?utf-8?Q?=C3=A9?=",
    "=?utf-8?Q?caf=C3?=\r\n =?utf-8?Q?=A9?=",
    "=?utf-8?B?w6k?=",
    "=?utf-8?B?w6k=?= b =?",
    "=?utf-8?Q?a b?=",
    "=?x-unknown?Q?=E9?=",
    "=?utf-8?Q??=",
    "=?utf-8?Q?a=0D=0ABcc:_b@c.fr?=",
    "(comment) x",
    "été",
    "日本語 🩺",
    "a\u{85}b",
    "a\x01b\x7fc",
    "a\rb",
];

/// Values of Date.
const DATES: &[&str] = &[
    "Sat, 21 Nov 2026 10:00:00 +0100",
    "Sat, 21 Nov 2026 10:00:00 +0100 (CET)",
    "21 Nov 26 10:00 GMT",
    "Sat,\r\n 21 Nov 2026\r\n 10:00:00 +0100",
    "yesterday",
    "",
    "Sat, 21 Nov 2026 10:00:00 +0100 (été)",
    "2026-11-21T10:00:00Z",
];

/// Values of Message-ID and In-Reply-To.
const IDS: &[&str] = &[
    "<1@x.fr>",
    " <1@x.fr> ",
    "1@x.fr",
    "<1@x.fr> <2@x.fr>",
    "<1@x.fr>\r\n <2@x.fr>",
    "<1@x.fr> (comment)",
    "Message of Anne <1@x.fr>",
    "<>",
    "",
    "<1 @ x.fr>",
    "<\"a b\"@x.fr>",
    "<1@[192.0.2.1]>",
    "<é@x.fr>",
];

/// Whole headers.
const HEADERS: &[&str] = &[
    "From : a@x.fr\r\nSubject : blank before the colon",
    "From\t: a@x.fr\r\nsUBJECT\t:x",
    "FROM: a@x.fr\r\nSUBJECT: upper case\r\nDATE: now\r\nMESSAGE-ID: <1@x>",
    "from:a@x.fr\r\nsubject:no blank",
    "Subject: first\r\nSubject: second\r\nFrom: a@x.fr\r\nFrom: b@x.fr",
    "Date: one\r\nDate: two\r\nMessage-ID: <1@x>\r\nMessage-ID: <2@x>\r\nIn-Reply-To: <3@x>\r\nIn-Reply-To: <4@x>",
    "Subject:\r\nSubject: second",
    "To:\r\nTo: a@x.fr",
    "To: a@x.fr\r\nTo:\r\nCc: b@x.fr\r\nCc: c@x.fr\r\nBcc: d@x.fr\r\nBcc: e@x.fr",
    "To: a@x.fr,\r\nTo: b@x.fr",
    "To: Equipe: a@x.fr\r\nTo: b@x.fr;",
    "From: a@x.fr\r\nSender:\r\nReply-To:",
    "From: a@x.fr\r\nSender: \r\nReply-To: ,",
    "From: a@x.fr\r\nReply-To: undisclosed:;",
    "Sender: s@x.fr",
    "Reply-To: r@x.fr",
    "Sender: s@x.fr\r\nReply-To: r@x.fr",
    "From:\r\nTo: a@x.fr",
    "Sender: a@x.fr\r\nSender: b@x.fr\r\nReply-To: c@x.fr\r\nReply-To: d@x.fr",
    "no field here\r\nSubject: after a line that is none",
    "Subject: before\r\nno field here\r\nFrom: a@x.fr",
    ": no name\r\nSubject: x",
    "From anne Sat Nov 21 10:00:00 2026\r\nSubject: as in a mbox",
    ">From anne\r\nSubject: as in a mbox",
    " folded before any field\r\nSubject: x",
    "\tSubject: folded before any field\r\nFrom: a@x.fr",
    "Subject: x\r\n \r\n \r\nFrom: a@x.fr",
    "Sub ject: blank in the name\r\nFrom: a@x.fr",
    "Sujét: 8 bits in the name\r\nSubject: x",
    "Subject: x\r\nContent-Type: text/html\r\nContent-Type: text/plain",
    "Content-Type: text/html; charset=utf-8\r\nContent-Transfer-Encoding: base64\r\nContent-Transfer-Encoding: 8bit",
    "MIME-Version: 1.0\r\nContent-Type: text/html",
    "MIME-Version: 3.7 (odd)\r\nContent-Type: text/html",
];

const WITHOUT_VERSION: &str = "Content-Transfer-Encoding: 8bit\r\nContent-ID: <a@b>\r\nContent-Description: d\r\n\
    Content-Disposition: inline\r\nContent-Language: fr\r\nContent-Location: l\r\nContent-MD5: m";

pub(super) fn cases() -> Vec<Case> {
    let mut cases = Vec::new();
    for text in TEXTS {
        let header =
            format!("MIME-Version: 1.0\r\nSubject:{text}\r\nFrom: a@x.fr\r\nContent-Description:{text}");
        cases.push(with_header(format!("text {text:?}"), header.as_bytes()));
    }
    for date in DATES {
        cases.push(with_header(format!("date {date:?}"), format!("Date: {date}\r\nFrom: a@x.fr").as_bytes()));
    }
    for id in IDS {
        let header = format!(
            "MIME-Version: 1.0\r\nMessage-ID: {id}\r\nIn-Reply-To: {id}\r\nContent-ID: {id}\r\nFrom: a@x.fr"
        );
        cases.push(with_header(format!("identifier {id:?}"), header.as_bytes()));
    }
    for header in HEADERS {
        cases.push(with_header(format!("header {header:?}"), header.as_bytes()));
    }
    cases.push(with_header("subject in latin 1", b"Subject: r\xe9sultat\r\nFrom: a@x.fr"));
    cases.push(with_header("without MIME-Version", WITHOUT_VERSION.as_bytes()));
    cases.extend(sizes());
    cases.extend(ends());
    cases
}

fn sizes() -> Vec<Case> {
    let long = "x".repeat(100_000);
    let lines = "y\r\n ".repeat(5_000);
    vec![
        with_header("a subject of 100 kB on a line", format!("Subject: {long}").as_bytes()),
        with_header("a subject of 5,000 lines", format!("Subject: {lines}z").as_bytes()),
        with_header("2,000 fields", "X-Filler: y\r\n".repeat(2_000).as_bytes()),
        with_header("a field name of 1,000 bytes", format!("{}: y\r\nSubject: x", &long[..1_000]).as_bytes()),
        with_header("a phrase of 5,000 words", format!("From: {}<a@x.fr>", "mot ".repeat(5_000)).as_bytes()),
        with_header(
            "comments 200 deep",
            format!("From: a@x.fr {}{}", "(".repeat(200), ")".repeat(200)).as_bytes(),
        ),
    ]
}

/// Messages that end early, or begin late.
fn ends() -> Vec<Case> {
    [
        "Subject: no line end",
        "Subject: no blank line\r\n",
        "Subject: no body\r\n\r\n",
        "Subject: a body without line end\r\n\r\nx",
        "Subject: an empty line\r\n\r\n\r\n",
        "Subject: two empty lines\r\n\r\n\r\n\r\n",
        "\r\n",
        "\r\nonly a body\r\n",
        "\r\n\r\n",
        "x",
        "x\r\n",
        "no field at all\r\n\r\nbody\r\n",
        "Subject: folded at the end\r\n ",
        "Subject: folded at the end\r\n \r\n\r\nx",
        "Content-Type: text/html\r\n",
        "Content-Type: text/html",
        "Content-Type: multipart/mixed; boundary=b\r\n",
        "Content-Type: message/rfc822\r\n",
        "Content-Type: message/rfc822\r\n\r\n",
    ]
    .into_iter()
    .map(|raw| case(format!("whole message {raw:?}"), raw))
    .collect()
}
