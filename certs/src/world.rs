//! The demonstration world's PKI on disk: made once, kept, renewed when it ends soon. May use the files of the directory
//! that it is given and nothing else.

use std::path::{Path, PathBuf};

use jiff::{SignedDuration, Timestamp};

use crate::{
    Authority, DemoPkiError, Hierarchy, Issued, Key, Leaf, Name, Row, Serial, Space, Tier,
    files::{self, PRIVATE, PUBLIC},
    hierarchy,
    kept::{self, KeptCrl},
    list::{self, sign_list},
    pem::{self, CERTIFICATE},
};

/// How long a revocation list serves.
const CRL_LASTS: SignedDuration = SignedDuration::from_hours(7 * 24);
/// Lists are dated a little back: two made within the same second still follow each other, and none is from the future.
const BACKDATED: SignedDuration = SignedDuration::from_mins(1);
const SECOND: SignedDuration = SignedDuration::from_secs(1);

const SIGNER: &str = "signataire";
const SIGNER_HOST: &str = "alb.demonstration.invalid";

/// An operator of the demonstration, whose certificate is to be there.
#[derive(Debug, Clone)]
pub struct Operator {
    /// Its file name, without ending.
    pub id: String,
    /// What its servers are called, DNS names or IP addresses; 127.0.0.1 and ::1 are added.
    pub hostnames: Vec<String>,
    /// Its whole name, to which the white list's rows refer.
    pub subject: Name,
}

/// The demonstration's PKI: authorities, operators' certificates, revocation lists, the signed white list.
#[derive(Debug)]
pub struct World {
    dir: PathBuf,
    hierarchy: Hierarchy,
    signer: Issued,
}

impl World {
    /// Makes the PKI in `dir`, or keeps what is there and is good. Certificates that end within 30 days or lack a name, and
    /// lists older than a day, are made anew; who was revoked stays so.
    ///
    /// # Errors
    /// A name cannot stand in a certificate, or a file cannot be read or written.
    pub fn create(
        dir: &Path,
        operators: &[Operator],
        rows: &[Row],
        now: Timestamp,
    ) -> Result<Self, DemoPkiError> {
        files::directory(&dir.join("crl"))?;
        let kept = Kept::read(dir, operators, now)?;
        let mut keys = Key::generate_many(kept.missing())?.into_iter();
        let mut keys = || keys.next().ok_or(DemoPkiError::Key("one is missing"));
        let hierarchy = kept.hierarchy(dir, &mut keys, now)?;
        for (operator, there) in operators.iter().zip(&kept.operators) {
            if there.is_none() {
                make(dir, &operator.id, &hierarchy.organisations, &leaf(operator, now).with_key(&keys()?))?;
            }
        }
        let signer = match kept.signer {
            Some(signer) => signer,
            None => make(dir, SIGNER, &hierarchy.organisations, &signer_leaf(now).with_key(&keys()?))?,
        };
        let world = Self { dir: dir.to_owned(), hierarchy, signer };
        world.refresh_crls(now)?;
        world.refresh_list(rows, now)?;
        Ok(world)
    }

    /// The PKI that [`World::create`] made in `dir`.
    ///
    /// # Errors
    /// It is not there, or not whole.
    pub fn open(dir: &Path, now: Timestamp) -> Result<Self, DemoPkiError> {
        let Kept { root, organisations, personnes, signer, .. } = Kept::read(dir, &[], now)?;
        match (root, organisations, personnes, signer) {
            (Some(root), Some(organisations), Some(personnes), Some(signer)) => {
                let hierarchy = Hierarchy { root, organisations, personnes };
                Ok(Self { dir: dir.to_owned(), hierarchy, signer })
            }
            _ => Err(DemoPkiError::NoWorld(dir.to_owned())),
        }
    }

    /// Its authorities, with their keys.
    #[must_use]
    pub fn hierarchy(&self) -> &Hierarchy {
        &self.hierarchy
    }

