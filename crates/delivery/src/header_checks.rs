//! What a header must be, on both ways in; what a submitted one must be besides, and the facts that the route decision takes from it
//! (S-3.4, S-3.5, S-3.9, M-12).
//!
//! May use: a parsed header. Must never touch: the store; ids that the message answers are looked up by the caller.

use message::{Header, Mailbox};
use mssante::{Domain, Profile, Tag};
use store::TraceId;

use crate::{
    replies::{self, Denial},
    sender,
    settings::Settings,
};

/// Most message ids that are looked up for one message: the last ones, since References ends with the nearest.
const MAX_ANSWERED: usize = 1_000;

/// Refuses a header that cannot be carried safely for this account.
pub(crate) fn check(header: &Header, profile: &Profile, settings: &Settings) -> Result<(), Denial> {
    plain(header)?;
    counted(header, &[("From", 1), ("Subject", 0), ("Sender", 0)])?;
    for field in ["From", "Sender", "Resent-From", "Resent-Sender"] {
        for mailbox in mailboxes(header, field)? {
            sender::check_own(field, &mailbox.address, profile)?;
        }
    }
    not_looping(header, settings)
}

/// Refuses what other programs would read other fields in than we do: NUL characters, which some drop and at which others end the
/// text; a CR or LF alone, which a binary message may bring (RFC 3030 §3).
pub(crate) fn plain(header: &Header) -> Result<(), Denial> {
    let raw = header.raw();
    if raw.contains(&0) {
        return Err(replies::header_nul());
    }
    let before = |at: usize| at.checked_sub(1).and_then(|at| raw.get(at));
    let lone = |(at, byte): (usize, &u8)| match byte {
        b'\r' => raw.get(at + 1) != Some(&b'\n'),
        b'\n' => before(at) != Some(&b'\r'),
        _ => false,
    };
    if raw.iter().enumerate().any(lone) { Err(replies::header_lines()) } else { Ok(()) }
}

/// Refuses fields that come twice, or less often than they must (S-3.4).
pub(crate) fn counted(header: &Header, fields: &[(&str, usize)]) -> Result<(), Denial> {
    for &(field, least) in fields {
        let count = header.count(field);
        if count > 1 || count < least {
            return Err(replies::wrong_count(field, count));
        }
    }
    Ok(())
}

/// Every mailbox in the fields of this name, refused when they cannot be read beyond doubt.
pub(crate) fn mailboxes(header: &Header, field: &str) -> Result<Vec<Mailbox>, Denial> {
    let mailboxes = header.addresses(field);
    let present = header.count(field) > 0;
    if present && (mailboxes.is_empty() || at_signs(header, field) != Some(mailboxes.len())) {
        return Err(replies::unreadable(field));
    }
    Ok(mailboxes)
}

/// Refuses what has been through too many hands (M-12).
pub(crate) fn not_looping(header: &Header, settings: &Settings) -> Result<(), Denial> {
    let received = header.received_count();
    if received > settings.received_fields { Err(replies::loops(received)) } else { Ok(()) }
}

/// How many `@` the field has outside quoted strings and comments, if those end. One more than it has mailboxes means
/// that another mail program could read another address in it than we do.
fn at_signs(header: &Header, field: &str) -> Option<usize> {
    let (mut count, mut quoted, mut depth) = (0, false, 0_usize);
    let bytes = message::filter_fields(header.raw(), &[field], false);
    let mut bytes = bytes.iter();
    while let Some(byte) = bytes.next() {
        match byte {
            b'\\' if quoted || depth > 0 => drop(bytes.next()),
            b'"' if depth == 0 => quoted = !quoted,
            b'(' if !quoted => depth += 1,
            b')' if !quoted => depth = depth.checked_sub(1)?,
            b'@' if !quoted && depth == 0 => count += 1,
            _ => {}
        }
    }
    (!quoted && depth == 0).then_some(count)
}

