//! The catalogue: our image family, embedded from `images/`.

/// Name and text of each image, in the order in which they build on each other.
const IMAGES: [(&str, &str); 8] = [
    ("static", include_str!("../../../images/static.yaml")),
    ("base-nossl", include_str!("../../../images/base-nossl.yaml")),
    ("base", include_str!("../../../images/base.yaml")),
    ("cc", include_str!("../../../images/cc.yaml")),
    ("alpine-static", include_str!("../../../images/alpine-static.yaml")),
    ("alpine-musl", include_str!("../../../images/alpine-musl.yaml")),
    ("wolfi-static", include_str!("../../../images/wolfi-static.yaml")),
    ("wolfi-glibc", include_str!("../../../images/wolfi-glibc.yaml")),
];

/// The names of the catalogue's images.
pub fn names() -> impl Iterator<Item = &'static str> {
    IMAGES.iter().map(|(name, _)| *name)
}

/// The recipe text of an image.
pub(crate) fn find(name: &str) -> Option<&'static str> {
    IMAGES.iter().find(|(n, _)| *n == name).map(|(_, text)| *text)
}

/// How messages name the file of an image.
pub(crate) fn display_name(name: &str) -> String {
    format!("{name} (catalogue)")
}
