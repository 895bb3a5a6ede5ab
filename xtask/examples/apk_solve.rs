//! Measures a world of apk packages: reading its indexes, loading their shelves, solving over them.
//!
//! `cargo run --release --package xtask --example apk_solve -- [APKINDEX.tar.gz]… -- [LINE]…`
#![allow(clippy::print_stdout, clippy::disallowed_methods, reason = "a measurement for a terminal")]

use std::time::{Duration, Instant};

use apk::Limits;
use apk::index::{read_index, signed_part};
use package::{Arch, Shelf, ShelfSource, Universe};
use solve::apk::{Request, Solver, solve};

type Failure = Box<dyn std::error::Error>;

fn main() -> Result<(), Failure> {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let split = words.iter().position(|w| w == "--").ok_or("usage: apk_solve INDEX… -- LINE…")?;
    let runs: usize = std::env::var("RUNS").ok().and_then(|n| n.parse().ok()).unwrap_or(21);
    let arch = Arch::from_apk("x86_64")?;
    let limits = Limits::default();
    let mut universe = Universe::new();
    for file in &words[..split] {
        let bytes = std::fs::read(file)?;
        let make = || Ok(read_index(signed_part(&bytes, &limits)?.bytes, &arch, &limits)?.shelf);
        report(&format!("read {file}"), runs.min(5), || make().map(drop))?;
        let shelf = make()?;
        println!("its shelf: {} bytes", shelf.len());
        universe.add(Shelf::from_bytes(shelf)?, ShelfSource::distribution(file));
    }
    let request = Request::lines("amd64", words[split + 1..].iter().map(String::as_str));
    let chosen = solve(&universe, &request).map_err(|e| e.to_string())?.chosen.len();
    println!("{chosen} packages of {}", universe.len());
    report("read for solving", runs, || {
        Solver::new(&universe, "amd64");
        Ok(())
    })?;
    report("solve, the first of a universe", runs, || {
        solve(&universe, &request).map(drop).map_err(|e| e.to_string().into())
    })?;
    let mut solver = Solver::new(&universe, "amd64");
    report("solve, another of the same", runs, || {
        solver.solve(&request).map(drop).map_err(|e| e.to_string().into())
    })
}

fn report(what: &str, runs: usize, mut work: impl FnMut() -> Result<(), Failure>) -> Result<(), Failure> {
    let mut times: Vec<Duration> = Vec::new();
    for _ in 0..runs {
        let start = Instant::now();
        work()?;
        times.push(start.elapsed());
    }
    times.sort();
    let ms = |d: Duration| d.as_secs_f64() * 1000.0;
    println!("{what}: best {:.2} ms, median {:.2} ms", ms(times[0]), ms(times[times.len() / 2]));
    Ok(())
}