    /// Who signs the white list.
    #[must_use]
    pub fn signer(&self) -> &Issued {
        &self.signer
    }

    /// The root's certificate, PEM: what clients are to trust.
    #[must_use]
    pub fn ca(&self) -> PathBuf {
        self.dir.join("ca.pem")
    }

    /// The issuing authorities' certificates, PEM.
    #[must_use]
    pub fn authorities(&self) -> PathBuf {
        self.dir.join("authorities.pem")
    }

    /// The directory of the revocation lists, one DER file an authority.
    #[must_use]
    pub fn crls(&self) -> PathBuf {
        self.dir.join("crl")
    }

    /// The signed white list.
    #[must_use]
    pub fn list(&self) -> PathBuf {
        self.dir.join("listeblanche.xml")
    }

    /// The certificate of operator `id` with the one above it, PEM.
    #[must_use]
    pub fn chain(&self, id: &str) -> PathBuf {
        chain_file(&self.dir, id)
    }

    /// The key of operator `id`, PKCS #8 PEM, mode 0600.
    #[must_use]
    pub fn key(&self, id: &str) -> PathBuf {
        key_file(&self.dir, id)
    }

    /// The number of the certificate of operator `id`.
    ///
    /// # Errors
    /// The certificate is not there.
    pub fn serial(&self, id: &str) -> Result<Serial, DemoPkiError> {
        let text = files::read_text(&self.chain(id))?;
        let der = text.and_then(|text| pem::decode(&text, CERTIFICATE));
        der.and_then(|der| kept::serial(&der)).ok_or_else(|| DemoPkiError::NoWorld(self.chain(id)))
    }

    /// The rows of the white list.
    ///
    /// # Errors
    /// The list cannot be read.
    pub fn rows(&self) -> Result<Vec<Row>, DemoPkiError> {
        Ok(self.kept_list()?.map(|(_, rows)| rows).unwrap_or_default())
    }

    /// Signs and writes a white list of `rows`, which follows the one that is there.
    ///
    /// # Errors
    /// The list cannot be written.
    pub fn publish(&self, rows: &[Row], now: Timestamp) -> Result<(), DemoPkiError> {
        let before = self.kept_list()?.map(|(generated, _)| generated);
        let list = sign_list(&self.signer, following(before, now), rows)?;
        files::replace(&self.list(), &list, PUBLIC)
    }

    /// Puts `serial` on the revocation list of its issuer; the new list follows the one that is there.
    ///
    /// # Errors
    /// The list cannot be written.
    pub fn revoke(&self, issuer: Tier, serial: &Serial, now: Timestamp) -> Result<(), DemoPkiError> {
        let before = self.kept_crl(issuer)?;
        let mut revoked = before.as_ref().map(|crl| crl.revoked.clone()).unwrap_or_default();
        if !revoked.contains(serial) {
            revoked.push(serial.clone());
        }
        self.write_crl(issuer, before.as_ref(), &revoked, now)
    }

    fn refresh_crls(&self, now: Timestamp) -> Result<(), DemoPkiError> {
        for tier in Tier::ALL {
            let before = self.kept_crl(tier)?;
            if !before.as_ref().is_some_and(|crl| crl.is_fresh(now)) {
                let revoked = before.as_ref().map(|crl| crl.revoked.clone()).unwrap_or_default();
                self.write_crl(tier, before.as_ref(), &revoked, now)?;
            }
        }
        Ok(())
    }

    fn write_crl(
        &self,
        tier: Tier,
        before: Option<&KeptCrl>,
        revoked: &[Serial],
        now: Timestamp,
    ) -> Result<(), DemoPkiError> {
        let this_update = following(before.map(|crl| crl.this_update), now);
        let number = before.map_or(0, |crl| crl.number).saturating_add(1);
        let next_update = now.saturating_add(CRL_LASTS).unwrap_or(Timestamp::MAX);
        let crl = self.hierarchy.tier(tier).crl(revoked, number, this_update, next_update)?;
        files::replace(&self.crl_file(tier), &crl, PUBLIC)
    }

