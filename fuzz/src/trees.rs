use rootfs::payload::{Payload, Writer};
use rootfs::{Entry, MemoryPayload, Node, Owner, PayloadIx, Tree, changes, flatten, tar as archive};

/// A tar archive: what is accepted becomes a payload whose paths stay inside the tree.
pub(crate) fn tar(data: &[u8]) {
    let limits = archive::Limits { members: 4096, body_bytes: 4 << 20, ..archive::Limits::default() };
    let mut reader = archive::Reader::new(data, limits);
    let mut out = Writer::new(Vec::new());
    let mut sound = true;
    loop {
        match reader.next() {
            Ok(Some(member)) => {
                let path = member.path.to_vec();
                assert!(!path.starts_with(b"/") && !path.contains(&0), "a path leaves the tree");
                assert!(path.split(|b| *b == b'/').all(|part| part != b".."), "a path climbs");
                if sound && out.append(member, &mut reader).is_err() {
                    sound = false;
                }
            }
            Ok(None) => break,
            Err(_) => return,
        }
    }
    if sound && let Ok(bytes) = out.finish() {
        read_back(bytes);
    }
}

fn read_back(bytes: Vec<u8>) {
    let payload =
        Payload::read(&bytes, bytes.len() as u64, PayloadIx(0)).expect("a payload just written opens");
    for entry in payload.tree.entries().iter().take(256) {
        if let Node::File(body) = &entry.node {
            let mut content = vec![0; usize::try_from(body.size).expect("small")];
            rootfs::ReadAt::read_exact_at(&bytes[..], body.offset, &mut content).expect("a body inside");
            assert_eq!(oci::Digest::of(&content), body.digest);
        }
    }
}

/// Bytes that claim to be a payload: a damaged cache must not take the process down.
pub(crate) fn payload(data: &[u8]) {
    let data = &data.to_vec();
    let Ok(payload) = Payload::read(data, data.len() as u64, PayloadIx(0)) else { return };
    for (n, entry) in payload.tree.entries().iter().enumerate().take(256) {
        let _ = payload.fact(n);
        if let Node::File(body) = &entry.node {
            assert!(body.offset + body.size <= data.len() as u64, "a body outside");
        }
    }
    let names: Vec<String> = payload.extras().map(str::to_owned).collect();
    for name in names {
        let _ = payload.extra(data, &name);
    }
}

/// The members of an archive dealt to two layers of somebody's image: what a container sees of them has
/// no whiteout and stands on directories, and what a layer of ours says of a change makes that change.
pub(crate) fn layers(data: &[u8]) {
    let (deal, data) = super::choice(data);
    let limits = archive::Limits { members: 512, body_bytes: 1 << 20, ..archive::Limits::default() };
    let mut bodies = MemoryPayload::new(PayloadIx(0));
    let mut layers = [Vec::new(), Vec::new()];
    let mut reader = archive::Reader::new(data, limits);
    while let Ok(Some(member)) = reader.next() {
        let mut content = Vec::new();
        if std::io::Read::read_to_end(&mut reader, &mut content).is_err() {
            return;
        }
        let n = layers[0].len() + layers[1].len();
        layers[usize::from(deal >> (n % 8) & 1)]
            .push(member.into_entry(Some(bodies.add(&content)), Owner::Implicit));
    }
    let [lower, upper] = layers.map(Tree::from_entries);
    // A payload has none of these: a link's file stands before it in its own layer.
    let lost = |tree: &Tree, entry: &Entry| match &entry.node {
        Node::Hardlink(file) => !tree.get(file).is_some_and(|e| matches!(e.node, Node::File(_))),
        _ => false,
    };
    if [&lower, &upper].iter().any(|tree| tree.entries().iter().any(|e| lost(tree, e))) {
        return;
    }
    let flat = |layers: Vec<Tree>| flatten(layers, u64::MAX).expect("no limit");
    let (lower, whole) = (flat(vec![lower.clone()]), flat(vec![lower, upper]));
    for tree in [&lower, &whole] {
        for entry in tree.entries().iter().filter(|e| !e.path.is_empty()) {
            let above = rootfs::path::parent(entry.path.as_ref()).unwrap_or_default();
            assert!(
                above.is_empty() || tree.get(above).is_some_and(Entry::is_dir),
                "{} stands on nothing",
                entry.path
            );
            assert!(!rootfs::path::file_name(entry.path.as_ref()).starts_with(b".wh."), "a whiteout stays");
        }
    }
    let layer = changes(&lower, &whole, &mut || bodies.add(b""));
    assert_eq!(seen(&flat(vec![lower, layer])), seen(&whole));
}

/// What counts in a tree; the time of a directory does not.
fn seen(tree: &Tree) -> Vec<Entry> {
    let same = |entry: &Entry| {
        let mtime = if entry.is_dir() { 0 } else { entry.mtime };
        Entry { owner: Owner::Implicit, mtime, ..entry.clone() }
    };
    tree.entries().iter().map(same).collect()
}
