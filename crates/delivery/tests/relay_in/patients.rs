//! What patients write is delivered; only where it is set, and their conversation was ended here, it is not (S-5.1, S-5.2).

use demo_pki::Row;
use mssante::Address;
use store::{Conversation, Delivery, TraceId};

use crate::world::*;

const PATIENT: &str = "269054958815780@patient.mssante.fr";

/// The doctor ends the conversation.
async fn end_conversation(world: &World) {
    let store = &world.house.store;
    let patient = Address::parse(PATIENT).unwrap();
    let delivery = Delivery {
        id: TraceId::new(world.now()),
        body: store.body().finish().await.unwrap(),
        variants: Vec::new(),
        copies: Vec::new(),
        outgoing: Vec::new(),
        traces: Vec::new(),
        carried: Vec::new(),
        once: None,
        conversations: vec![Conversation { account: world.house.account(DOCTOR).id, patient, ended: true }],
    };
    store.deliver(delivery).await.unwrap();
}

async fn opened(refuse_ended: bool) -> World {
    let world = World::with(|settings| settings.refuse_ended = refuse_ended, |_| {}).await;
    let mut listed = rows(world.now());
    listed.push(Row::new("patient.mssante.fr", &sud(), world.now()));
    world.publish(&listed);
    world
}

fn written(from: &str, number: u8) -> Vec<u8> {
    format!("From: <{from}>\r\nMessage-ID: <{number}@patient>\r\nSubject: merci\r\n\r\nbonjour\r\n")
        .into_bytes()
}

#[tokio::test]
async fn only_the_patient_whose_conversation_ended_is_refused_and_only_where_it_is_set() {
    for set in [false, true] {
        let world = opened(set).await;
        let sud = world.sud();
        world.send(&sud, PATIENT, &[DOCTOR], &written(PATIENT, 1)).await.unwrap();
        end_conversation(&world).await;
        let other = "255081416802538@patient.mssante.fr";
        let robot = "ne-pas-repondre@patient.mssante.fr";
        for (number, (from, to, taken)) in [
            (PATIENT, DOCTOR, !set),
            (PATIENT, INTERN, true),
            (other, DOCTOR, true),
            (robot, DOCTOR, true),
            ("", DOCTOR, true),
        ]
        .into_iter()
        .enumerate()
        {
            let author = if from.is_empty() { PATIENT } else { from };
            let answer = world.send(&sud, from, &[to], &written(author, 2 + number as u8)).await;
            if taken {
                answer.unwrap();
            } else {
                let (code, status, text) = refused(answer);
                assert_eq!((code, status.as_str()), (550, "5.7.1"), "{from} to {to}");
                assert!(text.contains("joignez-le autrement"), "{text}");
            }
        }
        world.end().await;
    }
}
