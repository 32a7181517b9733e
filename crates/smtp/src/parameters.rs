//! The parameters of MAIL and RCPT: SIZE (RFC 1870), BODY (RFC 6152, 3030), SMTPUTF8 (RFC 6531), REQUIRETLS (RFC 8689), AUTH
//! (RFC 4954), and those of delivery reports (RFC 3461). What is not offered, given twice or malformed is refused. May use `dsn`; knows nothing of paths.

use crate::{Body, Limits, Notify, Reply, Ret, dsn};

/// What MAIL may carry behind its path.
#[derive(Default)]
pub(crate) struct MailParameters {
    pub(crate) size: Option<u64>,
    pub(crate) body: Option<Body>,
    pub(crate) smtputf8: bool,
    pub(crate) require_tls: bool,
    auth: bool,
    pub(crate) ret: Option<Ret>,
    pub(crate) envid: Option<String>,
}

impl MailParameters {
    pub(crate) fn parse(rest: &str, limits: &Limits) -> Result<Self, Reply> {
        let mut read = MailParameters::default();
        for (keyword, value) in parameters(rest) {
            let twice = match keyword.to_ascii_uppercase().as_str() {
                "SIZE" => read.size.replace(size(value, limits)?).is_some(),
                "BODY" => read.body.replace(body(value)?).is_some(),
                "SMTPUTF8" if value.is_none() => std::mem::replace(&mut read.smtputf8, true),
                "REQUIRETLS" if value.is_none() => std::mem::replace(&mut read.require_tls, true),
                // RFC 4954 §5: understood; nobody here is trusted to vouch for another, so it is as if it were <>
                "AUTH" if value.is_some_and(|value| !value.is_empty()) => {
                    std::mem::replace(&mut read.auth, true)
                }
                "SMTPUTF8" | "REQUIRETLS" | "AUTH" => return Err(bad_value(keyword)),
                "RET" => read.ret.replace(ret(value)?).is_some(),
                "ENVID" => read.envid.replace(envid(value, limits)?).is_some(),
                _ => return Err(not_offered(keyword)),
            };
            if twice {
                return Err(bad_value(keyword));
            }
        }
        Ok(read)
    }
}

/// What RCPT may carry behind its path.
#[derive(Default)]
pub(crate) struct RcptParameters {
    pub(crate) notify: Option<Notify>,
    pub(crate) orcpt: Option<String>,
}

impl RcptParameters {
    pub(crate) fn parse(rest: &str, smtputf8: bool, limits: &Limits) -> Result<Self, Reply> {
        let mut read = RcptParameters::default();
        for (keyword, value) in parameters(rest) {
            let twice = match keyword.to_ascii_uppercase().as_str() {
                "NOTIFY" => read.notify.replace(notify(value)?).is_some(),
                "ORCPT" => read.orcpt.replace(orcpt(value, smtputf8, limits)?).is_some(),
                _ => return Err(not_offered(keyword)),
            };
            if twice {
                return Err(bad_value(keyword));
            }
        }
        Ok(read)
    }
}

/// RFC 1870: up to 20 digits.
fn size(value: Option<&str>, limits: &Limits) -> Result<u64, Reply> {
    let digits = value
        .filter(|value| (1..=20).contains(&value.len()) && value.bytes().all(|byte| byte.is_ascii_digit()))
        .ok_or_else(|| bad_value("SIZE"))?;
    let size = digits.parse().unwrap_or(u64::MAX);
    if size > limits.message_bytes { Err(too_large(limits)) } else { Ok(size) }
}

/// RFC 6152 §2, RFC 3030 §3.
fn body(value: Option<&str>) -> Result<Body, Reply> {
    match value {
        Some(value) if value.eq_ignore_ascii_case("8BITMIME") => Ok(Body::EightBit),
        Some(value) if value.eq_ignore_ascii_case("7BIT") => Ok(Body::SevenBit),
        Some(value) if value.eq_ignore_ascii_case("BINARYMIME") => Ok(Body::Binary),
        _ => Err(bad_value("BODY")),
    }
}

