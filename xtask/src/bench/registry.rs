//! Images to and from a registry on the loopback, beside skopeo and crane.

use std::cell::RefCell;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, anyhow, bail};

use super::Bench;
use super::measure::{Series, measure};
use super::table::{Quantity, Row};

/// One layer of so many files of a megabyte.
const FILES: usize = 200;
/// What a transfer may take in memory, whatever the layer.
const MOST_RSS: Quantity = Quantity::Megabytes(30.0);

/// Pull, push, push of the same under another name, push of what is there.
pub(super) fn transfers(bench: &Bench) -> Result<Vec<Row>> {
    let registry = testkit::machine::registry().map_err(|why| anyhow!("{why}"))?;
    let home = bench.room.path().join("registry");
    let layout = layout(&home.join("image"), FILES)?;
    let tools = tools(bench, &home, &layout);
    let at = |name: &str| format!("{}/{name}", registry.address());
    run(&tools[0].push(&at("pull:1")))?;
    let mut rows = Vec::new();
    let mut compare = |what: &str, make: &dyn Fn(&Tool, usize) -> Result<Command>| {
        let mut all: Vec<Series> = tools.iter().map(|_| Series(Vec::new())).collect();
        for round in 0..bench.runs {
            for (tool, series) in tools.iter().zip(&mut all) {
                series.0.push(measure(&make(tool, round)?)?);
            }
        }
        rows.extend(rows_of(what, &tools, &all));
        Ok::<_, anyhow::Error>(())
    };
    compare("pull of 200 MB in one layer", &|tool, _| {
        tool.forget()?;
        Ok(tool.pull(&at("pull:1")))
    })?;
    // A registry of its own each time: skopeo remembers, outside its home too, what one has.
    let fresh = RefCell::new(None);
    compare("cold push of the same", &|tool, _| {
        tool.forget()?;
        let mut fresh = fresh.borrow_mut();
        let empty = fresh.insert(testkit::machine::registry().map_err(|why| anyhow!("{why}"))?);
        Ok(tool.push(&format!("{}/cold:1", empty.address())))
    })?;
    compare("push under another repository name", &|tool, round| {
        run(&tool.push(&at(&format!("{}-first:1", tool.name))))?;
        Ok(tool.push(&at(&format!("{}-other-{round}:1", tool.name))))
    })?;
    compare("push of what is there", &|tool, _| {
        let name = at(&format!("{}-same:1", tool.name));
        run(&tool.push(&name))?;
        Ok(tool.push(&name))
    })?;
    rows.extend(huge(bench, &home, &at)?);
    Ok(rows)
}

/// What a layer of 2 GB takes in memory, of ours.
fn huge(bench: &Bench, home: &Path, at: &dyn Fn(&str) -> String) -> Result<Vec<Row>> {
    let layout = layout(&home.join("huge"), 2048)?;
    let ours = tools(bench, &home.join("of-huge"), &layout).remove(0);
    let push = measure(&ours.push(&at("huge:1")))?;
    ours.forget()?;
    let pull = measure(&ours.pull(&at("huge:1")))?;
    std::fs::remove_dir_all(home.join("huge"))?;
    ours.forget()?;
    Ok(vec![
        Row::new("push of 2 GB in one layer, RSS", Quantity::Megabytes(push.rss)).target(MOST_RSS),
        Row::new("pull of the same, RSS", Quantity::Megabytes(pull.rss)).target(MOST_RSS),
    ])
}

fn rows_of(what: &str, tools: &[Tool], all: &[Series]) -> Vec<Row> {
    let (ours, peers) = (&all[0], all.iter().zip(tools).skip(1));
    let mut rows = Vec::new();
    for (theirs, tool) in peers {
        let (wall, rss) = (Quantity::Seconds(ours.wall()), Quantity::Megabytes(ours.rss()));
        rows.push(Row::new(what, wall).target(Quantity::Seconds(theirs.wall())).beside(
            tool.name,
            Quantity::Seconds(theirs.wall()),
            ours.ratio(theirs),
        ));
        rows.push(Row::new(&format!("{what}, RSS"), rss).target(MOST_RSS).beside(
            tool.name,
            Quantity::Megabytes(theirs.rss()),
            ours.rss() / theirs.rss(),
        ));
    }
    rows
}

/// A program that copies images, with a home of its own.
struct Tool {
    name: &'static str,
    program: PathBuf,
    home: PathBuf,
    layout: PathBuf,
}

/// Ours, and the peers that the machine has.
fn tools(bench: &Bench, home: &Path, layout: &Path) -> Vec<Tool> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let on_path = |name: &str| std::env::split_paths(&path).map(|dir| dir.join(name)).find(|p| p.exists());
    let peers = [
        ("skopeo", on_path("skopeo")),
        ("crane", std::env::var_os("DISTIL_TEST_CRANE").map(PathBuf::from).or_else(|| on_path("crane"))),
    ];
    let mut all = vec![("distil", bench.distil.clone())];
    for (name, program) in peers {
        match program {
            Some(program) => all.push((name, program)),
            None => eprintln!("bench: no {name} on the PATH or in DISTIL_TEST_{}", name.to_uppercase()),
        }
    }
    let tool = |(name, program)| Tool { name, program, home: home.join(name), layout: layout.to_owned() };
    all.into_iter().map(tool).collect()
}