    fn kept_crl(&self, tier: Tier) -> Result<Option<KeptCrl>, DemoPkiError> {
        let der = files::read(&self.crl_file(tier))?;
        Ok(der.and_then(|der| KeptCrl::read(&der, self.hierarchy.tier(tier))))
    }

    fn crl_file(&self, tier: Tier) -> PathBuf {
        self.crls().join(format!("{}.crl", tier.id()))
    }

    fn refresh_list(&self, rows: &[Row], now: Timestamp) -> Result<(), DemoPkiError> {
        // A row's date alone is no reason to sign again.
        let same = |kept: &[Row]| {
            kept.len() == rows.len()
                && kept
                    .iter()
                    .zip(rows)
                    .all(|(kept, row)| Row { updated: row.updated, ..kept.clone() } == *row)
        };
        let text = files::read_text(&self.list())?.unwrap_or_default();
        let signed = text.contains(&list::lines(self.signer.der()));
        match list::read(&text) {
            Some((generated, kept)) if signed && kept::is_of_today(generated, now) && same(&kept) => Ok(()),
            _ => self.publish(rows, now),
        }
    }

    fn kept_list(&self) -> Result<Option<(Timestamp, Vec<Row>)>, DemoPkiError> {
        Ok(files::read_text(&self.list())?.and_then(|text| list::read(&text)))
    }
}

/// What an earlier run left and is good.
struct Kept {
    root: Option<Authority>,
    organisations: Option<Authority>,
    personnes: Option<Authority>,
    signer: Option<Issued>,
    operators: Vec<Option<Issued>>,
}

impl Kept {
    fn read(dir: &Path, operators: &[Operator], now: Timestamp) -> Result<Self, DemoPkiError> {
        let root = kept_authority(dir, Tier::Root, None, now)?;
        let below = |tier| match &root {
            Some(root) => kept_authority(dir, tier, Some(root), now),
            None => Ok(None),
        };
        let (organisations, personnes) = (below(Tier::Organisations)?, below(Tier::Personnes)?);
        let issued = |id: &str, leaf: &Leaf| match &organisations {
            Some(issuer) => kept_leaf(dir, id, leaf, issuer, now),
            None => Ok(None),
        };
        let signer = issued(SIGNER, &signer_leaf(now))?;
        let operators = operators.iter().map(|operator| issued(&operator.id, &leaf(operator, now)));
        let operators = operators.collect::<Result<_, _>>()?;
        Ok(Self { root, organisations, personnes, signer, operators })
    }

    /// How many keys are to be made.
    fn missing(&self) -> usize {
        let authorities = [&self.root, &self.organisations, &self.personnes];
        authorities.iter().filter(|kept| kept.is_none()).count()
            + self.operators.iter().chain([&self.signer]).filter(|kept| kept.is_none()).count()
    }

    /// The authorities that are there, and new ones for those that are not.
    fn hierarchy(
        &self,
        dir: &Path,
        mut key: impl FnMut() -> Result<Key, DemoPkiError>,
        now: Timestamp,
    ) -> Result<Hierarchy, DemoPkiError> {
        let mut made = |tier, kept: &Option<Authority>, above: Option<&Authority>| {
            if let Some(kept) = kept {
                return Ok(kept.clone());
            }
            let made = hierarchy::authority(Space::Demonstration, tier, key()?, above, now)?;
            files::replace(&key_file(dir, tier.id()), made.key.to_pem()?.as_bytes(), PRIVATE)?;
            files::replace(&authority_file(dir, tier), made.certificate_pem().as_bytes(), PUBLIC)?;
            Ok(made)
        };
        let root = made(Tier::Root, &self.root, None)?;
        let organisations = made(Tier::Organisations, &self.organisations, Some(&root))?;
        let personnes = made(Tier::Personnes, &self.personnes, Some(&root))?;
        let hierarchy = Hierarchy { root, organisations, personnes };
        let authorities = hierarchy.authorities_pem();
        if files::read_text(&dir.join("authorities.pem"))?.as_ref() != Some(&authorities) {
            files::replace(&dir.join("authorities.pem"), authorities.as_bytes(), PUBLIC)?;
        }
        Ok(hierarchy)
    }
}

