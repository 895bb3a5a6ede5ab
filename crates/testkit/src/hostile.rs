//! Packages that attack their reader, each with the reason why it must be refused.
//!
//! The catalogue follows the attacks that others suffered (advisories and CVEs named per row). It
//! serves three times: each row is a test of the room that must refuse it, the whole goes through
//! the binary once, and all of it seeds the fuzzer.

use crate::ar::Ar;
use crate::tar::{Entry, tar};
use crate::{Compression, Package};

/// One attack.
#[derive(Debug, Clone)]
pub struct Hostile {
    /// A name for test output and seed files.
    pub name: &'static str,
    /// What it tries.
    pub tries: &'static str,
    /// The package.
    pub deb: Vec<u8>,
}

/// All of them; none may be accepted, none may take more than a few megabytes of memory.
pub fn debs() -> &'static [Hostile] {
    static ALL: std::sync::OnceLock<Vec<Hostile>> = std::sync::OnceLock::new();
    ALL.get_or_init(|| [containers(), names(), links(), headers(), kinds(), bombs()].concat())
}

/// The data.tar of those attacks that work at that layer, uncompressed: seeds for a reader of tar.
pub fn tars() -> Vec<Vec<u8>> {
    named_tars().into_iter().map(|(_, tar)| tar).collect()
}

/// The same, each with the attack it is of.
pub(crate) fn named_tars() -> Vec<(&'static Hostile, Vec<u8>)> {
    let member = |deb: &[u8]| {
        // After the magic: headers of 60 bytes, whose size field stands at 48 (deb(5)).
        let mut at = 8;
        while let Some(header) = deb.get(at..at + 60) {
            let size: usize = std::str::from_utf8(&header[48..58]).ok()?.trim().parse().ok()?;
            let body = deb.get(at + 60..at + 60 + size)?;
            if header.starts_with(b"data.tar.xz") {
                let mut out = Vec::new();
                let mut xz = liblzma::read::XzDecoder::new(body);
                std::io::Read::read_to_end(&mut xz, &mut out).ok()?;
                return Some(out);
            }
            if header.starts_with(b"data.tar ") {
                return Some(body.to_vec());
            }
            at += 60 + size.next_multiple_of(2);
        }
        None
    };
    let bombs = |h: &&Hostile| !h.name.starts_with("bomb");
    debs().iter().filter(bombs).filter_map(|h| Some((h, member(&h.deb)?))).collect()
}

/// A sound package around these members of data.tar.
fn with(entries: &[Entry]) -> Vec<u8> {
    entries.iter().cloned().fold(Package::new("evil", "1").bare(), Package::entry).deb()
}

fn sound_control() -> Vec<u8> {
    let paragraph = Package::new("evil", "1").paragraph();
    tar(&[Entry::dir("./", 0o755), Entry::file("./control", 0o644, paragraph)])
}

fn row(name: &'static str, tries: &'static str, deb: Vec<u8>) -> Hostile {
    Hostile { name, tries, deb }
}

