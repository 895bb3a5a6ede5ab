//! Measures an index of packages: reading it for the first time, loading its shelf, solving over it.
//!
//! `cargo run --release --package xtask --example shelf -- Packages.xz [NAME…]`
//!
//! An example rather than a bench of `cargo xtask bench`, because xtask itself is not optimised.
#![allow(clippy::print_stdout, clippy::disallowed_methods, reason = "a measurement for a terminal")]

use std::fs;
use std::io::{Read, Seek, SeekFrom};
use std::time::{Duration, Instant};

use deb::packages::{decompressor, read_packages};
use deb::release::Compression;
use package::{Shelf, ShelfSource, Universe};
use solve::apt::{Request, solve};

const LIMIT: u64 = 1 << 30;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let (index, names) = words.split_first().ok_or("usage: shelf Packages.xz [NAME…]")?;
    let bytes = fs::read(index)?;
    let mut plain = Vec::new();
    decompressor(&bytes, Compression::of(index), LIMIT, 1)?.read_to_end(&mut plain)?;
    first_time(&bytes, index, &plain)?;
    let shelf = read_packages(&bytes, Compression::of(index), LIMIT, 2)?;
    let path = std::env::temp_dir().join(format!("distil-shelf-{}", std::process::id()));
    fs::write(&path, &shelf)?;
    let outcome = load(&path, shelf.len());
    fs::remove_file(&path)?;
    outcome?;
    solving(shelf, names)?;
    Ok(())
}

fn first_time(bytes: &[u8], index: &str, plain: &[u8]) -> Result<(), String> {
    println!("index: {} bytes, {} decompressed", bytes.len(), plain.len());
    for threads in [1, 2] {
        report(&format!("decompress only, {threads} threads"), 7, || {
            let mut reader =
                decompressor(bytes, Compression::of(index), LIMIT, threads).map_err(|e| e.to_string())?;
            let mut chunk = vec![0; 1 << 20];
            while reader.read(&mut chunk).map_err(|e| e.to_string())? > 0 {}
            Ok(())
        })?;
        report(&format!("decompress, read and build, {threads} threads"), 7, || {
            read_packages(bytes, Compression::of(index), LIMIT, threads).map(drop).map_err(|e| e.to_string())
        })?;
    }
    report("read and build only", 7, || {
        read_packages(plain, Compression::None, LIMIT, 1).map(drop).map_err(|e| e.to_string())
    })
}

fn load(path: &std::path::Path, size: usize) -> Result<(), String> {
    println!("shelf: {size} bytes");
    let open = || fs::read(path).map_err(|e| e.to_string());
    report("load: whole read", 25, || Shelf::from_bytes(open()?).map(drop).map_err(|e| e.to_string()))?;
    report("load: whole read and CRC-32 of it", 25, || {
        let bytes = open()?;
        std::hint::black_box(crc32fast::hash(&bytes));
        Shelf::from_bytes(bytes).map(drop).map_err(|e| e.to_string())
    })?;
    report("load: ranged, 400 ranges of 4 KiB and the names", 25, || {
        let mut file = fs::File::open(path).map_err(|e| e.to_string())?;
        let mut chunk = vec![0; 4096];
        for i in 0..400u64 {
            let at = i * 7919 % (size as u64 / 4096) * 4096;
            file.seek(SeekFrom::Start(at)).and_then(|_| file.read(&mut chunk)).map_err(|e| e.to_string())?;
        }
        Ok(())
    })
}

fn solving(shelf: Vec<u8>, names: &[String]) -> Result<(), String> {
    let mut universe = Universe::new();
    universe.add(Shelf::from_bytes(shelf).map_err(|e| e.to_string())?, ShelfSource::distribution("debian"));
    for line in names {
        let request = Request::names("amd64", line.split_whitespace());
        let chosen = solve(&universe, &request).map_err(|e| e.to_string())?.chosen.len();
        report(&format!("solve {line}: {chosen} packages"), 15, || {
            solve(&universe, &request).map(drop).map_err(|e| e.to_string())
        })?;
    }
    Ok(())
}

fn report(what: &str, runs: usize, mut work: impl FnMut() -> Result<(), String>) -> Result<(), String> {
    let mut times: Vec<Duration> = Vec::new();
    for _ in 0..runs {
        let start = Instant::now();
        work()?;
        times.push(start.elapsed());
    }
    times.sort();
    println!(
        "{what:<60} best {:>8.2} ms, median {:>8.2} ms",
        times[0].as_secs_f64() * 1e3,
        times[runs / 2].as_secs_f64() * 1e3
    );
    Ok(())
}
