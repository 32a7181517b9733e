//! The report's way, live and told a line a step: submitted over STARTTLS as the doctor, durable, read over IMAPS from the
//! box that it was sent to, compared.
//!
//! A mail client like any other: it uses the network, the demonstration's authority and nothing of the daemons' inside.

use std::time::{Duration, Instant};

use jiff::Timestamp;
use tokio::time;

use super::{
    client::{self, ClientError, Reader},
    compare::{Compared, Seen, compare},
    operators::{NORD, SUD},
    people::{CARDIOLOGY, DOCTOR, DOCTOR_MSSANTE, EMERGENCIES, INTERN},
    report::{self, Report},
    told::Told,
    world::{Site, World},
};

/// The longest that one step may take before the demonstration says that it failed.
const PATIENCE: Duration = Duration::from_secs(30);

/// Why the journey ended early: the step and what happened, in words.
#[derive(Debug, thiserror::Error)]
#[error("{step}: {why}")]
pub(super) struct JourneyError {
    step: &'static str,
    why: String,
}

pub(super) fn at<E: std::fmt::Display>(step: &'static str) -> impl FnOnce(E) -> JourneyError {
    move |why| JourneyError { step, why: why.to_string() }
}

impl From<ClientError> for JourneyError {
    fn from(ClientError { step, why }: ClientError) -> Self {
        Self { step, why }
    }
}

/// Where a report goes, and who opens it there.
#[derive(Debug)]
pub(super) struct Journey {
    from: Site,
    to: Site,
    recipient: (&'static str, &'static str),
    reader: &'static str,
    told: Told,
}

impl Journey {
    /// From the doctor to the department of the same operator.
    pub(super) fn inside(world: &World) -> Self {
        Self {
            from: world.site(&NORD),
            to: world.site(&NORD),
            recipient: ("Service de cardiologie", CARDIOLOGY),
            reader: DOCTOR,
            told: Told::default(),
        }
    }

    /// From the doctor to the emergency department of the other operator.
    pub(super) fn across(world: &World) -> Self {
        Self {
            from: world.site(&NORD),
            to: world.site(&SUD),
            recipient: ("Urgences de la Clinique Sud", EMERGENCIES),
            reader: INTERN,
            told: Told::default(),
        }
    }

    fn is_relayed(&self) -> bool {
        self.from.operator.id != self.to.operator.id
    }

    /// Makes the journey, telling each step; says first how many messages the box holds. Gives the identifier that ended
    /// the 250, under which the journey is traced.
    ///
    /// # Errors
    /// The step that failed and why.
    pub(super) async fn make(mut self) -> Result<String, JourneyError> {
        let (name, address) = self.recipient;
        let reading = client::read_as(&self.to, self.reader, address);
        let mut reader = time::timeout(PATIENCE, reading).await.map_err(at("IMAPS"))??;
        let before = reader.count().await?;
        self.told.note(
            &format!("{address} ({}) holds {before} message(s) from before", self.to.operator.id),
            &format!("la boîte contient {before} message(s) d'avant"),
        );
        let report = report::build(Timestamp::now(), (name, address)).map_err(at("report"))?;
        self.told.note(
            &format!(
                "sending a report of {:.1} MB with PDF and IHE_XDM.zip",
                report.bytes.len() as f64 / 1e6
            ),
            "envoi d'un compte rendu avec PDF et IHE_XDM.zip",
        );
        let trace = time::timeout(PATIENCE, self.submit(&report)).await.map_err(at("submission"))??;
        let received = self.read_back(&mut reader, &report).await?;
        self.check(&report, &received)?;
        reader.quit().await?;
        Ok(trace)
    }

    async fn submit(&mut self, report: &Report) -> Result<String, JourneyError> {
        let mut sender = client::Sender::connect(&self.from, &mut self.told).await?;
        let started = Instant::now();
        let reply = sender.send(self.recipient.1, &report.bytes).await?;
        self.told.step("submitted, durable", "déposé, durable", started.elapsed(), &reply);
        sender.quit().await?;
        Ok(reply.split_whitespace().next_back().unwrap_or_default().to_owned())
    }

    async fn read_back(&mut self, reader: &mut Reader, report: &Report) -> Result<Vec<u8>, JourneyError> {
        let (en, fr) = match self.is_relayed() {
            true => ("relayed by mutual TLS", "relayé en TLS mutuel"),
            false => ("visible", "visible"),
        };
        let started = Instant::now();
        let uid =
            time::timeout(PATIENCE, reader.visible(&report.message_id)).await.map_err(at("visible"))??;
        let place = format!("{}, INBOX, UID {uid}", self.recipient.1);
        self.told.step(en, fr, started.elapsed(), &place);

        let started = Instant::now();
        let message = time::timeout(PATIENCE, reader.fetch(uid)).await.map_err(at("FETCH"))??;
        let detail = format!("{} octets over IMAPS, opened by {}", message.len(), self.reader);
        self.told.step("fetched", "relu", started.elapsed(), &detail);
        Ok(message)
    }

    fn check(&mut self, report: &Report, received: &[u8]) -> Result<(), JourneyError> {
        let seen = Seen { from: DOCTOR, seen_as: DOCTOR_MSSANTE, relayed: self.is_relayed() };
        let started = Instant::now();
        let Compared { same_fields, rewritten_fields, untagged_fields, added_fields, body } =
            compare(&report.bytes, received, seen).map_err(at("compare"))?;
        let tag = if untagged_fields == 0 { "" } else { ", the subject without its tag (S-3.4)" };
        self.told.step(
            "compared",
            "comparé",
            started.elapsed(),
            &format!(
                "{body} octets of body and {same_fields} fields identical; {rewritten_fields} under the MSSanté address \
                 (S-3.5){tag}, {added_fields} trace fields added"
            ),
        );
        Ok(())
    }
}
