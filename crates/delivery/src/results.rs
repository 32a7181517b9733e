//! Which Authentication-Results fields speak in our name: those that came with a message are forged, whoever sent it (RFC 8601 §5).
//!
//! May use: header edits. Must never touch: fields in any other name; readers behind us know whom they believe (M-6).

use message::{Editor, results_by};

/// The field.
pub(crate) const FIELD: &str = "Authentication-Results";

/// Drops the fields that speak in the name of this host.
pub(crate) fn without_ours(editor: &mut Editor<'_>, hostname: &str) {
    editor.remove_where(FIELD, &|value| {
        let name = results_by(value);
        let host = hostname.trim_end_matches('.');
        // what follows a slash was once a version (RFC 5451)
        name.split('/').next().is_some_and(|name| name.trim_end_matches('.').eq_ignore_ascii_case(host))
    });
}
