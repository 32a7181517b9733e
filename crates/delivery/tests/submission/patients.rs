//! Conversations with patients end when a professional says so, and go on when one writes again (S-5.2).

use mssante::Address;

use crate::world::*;

const PATIENT: &str = "269054958815780@patient.mssante.fr";
const LISTED: [&str; 2] = ["chu-nord.mssante.fr", "patient.mssante.fr"];

fn ended(world: &World, account: &str) -> bool {
    let patient = Address::parse(PATIENT).unwrap();
    world.store.reader().conversation_ended(world.account(account).id, &patient).unwrap()
}

#[tokio::test]
async fn the_end_of_a_conversation_is_recorded_and_relayed_as_it_was_written() {
    let world = World::trusting(&LISTED).await;
    for (number, (fields, over)) in [
        ("Subject: bonjour", false),
        ("Subject: [FIN]", true),
        ("Subject: encore", false),
        ("Subject: merci\nX-MSS-MES: FIN", true),
        ("Subject: #med# [FIN]", true),
        ("Subject: Re: [FIN]", false),
    ]
    .into_iter()
    .enumerate()
    {
        world
            .send(DOCTOR, DOCTOR, &[PATIENT, INTERN], &letter(fields, &format!("{number}\r\n")))
            .await
            .unwrap();
        assert_eq!(ended(&world, DOCTOR), over, "{fields}");
        assert!(!ended(&world, INTERN), "another professional's conversation is another");
        let (entry, header, _) = world.queued().pop().unwrap();
        assert_eq!(entry.recipient.to_string(), PATIENT);
        let field = fields.replace("#med# ", "").replace('\n', "\r\n");
        assert!(String::from_utf8(header).unwrap().ends_with(&format!("{field}\r\n\r\n")), "{fields}");
    }
    world.end().await;
}
