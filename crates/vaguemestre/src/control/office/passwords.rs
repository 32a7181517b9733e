//! Application passwords (S-7.3): generated, shown once, announced in the box, revocable.

use mssante::Address;
use store::{Action, CredentialId};

use super::{Answered, Office, refusal};
use crate::{
    control::protocol::{Answer, NewPassword, PasswordView},
    notice::{self, Notice},
};

/// The longest name of a device, in characters.
const NAME: usize = 100;

impl Office {
    pub(super) async fn create_password(
        &self,
        administrator: &str,
        address: Address,
        name: String,
    ) -> Answered {
        if name.trim().is_empty() || name.chars().count() > NAME || name.chars().any(char::is_control) {
            return Err(refusal(format!(
                "the name of the device has 1 to {NAME} characters and no line break"
            )));
        }
        let account = self.account(address).await?;
        if !account.profile.box_type.is_person() {
            return Err(refusal(
                "ORG and APP boxes have no password of their own (S-1.7): make one for a person among their login \
                 accounts, who then opens the box as `box*person`",
            ));
        }
        let password = identity::generate_password();
        let mut trace = self.trace(administrator, Action::PasswordCreate);
        trace.detail.push(("account".into(), account.profile.login.to_string()));
        let traced = trace.id.to_string();
        let secret = password.as_bytes();
        let id = self.store.create_password(account.id, name.clone(), secret, trace).await?;
        let notice = Notice { operator: &self.operator, account: &account, device: &name };
        let notified = match notice::deliver(&self.store, self.clock.now(), &notice).await {
            Ok(()) => true,
            Err(error) => {
                // The password exists and must be known to exist: the administrator is told, the log keeps it.
                tracing::error!(%error, "the notice of a new application password could not be delivered");
                false
            }
        };
        Ok(Answer::Password(NewPassword {
            address: account.profile.login,
            id: id.get(),
            name,
            password: password.to_string(),
            trace: traced,
            notified,
        }))
    }

    pub(super) async fn list_passwords(&self, address: Address) -> Answered {
        let account = self.account(address).await?;
        let found = self.store.read(move |reader| reader.credentials(account.id)).await?;
        let passwords = found
            .into_iter()
            .map(|credential| PasswordView {
                id: credential.id.get(),
                name: credential.name,
                created: credential.created,
            })
            .collect();
        Ok(Answer::Passwords { address: account.profile.login, passwords })
    }

    pub(super) async fn revoke_password(&self, administrator: &str, address: Address, id: u64) -> Answered {
        let account = self.account(address).await?;
        let mut trace = self.trace(administrator, Action::PasswordRevoke);
        trace.detail.push(("account".into(), account.profile.login.to_string()));
        let traced = trace.id.to_string();
        let revoked = self.store.revoke_password(account.id, CredentialId::new(id), trace).await?;
        if !revoked {
            let text =
                format!("this account has no application password {id}: see `vaguemestre app-password list`");
            return Err(refusal(text));
        }
        Ok(Answer::Revoked { address: account.profile.login, id, trace: traced })
    }
}