/// The ar layer (deb(5); CVE-2020-27350, apt issue 111).
fn containers() -> Vec<Hostile> {
    let control = sound_control();
    let data = tar(&[]);
    let start = || Ar::new().member("debian-binary", b"2.0\n");
    let huge_control = tar(&[Entry::dir("./", 0o755), Entry::file("./control", 0o644, vec![b'a'; 20 << 20])]);
    vec![
        row("empty", "no bytes at all", Vec::new()),
        row("not-ar", "another file format", b"PK\x03\x04 not an ar archive at all".to_vec()),
        row("ar-magic-only", "an archive of no members", Ar::new().bytes()),
        row(
            "ar-size-negative",
            "a negative member size",
            start().raw_member(b"control.tar", "-1", &control).member("data.tar", &data).bytes(),
        ),
        row(
            "ar-size-huge",
            "a member size past the end of the file",
            start().raw_member(b"control.tar", "9999999999", &control).member("data.tar", &data).bytes(),
        ),
        row(
            "ar-size-not-a-number",
            "a member size that is no number",
            start().raw_member(b"control.tar", "12x4", &control).member("data.tar", &data).bytes(),
        ),
        row(
            "ar-size-empty",
            "no member size",
            start().raw_member(b"control.tar", "", &control).member("data.tar", &data).bytes(),
        ),
        row("ar-header-cut", "an ar header cut in the middle", start().raw(b"control.tar   17356").bytes()),
        row("ar-no-data", "no data.tar", start().member("control.tar", &control).bytes()),
        row("ar-no-control", "no control.tar", start().member("data.tar", &data).bytes()),
        row(
            "ar-order",
            "data.tar before control.tar",
            start().member("data.tar", &data).member("control.tar", &control).bytes(),
        ),
        row(
            "ar-two-data",
            "two data.tar, of which readers pick different ones",
            start()
                .member("control.tar", &control)
                .member("data.tar", &data)
                .member("data.tar", &data)
                .bytes(),
        ),
        row(
            "ar-no-version",
            "no debian-binary",
            Ar::new().member("control.tar", &control).member("data.tar", &data).bytes(),
        ),
        row(
            "ar-version",
            "a format version of the future",
            Ar::new()
                .member("debian-binary", b"3.0\n")
                .member("control.tar", &control)
                .member("data.tar", &data)
                .bytes(),
        ),
        row(
            "ar-unknown-compression",
            "a compression nobody knows",
            start().member("control.tar", &control).member("data.tar.rar", &data).bytes(),
        ),
        row(
            "ar-compression-lies",
            "bytes that are not what the suffix says",
            start().member("control.tar.xz", &control).member("data.tar.xz", &data).bytes(),
        ),
        row(
            "control-huge",
            "a control file of 20 MiB",
            start()
                .member("control.tar.zst", &Compression::Zstd.compress(&huge_control))
                .member("data.tar", &data)
                .bytes(),
        ),
        row(
            "control-none",
            "a control.tar without control",
            start().member("control.tar", &tar(&[])).member("data.tar", &data).bytes(),
        ),
    ]
}

/// Names that leave the tree or mean different things to different readers.
fn names() -> Vec<Hostile> {
    let file = |name: &[u8]| with(&[Entry::file(name, 0o644, "x")]);
    vec![
        row("name-traversal", "a file above the root", file(b"./../../etc/passwd")),
        row("name-traversal-inside", "a file above the root, by a detour", file(b"./usr/../../etc/passwd")),
        row("name-traversal-end", "a directory above itself", with(&[Entry::dir("./usr/..", 0o755)])),
        row("name-absolute", "an absolute name", file(b"/etc/passwd")),
        row("name-empty", "no name", file(b"")),
        row("name-is-root", "a plain file in place of the root", file(b"./")),
        row(
            "name-newline",
            "a name with the lines of another file in it",
            file(b"./etc/ok\nR:passwd\na:0:0:777"),
        ),
        row("name-control", "a name that changes the terminal", file(b"./etc/\x1b[2J")),
        row(
            "name-nul-pax",
            "a NUL inside a name",
            with(&[Entry::file("./a", 0o644, "x").pax("path", b"./usr/bin/a\0.txt")]),
        ),
        row(
            "name-too-long",
            "a name of 40 KiB",
            with(&[Entry::file(format!("./{}", "a/".repeat(20_000)), 0o644, "x")]),
        ),
        row(
            "name-component-too-long",
            "a file name of 256 bytes, which no file system of Linux takes",
            with(&[Entry::file(format!("./usr/{}", "a".repeat(256)), 0o644, "x")]),
        ),
        row(
            "name-pax-traversal",
            "a harmless header whose PAX path is not",
            with(&[Entry::file("./ok", 0o644, "x").pax("path", "../../etc/passwd")]),
        ),
        row(
            "name-twice",
            "one path twice, with different bytes",
            with(&[Entry::file("./usr/a", 0o644, "good"), Entry::file("./usr/a", 0o755, "evil")]),
        ),
    ]
}

