use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// What an image runs on: `os/architecture[/variant]`, in Go's words (image-spec, image-index.md).
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Platform {
    /// CPU architecture (`amd64`, `arm64`, `arm` …), GOARCH.
    pub architecture: String,
    /// Operating system (`linux`), GOOS.
    pub os: String,
    /// Version of the operating system; only ever read.
    #[serde(rename = "os.version", default, skip_serializing_if = "Option::is_none")]
    pub os_version: Option<String>,
    /// CPU variant (`v7` of `arm`, `v8` of `arm64`).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub variant: Option<String>,
}

impl Platform {
    /// A Linux platform without a variant.
    pub fn linux(architecture: &str) -> Platform {
        Platform {
            architecture: architecture.to_owned(),
            os: "linux".to_owned(),
            os_version: None,
            variant: None,
        }
    }

    /// The same with a variant.
    pub fn with_variant(mut self, variant: &str) -> Platform {
        self.variant = Some(variant.to_owned());
        self
    }

    /// The platform of the machine that we run on.
    pub fn host() -> Platform {
        match std::env::consts::ARCH {
            "x86_64" => Platform::linux("amd64"),
            "x86" => Platform::linux("386"),
            "aarch64" => Platform::linux("arm64"),
            "arm" => Platform::linux("arm").with_variant("v7"),
            "powerpc64" => Platform::linux("ppc64le"),
            other => Platform::linux(other),
        }
    }
}

impl fmt::Display for Platform {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.os, self.architecture)?;
        match &self.variant {
            Some(v) => write!(f, "/{v}"),
            None => Ok(()),
        }
    }
}

/// A text that is not a platform.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is not a platform (expected os/architecture or os/architecture/variant, as linux/amd64)")]
pub struct PlatformError {
    /// What was given.
    pub text: String,
}

impl FromStr for Platform {
    type Err = PlatformError;

    fn from_str(text: &str) -> Result<Platform, PlatformError> {
        let mut parts = text.split('/');
        let mut next = || parts.next().filter(|p| !p.is_empty());
        let (os, architecture, variant) = (next(), next(), next());
        let whole = text.split('/').count() == 2 + usize::from(variant.is_some());
        match (os, architecture) {
            (Some(os), Some(architecture)) if whole => Ok(Platform {
                architecture: architecture.to_owned(),
                os: os.to_owned(),
                os_version: None,
                variant: variant.map(str::to_owned),
            }),
            _ => Err(PlatformError { text: text.to_owned() }),
        }
    }
}
