//! Who is at the other end of the control socket: the kernel's word, mapped to a named administrator.
//!
//! Pure; must never read the socket.

use crate::config::{Administrator, Who};

/// The administrators that the configuration names, or the daemon's own user and root when it names none.
pub(crate) fn administrators(configured: &[Administrator], own_uid: u32) -> Vec<Administrator> {
    if !configured.is_empty() {
        return configured.to_vec();
    }
    let root = Administrator { name: "root".into(), who: Who::Uid(0) };
    let own = Administrator { name: "daemon".into(), who: Who::Uid(own_uid) };
    if own_uid == 0 { vec![root] } else { vec![root, own] }
}

/// The first administrator that `uid` or the primary group `gid` is.
pub(crate) fn recognise(administrators: &[Administrator], uid: u32, gid: u32) -> Option<&Administrator> {
    administrators.iter().find(|administrator| match administrator.who {
        Who::Uid(own) => own == uid,
        Who::Gid(own) => own == gid,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn by_default_root_and_the_daemons_user() {
        let list = administrators(&[], 990);
        assert_eq!(recognise(&list, 0, 0).unwrap().name, "root");
        assert_eq!(recognise(&list, 990, 5).unwrap().name, "daemon");
        assert!(recognise(&list, 1000, 990).is_none(), "a group is no user");
    }

    #[test]
    fn named_administrators_replace_the_default() {
        let named = [
            Administrator { name: "claire".into(), who: Who::Uid(1000) },
            Administrator { name: "exploitation".into(), who: Who::Gid(500) },
        ];
        let list = administrators(&named, 990);
        assert_eq!(recognise(&list, 1000, 500).unwrap().name, "claire");
        assert_eq!(recognise(&list, 1001, 500).unwrap().name, "exploitation");
        assert!(recognise(&list, 990, 990).is_none());
        assert!(recognise(&list, 0, 0).is_none());
    }
}