/// RFC 3461 §4.3.
fn ret(value: Option<&str>) -> Result<Ret, Reply> {
    match value {
        Some(value) if value.eq_ignore_ascii_case("FULL") => Ok(Ret::Full),
        Some(value) if value.eq_ignore_ascii_case("HDRS") => Ok(Ret::Headers),
        _ => Err(bad_value("RET")),
    }
}

/// RFC 3461 §4.4: printable ASCII once decoded.
fn envid(value: Option<&str>, limits: &Limits) -> Result<String, Reply> {
    value
        .filter(|value| !value.is_empty() && value.len() <= limits.envid)
        .and_then(dsn::from_xtext)
        .filter(|text| is_printable(text) && text.is_ascii())
        .ok_or_else(|| bad_value("ENVID"))
}

/// RFC 3461 §4.1: NEVER alone, or a list of the three others.
fn notify(value: Option<&str>) -> Result<Notify, Reply> {
    let value = value.unwrap_or_default().to_ascii_uppercase();
    let mut notify = Notify::default();
    if value == "NEVER" {
        return Ok(notify);
    }
    for word in value.split(',') {
        match word {
            "SUCCESS" => notify.success = true,
            "FAILURE" => notify.failure = true,
            "DELAY" => notify.delay = true,
            _ => return Err(bad_value("NOTIFY")),
        }
    }
    Ok(notify)
}

/// RFC 3461 §4.2, and RFC 6533 §3 for addresses that are not ASCII.
fn orcpt(value: Option<&str>, smtputf8: bool, limits: &Limits) -> Result<String, Reply> {
    let read = || {
        let value = value.filter(|value| value.len() <= limits.orcpt)?;
        let (kind, address) = value.split_once(';')?;
        let kind = Some(kind.to_ascii_lowercase()).filter(|kind| is_type(kind))?;
        let international = kind == "utf-8";
        if !(address.is_ascii() || international && smtputf8) {
            return None;
        }
        let address = dsn::from_xtext(address)?;
        let address = if international { dsn::from_unicode_names(&address)? } else { address };
        let fits = !address.is_empty() && is_printable(&address) && (international || address.is_ascii());
        fits.then(|| format!("{kind};{address}"))
    };
    read().ok_or_else(|| bad_value("ORCPT"))
}

