//! The two operators of the demonstration: who they are, where they listen, whose accounts they keep.
//!
//! Pure data. Must never be used for anything but a demonstration.

use demo_pki::Name;

use super::people::{self, Person};

/// One operator.
#[derive(Debug)]
pub(super) struct Operator {
    /// Its directory in the world, and its name where two are told apart.
    pub(super) id: &'static str,
    pub(super) name: &'static str,
    pub(super) hostname: &'static str,
    pub(super) mssante_domain: &'static str,
    pub(super) login_domains: [&'static str; 2],
    /// Its certificate's name beside its hostname: structure number, organisation, département.
    listed: [&'static str; 3],
    /// What its ports are above the first operator's.
    step: u16,
    people: fn() -> [Person; 6],
}

/// The ports of one operator.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Ports {
    pub(super) submission: u16,
    pub(super) submission_tls: u16,
    pub(super) imap: u16,
    pub(super) imap_tls: u16,
    pub(super) relay: u16,
    pub(super) metrics: u16,
}

/// Its doctor sends the report.
pub(super) const NORD: Operator = Operator {
    id: "nord",
    name: "Centre hospitalier Nord (démonstration)",
    hostname: "mail.chu-nord.fr",
    mssante_domain: "chu-nord.mssante.fr",
    login_domains: ["chu-nord.fr", "cabinet-nord.fr"],
    listed: ["1590000014", "CENTRE HOSPITALIER NORD", "Nord (59)"],
    step: 0,
    people: people::nord,
};

/// Its emergency department receives it.
pub(super) const SUD: Operator = Operator {
    id: "sud",
    name: "Clinique Sud (démonstration)",
    hostname: "mail.clinique-sud.fr",
    mssante_domain: "clinique-sud.mssante.fr",
    login_domains: ["clinique-sud.fr", "cabinet-sud.fr"],
    listed: ["1130000029", "CLINIQUE SUD", "Bouches-du-Rhône (13)"],
    step: 1,
    people: people::sud,
};

/// Both, in the order in which they are made and started.
pub(super) const OPERATORS: [&Operator; 2] = [&NORD, &SUD];

impl Operator {
    /// Its six accounts, in an order in which openers come first.
    pub(super) fn people(&self) -> [Person; 6] {
        (self.people)()
    }

    /// The whole name of its certificate, by which the white list knows it (M-2).
    pub(super) fn subject(&self) -> Name {
        let [structure, organisation, department] = self.listed;
        Name::server(self.hostname, structure, organisation, department)
    }

    /// Its ports in a world whose ports are the usual ones plus `offset`.
    pub(super) fn ports(&self, offset: u16) -> Ports {
        let add = offset + self.step;
        Ports {
            submission: 5870 + add,
            submission_tls: 4650 + add,
            imap: 1430 + add,
            imap_tls: 9930 + add,
            relay: 2525 + add,
            metrics: 9090 + add,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use mssante::{BoxType, Domain, Rights};

    use super::*;

    #[test]
    fn every_profile_is_complete_for_its_type_and_of_its_operator() {
        for operator in OPERATORS {
            let people = operator.people();
            for person in &people {
                let login = |opener: &&str| {
                    people.iter().find(|p| p.profile.login == people::address(opener)).unwrap()
                };
                let openers: Vec<_> = person.openers.iter().map(|o| login(o).profile.box_type).collect();
                let domains = [Domain::parse(operator.mssante_domain).unwrap()];
                assert_eq!(person.profile.check(&openers, &domains), Ok(()), "{}", person.profile.login);
                assert!(operator.login_domains.contains(&person.profile.login.domain().as_str()));
            }
        }
    }

    #[test]
    fn they_are_one_of_each_type_and_a_postmaster_and_only_the_med_is_internal() {
        for operator in OPERATORS {
            let people = operator.people();
            let types = people.each_ref().map(|person| person.profile.box_type);
            let all = [BoxType::Per, BoxType::Int, BoxType::Org, BoxType::App, BoxType::Med, BoxType::Org];
            assert_eq!(types, all);
            let postmaster = people::address(&format!("postmaster@{}", operator.mssante_domain));
            assert_eq!(people[5].profile.mssante, Some(postmaster), "M-12");
            let rights = people.each_ref().map(|person| person.profile.rights());
            assert_eq!(
                rights,
                [Rights::Full, Rights::Full, Rights::Full, Rights::Full, Rights::Internal, Rights::Full]
            );
        }
    }

    #[test]
    fn no_person_and_no_address_is_of_both_operators() {
        let people: Vec<_> = OPERATORS.iter().flat_map(|operator| operator.people()).collect();
        let addresses: BTreeSet<_> = people
            .iter()
            .flat_map(|person| {
                [
                    Some(person.profile.login.to_string()),
                    person.profile.mssante.as_ref().map(ToString::to_string),
                ]
            })
            .flatten()
            .collect();
        assert_eq!(addresses.len(), 22);
    }

    fn all(ports: Ports) -> [u16; 6] {
        let Ports { submission, submission_tls, imap, imap_tls, relay, metrics } = ports;
        [submission, submission_tls, imap, imap_tls, relay, metrics]
    }

    #[test]
    fn no_port_is_used_twice_in_a_world_nor_in_two_worlds_of_offsets_26_apart() {
        let worlds = [0, 10_000, 10_026, 10_052, 20_010, 50_016, 54_982];
        let ports: Vec<_> = worlds
            .iter()
            .flat_map(|offset| OPERATORS.iter().flat_map(|operator| all(operator.ports(*offset))))
            .collect();
        assert_eq!(ports.iter().collect::<BTreeSet<_>>().len(), ports.len());
    }
}
