//! What people read when a message is refused: what happened, and what to do about it; English and French, ASCII.
//!
//! May use: addresses. Must never touch: any decision. A text fits in one SMTP reply line (RFC 5321 §4.5.3.1.5), the
//! longest address included.

use super::{Reason, Refusal};
use crate::{Address, NearMiss, State};

fn refusal(
    code: u16,
    status: &'static str,
    reason: Reason,
    recipient: Option<&Address>,
    en: String,
    fr: String,
) -> Refusal {
    Refusal { code, status, reason, recipient: recipient.cloned(), en, fr }
}

/// The address in ASCII: a reply line is not UTF-8 before RFC 6531 is agreed on.
fn shown(address: &Address) -> String {
    address.to_string().chars().map(|c| if c.is_ascii() { c } else { '?' }).collect()
}

pub(super) fn sender_state(state: State) -> Refusal {
    refusal(
        550,
        "5.7.1",
        Reason::SenderState,
        None,
        format!("your account may not send while it is {state}: ask your administrator"),
        format!("votre compte ne peut pas envoyer tant qu'il est {state} : voyez votre administrateur"),
    )
}

pub(super) fn unknown_recipient(to: &Address) -> Refusal {
    let to_shown = shown(to);
    refusal(
        550,
        "5.1.1",
        Reason::UnknownRecipient,
        Some(to),
        format!("<{to_shown}> has no mailbox here: check the address"),
        format!("<{to_shown}> n'a pas de boite ici : verifiez l'adresse"),
    )
}

pub(super) fn beyond_rights(to: &Address) -> Refusal {
    let to_shown = shown(to);
    refusal(
        550,
        "5.7.1",
        Reason::BeyondRights,
        Some(to),
        format!(
            "<{to_shown}> is beyond your account, which writes inside this operator only: ask for an MSSante address"
        ),
        format!(
            "<{to_shown}> : votre compte n'ecrit qu'aux comptes de cet operateur ; demandez une adresse MSSante"
        ),
    )
}

pub(super) fn patient_number(to: &Address) -> Refusal {
    let domain = to.domain();
    refusal(
        550,
        "5.1.3",
        Reason::PatientNumber,
        Some(to),
        format!(
            "this address at {domain} is not a valid INS number (15 characters, right key): copy it again from the record"
        ),
        format!(
            "cette adresse {domain} n'est pas un matricule INS valide (15 caracteres, cle juste) : recopiez-la du dossier"
        ),
    )
}

pub(super) fn no_recipient() -> Refusal {
    refusal(
        554,
        "5.5.1",
        Reason::NoRecipient,
        None,
        "no valid recipient: add one".into(),
        "aucun destinataire valide : ajoutez-en un".into(),
    )
}

pub(super) fn outside_trust_space(to: &Address) -> Refusal {
    let to_shown = shown(to);
    refusal(
        550,
        "5.7.1",
        Reason::OutsideTrustSpace,
        Some(to),
        format!(
            "secure message not sent to anyone: <{to_shown}> is outside the MSSante trust space, remove this recipient"
        ),
        format!(
            "message securise envoye a personne : <{to_shown}> est hors de l'espace MSSante, retirez ce destinataire"
        ),
    )
}

pub(super) fn unlisted_domain(to: &Address) -> Refusal {
    let to_shown = shown(to);
    refusal(
        550,
        "5.7.1",
        Reason::UnlistedDomain,
        Some(to),
        format!(
            "secure message not sent to anyone: the domain of <{to_shown}> is not in the MSSante white list, check it"
        ),
        format!(
            "message securise envoye a personne : le domaine de <{to_shown}> n'est pas en liste blanche, verifiez-le"
        ),
    )
}

pub(super) fn tag_near_miss(miss: NearMiss) -> Refusal {
    let (en, fr) = match miss {
        NearMiss::Place => ("it is not at the start", "il n'est pas au debut"),
        NearMiss::Space => (
            "its one space, after it, is missing or misplaced",
            "son espace, juste apres, manque ou est mal place",
        ),
        NearMiss::Letters => (
            "a character of it is wrong, hidden or missing",
            "un de ses caracteres est faux, cache ou absent",
        ),
    };
    refusal(
        550,
        "5.7.1",
        Reason::TagNearMiss,
        None,
        format!(
            "the subject has something like the secure tag, but {en}: start the subject with \"#med# \", or reword it"
        ),
        format!(
            "l'objet ressemble au marqueur securise, mais {fr} : commencez l'objet par \"#med# \" ou reformulez"
        ),
    )
}

pub(super) fn domain_look_alike(to: &Address) -> Refusal {
    let to_shown = shown(to);
    refusal(
        550,
        "5.7.1",
        Reason::DomainLookAlike,
        Some(to),
        format!(
            "<{to_shown}> looks like an MSSante address but is in no listed domain: check the part after the @"
        ),
        format!(
            "<{to_shown}> ressemble a une adresse MSSante mais son domaine n'est pas liste : verifiez apres le @"
        ),
    )
}

pub(super) fn unknown_answer() -> Refusal {
    refusal(
        550,
        "5.7.1",
        Reason::UnknownAnswer,
        None,
        "this seems to answer a secure message unknown to your account: start the subject with \"#med# \" to secure it".into(),
        "ceci semble repondre a un message securise inconnu de votre compte : commencez l'objet par \"#med# \"".into(),
    )
}

pub(super) fn not_secure(to: Option<&Address>) -> Refusal {
    let (en, fr) = match to.map(shown) {
        Some(to) => (
            format!("<{to}> is outside the MSSante trust space and "),
            format!("<{to}> est hors de l'espace MSSante et "),
        ),
        None => Default::default(),
    };
    refusal(
        550,
        "5.7.1",
        Reason::NotSecure,
        to,
        format!(
            "{en}only secure mail is carried: write to MSSante addresses only, with a subject that starts with \"#med# \""
        ),
        format!(
            "{fr}seul le courrier securise passe : n'ecrivez qu'a des adresses MSSante, objet commencant par \"#med# \""
        ),
    )
}
