//! What runs as long as the daemon does: each listener, and the relay. One that falls takes the daemon down with a clear error, since
//! nobody would notice a port that answers no more; whoever supervises the service starts it again.
//!
//! Knows names and ends only. Must never touch what the works do.

use std::{collections::HashMap, future::Future};

use tokio::task::{Id, JoinError, JoinSet};

/// The works under way, each with its name.
#[derive(Default)]
pub(crate) struct Works {
    tasks: JoinSet<()>,
    names: HashMap<Id, String>,
}

impl Works {
    /// Runs `work`, which is not to end before it is told.
    pub(crate) fn begin(&mut self, name: impl Into<String>, work: impl Future<Output = ()> + Send + 'static) {
        let id = self.tasks.spawn(work).id();
        self.names.insert(id, name.into());
    }

    /// Resolves when one of them ends by itself, which it never should; says which, and what to do. May be dropped while it waits.
    pub(crate) async fn fallen(&mut self) -> String {
        match self.tasks.join_next_with_id().await {
            Some(ended) => self.told(&ended),
            None => std::future::pending().await,
        }
    }

    /// Waits for all of them, after they were told to end.
    pub(crate) async fn all_ended(&mut self) {
        while let Some(ended) = self.tasks.join_next_with_id().await {
            if let Err(error) = &ended {
                tracing::error!(work = self.name(error.id()), %error, "it broke while it ended");
            }
        }
    }

    fn told(&self, ended: &Result<(Id, ()), JoinError>) -> String {
        let (name, how) = match ended {
            Ok((id, ())) => (self.name(*id), "ended by itself".to_owned()),
            Err(error) => (self.name(error.id()), format!("broke: {error}")),
        };
        format!(
            "{name} {how}; the daemon ends, so that it is started again whole: report this with the log above"
        )
    }

    fn name(&self, id: Id) -> &str {
        self.names.get(&id).map_or("a part of the service", String::as_str)
    }
}

#[cfg(test)]
mod tests {
    use std::future::pending;

    use super::*;

    #[tokio::test]
    async fn one_that_breaks_is_named_and_the_others_go_on() {
        let mut works = Works::default();
        works.begin("the listener imap on 127.0.0.1:143", pending());
        works.begin("the relay", async { panic!("its ground was wet") });
        let text = works.fallen().await;
        assert!(text.starts_with("the relay broke: "), "{text}");
        assert!(text.contains("started again"), "{text}");
    }

    #[tokio::test]
    async fn one_that_ends_too_early_is_a_failure_too() {
        let mut works = Works::default();
        works.begin("the relay", async {});
        assert!(works.fallen().await.starts_with("the relay ended by itself"));
        works.all_ended().await;
    }
}
