//! The journey as each operator traced it: nord's under the identifier that ended its 250, sud's under the one that sud's
//! own 250 ended with, which nord keeps.
//!
//! Asks the daemons over their control sockets, as `vaguemestre trace` does. Prints to the standard output only.

use std::{
    path::PathBuf,
    time::{Duration, Instant},
};

use tokio::{task, time};

use super::{
    journey::{JourneyError, at},
    world::Site,
};
use crate::{
    control::{
        client,
        protocol::{Answer, Request, TraceView},
    },
    print::{self, say},
};

/// How long the outcome may take to be traced: it is committed as soon as the other operator's answer is read.
const PATIENCE: Duration = Duration::from_secs(30);

/// Shows what both operators traced of the message that `near` accepted under `trace`; gives `far`'s identifier.
///
/// # Errors
/// An operator does not tell, or the message did not arrive.
pub(super) async fn show(near: &Site, far: &Site, trace: &str) -> Result<String, JourneyError> {
    let (traces, far_trace) = relayed(near, trace).await?;
    tell(near, trace, &traces);
    let traces = traces_of(far, &far_trace).await?;
    tell(far, &far_trace, &traces);
    Ok(far_trace)
}

fn tell(site: &Site, trace: &str, traces: &[TraceView]) {
    say!("\n  {} traced · a tracé : {trace}", site.operator.id);
    for trace in traces {
        say!("    {}", print::trace_line(trace));
    }
}

/// Waits until `trace` tells of the other operator's answer; gives its traces and the identifier in that answer.
async fn relayed(site: &Site, trace: &str) -> Result<(Vec<TraceView>, String), JourneyError> {
    let late = Instant::now() + PATIENCE;
    loop {
        let traces = traces_of(site, trace).await?;
        let of = |action: &str| traces.iter().find(|trace| trace.action == action);
        let answer = |trace: &TraceView| {
            trace.detail.iter().find(|(name, _)| name == "last").map(|(_, value)| value.clone())
        };
        if let Some(failed) = of("fail").and_then(answer) {
            return Err(at("relay")(failed));
        }
        if let Some(answer) = of("relay").and_then(answer) {
            let id = answer.split_whitespace().next_back().unwrap_or_default().to_owned();
            return Ok((traces, id));
        }
        if Instant::now() > late {
            return Err(at("relay")(format!(
                "no outcome is traced under {trace} after {} s",
                PATIENCE.as_secs()
            )));
        }
        time::sleep(Duration::from_millis(50)).await;
    }
}

async fn traces_of(site: &Site, trace: &str) -> Result<Vec<TraceView>, JourneyError> {
    let (socket, id): (PathBuf, _) = (site.socket(), trace.to_owned());
    let answer = task::spawn_blocking(move || client::call(&socket, &Request::Trace { id })).await;
    match answer.map_err(at("trace"))?.map_err(at("trace"))? {
        Answer::Traces(traces) => Ok(traces),
        Answer::Refused(refused) => Err(at("trace")(refused.message)),
        _ => Err(at("trace")("the daemon answered something else")),
    }
}