fn kept_authority(
    dir: &Path,
    tier: Tier,
    issuer: Option<&Authority>,
    now: Timestamp,
) -> Result<Option<Authority>, DemoPkiError> {
    let Some((certificate, key)) = kept_pair(&authority_file(dir, tier), &key_file(dir, tier.id()))? else {
        return Ok(None);
    };
    let subject = hierarchy::name(Space::Demonstration, tier);
    let good = kept::certificate_is_good(&certificate, &key, &subject, &[], issuer, now);
    Ok(good.then(|| hierarchy::found(Space::Demonstration, tier, key, certificate)))
}

fn kept_leaf(
    dir: &Path,
    id: &str,
    leaf: &Leaf,
    issuer: &Authority,
    now: Timestamp,
) -> Result<Option<Issued>, DemoPkiError> {
    let Some((certificate, key)) = kept_pair(&chain_file(dir, id), &key_file(dir, id))? else {
        return Ok(None);
    };
    if !kept::certificate_is_good(&certificate, &key, &leaf.subject, &leaf.names, Some(issuer), now) {
        return Ok(None);
    }
    let serial = kept::serial(&certificate);
    let chain = vec![certificate, issuer.certificate.clone()];
    Ok(serial.map(|serial| Issued { chain, key, serial, subject: leaf.subject.clone() }))
}

fn kept_pair(certificate: &Path, key: &Path) -> Result<Option<(Vec<u8>, Key)>, DemoPkiError> {
    let certificate = files::read_text(certificate)?.and_then(|text| pem::decode(&text, CERTIFICATE));
    let key = files::read_text(key)?.and_then(|text| Key::from_pem(&text).ok());
    Ok(certificate.zip(key))
}

fn make(dir: &Path, id: &str, issuer: &Authority, leaf: &Leaf) -> Result<Issued, DemoPkiError> {
    let issued = issuer.issue(leaf)?;
    files::replace(&key_file(dir, id), issued.key_pem()?.as_bytes(), PRIVATE)?;
    files::replace(&chain_file(dir, id), issued.chain_pem().as_bytes(), PUBLIC)?;
    Ok(issued)
}

fn leaf(operator: &Operator, now: Timestamp) -> Leaf {
    let mut names: Vec<&str> = operator.hostnames.iter().map(String::as_str).collect();
    names.extend(
        ["127.0.0.1", "::1"].iter().filter(|address| !operator.hostnames.iter().any(|name| name == *address)),
    );
    Leaf::server(operator.subject.clone(), &names, now)
}

fn signer_leaf(now: Timestamp) -> Leaf {
    let subject = Name::server(SIGNER_HOST, "300000000000000", "VAGUEMESTRE", "Paris (75)");
    Leaf::signer(subject, "alb@demonstration.invalid", now)
}

/// The date of a list that follows one of `before`.
fn following(before: Option<Timestamp>, now: Timestamp) -> Timestamp {
    let backdated = now.saturating_sub(BACKDATED).unwrap_or(now);
    let next = before.and_then(|before| before.checked_add(SECOND).ok());
    next.map_or(backdated, |next| next.max(backdated))
}

fn authority_file(dir: &Path, tier: Tier) -> PathBuf {
    match tier {
        Tier::Root => dir.join("ca.pem"),
        _ => chain_file(dir, tier.id()),
    }
}

fn chain_file(dir: &Path, id: &str) -> PathBuf {
    dir.join(format!("{id}.pem"))
}

fn key_file(dir: &Path, id: &str) -> PathBuf {
    dir.join(format!("{id}.key"))
}
