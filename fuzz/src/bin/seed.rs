//! Writes the seeds to `fuzz/seeds/TARGET/`, named by their content: `cargo xtask fuzz --seed`.
use std::path::Path;

fn main() -> std::io::Result<()> {
    let top = Path::new(env!("CARGO_MANIFEST_DIR")).join("seeds");
    for (target, seeds) in fuzz::seeds() {
        let folder = top.join(target);
        std::fs::create_dir_all(&folder)?;
        println!("{target:<20} {} seeds", seeds.len());
        for seed in seeds {
            std::fs::write(folder.join(oci::Digest::of(&seed).short()), seed)?;
        }
    }
    Ok(())
}
