//! NAMESPACE (RFC 2342 §5): one personal namespace without prefix. A shared box is not a namespace here: one logs in
//! as it (S-1.7). Must never touch the store.

use crate::{completion::Completion, output::Output, session::halt::Halt};

pub(in crate::session) async fn namespace(out: &mut Output<'_>) -> Result<Completion, Halt> {
    out.line("* NAMESPACE ((\"\" \"/\")) NIL NIL").await?;
    Ok(Completion::ok("NAMESPACE completed"))
}
