use crate::somebodys;

#[test]
fn tells_what_each_layer_brought() {
    let machine = somebodys::machine();
    let ran = machine.distil(&["history", "oci:foreign:it"]).good();
    for line in [
        "ADD file:abc in /",
        "2 packages: +dash 0.5.12-12, +libc6 2.41-12",
        "RUN /bin/sh -c make install # buildkit",
        "2 deleted; hides 10 B below",
        "1 replaced; hides 6 B below",
        "    -  ",
        "ENV PATH=/bin",
    ] {
        assert!(ran.stdout.contains(line), "no `{line}` in {}", ran.stdout);
    }
    assert!(!ran.stdout.contains("/tmp/build"), "paths only where they are asked for");
    let ran = machine.distil(&["history", "oci:foreign:it", "--files"]).good();
    assert!(ran.stdout.contains("deleted  /tmp/build/cache (10 B)"), "{}", ran.stdout);
    assert!(ran.stdout.contains("replaced /etc/motd (8 B)"), "{}", ran.stdout);
    let json: serde_json::Value =
        serde_json::from_str(&machine.distil(&["history", "oci:foreign:it", "--json"]).good().stdout)
            .unwrap();
    let steps = json["steps"].as_array().unwrap();
    assert_eq!((steps.len(), &steps[3]["layer"]), (4, &serde_json::Value::Null));
    assert_eq!(steps[1]["layer"]["deleted"], 2);
}