/// What the subject says.
pub(crate) fn tag(header: &Header) -> Tag {
    mssante::tag(&header.subject().unwrap_or_default())
}

/// The ids of the messages that this one says it answers or forwards (S-3.9), bounded.
pub(crate) fn answered(header: &Header) -> Vec<String> {
    let fields = ["References", "X-Forwarded-Message-Id", "In-Reply-To"];
    let mut ids: Vec<String> = fields.iter().flat_map(|field| header.message_ids(field)).collect();
    let extra = ids.len().saturating_sub(MAX_ANSWERED);
    ids.drain(..extra);
    ids
}

/// Whether a message id (with its brackets) looks like one of this service: made by this host, or under a domain that
/// only secure mail has (S-3.3).
pub(crate) fn looks_ours(id: &str, settings: &Settings) -> bool {
    let Some((local, domain)) = id.trim_matches(['<', '>']).rsplit_once('@') else { return false };
    if domain.eq_ignore_ascii_case(&settings.hostname) && local.parse::<TraceId>().is_ok() {
        return true;
    }
    Domain::parse(domain).is_ok_and(|domain| settings.domains.contains(&domain) || domain.mentions_mssante())
}

#[cfg(test)]
mod tests {
    use mssante::NearMiss;

    use super::*;
    use crate::samples::{DOCTOR, DOCTOR_LOGIN, doctor, settings};

    fn header(fields: &str) -> Header {
        Header::parse(format!("{}\r\n\r\n", fields.replace('\n', "\r\n")).as_bytes())
    }

    fn refused(fields: &str) -> Option<(u16, &'static str, &'static str)> {
        let checked = check(&header(fields), &doctor().profile, &settings());
        checked.err().map(|denial| (denial.code, denial.status, denial.reason))
    }

    #[test]
    fn one_from_that_is_ones_own_and_at_most_one_subject_and_sender() {
        let own = format!("From: Dr Un <{DOCTOR}>");
        let twice = Some((550, "5.6.0", "field-count"));
        let foreign = Some((550, "5.7.1", "not-own-address"));
        for (fields, result) in [
            (format!("{own}\nSubject: a"), None),
            (format!("FROM: {DOCTOR_LOGIN}"), None),
            (format!("From: {DOCTOR}, {DOCTOR_LOGIN}"), None),
            (format!("From: =?utf-8?Q?Docteur_Un?=\n <{DOCTOR}>"), None),
            (format!("{own}\nSender: {DOCTOR_LOGIN}"), None),
            ("Subject: a".to_owned(), twice),
            (format!("{own}\n{own}"), twice),
            (format!("{own}\nfrom : {DOCTOR}"), twice),
            (format!("{own}\nSubject: a\nsubject: b"), twice),
            (format!("{own}\nSender: {DOCTOR}\nSender: {DOCTOR}"), twice),
            ("From:".to_owned(), Some((550, "5.6.0", "field-unreadable"))),
            (format!("{own}\nSender:"), Some((550, "5.6.0", "field-unreadable"))),
            (format!("{own}\nSender: nobody at all"), Some((550, "5.6.0", "field-unreadable"))),
            ("From: interne.deux@chu-nord.mssante.fr".to_owned(), foreign),
            (format!("From: {DOCTOR}, interne.deux@chu-nord.mssante.fr"), foreign),
            (format!("From: \"{DOCTOR}\" <x@example.org>"), foreign),
            (format!("{own}\nSender: x@example.org"), foreign),
            (format!("{own}\nResent-From: {DOCTOR_LOGIN}\nResent-Sender: {DOCTOR}"), None),
            (format!("{own}\nResent-From: {DOCTOR}\nRESENT-FROM : x@example.org"), foreign),
            (format!("{own}\nResent-Sender: x@example.org"), foreign),
            (format!("Fr\0om: x@example.org\n{own}"), Some((550, "5.6.0", "header-nul"))),
            (format!("{own}\nX-Note: a\0b"), Some((550, "5.6.0", "header-nul"))),
        ] {
            assert_eq!(refused(&fields), result, "{fields}");
        }
    }

