//! The demonstration: two operators on loopback, each with a daemon of its own, and one report that makes the journey.
//!
//! `world` makes what is kept between runs, `daemon` runs a server as a process, `journey` sends and reads with a mail
//! `client`, `howto` shows people how to connect theirs. Must never touch a production store.

mod accounts;
mod client;
mod compare;
mod configuration;
mod daemon;
mod howto;
mod journey;
mod operators;
mod pdf;
mod people;
mod report;
mod told;
mod traces;
mod world;
mod xdm;

use std::time::Instant;

use tokio::signal::unix::{Signal, SignalKind, signal};

use self::{
    daemon::{Daemon, Daemons},
    journey::{Journey, JourneyError},
    operators::{NORD, SUD},
    world::World,
};
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
        let text = "the demonstration world is ready: start each operator with `vaguemestre serve --config` and its file \
                    below · le monde de démonstration est prêt";
        print::facts(text, &world.facts(), as_json);
        return Ok(());
    }
    let runtime = serve::runtime()
        .map_err(|error| Failure::failed(format!("the runtime cannot be started: {error}")))?;
    runtime.block_on(show(&world, started))
}

fn failed(error: &dyn std::fmt::Display) -> Failure {
    Failure::failed(format!("demonstration: {error}"))
}

async fn show(world: &World, started: Instant) -> Result<(), Failure> {
    let mut end = Ending::new().map_err(|error| failed(&error))?;
    say!("Vaguemestre — demonstration · démonstration");
    let mut daemons = start(world).await?;
    say!("  both operators up in {:.1} s · les deux opérateurs sont prêts", started.elapsed().as_secs_f64());
    for site in world.sites() {
        say!("  {:<5} log · journal : {}", site.operator.id, site.log().display());
    }
    let made = tokio::select! {
        made = journeys(world) => match made {
            Ok(made) => made,
            Err(failure) => {
                daemons.stop().await?;
                return Err(failure);
            }
        },
        () = end.asked() => return stop(daemons).await,
    };
    howto::print(world, &made.near, &made.far);
    say!("\nRunning until Ctrl-C · En marche jusqu'à Ctrl-C");
    let ended = tokio::select! {
        () = end.asked() => None,
        ended = daemons.ended() => Some(ended),
    };
    let Some((operator, status)) = ended else { return stop(daemons).await };
    daemons.stop().await?;
    Err(failed(&format!("the daemon of {operator} ended by itself ({status}); see its log")))
}

async fn start(world: &World) -> Result<Daemons, Failure> {
    let mut daemons = Daemons::default();
    for site in world.sites() {
        let daemon = Daemon::start(&site).await;
        daemons.add(site.operator.id, daemon.map_err(|error| failed(&error))?);
    }
    Ok(daemons)
}

/// The report to the other operator, then one inside; gives the identifiers under which each operator traced the first.
async fn journeys(world: &World) -> Result<Made, Failure> {
    let (nord, sud) = (world.site(&NORD), world.site(&SUD));
    let journeys = async {
        say!("\n  To the other operator · Vers l'autre opérateur");
        let near = Journey::across(world).make().await?;
        let far = traces::show(&nord, &sud, &near).await?;
        say!("\n  Inside one operator · Chez un même opérateur");
        Journey::inside(world).make().await?;
        Ok::<_, JourneyError>(Made { near, far })
    };
    journeys.await.map_err(|error| failed(&format!("{error}; the daemons' logs say more")))
}

/// Under which identifiers the journey to the other operator is traced.
#[derive(Debug)]
struct Made {
    near: String,
    far: String,
}

async fn stop(daemons: Daemons) -> Result<(), Failure> {
    say!("\nEnding; the mail stays for the next run · Fin ; le courrier reste pour la prochaine fois");
    daemons.stop().await
}

/// Ctrl-C, or a service manager.
struct Ending {
    interrupt: Signal,
    terminate: Signal,
}

impl Ending {
    fn new() -> std::io::Result<Self> {
        Ok(Self { interrupt: signal(SignalKind::interrupt())?, terminate: signal(SignalKind::terminate())? })
    }

    async fn asked(&mut self) {
        tokio::select! {
            _ = self.interrupt.recv() => {}
            _ = self.terminate.recv() => {}
        }
    }
}
