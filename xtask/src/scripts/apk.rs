//! The same for a folder of apk packages, read as if all were in one image.

use std::path::Path;

use anyhow::{Context, Result};
use apk::scripts::{InTree, Subject, Verdict, classify};
use apk::{ControlFiles, Limits, Proof, ScriptKind, unpack};
use rootfs::payload::{Payload, Writer};
use rootfs::{PayloadIx, Tree};

use super::Tally;

/// Prints what becomes of every script that apk would run.
pub(super) fn report(folder: &Path) -> Result<()> {
    let mut packages = Vec::new();
    let entries = std::fs::read_dir(folder).with_context(|| format!("cannot read {}", folder.display()))?;
    for entry in entries {
        let path = entry?.path();
        if path.extension().is_some_and(|e| e == "apk") {
            packages.push(read(&path).with_context(|| format!("cannot read {}", path.display()))?);
        }
    }
    packages.sort_by(|a, b| a.0.info.name.cmp(&b.0.info.name));
    let entries = packages.iter().flat_map(|(_, tree)| tree.entries().iter().cloned()).collect();
    let together = Tree::from_entries(entries);
    let mut all = Tally::default();
    for (files, tree) in &packages {
        let reports = classify(&Subject { files, tree: Some(tree) }, &InTree(&together));
        all.take(&files.info.name, &reports, ScriptKind::name);
        for report in reports.iter().filter(|r| r.kind.runs_on_installation()) {
            let said = match &report.verdict {
                Verdict::NothingToDo => "nothing to do".to_owned(),
                Verdict::ReplacedBy(rules) => rules.join(" "),
                Verdict::NotReplaced { .. } => "left over".to_owned(),
            };
            println!("{}-{} {}: {said}", files.info.name, files.info.version, report.kind.name());
        }
    }
    all.print_leftovers();
    println!("all packages: {}", all.line());
    Ok(())
}

fn read(path: &Path) -> Result<(ControlFiles, Tree)> {
    let package = std::io::BufReader::new(std::fs::File::open(path)?);
    let mut writer = Writer::new(Vec::new());
    // Only statistics are made of it: whose it is does not matter here.
    let proof = Proof { control: None, keys: None };
    let files = unpack(package, &proof, &Limits::default(), &mut writer)?.files;
    let payload = writer.finish()?;
    Ok((files, Payload::read(&payload, payload.len() as u64, PayloadIx(0))?.tree))
}