/// Links that lead writes elsewhere (dpkg's t-unpack-symlink, GHSA-3cv2-h65g-fgmm).
fn links() -> Vec<Hostile> {
    vec![
        row(
            "link-write-through",
            "a file written through a symbolic link of the same package",
            with(&[Entry::symlink("./usr/x", "/etc"), Entry::file("./usr/x/passwd", 0o644, "x")]),
        ),
        row(
            "link-write-out",
            "a file written through a link out of the tree",
            with(&[Entry::symlink("./x", "../../../.."), Entry::file("./x/etc/cron.d/x", 0o644, "x")]),
        ),
        row(
            "hardlink-outside",
            "a hard link to a file above the root",
            with(&[Entry::hardlink("./usr/shadow", "../../etc/shadow")]),
        ),
        row(
            "hardlink-absolute",
            "a hard link to an absolute name",
            with(&[Entry::hardlink("./usr/shadow", "/etc/shadow")]),
        ),
        row(
            "hardlink-nowhere",
            "a hard link to a file that the package has not",
            with(&[Entry::hardlink("./usr/a", "./usr/b")]),
        ),
        row("hardlink-itself", "a hard link to itself", with(&[Entry::hardlink("./usr/a", "./usr/a")])),
        row(
            "hardlink-to-directory",
            "a hard link to a directory",
            with(&[Entry::dir("./usr/", 0o755), Entry::hardlink("./a", "./usr/")]),
        ),
        row("symlink-empty", "a symbolic link to nothing", with(&[Entry::symlink("./usr/a", "")])),
        row(
            "file-as-directory",
            "a file below a plain file",
            with(&[Entry::file("./usr", 0o644, "x"), Entry::file("./usr/a", 0o644, "x")]),
        ),
    ]
}

/// Headers on which two readers may disagree (RUSTSEC-2025-0111 alias CVE-2025-62518,
/// RUSTSEC-2026-0067, -0068, -0112, -0113).
fn headers() -> Vec<Hostile> {
    let hidden = tar(&[Entry::file("./usr/bin/hidden", 0o755, "evil")]);
    let smuggled = || Entry::file("./usr/share/doc/x", 0o644, hidden[..1024].to_vec());
    let bad_pax = |records: &[u8]| {
        with(&[
            Entry { body: records.to_vec(), ..Entry::special("./PaxHeaders/a", b'x') },
            Entry::file("./a", 0o644, "x"),
        ])
    };
    let raw_data = |bytes: &[u8]| {
        Ar::new()
            .member("debian-binary", b"2.0\n")
            .member("control.tar", &sound_control())
            .member("data.tar", bytes)
            .bytes()
    };
    let good = tar(&[Entry::file("./a", 0o644, vec![b'x'; 5000])]);
    vec![
        row("pax-size-larger", "a PAX size other than the header's", with(&[smuggled().pax("size", "2048")])),
        row("pax-size-smaller", "a PAX size of 0 beside a full header", with(&[smuggled().pax("size", "0")])),
        row(
            "header-size-zero",
            "a header size of 0 beside a PAX size: the body reads as members",
            with(&[smuggled().pax("size", "1024").claims(0)]),
        ),
        row("pax-size-negative", "a negative PAX size", with(&[smuggled().pax("size", "-1")])),
        row(
            "pax-size-huge",
            "a PAX size past 64 bits",
            with(&[smuggled().pax("size", "99999999999999999999")]),
        ),
        row("pax-no-length", "a PAX record without length", bad_pax(b"path=./evil\n")),
        row("pax-length-zero", "a PAX record of length 0", bad_pax(b"0 path=./evil\n")),
        row("pax-length-lies", "a PAX record longer than its header", bad_pax(b"9999 path=./evil\n")),
        row("pax-no-equals", "a PAX record without a value", bad_pax(b"9 path_x\n")),
        row(
            "pax-before-nothing",
            "a PAX header before the end",
            with(&[Entry { body: b"10 path=a\n".to_vec(), ..Entry::special("./PaxHeaders/a", b'x') }]),
        ),
        row(
            "pax-huge",
            "a PAX header of 20 MiB",
            with(&[Entry::file("./a", 0o644, "x").pax("comment", vec![b'a'; 20 << 20])]),
        ),
        row("checksum", "a header whose checksum is wrong", {
            let entry = Entry { wrong_checksum: true, ..Entry::file("./a", 0o644, "x") };
            with(&[entry])
        }),
        row(
            "size-past-end",
            "a size past the end of the archive",
            with(&[Entry::file("./a", 0o644, "x").claims(1 << 40)]),
        ),
        row("size-base256-negative", "a negative size in base 256", {
            let mut bytes = tar(&[Entry::file("./a", 0o644, "x")]);
            bytes[124..136].fill(0xff);
            set_checksum(&mut bytes);
            raw_data(&bytes)
        }),
        row("mode-not-octal", "a mode that is no number", {
            let mut bytes = tar(&[Entry::file("./a", 0o644, "x")]);
            bytes[100..108].copy_from_slice(b"zzzzzzz\0");
            set_checksum(&mut bytes);
            raw_data(&bytes)
        }),
        row(
            "uid-overflow",
            "an owner past 32 bits",
            with(&[Entry::file("./a", 0o644, "x").owned(1 << 40, 0)]),
        ),
        row("cut-in-body", "an archive cut in a body", raw_data(&good[..3000])),
        row("cut-in-header", "an archive cut in a header", raw_data(&good[..300])),
        row(
            "no-end",
            "an archive without end blocks and with half a member",
            raw_data(&good[..good.len() - 1500]),
        ),
        row("members-after-end", "members after the end of the archive", {
            let more = tar(&[Entry::file("./usr/bin/hidden", 0o755, "evil")]);
            raw_data(&[tar(&[Entry::file("./a", 0o644, "x")]), more].concat())
        }),
    ]
}

