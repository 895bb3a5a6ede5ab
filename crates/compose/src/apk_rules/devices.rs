use bstr::ByteSlice;
use rootfs::{Device, Entry, Node, Owner};

use crate::Rule;
use crate::draft::{Draft, DraftError};

/// Name, numbers and mode of what apko makes in `/dev`.
const DEVICES: [(&str, u32, u32, u32); 5] = [
    ("dev/console", 5, 1, 0o620),
    ("dev/null", 1, 3, 0o666),
    ("dev/random", 1, 8, 0o666),
    ("dev/urandom", 1, 9, 0o666),
    ("dev/zero", 1, 5, 0o666),
];

/// Makes device nodes that no package brings, for who uses the tree without a container engine.
pub(super) fn make(draft: &mut Draft<'_>) -> Result<(), DraftError> {
    for (path, major, minor, mode) in DEVICES {
        if !draft.exists(path.as_bytes().as_bstr()) {
            let node = Node::Special(Device::Char { major, minor });
            draft.put_made(Entry::new(path, node, mode, Owner::Derived), Rule::Devices)?;
        }
    }
    Ok(())
}