    #[test]
    fn crooked_from_fields_do_not_smuggle_another_sender_in() {
        for field in [
            "From: {} <x@example.org>",
            "From: <{}> <x@example.org>",
            "From: <x@example.org> <{}>",
            "From: <{}> x@example.org",
            "From: {} x@example.org",
            "From: {};x@example.org",
            "From: {}\n x@example.org",
            "From: <{},x@example.org>",
            "From: Groupe: x@example.org;, {}",
            "From: {}@example.org",
            "From: x@example.org({})",
            "From: <x@example.org>({})",
            "From: \"<{}>\" x@example.org",
            "From: \"{}\"@example.org",
            "From: {} (x@example.org",
            "From: {} \"x@example.org",
            "From: <@example.org:{}>",
        ] {
            assert!(refused(&field.replace("{}", DOCTOR)).is_some(), "{field}");
        }
        for field in [
            "From: {} (x@example.org)",
            "From: \"x@example.org\" <{}>",
            "From: =?utf-8?Q?x=40example.org?= <{}>",
        ] {
            assert_eq!(refused(&field.replace("{}", DOCTOR)), None, "{field}: a name, not an address");
        }
    }

    #[test]
    fn more_received_fields_than_allowed_is_a_loop() {
        let with = |count| format!("{}From: {DOCTOR}", "Received: by x; now\n".repeat(count));
        assert_eq!(refused(&with(50)), None);
        assert_eq!(refused(&with(51)), Some((554, "5.4.6", "loop")));
    }

    #[test]
    fn the_tag_is_read_in_the_decoded_subject() {
        for (subject, expected) in [
            ("Subject: #med# a", Tag::Present),
            ("Subject:\n #med# a", Tag::Present),
            ("Subject: #med#\n a", Tag::Present),
            ("Subject: =?utf-8?Q?#med#_r=C3=A9sultat?=", Tag::Present),
            ("Subject: =?utf-8?B?I21lZCMgcsOpc3VsdGF0?=", Tag::Present),
            ("Subject: Re: =?iso-8859-1?Q?=23med=23_r=E9sultat?=", Tag::Present),
            ("Subject: =?utf-8?Q?#m=C3=A9d#_a?=", Tag::NearMiss(NearMiss::Letters)),
            ("Subject: a", Tag::Absent),
            ("To: a@b.fr", Tag::Absent),
        ] {
            assert_eq!(tag(&header(subject)), expected, "{subject}");
        }
    }

    #[test]
    fn answers_name_their_messages_in_three_fields() {
        let fields = "In-Reply-To: <a@x>\nReferences: <b@x> <c@x>\nX-Forwarded-Message-Id: <d@x>";
        let mut ids = answered(&header(fields));
        ids.sort();
        assert_eq!(ids, ["<a@x>", "<b@x>", "<c@x>", "<d@x>"]);
        let many: String = (0..MAX_ANSWERED + 5).map(|n| format!("\n <{n}@x>")).collect();
        let ids = answered(&header(&format!("In-Reply-To: <a@x>\nReferences:{many}")));
        assert_eq!(ids.len(), MAX_ANSWERED);
        assert!(ids.contains(&"<a@x>".to_owned()) && ids.contains(&format!("<{}@x>", MAX_ANSWERED + 4)));
    }

    #[test]
    fn ids_made_here_or_under_a_secure_domain_look_ours() {
        let made = format!("<{}@Mail.chu-nord.fr>", TraceId::new(jiff::Timestamp::UNIX_EPOCH));
        for (id, ours) in [
            (made.as_str(), true),
            ("<x@chu-nord.mssante.fr>", true),
            ("<x@chu-sud.mssante.fr>", true),
            ("<x@mail.chu-nord.fr>", false),
            ("<x@example.org>", false),
            ("<x>", false),
            ("", false),
        ] {
            assert_eq!(looks_ours(id, &settings()), ours, "{id}");
        }
    }
}