/// Members that no package of a container may bring.
fn kinds() -> Vec<Hostile> {
    vec![
        row("device-char", "a character device", with(&[Entry::char_device("./dev/mem", 1, 1)])),
        row("device-block", "a block device", {
            with(&[Entry { kind: b'4', device: (8, 0), ..Entry::special("./dev/sda", b'4') }])
        }),
        row("fifo", "a FIFO", with(&[Entry::special("./run/fifo", b'6')])),
        row("kind-unknown", "a member of an unknown kind", with(&[Entry::special("./a", b'Z')])),
        row("kind-sparse", "a GNU sparse file", with(&[Entry::special("./a", b'S')])),
        row("kind-multivolume", "the rest of another volume", with(&[Entry::special("./a", b'M')])),
    ]
}

/// Few bytes that become many.
fn bombs() -> Vec<Hostile> {
    let zeros = |c: Compression| {
        let name = format!("data.tar{}", c.suffix());
        let header = tar(&[Entry::file("./zeros", 0o644, "").claims(1 << 30)]);
        Ar::new()
            .member("debian-binary", b"2.0\n")
            .member("control.tar", &sound_control())
            .member(&name, &compress_zeros(c, &header[..512], 1 << 30))
            .bytes()
    };
    let many: Vec<Entry> = (0..300_000).map(|n| Entry::dir(format!("./{n}/"), 0o755)).collect();
    vec![
        row("bomb-gzip", "1 GiB of zeros in gzip", zeros(Compression::Gzip)),
        row("bomb-xz", "1 GiB of zeros in xz", zeros(Compression::Xz)),
        row("bomb-zstd", "1 GiB of zeros in zstd", zeros(Compression::Zstd)),
        row("bomb-members", "300,000 members", {
            Ar::new()
                .member("debian-binary", b"2.0\n")
                .member("control.tar", &sound_control())
                .member("data.tar.zst", &Compression::Zstd.compress(&tar(&many)))
                .bytes()
        }),
        row("bomb-xz-dictionary", "an xz header that asks for a dictionary of 4 GiB", {
            let mut xz = Compression::Xz.compress(&tar(&[]));
            // Block header: size, flags, filter id 0x21, its one byte of properties (40 = 4 GiB - 1).
            xz[12 + 4] = 40;
            let crc = crc32(&xz[12..12 + 8]);
            xz[20..24].copy_from_slice(&crc.to_le_bytes());
            Ar::new()
                .member("debian-binary", b"2.0\n")
                .member("control.tar", &sound_control())
                .member("data.tar.xz", &xz)
                .bytes()
        }),
        row("bomb-zstd-window", "a zstd frame that asks for a window of 2 GiB", {
            // Magic, descriptor without single segment, window descriptor exponent 21 (2^31), one
            // empty last raw block (RFC 8878, 3.1.1).
            let frame = [0x28, 0xb5, 0x2f, 0xfd, 0x00, 21 << 3, 0x01, 0x00, 0x00];
            Ar::new()
                .member("debian-binary", b"2.0\n")
                .member("control.tar", &sound_control())
                .member("data.tar.zst", &frame)
                .bytes()
        }),
    ]
}

