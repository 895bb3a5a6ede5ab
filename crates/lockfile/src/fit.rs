use std::collections::BTreeMap;

use oci::Platform;

use crate::Lockfile;

/// Whether a lock still fits a recipe. Found without any index.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fit {
    /// It has what the recipe asks for.
    Fits,
    /// The recipe asks for something else now: what, one line each.
    Drifted(Vec<String>),
}

impl Lockfile {
    /// Compares what was asked when the lock was made with what is asked now, and whether every
    /// platform is there.
    pub fn fit(&self, requests: &BTreeMap<String, Vec<String>>, platforms: &[Platform], composition: u32) -> Fit {
        let mut drift = Vec::new();
        for (variant, now) in requests {
            let Some(then) = self.requests.get(variant) else {
                drift.push(format!("variant {variant} is not locked"));
                continue;
            };
            drift.extend(now.iter().filter(|l| !then.contains(l)).map(|l| format!("{variant}: asked now: {l}")));
            drift.extend(then.iter().filter(|l| !now.contains(l)).map(|l| format!("{variant}: no longer asked: {l}")));
        }
        drift.extend(
            self.requests.keys().filter(|v| !requests.contains_key(*v)).map(|v| format!("variant {v} is gone from the recipe")),
        );
        for platform in platforms {
            let asks_packages = requests.values().flatten().any(|l| l.starts_with("package "));
            if asks_packages && !self.packages.iter().any(|p| p.platform == *platform) {
                drift.push(format!("platform {platform} is not locked"));
            }
        }
        if self.composition != composition {
            drift.push(format!("made by revision {} of the rules of composition; this is {composition}", self.composition));
        }
        if drift.is_empty() { Fit::Fits } else { Fit::Drifted(drift) }
    }
}
