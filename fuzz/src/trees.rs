use rootfs::payload::{Payload, Writer};
use rootfs::{Node, PayloadIx, tar as archive};

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