/// `before`, then as many zeros, as one stream each, made of repeated pieces in no time.
fn compress_zeros(c: Compression, before: &[u8], zeros: usize) -> Vec<u8> {
    match c {
        Compression::Xz => {
            // xz files may be concatenated (its format, 1.0.4, section 2); dpkg reads them as one.
            let piece = Compression::Xz.compress(&vec![0; 16 << 20]);
            [Compression::Xz.compress(before), piece.repeat(zeros >> 24)].concat()
        }
        Compression::Gzip => gzip_zeros(before, zeros),
        Compression::Zstd => {
            // A frame with a window of 128 KiB, the header as a raw block, then RLE blocks of
            // 128 KiB, four bytes each (RFC 8878, 3.1.1.2).
            let block = |kind: u32, size: usize, last: bool| {
                let size = u32::try_from(size).expect("a small block");
                (size << 3 | kind << 1 | u32::from(last)).to_le_bytes()[..3].to_vec()
            };
            let mut frame = vec![0x28, 0xb5, 0x2f, 0xfd, 0x00, 7 << 3];
            frame.extend(block(0, before.len(), false));
            frame.extend_from_slice(before);
            let rle = [block(1, 128 << 10, false), vec![0]].concat();
            frame.extend(rle.repeat(zeros >> 17));
            frame.extend(block(0, 0, true));
            frame
        }
        Compression::None => unreachable!("a bomb is compressed"),
    }
}

/// One gzip member out of one deflate fragment, repeated.
pub(crate) fn gzip_zeros(before: &[u8], zeros: usize) -> Vec<u8> {
    let fragment = |bytes: &[u8], flush: flate2::FlushCompress| {
        let mut out = Vec::with_capacity(bytes.len() + 64);
        let mut z = flate2::Compress::new(flate2::Compression::best(), false);
        z.compress_vec(bytes, &mut out, flush).expect("to memory");
        out
    };
    let piece = vec![0; 1 << 20];
    let (mut crc, mut one) = (flate2::Crc::new(), flate2::Crc::new());
    crc.update(before);
    one.update(&piece);
    let mut out = vec![0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 255];
    out.extend(fragment(before, flate2::FlushCompress::Full));
    out.extend(fragment(&piece, flate2::FlushCompress::Full).repeat(zeros >> 20));
    for _ in 0..zeros >> 20 {
        crc.combine(&one);
    }
    out.extend(fragment(&[], flate2::FlushCompress::Finish));
    out.extend(crc.sum().to_le_bytes());
    out.extend(crc.amount().to_le_bytes());
    out
}

/// The checksum of the first header, after a test changed it.
fn set_checksum(tar: &mut [u8]) {
    tar[148..156].fill(b' ');
    let sum: u32 = tar[..512].iter().map(|b| u32::from(*b)).sum();
    tar[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
}

fn crc32(bytes: &[u8]) -> u32 {
    let mut crc = flate2::Crc::new();
    crc.update(bytes);
    crc.sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_unique_and_bombs_are_small() {
        let all = debs();
        let mut names: Vec<&str> = all.iter().map(|h| h.name).collect();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), all.len());
        for bomb in all.iter().filter(|h| h.name.starts_with("bomb")) {
            assert!(bomb.deb.len() < 3 << 20, "{}: {} bytes", bomb.name, bomb.deb.len());
        }
    }

    /// Readers must meet the bomb itself, not a broken stream before it.
    #[test]
    fn bombs_go_off() {
        use std::io::Read;
        let small = 48 << 20;
        let count = |mut r: Box<dyn Read>| std::io::copy(&mut r, &mut std::io::sink()).unwrap();
        let zeros = |c| std::io::Cursor::new(compress_zeros(c, b"x", small));
        let want = small as u64 + 1;
        assert_eq!(count(Box::new(flate2::read::GzDecoder::new(zeros(Compression::Gzip)))), want);
        assert_eq!(count(Box::new(zstd::Decoder::new(zeros(Compression::Zstd)).unwrap())), want);
        assert_eq!(
            count(Box::new(liblzma::read::XzDecoder::new_multi_decoder(zeros(Compression::Xz)))),
            want
        );
    }

    #[test]
    fn the_xz_header_still_checks() {
        let deb = debs().iter().find(|h| h.name == "bomb-xz-dictionary").unwrap().deb.clone();
        let at = deb.windows(6).position(|w| w == b"\xfd7zXZ\0").unwrap();
        let mut out = Vec::new();
        let error = std::io::Read::read_to_end(
            &mut liblzma::read::XzDecoder::new_stream(
                &deb[at..],
                liblzma::stream::Stream::new_stream_decoder(64 << 20, 0).unwrap(),
            ),
            &mut out,
        );
        // Refused for its memory, not for a broken header.
        assert!(error.unwrap_err().to_string().contains("memory"), "the dictionary size was read");
    }
}
