//! How a command ends: the tagged response as a value (RFC 3501 §7.1). Plain values only; the driver writes it.

use std::borrow::Cow;

use crate::encode::Code;

/// The end of a command. The driver adds the tag.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Completion {
    /// Done.
    Ok(Reply),
    /// Understood but not done.
    No(Reply),
    /// Not understood, or not allowed now; counts against the limit of bad commands.
    Bad(Reply),
    /// The session must end: untagged BYE with this text, then the connection closes.
    Bye(Cow<'static, str>),
}

/// Code and text of a response. The text is one line of ASCII that says what happened and what to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reply {
    /// Response code, if any.
    pub code: Option<Code>,
    /// Text for a person.
    pub text: Cow<'static, str>,
}

impl Completion {
    /// OK with a text.
    pub fn ok(text: impl Into<Cow<'static, str>>) -> Self {
        Self::Ok(Reply { code: None, text: text.into() })
    }

    /// OK with a code.
    pub fn ok_with(code: Code, text: impl Into<Cow<'static, str>>) -> Self {
        Self::Ok(Reply { code: Some(code), text: text.into() })
    }

    /// NO with a text.
    pub fn no(text: impl Into<Cow<'static, str>>) -> Self {
        Self::No(Reply { code: None, text: text.into() })
    }

    /// NO with a code.
    pub fn no_with(code: Code, text: impl Into<Cow<'static, str>>) -> Self {
        Self::No(Reply { code: Some(code), text: text.into() })
    }

    /// BAD with a text.
    pub fn bad(text: impl Into<Cow<'static, str>>) -> Self {
        Self::Bad(Reply { code: None, text: text.into() })
    }
}
