use image::{Codec, Layout, NoCache};
use oci::{Annotations, ContainerConfig, Platform};
use proptest::prelude::*;
use rootfs::{Entry, LayerGroup, Node, Owner, SegmentPlan, Tree, Xattr};

use crate::world::{Files, dir, program, write_with};

/// Something directly below `d/`, with awkward names, numbers and attributes.
#[derive(Debug, Clone)]
struct Spec {
    name: Vec<u8>,
    kind: u8,
    len: usize,
    mode: u32,
    id: u32,
    mtime: i64,
    value: Vec<u8>,
}

fn specs() -> impl Strategy<Value = Vec<Spec>> {
    let byte = any::<u8>().prop_map(|b| if b == 0 || b == b'/' { b'_' } else { b });
    let name = prop::collection::vec(byte, 1..250)
        .prop_map(|n| if n.iter().all(|b| *b == b'.') { b"dots".to_vec() } else { n });
    let value = prop::collection::vec(any::<u8>(), 0..300);
    let one =
        (name, 0u8..4, 0usize..5000, 0u32..0o10000, any::<u32>(), -5_000i64..20_000_000_000, value).prop_map(
            |(name, kind, len, mode, id, mtime, value)| Spec { name, kind, len, mode, id, mtime, value },
        );
    prop::collection::vec(one, 0..20)
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(64) })]
    #[test]
    fn any_tree_comes_back(specs in specs(), threads in 1usize..4) {
        let mut files = Files::new();
        let mut all = vec![dir("d")];
        for Spec { name, kind, len, mode, id, mtime, value } in specs {
            let path = [b"d/", name.as_slice()].concat();
            let node = match kind {
                0 => Node::Symlink(name.clone().into()),
                1 => Node::Dir,
                _ => Node::File(files.body(&program(len as u64, len))),
            };
            let mut entry = Entry { uid: id, gid: id / 3, mtime, ..Entry::new(path, node, mode, Owner::Package(0)) };
            if kind == 3 {
                entry.xattrs = vec![Xattr { name: "user.x".into(), value }];
            }
            all.push(entry);
        }
        let tree = Tree::from_entries(all);
        let segments = tree.entries().chunks(3).map(|c| SegmentPlan { entries: c.to_vec() }).collect();
        let groups = [LayerGroup { title: "all".into(), segments }];
        let temporary = tempfile::tempdir().unwrap();
        let layout = Layout::create(temporary.path()).unwrap();
        let layers = write_with(&layout, &groups, &files.bodies(), &NoCache, Codec::Gzip(1), threads);
        let made = image::assemble(
            Platform::linux("amd64"), ContainerConfig::default(), None, layers, Annotations::new(),
        );
        let index = image::index(std::slice::from_ref(&made), Annotations::new());
        image::publish(&layout, "x", &[made], &index).unwrap();
        let valid = image::validate(&layout, "x").unwrap();
        prop_assert_eq!(&valid.problems, &Vec::<String>::new());
        prop_assert_eq!(rootfs::diff(&valid.images[0].tree, &tree), []);
    }
}
