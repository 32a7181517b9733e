//! The messages of the tests.

/// The message of that name, lines ended by CRLF.
pub(crate) fn named(name: &str) -> Vec<u8> {
    match name {
        "latin1" => latin1(),
        "header-only" => lines("From: a@x.fr\nSubject: sans corps"),
        "no-body" => lines("From: a@x.fr\nSubject: corps vide\n\n"),
        "nul" => b"Subject: x\r\n\r\na\0b\r\n".to_vec(),
        "long-header" => [b"Subject: ".to_vec(), vec![b'x'; 300 * 1024], b"\r\n\r\n".to_vec()].concat(),
        "plain" => lines(PLAIN),
        "other" => lines(OTHER),
        "letter" => lines(LETTER),
        "forward" => lines(FORWARD),
        "odd-encoding" => {
            lines("From: a@x.fr\nMIME-Version: 1.0\nContent-Transfer-Encoding: x-uuencode\n\nbegin x\n")
        }
        "html" => lines(HTML),
        "named-file" => lines(NAMED_FILE),
        "attached" => lines(ATTACHED),
        "decomposed" => lines(DECOMPOSED),
        "broken-words" => lines(BROKEN_WORDS),
        other => panic!("no message is called {other}"),
    }
}

/// Text written with LF as it goes over the wire.
pub(crate) fn lines(text: &str) -> Vec<u8> {
    text.replace('\n', "\r\n").into_bytes()
}

/// 8-bit bytes where RFC 5322 wants none: old software does that.
fn latin1() -> Vec<u8> {
    let mut message = b"From: Andr\xe9 <a@x.fr>\r\nSubject: r\xe9sultat\r\n".to_vec();
    message.extend_from_slice(b"Content-Type: text/plain; charset=iso-8859-1\r\n");
    message.extend_from_slice(b"Content-Transfer-Encoding: 8bit\r\n\r\nn\xe9phrologie\r\n");
    message
}

const PLAIN: &str = "\
From: =?utf-8?q?H=C3=A9l=C3=A8ne_Durand?= <helene.durand@chu-nord.mssante.fr>
To: secretariat@cabinet-nord.fr
Cc: Paul <paul@x.fr>
Subject: =?utf-8?q?Compte_rendu_d=27=C3=A9chographie?=
Date: Tue, 3 Nov 2026 23:50:00 -0500
Message-ID: <one@chu-nord.mssante.fr>

Bonjour,
le compte rendu est joint.
";

const OTHER: &str = "\
From: labo@chu-nord.mssante.fr
To: secretariat@cabinet-nord.fr
Subject: Bilan
Date: Wed, 4 Nov 2026 08:00:00 +0100
Message-ID: <two@chu-nord.mssante.fr>

Kalium 4,1
";

const LETTER: &str = "\
From: labo@chu-nord.mssante.fr
To: secretariat@cabinet-nord.fr
Subject: Lettre
Date: Thu, 5 Nov 2026 08:00:00 +0100
Message-ID: <three@chu-nord.mssante.fr>
MIME-Version: 1.0
Content-Type: multipart/mixed; boundary=limite

Pour les vieux lecteurs.
--limite
Content-Type: text/plain; charset=utf-8
Content-Transfer-Encoding: quoted-printable

Une insuffisance du c=C5=93ur, =C3=A0 =
suivre.
--limite
Content-Type: application/pdf; name=a.pdf
Content-Transfer-Encoding: base64
Content-Disposition: attachment; filename=a.pdf

JVBERi0xLjQK
--limite--
";

const FORWARD: &str = "\
From: labo@chu-nord.mssante.fr
To: secretariat@cabinet-nord.fr
Subject: TR: Lettre
Date: Fri, 6 Nov 2026 08:00:00 +0100
MIME-Version: 1.0
Content-Type: multipart/mixed; boundary=dehors

--dehors
Content-Type: text/plain

Voir ci-dessous.
--dehors
Content-Type: message/rfc822

From: interne@x.fr
Subject: =?utf-8?q?=C3=A0_l=27int=C3=A9rieur?=
MIME-Version: 1.0
Content-Type: multipart/alternative; boundary=dedans

--dedans
Content-Type: text/plain

profond
--dedans
Content-Type: text/html

<p>profond</p>
--dedans--

--dehors--
";

const HTML: &str = "\
From: labo@chu-nord.mssante.fr
Subject: page
MIME-Version: 1.0
Content-Type: text/html; charset=iso-8859-1
Content-Transfer-Encoding: quoted-printable

<html><head><style>p { color: cachee }</style><script>if (a<b) alert(\"x\")</script>
</head><body><!-- cachee --><p>H&eacute;mo<b>glo</b>bine : 12&nbsp;g</p>
<p>l&rsquo;<i>&oelig;</i>d=E8me aigu</p><a href=3D\"https://x.fr/?cachee\">compte=
 rendu</a><br>du c&#339;ur
</body></html>
";

const NAMED_FILE: &str = "\
From: labo@chu-nord.mssante.fr
Subject: =?windows-1252?Q?=C9ch=E9ance_d=92?= =?utf-8?B?w6l0w6k=?=
MIME-Version: 1.0
Content-Type: application/pdf; name*0*=utf-8'fr'bilan%20h; name*1*=%C3%A9patique; name*2=\".pdf\"
Content-Disposition: attachment; filename*=utf-8''r%C3%A9sultat%20n%C2%B0%203.pdf
Content-Transfer-Encoding: base64

JVBERi0xLjQK
";

const ATTACHED: &str = "\
From: labo@chu-nord.mssante.fr
Subject: pieces
MIME-Version: 1.0
Content-Type: multipart/mixed; boundary=b

--b
Content-Type: text/plain; charset=utf-8

Bonjour
--b
Content-Type: application/pdf; name=\"=?utf-8?Q?=C3=89picrise?= 2026.pdf\"
Content-Disposition: attachment; filename*0*=utf-8''Scanner%20; filename*1=\"thoracique.pdf\"
Content-Transfer-Encoding: base64

JVBERi0xLjQK
--b
Content-Type: application/octet-stream
Content-Description: =?iso-8859-1?Q?Clich=E9_du_f=E9mur?=
Content-Transfer-Encoding: base64

AAAA
--b--
";

const DECOMPOSED: &str = "\
From: labo@chu-nord.mssante.fr
Subject: =?utf-8?Q?He=CC=81matologie?=
MIME-Version: 1.0
Content-Type: text/plain; charset=utf-8
Content-Transfer-Encoding: 8bit

He\u{301}moglobine basse
";

const BROKEN_WORDS: &str = "\
From: labo@chu-nord.mssante.fr
Subject: suite
MIME-Version: 1.0
Content-Type: text/plain; charset=utf-8
Content-Transfer-Encoding: quoted-printable

H=C3=A9mo=
glo=   
bine glyqu=C3=
=A9e
  =C3=A9lev=C3=A9e
";
