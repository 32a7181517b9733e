//! Our daemon as in production but for what one address may do: sealed store, fsync before each 250, its log on. Mail from outside goes
//! to three boxes of its own.

use std::sync::Arc;

use rustls::ClientConfig;

use super::{CONNECTIONS, Relay, SINK};
use crate::harness::{DEPARTMENT, DOCTOR, INTERN, Imap, PASSWORD, Peer, Site, World};
use crate::line::Target;
use crate::processor;

/// Messages of each box that are compared.
const SAMPLES: usize = 10;

pub struct Ours {
    world: World,
    /// The load generator as another operator, and as mail software.
    operator: Arc<ClientConfig>,
    person: Arc<ClientConfig>,
}

impl Ours {
    /// Starts the daemon of a world that is prepared, with the sink behind `sink`.
    pub fn start(mut world: World, charge: &Peer, sink: u16) -> Ours {
        world.routes(Site::Nord, &[(SINK, sink)]);
        world.configure(Site::Nord, "relay", "connections_per_domain", &CONNECTIONS.to_string());
        // One person and one address bring more than a hospital does.
        let hourly =
            "{ messages = 100000000, recipients = 100000000, refusals = 5000, bytes = \"500000 GB\" }";
        world.configure(Site::Nord, "limits", "person_per_hour", hourly);
        world.configure(Site::Nord, "limits", "operator_per_hour", hourly);
        world.configure(Site::Nord, "limits", "connections_per_minute", "1000000");
        world.serve();
        let [operator, person] = [Some(charge), None].map(|peer| crate::tls(&world, peer));
        Ours { world, operator, person }
    }

    fn inboxes(&self) -> [Imap; 3] {
        [DOCTOR.to_owned(), INTERN.to_owned(), format!("{DEPARTMENT}*{DOCTOR}")]
            .map(|user| self.world.imap_as(&user))
    }
}

impl Relay for Ours {
    fn seconds(&self) -> f64 {
        processor::seconds(self.world.pid())
    }

    fn inbound(&self) -> Target {
        let tls = Some(Arc::clone(&self.operator));
        Target { port: self.world.relay(Site::Nord), tls, login: None }
    }

    fn recipients(&self) -> Vec<&str> {
        vec![DOCTOR, INTERN, DEPARTMENT]
    }

    fn outbound(&self) -> Target {
        let tls = Some(Arc::clone(&self.person));
        Target { port: self.world.submission(), tls, login: Some((DOCTOR, PASSWORD)) }
    }

    fn sender(&self) -> &str {
        DOCTOR
    }

    fn delivers_later(&self) -> bool {
        false
    }

    fn kept(&self) -> usize {
        self.inboxes().iter_mut().map(|imap| imap.examine() as usize).sum()
    }

    fn samples(&self) -> Vec<Vec<u8>> {
        let mut found = Vec::new();
        for mut imap in self.inboxes() {
            // The last ones are those of the row that has just ended.
            let numbers = (1..=imap.examine()).rev().step_by(7).take(SAMPLES);
            found.extend(numbers.map(|number| imap.section(number, "")));
        }
        found
    }

    /// The sink says how many it takes on a connection, and ours listens (RFC 9422).
    fn reuse_connections(&self, _reuse: bool) {}
}
