//! Our daemon, as in production but for the listener in clear: sealed store, fsync before each OK.

use std::sync::Arc;
use std::time::Duration;

use rustls::ClientConfig;

use super::Peer;
use crate::harness::{DOCTOR, Site, World, client_config, processes};
use crate::{Way, filling};

/// How long it may take to end.
const ENDING: Duration = Duration::from_secs(60);

/// Messages that are made before they are appended.
const AT_ONCE: usize = 5_000;

pub struct Ours {
    world: World,
    tls: Arc<ClientConfig>,
}

impl Ours {
    pub fn start() -> Ours {
        let mut world = World::prepared();
        let clear = format!("[\"127.0.0.1:{}\"]", world.imap_plain());
        world.configure(Site::Nord, "listeners", "imap_plain", &clear);
        // All clients of a run come from one address.
        world.configure(Site::Nord, "limits", "sessions_per_peer", "100000");
        world.configure(Site::Nord, "imap", "sessions_per_account", "100000");
        world.configure(Site::Nord, "limits", "imap_sessions", "100000");
        world.configure(Site::Nord, "log", "level", "\"warn\"");
        world.serve();
        let tls = client_config(&world.ca(), None);
        Ours { world, tls }
    }

    /// Whose certificate both peers show.
    pub fn pki(&self) -> demo_pki::World {
        self.world.pki()
    }
}

impl Peer for Ours {
    fn name(&self) -> &'static str {
        "ours"
    }

    fn user(&self) -> &str {
        DOCTOR
    }

    fn port(&self, way: Way) -> u16 {
        match way {
            Way::Clear => self.world.imap_plain(),
            Way::Tls => self.world.imaps(),
        }
    }

    fn tls(&self) -> &Arc<ClientConfig> {
        &self.tls
    }

    fn fill(&mut self, messages: usize) {
        for from in (0..messages).step_by(AT_ONCE) {
            filling::append_all(self, Way::Clear, "INBOX", from, AT_ONCE.min(messages - from));
        }
    }

    fn restart(&mut self) {
        self.world.terminate();
        assert!(self.world.wait(ENDING).success());
        self.world.serve();
    }

    fn processes(&self) -> Vec<u32> {
        processes::family(self.world.pid())
    }
}
