//! Who is told of what arrived, and how the report goes to another operator.

use std::sync::Arc;

use mssante::Rights;
use store::{Kind, ManualClock, MasterKey, OpenOptions, OutgoingRecipient};

use super::*;
use crate::samples::{DOCTOR, DOCTOR_LOGIN, SECRETARY, address, settings};

const HEADER: &[u8] = b"From: x@chu-sud.mssante.fr\r\nMessage-ID: <m@sud>\r\nSubject: secret\r\n\r\n";

fn recipient(to: &str, place: Place, success: Option<bool>) -> Recipient {
    let notify = success.map(|success| smtp::Notify { success, failure: true, delay: false });
    Recipient {
        address: address(to),
        place,
        account: None,
        home: crate::connector::Home::default(),
        notify,
        original: None,
    }
}

fn store(dir: &std::path::Path, at: Timestamp) -> Store {
    let (master, settings) =
        (MasterKey::create(&dir.join("master.key")).unwrap(), store::Settings::default());
    let clock = Arc::new(ManualClock::new(at));
    Store::open(OpenOptions {
        dir: dir.join("store"),
        master,
        clock,
        settings,
        create: Some(Kind::Production),
    })
    .unwrap()
}

#[tokio::test]
async fn a_sender_elsewhere_is_told_over_the_queue_of_what_it_asked_for_and_of_nothing_else() {
    let dir = tempfile::tempdir().unwrap();
    let at = Timestamp::from_second(1_795_255_200).unwrap();
    let store = store(dir.path(), at);
    let local = Place::Local { rights: Rights::Full, mssante: true };
    let all = [
        recipient(DOCTOR, local, Some(true)),
        recipient(SECRETARY, local, Some(false)),
        recipient(DOCTOR_LOGIN, local, None),
        recipient("y@chu-sud.mssante.fr", Place::TrustSpace, Some(true)),
    ];
    let asker = address("x@chu-sud.mssante.fr");
    let about =
        |recipients| About { id: TraceId::new(at), at, header: HEADER, envid: Some("E1"), recipients };
    for none in [&all[1..], &[]] {
        let found = wanted(&about(none), Asker::Elsewhere(&asker), &store, &settings()).await.unwrap();
        assert!(found.is_none());
    }
    let message = about(&all);
    let report = wanted(&message, Asker::Elsewhere(&asker), &store, &settings()).await.unwrap().unwrap();
    let leaving = &report.outgoing[0];
    assert_eq!((&leaving.reverse_path, leaving.sender, leaving.smtputf8), (&None, None, false));
    assert_eq!(
        leaving.recipients,
        [OutgoingRecipient { address: asker.clone(), notify: None, original: None }]
    );
    assert!(report.copies.is_empty());
    let steps: Vec<(TraceId, Action)> = report.traces.iter().map(|trace| (trace.id, trace.action)).collect();
    assert_eq!(steps, [(message.id, Action::Report), (report.id, Action::Queue)]);
    store.deliver(report).await.unwrap();
    let (header, body) = {
        let reader = store.reader();
        let entry = reader.queue_list(None, 9).unwrap().remove(0);
        assert_eq!(entry.recipient, asker);
        let (header, body) = reader.queued_content(entry.id).unwrap().unwrap();
        (
            String::from_utf8(header.to_vec()).unwrap(),
            String::from_utf8(body.chunk(0).unwrap().to_vec()).unwrap(),
        )
    };
    assert!(header.starts_with("From: ") && header.contains("postmaster@chu-nord.mssante.fr"), "{header}");
    assert!(
        header.contains("In-Reply-To: <m@sud>") && header.contains("Auto-Submitted: auto-replied"),
        "{header}"
    );
    assert!(!header.contains("secret"));
    assert!(body.contains("Original-Envelope-Id: E1\r\n"), "{body}");
    assert!(
        body.contains(&format!(
            "Final-Recipient: rfc822; {DOCTOR}\r\nAction: delivered\r\nStatus: 2.0.0\r\n"
        ))
    );
    for untold in [SECRETARY, DOCTOR_LOGIN, "y@chu-sud"] {
        assert!(!body.contains(untold), "{untold}: {body}");
    }
    store.prove().unwrap();
    store.close().unwrap();
}
