use std::fs;
use std::path::{Path, PathBuf};

use oci::Digest;
use serde::{Deserialize, Serialize};

use crate::own_files::file_clock;
use crate::seen::{Stat, Verdict};
use crate::temporary::sweep_all;
use crate::{Seen, StoreError, write_atomically};

/// Answers that were found before, each with what it depended on.
///
/// A file is the SHA-256 of the rest, a line feed, and JSON; one that does not hold is absent.
#[derive(Debug, Clone)]
pub struct Memos {
    dir: PathBuf,
}

#[derive(Serialize, Deserialize)]
struct Memo {
    question: String,
    inputs: Vec<Seen>,
    answer: String,
}

impl Memos {
    /// The memos below `root`; nothing is made yet.
    pub fn at(root: &Path) -> Memos {
        Memos { dir: root.join("memos") }
    }

    /// The answer to `question`, if everything that it depended on is as it was. One file is read, and
    /// one `stat` made for each input.
    pub fn recall(&self, question: &str) -> Option<String> {
        let path = self.path(question);
        let text = fs::read_to_string(&path).ok()?;
        let (digest, json) = text.split_once('\n')?;
        if Digest::of(json.as_bytes()).hex() != digest {
            return None;
        }
        let memo: Memo = serde_json::from_str(json).ok()?;
        if memo.question != question {
            return None;
        }
        let began = file_clock();
        let mut rehashed = false;
        for input in &memo.inputs {
            match input.verdict() {
                Verdict::Same => {}
                Verdict::SameByContent => rehashed = true,
                Verdict::Changed => return None,
            }
        }
        if rehashed {
            self.refresh(&memo, began);
        }
        Some(memo.answer)
    }

    /// Remembers an answer.
    ///
    /// # Errors
    /// It cannot be written.
    pub fn remember(&self, question: &str, inputs: Vec<Seen>, answer: String) -> Result<(), StoreError> {
        self.write(&Memo { question: question.to_owned(), inputs, answer })
    }

    /// Forgets an answer, when what it names is gone.
    pub fn forget(&self, question: &str) {
        let _ = fs::remove_file(self.path(question));
    }

    /// The directory, for whoever tidies up.
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// Inputs that had to be hashed get the times that they have now, if those can be believed. A file
    /// that changed between being hashed and this look has a newer time, which makes it racy again.
    fn refresh(&self, memo: &Memo, began_ns: i128) {
        let inputs = memo
            .inputs
            .iter()
            .map(|seen| match seen {
                Seen::File { path, digest, stat, .. } => match fs::metadata(path) {
                    Ok(m) => {
                        let stat = Stat::of(&m);
                        Seen::File { path: path.clone(), racy: stat.is_racy(began_ns), stat, digest: *digest }
                    }
                    Err(_) => Seen::File { path: path.clone(), stat: *stat, digest: *digest, racy: true },
                },
                other => other.clone(),
            })
            .collect();
        // Only a saving: where it cannot be written, the next run hashes again.
        let _ = self.write(&Memo { question: memo.question.clone(), inputs, answer: memo.answer.clone() });
    }

    fn write(&self, memo: &Memo) -> Result<(), StoreError> {
        let json = serde_json::to_string(memo).unwrap_or_default();
        let text = format!("{}\n{json}", Digest::of(json.as_bytes()).hex());
        // Of other questions too: theirs may never be asked again.
        sweep_all(&self.dir, |_| true, fs::Metadata::is_file, |path| fs::remove_file(path));
        write_atomically(&self.path(&memo.question), text.as_bytes())
    }

    fn path(&self, question: &str) -> PathBuf {
        self.dir.join(Digest::of(question.as_bytes()).hex())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::OwnFiles;

    /// A world with one remembered answer about `input`.
    fn remembered(racy: bool) -> (tempfile::TempDir, Memos, PathBuf) {
        let dir = tempfile::tempdir().unwrap();
        let input = dir.path().join("input");
        fs::write(&input, "one").unwrap();
        if !racy {
            let old = std::time::UNIX_EPOCH + std::time::Duration::from_secs(1_000_000_000);
            fs::File::open(&input).unwrap().set_modified(old).unwrap();
            std::thread::sleep(std::time::Duration::from_millis(2_100));
        }
        let own = OwnFiles::new();
        assert_eq!(own.read(&input).unwrap(), b"one");
        assert!(own.read(&dir.path().join("absent")).is_err());
        own.names(dir.path()).unwrap();
        let memos = Memos::at(&dir.path().join("cache"));
        fs::create_dir(dir.path().join("cache")).unwrap();
        let seen: Vec<Seen> =
            own.seen().into_iter().filter(|s| !matches!(s, Seen::Directory { .. })).collect();
        memos.remember("q", seen, "answer".to_owned()).unwrap();
        (dir, memos, input)
    }

    #[test]
    fn answers_until_an_input_changes() {
        let (dir, memos, input) = remembered(false);
        assert_eq!(memos.recall("q").as_deref(), Some("answer"));
        assert_eq!(memos.recall("other"), None);
        fs::write(&input, "two").unwrap();
        assert_eq!(memos.recall("q"), None);
        fs::write(&input, "one").unwrap();
        assert_eq!(memos.recall("q").as_deref(), Some("answer"), "same content again");
        fs::write(dir.path().join("absent"), "").unwrap();
        assert_eq!(memos.recall("q"), None);
    }

    #[test]
    fn a_change_within_one_tick_of_the_clock_is_noticed() {
        for _ in 0..50 {
            let (_dir, memos, input) = remembered(true);
            fs::write(&input, "two").unwrap();
            assert_eq!(memos.recall("q"), None);
        }
    }

    #[test]
    fn a_damaged_memo_is_absent() {
        let (_dir, memos, _) = remembered(true);
        let path = memos.path("q");
        let mut text = fs::read(&path).unwrap();
        let last = text.len() - 4;
        text[last] ^= 1;
        fs::write(&path, text).unwrap();
        assert_eq!(memos.recall("q"), None);
    }
}
