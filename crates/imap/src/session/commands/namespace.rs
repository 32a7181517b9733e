//! NAMESPACE (RFC 2342 §5): one personal namespace without prefix, and, for who may open other boxes beside their own
//! (S-1.7), the namespace of those. May read who opens what. Must never tell the name of a box.

use crate::{
    completion::Completion,
    output::Output,
    session::{Session, boxes::OTHERS, halt::Halt},
};

pub(in crate::session) async fn namespace(
    session: &Session,
    out: &mut Output<'_>,
) -> Result<Completion, Halt> {
    let others = session.has_others().await?;
    let others = if others { format!("((\"{OTHERS}/\" \"/\"))") } else { "NIL".to_owned() };
    out.line(format!("* NAMESPACE ((\"\" \"/\")) {others} NIL")).await?;
    Ok(Completion::ok("NAMESPACE completed"))
}
