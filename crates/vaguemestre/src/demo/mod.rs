//! The demonstration: a small world on loopback, a daemon of its own, and one report that makes the journey.
//!
//! `world` makes what is kept between runs, `daemon` runs the server as a process, `journey` is a mail client, `howto`
//! shows people how to connect theirs. Must never touch a production store.

mod compare;
mod daemon;
mod howto;
mod journey;
mod pdf;
mod people;
mod report;
mod told;
mod world;
mod xdm;

use std::time::Instant;

use serde_json::json;
use tokio::signal::unix::{SignalKind, signal};

use self::{daemon::Daemon, world::World};
use crate::{
    cli,
    exit::Failure,
    print::{self, say},
    serve,
};

/// Makes the world and, unless only that was asked, runs it until Ctrl-C.
///
/// # Errors
/// What failed and what to do.
pub(crate) fn run(demo: &cli::Demo, as_json: bool) -> Result<(), Failure> {
    let started = Instant::now();
    let world = world::prepare(&demo.dir, demo.port_offset)?;
    if demo.prepare_only {
        let text = "the demonstration world is ready: start it with `vaguemestre serve --config` and the file below · \
                    le monde de démonstration est prêt";
        print::facts(text, &json!({ "config": world.config(), "ca": world.ca() }), as_json);
        return Ok(());
    }
    let runtime = serve::runtime()
        .map_err(|error| Failure::failed(format!("the runtime cannot be started: {error}")))?;
    runtime.block_on(show(&world, started))
}

async fn show(world: &World, started: Instant) -> Result<(), Failure> {
    let failed = |error: &dyn std::fmt::Display| Failure::failed(format!("demonstration: {error}"));
    let mut interrupt = signal(SignalKind::interrupt()).map_err(|error| failed(&error))?;
    let mut terminate = signal(SignalKind::terminate()).map_err(|error| failed(&error))?;
    say!("Vaguemestre — demonstration · démonstration");
    let mut daemon = Daemon::start(world).await.map_err(|error| failed(&error))?;
    say!(
        "  up in {:.1} s · prêt, log · journal : {}",
        started.elapsed().as_secs_f64(),
        world.log().display()
    );
    let trace = tokio::select! {
        made = journey::make(world) => {
            made.map_err(|error| failed(&format!("{error}; log: {}", world.log().display())))?
        }
        _ = interrupt.recv() => return end(daemon).await,
        _ = terminate.recv() => return end(daemon).await,
    };
    howto::print(world, &trace);
    say!("\nRunning until Ctrl-C · En marche jusqu'à Ctrl-C");
    tokio::select! {
        _ = interrupt.recv() => end(daemon).await,
        _ = terminate.recv() => end(daemon).await,
        ended = daemon.ended() => {
            let status = ended.map_or_else(|error| error.to_string(), |status| status.to_string());
            Err(failed(&format!("the daemon ended by itself ({status}); see {}", world.log().display())))
        }
    }
}

async fn end(daemon: Daemon) -> Result<(), Failure> {
    say!("\nEnding; the mail stays for the next run · Fin ; le courrier reste pour la prochaine fois");
    match daemon.stop().await {
        Ok(status) if status.success() => Ok(()),
        Ok(status) => Err(Failure::failed(format!("the daemon ended with {status}"))),
        Err(error) => Err(Failure::failed(format!("the daemon could not be ended: {error}"))),
    }
}
