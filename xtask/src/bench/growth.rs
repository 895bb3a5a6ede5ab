use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::Result;

use super::Bench;
use super::base::{distil, forget, succeed};
use super::made_up::random;
use super::measure::series;
use super::plot::{Curve, Plot, draw};
use super::table::{Quantity, Row};

/// Debian's words for the architectures that a recipe may have.
const ARCHS: [&str; 6] = ["amd64", "arm64", "armhf", "s390x", "ppc64el", "riscv64"];

/// Cold builds (packages there, nothing derived) over more and more packages, images, architectures:
/// is it linear or better? The last row of each is the growth of time over the growth of the thing.
pub(super) fn curves(bench: &Bench) -> Result<Vec<Row>> {
    let packages = curve(bench, "packages", &[10, 30, 100, 300, 1000], |dir, n| {
        write_packages(dir, n)?;
        write_recipe(dir, "app.yaml", n, 1)?;
        Ok(vec!["app.yaml".to_owned()])
    })?;
    let images = curve(bench, "images", &[1, 10, 100, 1000], |dir, n| {
        write_packages(dir, 10)?;
        let names: Vec<String> = (0..n).map(|i| format!("app{i}.yaml")).collect();
        names.iter().try_for_each(|name| write_recipe(dir, name, 10, 1))?;
        Ok(names)
    })?;
    let archs = curve(bench, "architectures", &[1, 2, 3, 4, 5, 6], |dir, n| {
        write_packages(dir, 100)?;
        write_recipe(dir, "app.yaml", 100, n)?;
        Ok(vec!["app.yaml".to_owned()])
    })?;
    let curves = [packages, images, archs];
    let file = testkit::workspace().join("docs/measurements/growth.svg");
    std::fs::write(&file, draw(&curves.each_ref().map(Plot::of)))?;
    Ok(curves.iter().flat_map(rows).collect())
}

fn rows(curve: &Curve) -> Vec<Row> {
    let (Some(first), Some(last)) = (curve.points.first(), curve.points.last()) else { return Vec::new() };
    let what = |n: u32| format!("cold build, {n} {}", curve.of);
    let ratio = (last.seconds / first.seconds) / (f64::from(last.n) / f64::from(first.n));
    vec![
        Row::new(&what(first.n), Quantity::Seconds(first.seconds)),
        Row::new(&what(last.n), Quantity::Seconds(last.seconds)).beside(
            "growth of time / growth of number",
            Quantity::Seconds(first.seconds),
            ratio,
        ),
        Row::new(&format!("{}, RSS", what(last.n)), Quantity::Megabytes(last.megabytes)).beside(
            &format!("{} {}", first.n, curve.of),
            Quantity::Megabytes(first.megabytes),
            last.megabytes / first.megabytes,
        ),
    ]
}

fn curve(
    bench: &Bench,
    of: &'static str,
    numbers: &[u32],
    world: impl Fn(&Path, u32) -> Result<Vec<String>>,
) -> Result<Curve> {
    let mut curve = Curve { of, points: Vec::new() };
    for &n in numbers {
        let dir = bench.room.path().join(format!("growth-{of}-{n}"));
        std::fs::create_dir_all(&dir)?;
        let recipes = world(&dir, n)?;
        let home = dir.join("home");
        let build = build(bench, &dir, &home, &recipes);
        succeed(&mut self::build(bench, &dir, &home, &recipes))?;
        let runs = series(bench.runs.min(3), &|| forget(&home), &build)?;
        curve.point(n, runs.wall(), runs.rss());
        std::fs::remove_dir_all(&dir)?;
    }
    Ok(curve)
}

fn build(bench: &Bench, dir: &Path, home: &Path, recipes: &[String]) -> Command {
    let mut build = distil(bench, home);
    build.arg("build").args(recipes).args(["--offline", "--quiet"]).current_dir(dir);
    build
}

/// Packages of five files and 100 kB, half of it compressible.
fn write_packages(dir: &Path, n: u32) -> Result<()> {
    let debs: PathBuf = dir.join("debs");
    std::fs::create_dir_all(&debs)?;
    for i in 0..n {
        let name = format!("made-up-{i}");
        let mut package = testkit::Package::new(&name, "1")
            .arch("all")
            .compression(testkit::Compression::Gzip)
            .file(&format!("/usr/share/doc/{name}/copyright"), "free\n");
        for file in 0..4_u32 {
            let mut body = random(i * 4 + file, 12_500);
            body.resize(25_000, b' ');
            package = package.file(&format!("/usr/lib/{name}/{file}"), body);
        }
        std::fs::write(debs.join(format!("{name}.deb")), package.deb())?;
    }
    Ok(())
}

fn write_recipe(dir: &Path, file: &str, packages: u32, archs: u32) -> Result<()> {
    let names: Vec<String> = (0..packages).map(|i| format!("made-up-{i}")).collect();
    let archs = ARCHS[..archs as usize].join(", ");
    let text = format!(
        "contents:\n  repositories: [./debs]\n  packages: [{}]\nenvironment: {{IMAGE: {file}}}\narchs: [{archs}]\n",
        names.join(", ")
    );
    Ok(std::fs::write(dir.join(file), text)?)
}
