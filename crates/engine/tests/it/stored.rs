use std::path::Path;

use image::{Codec, Image, LayerWriter, Layout, NoCache};
use oci::{Annotations, ContainerConfig, Platform};
use rootfs::{Entry, LayerGroup, MemoryPayload, Node, Owner, PayloadIx, Payloads, SegmentPlan};

/// An image `app:1` for two platforms in a layout, of some noise, the same in
/// all of them, and a program at `/say` in a layer above.
pub(crate) fn stored(dir: &Path, program: &[u8], codec: Codec) -> (Layout, Vec<Image>) {
    let layout = Layout::create(dir).unwrap();
    let mut files = MemoryPayload::new(PayloadIx(0));
    let file = |path: &str, body| Entry::new(path, Node::File(body), 0o755, Owner::User);
    // Larger than what a socket takes before anybody reads.
    let mut state = 1u64;
    let mut noise = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 56) as u8
    };
    let noise: Vec<u8> = (0..2_000_000).map(|_| noise()).collect();
    let root = || Entry::new("", Node::Dir, 0o755, Owner::Derived);
    let below = vec![root(), file("noise", files.add(&noise))];
    let above = vec![file("say", files.add(program))];
    let mut bodies = Payloads::new();
    bodies.add(files);
    let writer = LayerWriter { bodies: &bodies, cache: &NoCache, out: &layout, codec, threads: 1 };
    let layers = [below, above].map(|entries| {
        writer.write(&LayerGroup { title: "all".into(), segments: vec![SegmentPlan { entries }] }).unwrap()
    });
    let config = ContainerConfig {
        entrypoint: Some(vec!["/say".into()]),
        user: "65532".into(),
        ..ContainerConfig::default()
    };
    let images: Vec<Image> = ["amd64", "arm64"]
        .map(|arch| {
            let (platform, layers) = (Platform::linux(arch), layers.to_vec());
            image::assemble(platform, config.clone(), None, layers, Annotations::new())
        })
        .into();
    image::publish(&layout, "app:1", &images, &image::index(&images, Annotations::new())).unwrap();
    (layout, images)
}
