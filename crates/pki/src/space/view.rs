//! How the trust space stands, as data for people: `trust status` and `trust show`. It may use what the keeper read and the
//! trust in force; it decides nothing, it says what they decide.

mod alarms;

use jiff::Timestamp;
use mssante::{
    Domain,
    whitelist::{Counts, Row, WhiteList},
};
use serde::{Deserialize, Serialize};

use super::{
    AcceptedSigner,
    keeper::{Accepted, Situation},
};
use crate::{
    authorities::{Authority, Environment},
    peer::Trust,
    revocation::{Crl, CrlState},
};

/// How the trust space stands, for `trust status`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct TrustStatus {
    /// Whether one is configured; everything else is empty where none is.
    pub configured: bool,
    /// `production` or `test`.
    pub environment: String,
    /// Why nothing is relayed, if so.
    pub stopped: Option<String>,
    /// The white list that was last accepted.
    pub list: Option<ListView>,
    /// The revocation list of each authority.
    pub crls: Vec<CrlView>,
    /// The authorities, roots first.
    pub authorities: Vec<AuthorityView>,
    /// What is fetched, and how that fares; whoever fetches tells it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub sources: Vec<SourceView>,
    /// The signers of white lists that administrators accepted beside the configured ones.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub signers: Vec<AcceptedSigner>,
    /// When the files were last read.
    pub refreshed: Option<Timestamp>,
    /// What happened then, each in a sentence.
    pub notes: Vec<String>,
    /// What somebody must look at, each in a sentence.
    pub alarms: Vec<String>,
}

/// Something that is fetched.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SourceView {
    /// What it is, in a few words.
    pub what: String,
    /// Where it is.
    pub url: String,
    /// When it was last had, or confirmed.
    pub succeeded: Option<Timestamp>,
    /// When it was last tried.
    pub tried: Option<Timestamp>,
    /// Why it was not had then.
    pub error: Option<String>,
    /// How often in a row it was not.
    pub failures: u32,
    /// When it is tried again.
    pub next: Option<Timestamp>,
}

/// A white list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ListView {
    /// Whether it is in force.
    pub in_force: bool,
    /// When the agency made it.
    pub generated: Timestamp,
    /// When it was accepted here.
    pub accepted: Timestamp,
    /// When it was last confirmed: its age counts from there.
    pub checked: Timestamp,
    /// Its age in seconds.
    pub age_seconds: i64,
    /// Who signed it.
    pub signer: String,
    /// Who issued the signer's certificate.
    pub signer_issuer: String,
    /// Until when that is valid; a list that is accepted stays so.
    pub signer_until: Timestamp,
    /// How big it is.
    pub counts: Counts,
    /// Rows that are left out.
    pub left_out: usize,
    /// What is wrong with rows, each in a sentence; the first hundred.
    pub faults: Vec<String>,
}

/// An authority's revocation list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CrlView {
    /// The authority.
    pub issuer: String,
    /// Which of its certificates the list speaks of, where not of all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub part: Option<String>,
    /// `valid`, `in-grace`, `stale`, or `missing`, and then the rest is empty.
    pub state: String,
    /// Its number.
    pub number: Option<String>,
    /// When it was made.
    pub this_update: Option<Timestamp>,
    /// How old it is, in seconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub age_seconds: Option<i64>,
    /// When the next is due.
    pub next_update: Option<Timestamp>,
    /// How many certificates it revokes.
    pub revoked: Option<usize>,
}

/// An authority.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AuthorityView {
    /// Its name.
    pub name: String,
    /// The first instant at which its certificate is valid.
    pub not_before: Timestamp,
    /// The last one.
    pub not_after: Timestamp,
}

/// What the white list in force says of a domain, for `trust show`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DomainView {
    /// The domain.
    pub domain: Domain,
    /// When the list in force was made; none where none is in force.
    pub generated: Option<Timestamp>,
    /// Its rows, in the list's order; none where it is not listed.
    pub rows: Vec<RowView>,
}

