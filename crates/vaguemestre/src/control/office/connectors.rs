//! Connectors (S-3.10): what is set up, and the password of each, generated and shown once.

use mssante::StructureId;
use store::Action;

use super::{Answered, Office, refusal};
use crate::{
    config::{Connector, Deliver},
    control::protocol::{
        Answer,
        connectors::{ConnectorView, NewConnectorPassword},
    },
};

impl Office {
    pub(super) async fn list_connectors(&self) -> Answered {
        let names: Vec<String> = self.connectors.iter().map(|connector| connector.name.clone()).collect();
        let passwords = self.store.read(move |reader| {
            names.iter().map(|name| reader.connector_password(name)).collect::<Result<Vec<_>, _>>()
        });
        let views = self
            .connectors
            .iter()
            .zip(passwords.await?)
            .map(|(connector, password)| ConnectorView { password, ..view(connector) });
        Ok(Answer::Connectors(views.collect()))
    }

    pub(super) async fn set_connector_password(&self, administrator: &str, name: String) -> Answered {
        let connector = self.connectors.iter().find(|connector| connector.name == name);
        let connector = connector.ok_or_else(|| {
            refusal(format!("there is no connector {name:?}: see `vaguemestre connector list`"))
        })?;
        if !connector.login {
            let text = format!(
                "connector {name:?} does not log in: write login = \"password\" in its [[connectors]]"
            );
            return Err(refusal(text));
        }
        let password = identity::generate_password();
        let mut trace = self.trace(administrator, Action::PasswordCreate);
        trace.detail.push(("connector".into(), name.clone()));
        let traced = trace.id.to_string();
        self.store.set_connector_password(&name, password.as_bytes(), trace).await?;
        Ok(Answer::ConnectorPassword(NewConnectorPassword {
            connector: name,
            password: password.to_string(),
            trace: traced,
        }))
    }

    pub(super) async fn revoke_connector_password(&self, administrator: &str, name: String) -> Answered {
        let mut trace = self.trace(administrator, Action::PasswordRevoke);
        trace.detail.push(("connector".into(), name.clone()));
        let traced = trace.id.to_string();
        if !self.store.revoke_connector_password(&name, trace).await? {
            return Err(refusal(format!(
                "connector {name:?} has no password: see `vaguemestre connector list`"
            )));
        }
        Ok(Answer::ConnectorRevoked { name, trace: traced })
    }
}

fn view(connector: &Connector) -> ConnectorView {
    let deliver = match connector.deliver {
        Deliver::Box => "box",
        Deliver::Server => "server",
        Deliver::Both => "both",
    };
    let structure = match &connector.structure {
        StructureId::Finess(number) => format!("finess {number}"),
        StructureId::Siret(number) => format!("siret {number}"),
        StructureId::Siren(number) => format!("siren {number}"),
    };
    ConnectorView {
        name: connector.name.clone(),
        structure,
        domains: connector.domains.iter().map(ToString::to_string).collect(),
        listen: connector.listen.iter().map(ToString::to_string).collect(),
        deliver: deliver.to_owned(),
        server: connector.server.as_ref().map(|server| server.host.to_string()),
        login: connector.login,
        password: None,
    }
}