impl Tool {
    fn command(&self) -> Command {
        let mut command = Command::new(&self.program);
        command.env("HOME", &self.home).env("XDG_DATA_HOME", self.home.join("data"));
        command
            .env("DISTIL_CACHE_DIR", self.home.join("cache"))
            .env("DISTIL_DATA_DIR", self.home.join("store"));
        command
    }

    /// What it knows of registries, and what it pulled.
    fn forget(&self) -> Result<()> {
        if self.home.exists() {
            std::fs::remove_dir_all(&self.home)?;
        }
        Ok(std::fs::create_dir_all(&self.home)?)
    }

    fn push(&self, name: &str) -> Command {
        let mut command = self.command();
        let image = format!("oci:{}:1", self.layout.display());
        match self.name {
            "skopeo" => command
                .args(["copy", "-q", "--all", "--dest-tls-verify=false", "--src-tls-verify=false", &image])
                .arg(format!("docker://{name}")),
            "crane" => command.args(["push", "--insecure"]).arg(&self.layout).arg(name),
            _ => command.args(["-q", "copy", &image, name]),
        };
        command
    }

    fn pull(&self, name: &str) -> Command {
        let mut command = self.command();
        let out = self.home.join("out");
        match self.name {
            "skopeo" => command
                .args(["copy", "-q", "--all", "--src-tls-verify=false", &format!("docker://{name}")])
                .arg(format!("oci:{}:1", out.display())),
            "crane" => command.args(["pull", "--insecure", "--format=oci", name]).arg(out),
            _ => command.args(["-q", "copy", name]).arg(format!("oci:{}:1", out.display())),
        };
        command
    }
}

fn run(command: &Command) -> Result<()> {
    measure(command).map(drop)
}

/// A layout with one image of one layer: so many files of a megabyte that no compressor makes smaller.
fn layout(dir: &Path, files: usize) -> Result<PathBuf> {
    let tree = dir.join("tree");
    std::fs::create_dir_all(&tree)?;
    let mut state = 88_172_645_463_325_252_u64;
    for n in 0..files {
        let mut file = std::io::BufWriter::new(std::fs::File::create(tree.join(format!("file-{n:04}")))?);
        for _ in 0..(1 << 20) / 8 {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            file.write_all(&state.to_le_bytes())?;
        }
    }
    let layout = dir.join("layout");
    let tar = dir.join("layer.tar.gz");
    let packed = Command::new("tar")
        .args(["--sort=name", "--mtime=@0", "--owner=0", "--group=0", "-I", "gzip -1n", "-cf"])
        .arg(&tar)
        .arg("-C")
        .arg(&tree)
        .arg(".")
        .stdin(Stdio::null())
        .status()
        .context("tar")?;
    if !packed.success() {
        bail!("tar: {packed}");
    }
    std::fs::remove_dir_all(&tree)?;
    write_layout(&layout, &tar)?;
    std::fs::remove_file(&tar)?;
    Ok(layout)
}

/// The layer as an image of its own, under the name `1`.
fn write_layout(layout: &Path, layer: &Path) -> Result<()> {
    let blobs = layout.join("blobs/sha256");
    std::fs::create_dir_all(&blobs)?;
    let sum = |program: &str, file: &Path| -> Result<String> {
        let out = Command::new("sh").args(["-c", program, "sh"]).arg(file).output()?;
        let text = String::from_utf8(out.stdout)?;
        Ok(text.split_whitespace().next().context("no sum")?.to_owned())
    };
    let (digest, diff_id) = (sum("sha256sum \"$1\"", layer)?, sum("gzip -dc \"$1\" | sha256sum", layer)?);
    let size = std::fs::metadata(layer)?.len();
    std::fs::copy(layer, blobs.join(&digest))?;
    let put = |value: serde_json::Value| -> Result<(String, usize)> {
        let text = value.to_string();
        let file = layout.join("new");
        std::fs::write(&file, &text)?;
        let digest = sum("sha256sum \"$1\"", &file)?;
        std::fs::rename(file, blobs.join(&digest))?;
        Ok((format!("sha256:{digest}"), text.len()))
    };
    let part = |kind: &str, (digest, size): (String, usize)| serde_json::json!({ "mediaType": format!("application/vnd.oci.image.{kind}"), "digest": digest, "size": size });
    let config = put(serde_json::json!({
        "architecture": "amd64", "os": "linux", "config": {},
        "rootfs": { "type": "layers", "diff_ids": [format!("sha256:{diff_id}")] },
    }))?;
    let size = usize::try_from(size)?;
    let manifest = put(serde_json::json!({
        "schemaVersion": 2, "mediaType": "application/vnd.oci.image.manifest.v1+json",
        "config": part("config.v1+json", config),
        "layers": [part("layer.v1.tar+gzip", (format!("sha256:{digest}"), size))],
    }))?;
    let mut named = part("manifest.v1+json", manifest);
    named["annotations"] = serde_json::json!({ "org.opencontainers.image.ref.name": "1" });
    let index = serde_json::json!({ "schemaVersion": 2, "manifests": [named] });
    std::fs::write(layout.join("index.json"), index.to_string())?;
    Ok(std::fs::write(layout.join("oci-layout"), r#"{"imageLayoutVersion":"1.0.0"}"#)?)
}