/// A row.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RowView {
    /// The whole name as the list writes it.
    pub dn: String,
    /// The same in the form in which names are compared.
    pub name: String,
    /// What the domain is.
    pub description: String,
    /// Whom to call.
    pub responsible: String,
    /// Who helps.
    pub support: String,
    /// When the row last changed.
    pub updated: Timestamp,
}

impl TrustStatus {
    pub(super) fn of(situation: &Situation, trust: &Trust, now: Timestamp) -> Self {
        let environment = match situation.settings.environment {
            Environment::Production => "production",
            Environment::Test => "test",
        };
        let stopped = trust.relaying(now).err().map(|distrust| alarms::stop(&distrust, situation));
        let list = situation.accepted.as_ref().map(|accepted| ListView::of(accepted, now));
        let (authorities, revocations) = (trust.authorities(), trust.revocations());
        let grace = situation.settings.crl_grace;
        let known = authorities.all().flat_map(|authority| {
            let known: Vec<_> =
                revocations.of(authority).map(|crl| CrlView::of(crl, crl.state(now, grace), now)).collect();
            if known.is_empty() { vec![CrlView::missing(authority)] } else { known }
        });
        let mut crls: Vec<CrlView> = Vec::new();
        // certificates of one authority share a list
        known.for_each(|crl| {
            if !crls.contains(&crl) {
                crls.push(crl);
            }
        });
        let mut status = Self {
            configured: true,
            environment: environment.to_owned(),
            stopped,
            list,
            crls,
            authorities: authorities.all().map(AuthorityView::of).collect(),
            sources: Vec::new(),
            signers: situation.signers.clone(),
            refreshed: Some(situation.refreshed),
            notes: situation.notes.clone(),
            alarms: Vec::new(),
        };
        status.alarms = status.alarms(situation, now);
        status
    }
}

impl ListView {
    fn of(accepted: &Accepted, now: Timestamp) -> Self {
        Self {
            in_force: accepted.standing.is_ok(),
            generated: accepted.list.generated(),
            accepted: accepted.record.accepted,
            checked: accepted.record.checked,
            age_seconds: now.duration_since(accepted.record.checked).as_secs().max(0),
            signer: accepted.signer.name.to_string(),
            signer_issuer: accepted.signer.issuer.clone(),
            signer_until: accepted.signer.not_after,
            counts: accepted.list.counts(),
            left_out: accepted.left_out,
            faults: accepted.faults.clone(),
        }
    }
}

impl CrlView {
    fn of(crl: &Crl, state: CrlState, now: Timestamp) -> Self {
        let state = match state {
            CrlState::Valid => "valid",
            CrlState::InGrace => "in-grace",
            CrlState::Stale => "stale",
        };
        Self {
            issuer: crl.issuer().to_owned(),
            part: crl.part(),
            state: state.to_owned(),
            age_seconds: Some(now.duration_since(crl.this_update()).as_secs()),
            number: Some(crl.number().to_string()),
            this_update: Some(crl.this_update()),
            next_update: Some(crl.next_update()),
            revoked: Some(crl.count()),
        }
    }

    fn missing(authority: &Authority) -> Self {
        Self {
            issuer: authority.name().to_owned(),
            part: None,
            state: "missing".to_owned(),
            age_seconds: None,
            number: None,
            this_update: None,
            next_update: None,
            revoked: None,
        }
    }
}

impl AuthorityView {
    fn of(authority: &Authority) -> Self {
        Self {
            name: authority.name().to_owned(),
            not_before: authority.not_before(),
            not_after: authority.not_after(),
        }
    }
}

impl DomainView {
    pub(super) fn of(domain: &Domain, list: Option<&WhiteList>) -> Self {
        let rows = list.map(|list| {
            let names = list.names(domain).map(ToString::to_string);
            list.rows(domain).into_iter().zip(names).map(|(row, name)| RowView::of(row, name)).collect()
        });
        Self {
            domain: domain.clone(),
            generated: list.map(WhiteList::generated),
            rows: rows.unwrap_or_default(),
        }
    }
}

impl RowView {
    fn of(row: &Row, name: String) -> Self {
        let Row { dn, description, responsible, support, updated, .. } = row.clone();
        Self { dn, name, description, responsible, support, updated }
    }
}
