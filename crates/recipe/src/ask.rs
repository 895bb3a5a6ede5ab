use package::Comparison;

/// One package that the recipe asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ask {
    /// As the user wrote it.
    pub text: String,
    /// The package's name.
    pub name: String,
    /// After the colon of a name, in Debian's word; none: the architecture of the image.
    pub arch: Option<String>,
    /// Which of its versions.
    pub want: Want,
}

/// Which version of a package is asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Want {
    /// The best one.
    Any,
    /// One that the bound admits (`libc6 (>= 2.36)`; `name=version` is `=`).
    Bound {
        /// The operator.
        comparison: Comparison,
        /// The version.
        version: String,
    },
    /// The one of a suite, by suite or code name (`name/suite`).
    Suite(String),
    /// apk's own syntax after the name: `=1.2-r0`, `~1.2`, `>2@edge` …; the solver of that world reads it.
    Apk {
        /// Operator and version, empty if there is only a tag.
        constraint: String,
        /// After the `@`.
        tag: Option<String>,
    },
}
