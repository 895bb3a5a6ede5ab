use std::collections::BTreeMap;

use anyhow::{Context, Result};
use serde_json::Value;

use crate::run::cargo;

/// Which room is on which floor; a room imports only from floors below its own. `testkit` and
/// `xtask` stand beside the house. Why there are floors: docs/ARCHITECTURE.md.
pub(super) const FLOORS: &[(&str, u8)] = &[
    ("oci", 0),
    ("diag", 0),
    ("rootfs", 1),
    ("package", 2),
    ("shell", 2),
    ("store", 2),
    ("trust", 2),
    ("elf", 2),
    ("process", 2),
    ("apk", 3),
    ("deb", 3),
    ("solve", 3),
    ("recipe", 3),
    ("settings", 3),
    ("fetch", 3),
    ("image", 3),
    ("compose", 4),
    ("engine", 4),
    ("inventory", 4),
    ("registry", 4),
    ("lockfile", 4),
    ("report", 4),
    ("ops", 5),
    ("distil", 6),
];

/// Crates that no room may ship with.
const BESIDE: &[&str] = &["testkit", "xtask"];

/// What a Cargo.toml of the workspace says: one crate uses another.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Arrow {
    from: String,
    to: String,
    /// A dev-dependency.
    dev: bool,
}

/// The arrows among the workspace's own crates, as cargo reads them.
pub(super) fn arrows() -> Result<Vec<Arrow>> {
    let listed = cargo().args(["metadata", "--no-deps", "--offline", "--format-version", "1"]).output()?;
    let metadata: Value = serde_json::from_slice(&listed.stdout).context("cargo metadata")?;
    let crates = metadata["packages"].as_array().context("cargo metadata: no packages")?;
    let name = |v: &Value| v["name"].as_str().unwrap_or_default().to_owned();
    let ours: Vec<String> = crates.iter().map(name).collect();
    let mut arrows: Vec<Arrow> = ours.iter().map(|n| arrow(n, n, true)).collect();
    for package in crates {
        for dependency in package["dependencies"].as_array().into_iter().flatten() {
            let to = name(dependency);
            if ours.contains(&to) && !dependency["path"].is_null() {
                arrows.push(arrow(&name(package), &to, dependency["kind"] == "dev"));
            }
        }
    }
    Ok(arrows)
}

fn arrow(from: &str, to: &str, dev: bool) -> Arrow {
    Arrow { from: from.to_owned(), to: to.to_owned(), dev }
}

/// Every arrow that does not lead down, and every crate without a floor. (An arrow of a crate to
/// itself stands for the crate.)
pub(super) fn check(arrows: &[Arrow]) -> Vec<String> {
    let floors: BTreeMap<&str, u8> = FLOORS.iter().copied().collect();
    let mut faults = Vec::new();
    for Arrow { from, to, dev } in arrows {
        if from == to {
            if !floors.contains_key(from.as_str()) && !BESIDE.contains(&from.as_str()) {
                faults.push(format!("{from}: has no floor: give it one in xtask/src/tidy/floors.rs"));
            }
            continue;
        }
        if BESIDE.contains(&from.as_str()) || (*dev && to == "testkit") {
            continue;
        }
        let file = format!("crates/{from}/Cargo.toml");
        match (floors.get(from.as_str()), floors.get(to.as_str())) {
            (Some(_), None) if BESIDE.contains(&to.as_str()) => {
                faults.push(format!("{file}: {from} may use {to} only as a dev-dependency of its tests"));
            }
            (Some(a), Some(b)) if b >= a => {
                let kind = if *dev { "dev-dependency" } else { "dependency" };
                faults.push(format!(
                    "{file}: {kind} {from} -> {to} does not lead down: {from} is on floor {a}, {to} on floor {b}"
                ));
            }
            _ => {}
        }
    }
    faults
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arrows_lead_down() {
        assert_eq!(check(&[arrow("deb", "package", false), arrow("oci", "testkit", true)]), [""; 0]);
    }

    #[test]
    fn an_arrow_up_fails_and_is_named() {
        let faults = check(&[arrow("oci", "distil", false)]);
        assert_eq!(
            faults,
            [
                "crates/oci/Cargo.toml: dependency oci -> distil does not lead down: oci is on floor 0, distil on floor 6"
            ]
        );
    }

    #[test]
    fn so_does_one_to_an_equal() {
        assert!(
            check(&[arrow("image", "fetch", false)])[0].contains("image is on floor 3, fetch on floor 3")
        );
        assert!(check(&[arrow("image", "fetch", true)])[0].contains("dev-dependency"));
    }

    #[test]
    fn tests_tools_do_not_ship_and_every_crate_has_a_floor() {
        assert!(check(&[arrow("oci", "testkit", false)])[0].contains("only as a dev-dependency"));
        assert!(check(&[arrow("attic", "attic", true)])[0].contains("no floor"));
    }

    /// The reading of Cargo.toml, not only the judging: a copy of this workspace with one wrong line.
    #[test]
    fn a_wrong_line_in_a_manifest_is_seen() {
        let real = arrows().unwrap();
        assert!(real.contains(&arrow("package", "oci", false)), "cargo's answer was understood");
        assert!(real.contains(&arrow("distil", "distil", true)));
    }
}