/// An address type: an atom (RFC 3461 §4.2).
fn is_type(kind: &str) -> bool {
    let atext = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-/=?^_`{|}~.".contains(&byte);
    !kind.is_empty() && kind.bytes().all(atext)
}

fn is_printable(text: &str) -> bool {
    !text.chars().any(char::is_control)
}

/// The refusal of a message beyond SIZE (RFC 1870).
pub(crate) fn too_large(limits: &Limits) -> Reply {
    let most = limits.message_bytes;
    Reply::new(552, "5.3.4", [format!("The message is too large: at most {most} bytes, attachments encoded")])
}

fn bad_value(keyword: &str) -> Reply {
    Reply::new(501, "5.5.4", [format!("The parameter {keyword} is given twice or with a bad value")])
}

fn not_offered(keyword: &str) -> Reply {
    Reply::new(555, "5.5.4", [format!("The parameter {keyword} is not offered here")])
}

/// Each word as a keyword and its value.
fn parameters(rest: &str) -> impl Iterator<Item = (&str, Option<&str>)> {
    let words = rest.split(' ').filter(|word| !word.is_empty());
    words.map(|word| word.split_once('=').map_or((word, None), |(keyword, value)| (keyword, Some(value))))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn mail(rest: &str) -> Option<MailParameters> {
        MailParameters::parse(rest, &Limits::default()).ok()
    }

    fn rcpt(rest: &str, smtputf8: bool) -> Option<RcptParameters> {
        RcptParameters::parse(rest, smtputf8, &Limits::default()).ok()
    }

    #[test]
    fn notify_is_never_or_a_list() {
        let of = |rest: &str| rcpt(rest, false).and_then(|read| read.notify);
        let bits = |success, failure, delay| Some(Notify { success, failure, delay });
        for (value, expected) in [
            ("NEVER", bits(false, false, false)),
            ("never", bits(false, false, false)),
            ("SUCCESS", bits(true, false, false)),
            ("failure,Delay", bits(false, true, true)),
            ("DELAY,SUCCESS,FAILURE", bits(true, true, true)),
            ("SUCCESS,SUCCESS", bits(true, false, false)),
            ("NEVER,SUCCESS", None),
            ("SUCCESS,NEVER", None),
            ("SUCCESS,", None),
            (",", None),
            ("", None),
            ("ALWAYS", None),
        ] {
            assert_eq!(of(&format!(" NOTIFY={value}")), expected, "{value}");
        }
        assert!(rcpt(" NOTIFY", false).is_none());
        assert_eq!(rcpt("", false).unwrap().notify, None);
    }

    #[test]
    fn orcpt_is_a_type_and_a_printable_address() {
        for (value, smtputf8, expected) in [
            ("rfc822;a@b.fr", false, Some("rfc822;a@b.fr")),
            ("RFC822;a+2Bx+3Dy@b.fr", false, Some("rfc822;a+x=y@b.fr")),
            ("x400;c+3Dfr;o+3Dchu", false, Some("x400;c=fr;o=chu")),
            ("rfc822;+22a+20b+22@c.fr", false, Some("rfc822;\"a b\"@c.fr")),
            ("utf-8;\u{e9}@b.fr", true, Some("utf-8;\u{e9}@b.fr")),
            ("utf-8;\\x{E9}@b.fr", false, Some("utf-8;\u{e9}@b.fr")),
            ("utf-8;+5Cx{E9}@b.fr", false, Some("utf-8;\u{e9}@b.fr")),
            ("utf-8;\u{e9}@b.fr", false, None),
            ("rfc822;\u{e9}@b.fr", true, None),
            ("rfc822;+C3+A9@b.fr", true, None),
            ("rfc822;a+0D+0ADATA", false, None),
            ("utf-8;\\x{0D}a", false, None),
            ("rfc822;a+2", false, None),
            ("rfc822;a+zz", false, None),
            ("rfc822;a=b", false, None),
            ("rfc822;", false, None),
            (";a@b.fr", false, None),
            ("a@b.fr", false, None),
            ("rf c;a@b.fr", false, None),
            ("rfc(822);a@b.fr", false, None),
        ] {
            let read = orcpt(Some(value), smtputf8, &Limits::default()).ok();
            assert_eq!(read.as_deref(), expected, "{value}");
        }
    }

    #[test]
    fn values_are_bounded() {
        let long = |keyword: &str, kind: &str, n: usize| format!(" {keyword}={kind}{}", "x".repeat(n));
        assert!(mail(&long("ENVID", "", 100)).is_some() && mail(&long("ENVID", "", 101)).is_none());
        assert!(rcpt(&long("ORCPT", "rfc822;", 493), false).is_some());
        assert!(rcpt(&long("ORCPT", "rfc822;", 494), false).is_none());
        assert!(
            mail(" ENVID=").is_none() && mail(" ENVID=a+0D").is_none() && mail(" ENVID=+C3+A9").is_none()
        );
    }

    proptest! {
        #[test]
        fn what_is_encoded_is_read_back(address in "[ -~]{1,100}", envid in "[ -~]{1,33}") {
            let line = format!(" ORCPT=rfc822;{}", dsn::to_xtext(&address));
            prop_assert_eq!(rcpt(&line, false).unwrap().orcpt, Some(format!("rfc822;{address}")));
            let line = format!(" ENVID={}", dsn::to_xtext(&envid));
            prop_assert_eq!(mail(&line).unwrap().envid, Some(envid));
        }

        #[test]
        fn what_is_accepted_holds_no_control_character(rest in "( (ORCPT|ENVID|RET|NOTIFY|SIZE|BODY|AUTH)=[ -~\u{e9}]{0,30}){0,3}", utf8: bool) {
            if let Some(read) = rcpt(&rest, utf8) {
                prop_assert!(read.orcpt.is_none_or(|it| is_printable(&it) && it.contains(';')));
            }
            if let Some(read) = mail(&rest) {
                prop_assert!(read.envid.is_none_or(|it| it.chars().all(|c| (' '..='~').contains(&c))));
            }
        }
    }
}
