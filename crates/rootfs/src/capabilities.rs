/// The attribute that gives a program capabilities (capabilities(7)).
pub const CAPABILITY: &str = "security.capability";

/// The names of capabilities by number (linux/capability.h, Linux 6.x), without `cap_`.
pub const CAPABILITY_NAMES: [&str; 41] = [
    "chown",
    "dac_override",
    "dac_read_search",
    "fowner",
    "fsetid",
    "kill",
    "setgid",
    "setuid",
    "setpcap",
    "linux_immutable",
    "net_bind_service",
    "net_broadcast",
    "net_admin",
    "net_raw",
    "ipc_lock",
    "ipc_owner",
    "sys_module",
    "sys_rawio",
    "sys_chroot",
    "sys_ptrace",
    "sys_pacct",
    "sys_admin",
    "sys_boot",
    "sys_nice",
    "sys_resource",
    "sys_time",
    "sys_tty_config",
    "mknod",
    "lease",
    "audit_write",
    "audit_control",
    "setfcap",
    "mac_override",
    "mac_admin",
    "syslog",
    "wake_alarm",
    "block_suspend",
    "audit_read",
    "perfmon",
    "bpf",
    "checkpoint_restore",
];

/// The value of [`CAPABILITY`] as getcap(8) prints it: `cap_net_raw=ep`, several sets with a space between. None
/// where it is no `struct vfs_cap_data` of revision 1, 2 or 3 (linux/capability.h).
pub fn capabilities(value: &[u8]) -> Option<String> {
    let mut words = value.chunks_exact(4).map(|b| u32::from_le_bytes([b[0], b[1], b[2], b[3]]));
    let magic = words.next()?;
    let (length, root) = match magic >> 24 {
        1 => (12, false),
        2 => (20, false),
        3 => (24, true),
        _ => return None,
    };
    if value.len() != length {
        return None;
    }
    let words: Vec<u32> = words.collect();
    let effective = magic & 1 == 1;
    let bit =
        |at: usize, cap: usize| words.get(at + cap / 32 * 2).is_some_and(|w| (w >> (cap % 32)) & 1 == 1);
    let flags = |cap: usize| {
        let (permitted, inheritable) = (bit(0, cap), bit(1, cap));
        let has = [(effective && (permitted || inheritable), 'e'), (inheritable, 'i'), (permitted, 'p')];
        has.into_iter().filter(|(has, _)| *has).map(|(_, c)| c).collect::<String>()
    };
    let mut sets: Vec<(String, Vec<String>)> = Vec::new();
    let most = if length == 12 { 32 } else { 64 };
    for (cap, flags) in (0..most).map(|cap| (cap, flags(cap))).filter(|(_, flags)| !flags.is_empty()) {
        let name = CAPABILITY_NAMES.get(cap).map_or_else(|| cap.to_string(), |name| format!("cap_{name}"));
        match sets.iter_mut().find(|(of, _)| *of == flags) {
            Some((_, names)) => names.push(name),
            None => sets.push((flags, vec![name])),
        }
    }
    let mut sets: Vec<String> =
        sets.into_iter().map(|(flags, names)| format!("{}={flags}", names.join(","))).collect();
    if sets.is_empty() {
        sets.push("=".to_owned());
    }
    if let Some(id) = words.get(4).filter(|id| root && **id != 0) {
        sets.push(format!("[rootid={id}]"));
    }
    Some(sets.join(" "))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn value(magic: u32, words: &[u32]) -> Vec<u8> {
        [&[magic], words].concat().iter().flat_map(|w| w.to_le_bytes()).collect()
    }

    #[test]
    fn as_getcap_prints_them() {
        for (value, text) in [
            (value(0x0200_0001, &[1 << 13, 0, 0, 0]), "cap_net_raw=ep"),
            (value(0x0200_0000, &[(1 << 10) | (1 << 12), 0, 0, 0]), "cap_net_bind_service,cap_net_admin=p"),
            (value(0x0200_0001, &[1, 2, 1 << 6, 0]), "cap_chown,cap_perfmon=ep cap_dac_override=ei"),
            (value(0x0300_0001, &[1 << 13, 0, 0, 0, 1000]), "cap_net_raw=ep [rootid=1000]"),
            (value(0x0100_0001, &[1 << 7, 0]), "cap_setuid=ep"),
            (value(0x0200_0000, &[0, 0, 1 << 31, 0]), "63=p"),
            (value(0x0200_0000, &[0, 0, 0, 0]), "="),
        ] {
            assert_eq!(capabilities(&value).as_deref(), Some(text));
        }
    }

    #[test]
    fn other_bytes_are_none() {
        let good = value(0x0200_0001, &[1, 0, 0, 0]);
        for bytes in [&[][..], b"abc", &good[..19], &[&good[..], &[0]].concat(), &value(0x0400_0001, &[0; 4])]
        {
            assert_eq!(capabilities(bytes), None, "{bytes:?}");
        }
    }
}
