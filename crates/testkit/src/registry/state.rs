use std::collections::{BTreeMap, BTreeSet};

use sha2::{Digest as _, Sha256};

use super::Asked;
use super::fault::{Chaos, Deed, Fault};
use super::logins::Token;

/// All that changes.
#[derive(Default)]
pub(super) struct State {
    pub(super) repositories: BTreeMap<String, Repository>,
    pub(super) uploads: BTreeMap<String, Upload>,
    pub(super) tokens: BTreeMap<String, Token>,
    pub(super) faults: Vec<Fault>,
    pub(super) chaos: Option<Chaos>,
    pub(super) log: Vec<Asked>,
    /// Names uploads and tokens.
    pub(super) count: u64,
}

#[derive(Default)]
pub(super) struct Repository {
    pub(super) blobs: BTreeSet<String>,
    /// By digest.
    pub(super) manifests: BTreeMap<String, Manifest>,
    pub(super) tags: BTreeMap<String, String>,
}

#[derive(Debug, Clone)]
pub(super) struct Manifest {
    pub(super) media_type: String,
    pub(super) bytes: Vec<u8>,
}

/// An upload that goes on.
pub(super) struct Upload {
    pub(super) repository: String,
    pub(super) size: u64,
}

pub(super) fn digest_of(bytes: &[u8]) -> String {
    let hash: [u8; 32] = Sha256::digest(bytes).into();
    format!("sha256:{}", hex(&hash))
}

pub(super) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|b| format!("{b:02x}")).collect()
}

impl State {
    pub(super) fn repository(&mut self, name: &str) -> &mut Repository {
        self.repositories.entry(name.to_owned()).or_default()
    }

    pub(super) fn has_blob(&self, repository: &str, digest: &str) -> bool {
        self.repositories.get(repository).is_some_and(|r| r.blobs.contains(digest))
    }

    pub(super) fn manifest(&self, repository: &str, name: &str) -> Option<&Manifest> {
        let repository = self.repositories.get(repository)?;
        let digest = repository.tags.get(name).map_or(name, String::as_str);
        repository.manifests.get(digest)
    }

    pub(super) fn keep(&mut self, repository: &str, name: &str, manifest: Manifest) -> String {
        let digest = digest_of(&manifest.bytes);
        let repository = self.repository(repository);
        repository.manifests.insert(digest.clone(), manifest);
        if !name.contains(':') {
            repository.tags.insert(name.to_owned(), digest.clone());
        }
        digest
    }

    pub(super) fn next_name(&mut self, kind: &str) -> String {
        self.count += 1;
        format!("{kind}-{}", self.count)
    }

    /// What goes wrong with a request whose body has `length` bytes.
    pub(super) fn fault(&mut self, method: &str, target: &str, length: u64) -> Option<Deed> {
        let of_list = self.faults.iter_mut().find_map(|f| f.hits(method, target).then(|| f.deed.clone()));
        of_list.or_else(|| self.chaos.as_mut()?.draw(length))
    }
}
