use std::collections::HashMap;

use package::Arch;
use rootfs::Payloads;

/// The user's certificates on their way into the bundle and, because the image has a Java, into the
/// keystore: refused with a reason, or there in both.
pub(crate) fn certificates(data: &[u8]) {
    const RECIPE: &str = "contents:\n  distribution: debian-13\n  files: [{path: /usr/lib/jvm/x/bin/java, content: x}]\ncertificates: {additional: [ca.pem]}\n";
    static RESOLVED: std::sync::OnceLock<recipe::Resolved> = std::sync::OnceLock::new();
    let amd64 = Arch::new("amd64");
    let resolved = RESOLVED.get_or_init(|| {
        let recipe = recipe::parse("fuzz.yaml", RECIPE).expect("our recipe");
        recipe.resolve(None, &Arch::new("amd64")).expect("our recipe")
    });
    let bodies = Payloads::new();
    let made = compose::compose(compose::ComposeInput {
        recipe: resolved,
        arch: &amd64,
        packages: Vec::new(),
        apk_keys: Vec::new(),
        own_files: vec![None],
        certificates: vec![Some(data.to_vec())],
        objects: &HashMap::new(),
        bodies: &bodies,
        derived: bodies.next(),
        epoch: None,
        base: None,
    });
    match made {
        Ok(composition) => {
            assert!(composition.rootfs.tree.get("etc/ssl/certs/ca-certificates.crt").is_some(), "no bundle");
        }
        Err(error) => assert!(matches!(error, compose::ComposeError::Certificate { .. }), "{error}"),
    }
}
