//! Conversations with patients: only a professional begins one, and a professional ends it (S-5.2).
//!
//! May use: nothing. Must never touch: what happens then; the caller keeps it.

/// The whole subject that ends a conversation.
const SUBJECT: &str = "[FIN]";
/// The value of `X-MSS-MES` that does.
const MARK: &str = "FIN";

/// The field that ends a conversation, whatever the subject.
pub const FIELD: &str = "X-MSS-MES";

/// Whether a message ends the conversations with the patients whom it is sent to: `subject` without the tag of S-3.4, `mark` the text of
/// [`FIELD`]. The subject counts only as it is written there, since a patient would read any other.
#[must_use]
pub fn ends(subject: Option<&str>, mark: Option<&str>) -> bool {
    subject.is_some_and(|subject| subject.trim() == SUBJECT)
        || mark.is_some_and(|mark| mark.trim().eq_ignore_ascii_case(MARK))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_exact_subject_or_the_mark_ends_a_conversation() {
        for (subject, mark, over) in [
            (Some("[FIN]"), None, true),
            (Some(" [FIN] "), None, true),
            (Some("x"), Some("FIN"), true),
            (None, Some(" fin\r\n"), true),
            (Some("[fin]"), None, false),
            (Some("Re: [FIN]"), None, false),
            (Some("[FIN] de traitement"), None, false),
            (Some("FIN"), None, false),
            (Some("x"), Some("FINI"), false),
            (None, None, false),
        ] {
            assert_eq!(ends(subject, mark), over, "{subject:?} {mark:?}");
        }
    }
}
